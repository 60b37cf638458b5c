"""Statements, and the blocks of them that control flow becomes: ``if`` and ``for``."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from converter.emitters.expressions import fill
from converter.emitters.vocabulary import Branch, Expression, Repeat, State
from converter.graph import Graph, Node, Scope, Value

if TYPE_CHECKING:
    from converter.emitters.program import Program


@dataclass
class Statement:
    """``targets = tree``, made for ``node``; the tree alone where there are no targets.

    ``scope`` tells the module calls of the source that it belongs to, None where that is not known.
    """

    targets: list[Value]
    tree: ast.AST
    node: Node | None = None
    scope: Scope | None = None

    @property
    def heads(self) -> list[ast.AST]:
        return [self.tree]

    def lines(self, names: dict[Value, str]) -> Iterator[str]:
        start = ", ".join(names[value] for value in self.targets)
        yield f"{start} = {ast.unparse(self.tree)}" if start else ast.unparse(self.tree)


@dataclass
class Clause:
    """``for targets in tree:``, ``if tree:``, ``else:`` or ``def function():``, and what is inside."""

    keyword: str
    tree: ast.AST | None
    body: list[Statement | Compound]
    targets: list[Value] = field(default_factory=list)
    function: Value | None = None


@dataclass
class Compound:
    """A statement with blocks."""

    clauses: list[Clause]
    node: Node | None = None
    scope: Scope | None = None

    @property
    def targets(self) -> list[Value]:
        """Variables of the loop, or the name of the function."""
        own = [clause.function for clause in self.clauses if clause.function is not None]
        return own + [value for clause in self.clauses for value in clause.targets]

    @property
    def heads(self) -> list[ast.AST]:
        return [clause.tree for clause in self.clauses if clause.tree is not None]

    @property
    def bodies(self) -> list[Statement | Compound]:
        return [statement for clause in self.clauses for statement in clause.body]

    def lines(self, names: dict[Value, str]) -> Iterator[str]:
        for clause in self.clauses:
            targets = f" {', '.join(names[value] for value in clause.targets)} in" if clause.targets else ""
            tree = f" {names[clause.function]}()" if clause.function is not None else ""
            tree = f" {ast.unparse(clause.tree)}" if clause.tree is not None else tree
            yield f"{clause.keyword}{targets}{tree}:"
            for statement in clause.body or [Statement([], ast.Pass())]:
                yield from (f"    {line}" for line in statement.lines(names))


def variable(value: Value) -> ast.Name:
    """A variable that gets its name once all statements are known."""
    name = ast.Name("x", ast.Load())
    name.value = value
    return name


def variables(tree: ast.AST) -> list[ast.Name]:
    return [node for node in ast.walk(tree) if is_variable(node)]


def is_variable(tree: ast.AST) -> bool:
    return isinstance(tree, ast.Name) and hasattr(tree, "value")


def trees(statements: Iterable[Statement | Compound]) -> Iterator[ast.AST]:
    """Every tree in the statements, those inside blocks too."""
    for statement in statements:
        yield from statement.heads
        if isinstance(statement, Compound):
            yield from trees(statement.bodies)


BELOW = -1
"""The place of what is read inside a nested block."""


def places_in(statements: list[Statement | Compound]) -> dict[Value, set[int]]:
    """The statements that read each value."""
    places: dict[Value, set[int]] = {}
    for place, statement in enumerate(statements):
        inner = trees(statement.bodies) if isinstance(statement, Compound) else ()
        for where, found in ((place, statement.heads), (BELOW, inner)):
            for tree in found:
                for name in variables(tree):
                    places.setdefault(name.value, set()).add(where)
    return places


def assigned(statements: Iterable[Statement | Compound]) -> Iterator[Value]:
    """What the statements, those inside blocks too, give values to."""
    for statement in statements:
        yield from statement.targets
        if isinstance(statement, Compound):
            yield from assigned(statement.bodies)


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


def function_lines(
    statements: list[Statement | Compound], results: list[Value], names: dict[Value, str], ends: str = "{}"
) -> list[str]:
    """The body of the function that runs the statements and returns ``results``, written into ``ends`` where several."""
    *body, last = statements or [Compound([])]
    lines = [line for statement in body for line in statement.lines(names)]
    if isinstance(last, Statement) and last.targets == results and (len(results) == 1 or ends == "{}"):
        return [*lines, f"return {ast.unparse(last.tree)}"]
    end = ", ".join(names[value] for value in results)
    return [*lines, *last.lines(names), f"return {ends.format(end) if len(results) > 1 else end}"]
