"""Runs of lines that call the same functions, or construct the same layers, as loops.

Only what is written the same, name for name, becomes a loop: it runs the very lines that it stands for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Set
from typing import Any

from converter.emitters.blocks import Clause, Compound, Statement, variable
from converter.emitters.expressions import call, literal
from converter.emitters.names import Namespace
from converter.emitters.structure.definitions import Definition
from converter.graph import Value

_LONGEST = 8
"""Lines in a loop."""

_SAVED = 3
"""Lines that a loop of layers saves at least, beside its own."""


def rolled(
    statements: list[Statement], names: dict[Value, str], functions: Mapping[str, Definition], taken: Iterable[str]
) -> list[Statement | Compound]:
    """The statements, all variables named, with runs of calls of ``functions`` in loops, the shortest loops first.

    ``names`` gets the names of the loops' variables, none of which is ``taken``.
    """
    found: list[Statement | Compound] = list(statements)
    taken = {*taken, *names.values()}
    for period in range(1, _LONGEST + 1):
        found = _rolled(found, period, names, functions, taken)
    return found


def _rolled(
    statements: list[Statement | Compound],
    period: int,
    names: dict[Value, str],
    functions: Mapping[str, Definition],
    taken: Set[str],
) -> list[Statement | Compound]:
    lines = [_line(statement, names, functions) for statement in statements]
    found: list[Statement | Compound] = []
    place = 0
    while place < len(statements):
        loop, count = None, _count([shape for shape, _ in lines[place:]], period)
        body = statements[place : place + period]
        long = any(_calls(each, functions) for each in body) and (count > 2 or (count == 2 and period > 2))
        long = long or ((count - 1) * period > _SAVED and count > 2 and any(map(_constructs, body)))
        while loop is None and long and count > 1:
            loop = _loop(body, _columns([lines[place + turn * period :][:period] for turn in range(count)]), names, taken)
            count -= loop is None
            long = long and (count > 2 or (count == 2 and period > 2))
        found.append(loop or statements[place])
        place += count * period if loop else 1
    return found


def _count(shapes: list[Any], period: int) -> int:
    """How often the first lines stand one after the other."""
    count = 1
    while None not in shapes[:period] and shapes[count * period : (count + 1) * period] == shapes[:period]:
        count += 1
    return count


def _calls(statement: Statement | Compound, functions: Mapping[str, Definition]) -> bool:
    calls = (node.func for head in statement.heads for node in ast.walk(head) if isinstance(node, ast.Call))
    return any(isinstance(function, ast.Name) and function.id in functions for function in calls)


def _constructs(statement: Statement | Compound) -> bool:
    """Whether a line constructs a layer that has a name."""
    calls = (node for head in statement.heads for node in ast.walk(head) if isinstance(node, ast.Call))
    return any(ast.unparse(each.func).startswith("layers.") and any(k.arg == "name" for k in each.keywords) for each in calls)


def _line(
    statement: Statement | Compound, names: dict[Value, str], functions: Mapping[str, Definition]
) -> tuple[Any, list[tuple[Any, str]]]:
    """(what a line says apart from its constants, its constants with the argument they are); (None, []) for a loop."""
    if isinstance(statement, Compound):
        return None, []
    constants: list[tuple[Any, str]] = []

    def shape(tree: Any, argument: str) -> Any:
        if isinstance(tree, list):
            return tuple(shape(item, argument) for item in tree)
        if isinstance(tree, ast.Constant) and isinstance(tree.value, str | int | float):
            constants.append((tree.value, argument))
            return type(tree.value)
        if not isinstance(tree, ast.AST):
            return tree
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id in functions:
            places = functions[tree.func.id].places()
            args = tuple(shape(argument, name) for argument, name in zip(tree.args, places, strict=True))
            return tree.func.id, args, shape(tree.keywords, "")
        argument = tree.arg or "" if isinstance(tree, ast.keyword) else argument
        return type(tree), tuple(shape(value, argument) for _, value in ast.iter_fields(tree))

    return (tuple(names[value] for value in statement.targets), shape(statement.tree, "")), constants


def _columns(turns: list[list[tuple[Any, list[tuple[Any, str]]]]]) -> list[tuple[list[Any], str]]:
    """For each constant of a turn, what it is in each turn, and the argument it is."""
    by_turn = [[constant for _, constants in turn for constant in constants] for turn in turns]
    return [([value for value, _ in column], column[0][1]) for column in zip(*by_turn, strict=True)]


def _loop(
    body: list[Statement], columns: list[tuple[list[Any], str]], names: dict[Value, str], taken: Set[str]
) -> Compound | None:
    """The loop whose turns have these constants; None where it would not read well."""
    counted: list[tuple[str, str] | None] = []
    starts: set[tuple[int, int]] = set()
    lists: dict[tuple, str] = {}
    for values, argument in columns:
        counted.append(None)
        if all(type(value) is type(values[0]) and value == values[0] for value in values):
            continue
        if isinstance(values[0], str):
            pieces = _counting(values)
            if pieces is None:
                return None
            first, step, counted[-1] = pieces
            starts.add((first, step))
        else:
            lists[tuple(values)] = argument
    if len(starts) > 1 or len(lists) > 1:
        return None
    said = (node.id for statement in body for node in ast.walk(statement.tree) if isinstance(node, ast.Name))
    namespace = Namespace((*taken, *said))
    index, item = Value("i"), Value(next(iter(lists.values()), "") or "size")
    count = len(columns[0][0]) if columns else 0
    start, step = next(iter(starts), (0, 1))
    if lists and step != 1:
        return None
    if starts:
        names[index] = namespace.take("i")
    if lists:
        names[item] = namespace.take(item.name)
        iterable = literal(list(next(iter(lists))))
        if starts:
            iterable = call("enumerate", [iterable, *([literal(start)] if start else [])], {})
    else:
        stop = start + (count - 1) * step + 1
        ends = [literal(start), literal(stop), literal(step)] if step != 1 else [literal(stop)]
        iterable = call("range", [literal(start), *ends] if step == 1 and start else ends, {})
    targets = ([index] if starts else []) + ([item] if lists else [])
    if not targets:
        return None
    constants = iter(zip(columns, counted, strict=True))
    trees = [ast.parse(ast.unparse(statement.tree), mode="eval").body for statement in body]
    write = _Turn(constants, index, item, names)
    turn = [Statement(statement.targets, write.visit(tree)) for statement, tree in zip(body, trees, strict=True)]
    return Compound([Clause("for", iterable, turn, targets)])


def _counting(values: list[str]) -> tuple[int, int, tuple[str, str]] | None:
    """(the first number, the step, the text before and after it) of texts that count up, as "layer1_0", "layer1_1"."""
    pieces = [re.split(r"(\d+)", value) for value in values]
    if len({len(piece) for piece in pieces}) > 1:
        return None
    differing = [place for place in range(len(pieces[0])) if len({piece[place] for piece in pieces}) > 1]
    if len(differing) != 1 or not differing[0] % 2:
        return None
    numbers = [piece[differing[0]] for piece in pieces]
    start, step = int(numbers[0]), int(numbers[1]) - int(numbers[0])
    if step < 1 or numbers != [str(start + step * turn) for turn in range(len(numbers))]:
        return None
    return start, step, ("".join(pieces[0][: differing[0]]), "".join(pieces[0][differing[0] + 1 :]))


class _Turn(ast.NodeTransformer):
    """A line with the loop's variables in place of what differs from turn to turn."""

    def __init__(self, constants: Any, index: Value, item: Value, names: dict[Value, str]):
        self.constants, self.index, self.item, self.names = constants, index, item, names

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not isinstance(node.value, str | int | float):
            return node
        (values, _), counted = next(self.constants)
        if counted is not None:
            parts = [ast.Constant(counted[0]), ast.FormattedValue(self._named(self.index), -1), ast.Constant(counted[1])]
            return ast.JoinedStr([part for part in parts if getattr(part, "value", None) != ""])
        return node if all(value == values[0] for value in values) else self._named(self.item)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        parts = [self.visit(part) for part in node.values]
        return ast.JoinedStr(
            [inner for part in parts for inner in (part.values if isinstance(part, ast.JoinedStr) else [part])]
        )

    def _named(self, value: Value) -> ast.Name:
        name = variable(value)
        name.id = self.names[value]
        return name
