"""Mutants: what may be changed in any code, by the syntax tree of model.py, without a thought of what it computes.

The other faults are slips that somebody thought of; these are those that nobody did. Some change nothing, as in a branch that
no input takes, and nobody says which layer one belongs to.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from converter.conversion import Conversion
from converter.graph import Graph
from tests.sabotage.faults import Site

Change = tuple[ast.AST, str]
"""A part of the code, and the text that stands there instead."""


@dataclass(frozen=True)
class Mutant:
    """A kind of change. ``changes`` gives those of a node of the tree; it gets what tells the text of a part, and the names of
    the function around it."""

    name: str
    changes: Callable[[ast.AST, Callable[[ast.AST], str], list[str]], Iterator[Change]]

    def sites(self, conversion: Conversion, graph: Graph) -> Iterator[Site]:
        path = conversion.folder / "model.py"
        code = path.read_text()
        for text in _changed(code, self.changes):
            yield Site((), lambda text=text: path.write_text(text))


def _changed(code: str, changes: Callable) -> Iterator[str]:
    """The code with one change, each that leaves it another and valid."""
    raw, tree, seen = code.encode(), ast.parse(code), {code}
    starts = [0]
    for line in raw.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def span(part: ast.AST) -> slice:
        return slice(starts[part.lineno - 1] + part.col_offset, starts[part.end_lineno - 1] + part.end_col_offset)

    def text(part: ast.AST) -> str:
        return raw[span(part)].decode()

    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or function.name == "load_model":
            continue
        names = _names(function)
        for part in ast.walk(function):
            for place, instead in changes(part, text, names):
                found = (raw[: span(place).start] + instead.encode() + raw[span(place).stop :]).decode()
                if found not in seen and _is_valid(found):
                    seen.add(found)
                    yield found


def _names(function: ast.FunctionDef) -> list[str]:
    """What a function gives a name to, its arguments first."""
    given = [argument.arg for argument in function.args.args if argument.arg not in ("self", "name")]
    stored = [part.id for part in ast.walk(function) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
    return list(dict.fromkeys(given + stored))


def _is_valid(code: str) -> bool:
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True


MUTANTS: list[Mutant] = []


def mutant(changes: Callable) -> Callable:
    """A kind of change, called by the words of the function."""
    MUTANTS.append(Mutant(changes.__name__.replace("_", " "), changes))
    return changes


def _is_number(part: ast.AST, kind: type) -> bool:
    return isinstance(part, ast.Constant) and type(part.value) is kind


@mutant
def whole_number_one_larger(part, text, names):
    if _is_number(part, int):
        yield part, str(part.value + 1)


@mutant
def whole_number_one_smaller(part, text, names):
    if _is_number(part, int) and part.value > 0:
        yield part, str(part.value - 1)


@mutant
def number_a_tenth_larger(part, text, names):
    if _is_number(part, float):
        yield part, repr(1.1 * part.value)


@mutant
def flag_turned(part, text, names):
    if _is_number(part, bool):
        yield part, str(not part.value)


_OPERATORS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.MatMult: "*", ast.Pow: "*"}


@mutant
def another_operator(part, text, names):
    if isinstance(part, ast.BinOp) and type(part.op) in _OPERATORS:
        yield part, f"(({text(part.left)}) {_OPERATORS[type(part.op)]} ({text(part.right)}))"


@mutant
def one_operand_alone(part, text, names):
    if isinstance(part, ast.BinOp):
        yield from ((part, f"({text(side)})") for side in (part.left, part.right))


@mutant
def sign_left_out(part, text, names):
    if isinstance(part, ast.UnaryOp):
        yield part, text(part.operand)


_COMPARISONS = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "=="}


@mutant
def another_comparison(part, text, names):
    if isinstance(part, ast.Compare) and len(part.ops) == 1 and type(part.ops[0]) in _COMPARISONS:
        yield part, f"({text(part.left)} {_COMPARISONS[type(part.ops[0])]} {text(part.comparators[0])})"


@mutant
def call_left_out(part, text, names):
    """Its first argument stands there instead."""
    if isinstance(part, ast.Call) and part.args and not isinstance(part.args[0], ast.Starred):
        yield part, f"({text(part.args[0])})"


@mutant
def method_left_out(part, text, names):
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and isinstance(part.func.value, ast.Call | ast.Name):
        yield part, text(part.func.value)


@mutant
def argument_left_out(part, text, names):
    """One that is given by name."""
    if isinstance(part, ast.Call):
        for keyword in part.keywords:
            rest = [*part.args, *(other for other in part.keywords if other is not keyword)]
            if keyword.arg != "name":
                yield part, f"{text(part.func)}({', '.join(map(text, rest))})"


@mutant
def neighbours_exchanged(part, text, names):
    """Arguments of a call, elements of a list."""
    row = part.args if isinstance(part, ast.Call) else part.elts if isinstance(part, ast.List | ast.Tuple) else []
    for place in range(1, len(row)):
        texts = [text(each) for each in [*row[: place - 1], row[place], row[place - 1], *row[place + 1 :]]]
        if isinstance(part, ast.Call):
            yield part, f"{text(part.func)}({', '.join([*texts, *map(text, part.keywords)])})"
        else:
            yield part, f"[{', '.join(texts)}]" if isinstance(part, ast.List) else f"({', '.join(texts)})"


@mutant
def another_name(part, text, names):
    if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id in names:
        place = names.index(part.id)
        yield from ((part, other) for other in (names[place - 1], names[(place + 1) % len(names)]) if other != part.id)


@mutant
def statement_left_out(part, text, names):
    if isinstance(part, ast.Assign | ast.AugAssign):
        yield part, "pass"
