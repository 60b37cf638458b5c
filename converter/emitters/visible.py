"""Which values of a graph the emitted code has a tensor for, and in which axis order it stores them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from converter.emitters.blocks import Compound, Statement
from converter.emitters.layout import Plan
from converter.graph import Graph, Value


@dataclass(frozen=True)
class Visible:
    """``values`` are those that a statement of the emitted code computes, ``plan`` tells how they are stored.

    What several nodes compute together in one layer of the target, as the heads of an attention, is none of them.
    """

    values: Set[Value]
    plan: Plan = field(default_factory=Plan)

    @classmethod
    def whole(cls, graph: Graph) -> Visible:
        """Where every value of the graph is computed as it is."""
        return cls({value for node in graph.nodes for value in node.outputs if value is not None})

    def of_source(self, graph: Graph, copies: Mapping[Value, Value]) -> Visible:
        """The same for the graph of which the written one is a copy; ``copies`` tells which value has become which."""
        own = {old: copies.get(old, old) for each in graph.nested() for old in each.values()}
        layouts = {old: self.plan.layouts[new] for old, new in own.items() if new in self.plan.layouts}
        return Visible({old for old, new in own.items() if new in self.values}, Plan(layouts))


def targets(statements: Sequence[Statement | Compound]) -> Iterator[Value]:
    """What statements compute, those of loops and branches too, and what these give: variables of their bodies hold it."""
    for statement in statements:
        if isinstance(statement, Statement):
            yield from statement.targets
            continue
        if statement.node is not None:
            yield from (value for value in statement.node.outputs if value is not None)
        yield from targets(statement.bodies)
