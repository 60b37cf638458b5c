"""Sizes as a person writes them: ``x.shape[1] // 2``, of a tensor that is at hand."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Collection

from converter.emitters.expressions import literal
from converter.emitters.vocabulary import Operand, Sized
from converter.graph import Graph, Node, Value
from converter.sizes import Number, Size, Sizes, symbols_of
from converter.sizes.contents import whole
from converter.sizes.expression import Monomial, Operation, exact_quotient

Axis = tuple[Value, int]
"""A logical axis of a value."""


_TAKES_NUMBER = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"), (0, 1)),
    **dict.fromkeys(("Div", "Mod"), (1,)),
    "Where": (1, 2),
}
"""Inputs in whose place the targets' operators take a plain number."""


class Extents:
    """Which tensor is asked for a size.

    ``alive`` holds the nodes that are printed in any case; a choice once made for a node stays. ``reads_numbers`` tells that
    sizes are plain numbers while the code runs.
    """

    def __init__(self, graph: Graph, *, reads_numbers: bool):
        self.sizes = Sizes(graph)
        self._reads_numbers = reads_numbers
        self.alive: Collection[Node] = ()
        self._places = {node: place for place, node in enumerate(graph.nodes)}
        self._owners: dict[Number, list[Axis]] = {}
        self._inputs, self._outputs = set(graph.inputs), set(graph.outputs)
        self._chosen: dict[tuple[Node, Number], Axis | None] = {}
        for value in graph.inputs:
            self._own(value)
        for node in graph.nodes:
            for index, value in enumerate(node.outputs):
                if value is not None and (index == 0 or value.users or value in graph.outputs):
                    self._own(value)

    def _own(self, value: Value) -> None:
        if self.sizes.contents(value) is None:  # a tensor that holds sizes is not asked for its own
            for axis, size in enumerate(self.sizes.shape(value) or ()):
                if isinstance(size, Size):
                    self._owners.setdefault(size, []).append((value, axis))

    def stays_inside(self, value: Value) -> bool:
        """Whether nobody but nodes of this very graph read it."""
        return value not in self._outputs and {value.producer, *(user for user, _ in value.users)} <= self._places.keys()

    def can_say(self, number: Number, node: Node) -> bool:
        """Whether tensors that come before the node tell the number."""
        if isinstance(number, int) or node not in self._places:  # nothing is known inside a sub-graph
            return isinstance(number, int)
        if any(self._comes_before(value, node) for value, _ in self._owners.get(number, ())):
            return True
        if _is_symbol(number):
            return False
        return all(self.can_say(part, node) for part in _parts(number))

    def _comes_before(self, value: Value, node: Node) -> bool:
        return value.producer is None or self._places[value.producer] < self._places[node]

    def _is_alive(self, value: Value) -> bool:
        return value in self._inputs or value.producer in self.alive

    def find(self, number: Number, node: Node) -> Axis | None:
        """The axis that has this size: of the node's inputs, of the graph's, or of the nearest tensor."""
        if (node, number) not in self._chosen:
            self._chosen[node, number] = self._find(number, node)
        return self._chosen[node, number]

    def _find(self, number: Number, node: Node) -> Axis | None:
        owners = [axis for axis in self._owners.get(number, ()) if self._comes_before(axis[0], node)]
        inside = node.inputs if node.op_type not in _TAKES_NUMBER else ()
        own = [axis for value in inside for axis in owners if axis[0] is value and self._is_alive(value)]
        given = own or [axis for axis in owners if axis[0] in self._inputs]
        if given:
            return given[0]
        if not _is_symbol(number) and all(self._is_given(part, node) for part in _parts(number)):
            return None
        alive = [axis for axis in owners if self._is_alive(axis[0])]
        return alive[-1] if alive else owners[0] if owners else None

    def _is_given(self, number: Number, node: Node) -> bool:
        owners = self._owners.get(number, ())
        return any(value in self._inputs or value in node.inputs for value, _ in owners)

    def as_number(self, operand: Operand, node: Node) -> Sized | None:
        """The operand as arithmetic of sizes, where the target's operator takes a plain number in its place."""
        if not self._reads_numbers or operand.index not in _TAKES_NUMBER.get(node.op_type, ()) or operand.weight is not None:
            return None
        others = [v for i, v in enumerate(node.inputs) if i != operand.index and v is not None and v.dtype == operand.dtype]
        tensors = [v for v in others if v.weight is None and self.sizes.contents(v) is None and v.rank is not None]
        elements = self.sizes.contents(operand.value)
        if elements is None or elements.size != 1 or operand.dtype.kind not in "if":
            return None
        number = whole(elements.reshape(-1)[0])
        fits = any(value.rank >= operand.rank for value in tensors) and isinstance(number, Size)
        return Sized(number) if fits and self.can_say(number, node) else None

    def tree(self, number: Number, node: Node, extent: Callable[[Value, int], ast.expr]) -> ast.expr:
        """The number as an expression in which ``extent`` gives the size of an axis."""
        if isinstance(number, int):
            return literal(number)
        found = self.find(number, node)
        if found is not None:
            return extent(*found)
        return written(number, lambda part: self.tree(part, node, extent))


def written(number: Number, say: Callable[[Number], ast.expr] | None = None) -> ast.expr:
    """The number as arithmetic of what ``say`` gives for its parts; by itself a symbol is a variable of that name."""
    if isinstance(number, int):
        return literal(number)
    say = written if say is None else say
    if say is written and _is_symbol(number):
        return ast.Name(str(number), ast.Load())
    for monomial, factor in number.terms.items():  # rest + max(d, 0) is max(rest + d, rest)
        if abs(factor) == 1 and len(monomial) == 1 and isinstance(monomial[0], Operation) and monomial[0].name == "max":
            (difference,) = monomial[0].arguments
            rest = number - Size({monomial: factor})
            ends = sorted((rest + factor * difference, rest), key=lambda end: (isinstance(end, int), str(end)))
            return _call("max" if factor > 0 else "min", *map(say, ends))
    if len(number.terms) > 1:
        common = _common(number)
        if common != 1:
            return _product([say(common), say(exact_quotient(number, common))])
    return _sum([(_monomial(monomial, abs(factor), say), factor < 0) for monomial, factor in _ordered(number)])


def _is_symbol(number: Size) -> bool:
    (monomial, factor), *others = number.terms.items()
    return not others and factor == 1 and len(monomial) == 1 and isinstance(monomial[0], str)


def _parts(number: Number) -> list[Number]:
    """The symbols a number is made of."""
    return [Size.symbol(name) for name in sorted(symbols_of(number))]


def _common(number: Size) -> Number:
    """What all terms are multiples of."""
    factor = math.gcd(*number.terms.values())
    first, *others = number.terms
    shared: list = []
    for atom in dict.fromkeys(first):
        shared += [atom] * min(monomial.count(atom) for monomial in (first, *others))
    return Size({tuple(shared): factor}) if shared else factor


def _ordered(number: Size) -> list[tuple[Monomial, int]]:
    """Terms as they are written: what is added before what is taken away, the plain number last."""
    return sorted(number.terms.items(), key=lambda term: (not term[0], term[1] < 0, [str(atom) for atom in term[0]]))


def _monomial(monomial: Monomial, factor: int, say: Callable[[Number], ast.expr]) -> ast.expr:
    parts = sorted((_atom(atom, say) for atom in monomial), key=ast.unparse)
    if factor != 1 or not parts:
        parts.insert(0, literal(factor))
    return _product(parts)


def _atom(atom: str | Operation, say: Callable[[Number], ast.expr]) -> ast.expr:
    if isinstance(atom, str):
        return say(Size.symbol(atom))
    return _operation(atom, say)


_BINARY = {"//": ast.FloorDiv, "%": ast.Mod}
_COMPARED = {"==": ast.Eq, "<": ast.Lt}


def _operation(operation: Operation, say: Callable[[Number], ast.expr]) -> ast.expr:
    name, arguments = operation.name, [say(argument) for argument in operation.arguments]
    if name in _BINARY:
        return ast.BinOp(arguments[0], _BINARY[name](), arguments[1])
    if name == "int":
        return _call("int", ast.BinOp(arguments[0], ast.Div(), arguments[1]))
    if name in _COMPARED:
        return ast.Compare(arguments[0], [_COMPARED[name]()], [arguments[1]])
    if name == "not":
        (condition,) = arguments
        if isinstance(condition, ast.Compare) and isinstance(condition.ops[0], ast.Eq):
            return ast.Compare(condition.left, [ast.NotEq()], condition.comparators)
        return ast.UnaryOp(ast.Not(), condition)
    if name == "where":
        return ast.IfExp(*arguments)
    if name == "max":
        return _call("max", *arguments, literal(0))
    return ast.BoolOp(ast.And() if name == "and" else ast.Or(), arguments)


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _product(parts: list[ast.expr]) -> ast.expr:
    tree = parts[0]
    for part in parts[1:]:
        tree = ast.BinOp(tree, ast.Mult(), part)
    return tree


def _sum(parts: list[tuple[ast.expr, bool]]) -> ast.expr:
    (tree, negative), *others = parts
    if negative:
        tree = ast.UnaryOp(ast.USub(), tree)
    for part, negative in others:
        tree = ast.BinOp(tree, ast.Sub() if negative else ast.Add(), part)
    return tree
