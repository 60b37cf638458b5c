"""Statements of emitted code, and the blocks that hold others: ``if``, ``for``, ``def``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from converter.graph import Node, Scope, Value


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
