"""Control flow of a program: branches as ``if`` or ``ops.cond``, loops as ``for``."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from converter.emitters.blocks import Clause, Compound, Statement, variable, variables
from converter.emitters.expressions import fill
from converter.emitters.vocabulary import Branch, Expression, Repeat, State
from converter.graph import Graph, Node, Value

if TYPE_CHECKING:
    from converter.emitters.program import Program


def branch(program: Program, node: Node, condition: ast.expr, choice: Branch) -> None:
    """Append ``if condition: ... else: ...``, in which each branch gives the node's outputs their values."""

    def ends(graph: Graph) -> Callable[[], None]:
        def assign() -> None:
            for target, value in zip(node.outputs, graph.outputs, strict=True):
                if used(program, target):
                    program.statements.append(Statement([target], program.result(value)))

        return assign

    then, otherwise = (program.body(graph, None, ends(graph)) for graph in (choice.then, choice.otherwise))
    program.statements.append(Compound([Clause("if", condition, then), Clause("else", None, otherwise)], node))


def conditional(program: Program, node: Node, condition: ast.expr, choice: Branch) -> None:
    """Append ``def then_branch(): ...``, ``def else_branch(): ...`` and the call of ``ops.cond`` with both.

    Unlike ``if`` it can be compiled, where both branches give tensors of one type and shape.
    """
    targets = [value for value in node.outputs if used(program, value)]

    def ends(graph: Graph) -> Callable[[], None]:
        def give_back() -> None:
            values = [value for target, value in zip(node.outputs, graph.outputs, strict=True) if target in targets]
            trees = [program.result(value) for value in values]
            tree = trees[0] if len(trees) == 1 else ast.Tuple(trees, ast.Load())
            program.statements.append(Statement([], ast.Return(tree)))

        return give_back

    functions = {"then": Value("then_branch"), "otherwise": Value("else_branch")}
    for name, graph in (("then", choice.then), ("otherwise", choice.otherwise)):
        body = program.body(graph, None, ends(graph))
        program.statements.append(Compound([Clause("def", None, body, function=functions[name])], node))
    bindings = {"condition": lambda: condition} | {
        name: functools.partial(variable, function) for name, function in functions.items()
    }
    program.statements.append(Statement(targets, fill("ops.cond(condition, then, otherwise)", bindings), node))


def repeat(program: Program, node: Node, lower: Callable[[Expression], ast.expr], loop: Repeat) -> None:
    """Append a ``for`` loop: states get their first values before it and new ones at its end, parts are collected in lists."""
    collected = [(value, part, stack) for value, part, stack in loop.collected if used(program, part.output)]
    for state in loop.states:
        program.statements.append(Statement([state.value], lower(state.first)))
    for _, part, _ in collected:
        program.statements.append(Statement([part.value], ast.List([], ast.Load())))
    iterable = lower(loop.iterable)

    def start() -> None:
        if loop.keep is not None:
            stop = ast.UnaryOp(ast.Not(), variable(loop.keep))
            program.statements.append(Compound([Clause("if", stop, [Statement([], ast.Break())])]))
        for value, expression in loop.counters:
            if value.users:
                program.statements.append(Statement([value], lower(expression)))

    def end() -> None:
        for value, part, _ in collected:
            append = {"parts": lambda part=part: variable(part.value), "value": lambda value=value: program.result(value)}
            program.statements.append(Statement([], fill("parts.append(value)", append)))
        _next_states(program, loop.states)

    body = program.body(loop.body, start, end)
    program.statements.append(Compound([Clause("for", iterable, body, loop.variables)], node))
    for state in loop.states:
        if state.output is not None:
            program.alias(state.output, state.value)
    for _, part, stack in collected:
        program.statements.append(Statement([part.output], lower(stack), node))


def used(program: Program, value: Value | None) -> bool:
    return value is not None and (bool(value.users) or value in program.ends)


def _next_states(program: Program, states: list[State]) -> None:
    """Give the states their new values: one after the other, or all at once where one needs another's old value."""
    pairs = [(state.value, program.result(state.next)) for state in states]
    pairs = [(value, tree) for value, tree in pairs if getattr(tree, "value", None) is not value]
    changed: set[Value] = set()
    for value, tree in pairs:
        if any(name.value in changed for name in variables(tree)):
            together = ast.Tuple([tree for _, tree in pairs], ast.Load())
            program.statements.append(Statement([value for value, _ in pairs], together))
            return
        changed.add(value)
    program.statements += [Statement([value], tree) for value, tree in pairs]
