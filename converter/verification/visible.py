"""Which values of a graph the emitted code has a tensor for, and in which axis order it stores them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from converter.emitters.blocks import Compound, Statement
from converter.emitters.layout import Plan
from converter.emitters.program import Program
from converter.emitters.target import Target
from converter.graph import Graph, Value


def visible(graph: Graph, target: str) -> tuple[set[Value], Plan]:
    """The values that a statement of the emitted code computes, and how they are stored.

    What several nodes compute together in one layer of the target, as the heads of an attention, is none of them.
    """
    written = _written(graph, target)
    if written is None:
        return {value for node in graph.nodes for value in node.outputs if value is not None}, Plan()
    program, copies = written
    targets = set(_targets(program.statements))
    own = {old: copies.get(old, old) for each in graph.nested() for old in each.values()}
    layouts = {old: program.layouts.layouts[new] for old, new in own.items() if new in program.layouts.layouts}
    return {old for old, new in own.items() if new in targets}, Plan(layouts)


def _targets(statements: list[Statement | Compound]) -> Iterator[Value]:
    """What statements compute, those of loops and branches too, and what these give: variables of their bodies hold it."""
    for statement in statements:
        if isinstance(statement, Statement):
            yield from statement.targets
            continue
        if statement.node is not None:
            yield from (value for value in statement.node.outputs if value is not None)
        yield from _targets(statement.bodies)


def _written(graph: Graph, target: str) -> tuple[Program, dict[Value, Value]] | None:
    """The program that was written, and which value of its graph each value of the source's has become."""
    from converter.emitters import keras, keras_subclass, pytorch
    from converter.emitters.site import NotFunctionalError
    from converter.passes.keras import lowered

    def in_keras(style: Callable[[], Target], functional: bool) -> tuple[Program, dict[Value, Value]]:
        copies: dict[Value, Value] = {}
        return Program.of(lowered(graph, functional=functional, copies=copies), style()), copies

    makers: dict[str, list[Callable[[], tuple[Program, dict[Value, Value]]]]] = {
        "pytorch": [lambda: (Program.of(graph, pytorch.PyTorch()), {})],
        "keras": [lambda: in_keras(keras.Keras, True), lambda: in_keras(keras_subclass.KerasSubclass, False)],
    }
    for make in makers.get(target, ()):
        try:
            return make()
        except NotFunctionalError:
            continue
    return None
