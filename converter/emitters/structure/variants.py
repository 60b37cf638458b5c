"""Variants of one kind of module become one class: what only some of them have is there under a condition.

A variant may lack a module, an element of a sequence, or the sum of a residual connection. Where the shapes tell whether it is
there, the condition is about them, ``stride != 1 or in_channels != out_channels``; else it is an argument of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

from converter.emitters.blocks import Statement
from converter.emitters.structure.calls import called
from converter.emitters.structure.readings import MISSING, Function, Reading
from converter.graph import Value

_MOST = 4
"""Pieces that a variant may lack."""


@dataclass(eq=False)
class Piece:
    """Something that a variant may lack: a statement, which then gives back ``operand``, or an element of a sequence."""

    owner: Statement | ast.expr
    operand: Value | None = None
    path: str = ""
    """Of the module that the statement calls."""

    @property
    def is_element(self) -> bool:
        return not isinstance(self.owner, Statement)

    @property
    def is_sum(self) -> bool:
        return not self.is_element and not self.path


@dataclass
class Variants:
    """Readings that become one class, written as the first says it; ``present`` tells of each piece which of them have it."""

    readings: list[Reading]
    present: dict[Piece, list[bool]] = field(default_factory=dict)


def joined(groups: list[list[Reading]]) -> list[Variants]:
    """The groups of readings of one kind, each of which does the same, joined where one has all that others have."""
    waiting = sorted(groups, key=lambda readings: (-_extent(readings[0]), -len(readings)))
    found = []
    while waiting:
        full = Variants(list(waiting[0]))
        pieces = list(_pieces(full.readings[0])) if len(waiting) > 1 else []
        waiting = [readings for readings in waiting[1:] if not _takes(full, pieces, readings)]
        found.append(full)
    for variants in found:
        _complete(variants)
    return found


def _extent(reading: Reading) -> int:
    made = [reading.constructors.get(path) for path in reading.layers]
    return len(reading.call.items) + sum(len(_elements(sequence)) for tree in made for sequence in _sequences(tree))


def _sequences(tree: ast.expr | None) -> Iterator[ast.Call]:
    for node in ast.walk(tree) if isinstance(tree, ast.Call) and not hasattr(tree, "buffer") else ():
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "nn.Sequential":
            yield node


def _elements(sequence: ast.Call) -> list[ast.expr]:
    """The modules of an ``nn.Sequential``, by place or by name."""
    first = sequence.args[0] if len(sequence.args) == 1 else None
    if isinstance(first, ast.Call) and ast.unparse(first.func) == "OrderedDict":
        return [keyword.value for keyword in first.keywords]
    return [element for element in sequence.args if not isinstance(element, ast.Starred)]


def _pieces(reading: Reading) -> Iterator[Piece]:
    for item in reading.call.items:
        if not isinstance(item, Statement) or len(item.targets) != 1:
            continue
        path = called(item)
        if path is not None and len(item.tree.args) == 1 and path in reading.constructors:
            yield Piece(item, item.tree.args[0].value, path)
        elif isinstance(item.tree, ast.BinOp) and isinstance(item.tree.op, ast.Add):
            for side in (item.tree.left, item.tree.right):
                if hasattr(side, "value") and isinstance(side.value, Value):
                    yield Piece(item, side.value)
    for path in reading.layers:
        for sequence in _sequences(reading.constructors.get(path)):
            elements = _elements(sequence)
            yield from (Piece(element) for element in elements if len(elements) > 1)


def _takes(full: Variants, pieces: list[Piece], readings: list[Reading]) -> bool:
    """Add readings that lack some of the pieces; whether that can be done."""
    first, plain = full.readings[0], readings[0]
    lacking = _extent(first) - _extent(plain)
    if lacking <= 0:
        return False
    parts = {piece: _parts(piece, first) for piece in pieces}
    for chosen in (some for count in range(1, _MOST + 1) for some in combinations(pieces, count)):
        if sum(parts[piece] for piece in chosen) != lacking or len({id(piece.owner) for piece in chosen}) < len(chosen):
            continue
        without = {id(piece.owner): piece.operand for piece in chosen}
        reduced = Reading(first.call, first.constructors, first.definitions, without=without)
        same = reduced.form == plain.form and [*reduced.roles.values()] == [*plain.roles.values()]
        if same and not any(piece.path in reduced.layers for piece in chosen):
            break
    else:
        return False
    known = {id(piece.owner): piece for piece in full.present}
    for piece in chosen:
        if id(piece.owner) not in known:
            full.present[piece] = [True] * len(full.readings)
    absent = {id(piece.owner) for piece in chosen}
    for piece, present in full.present.items():
        present += [id(piece.owner) not in absent] * len(readings)
    for reading in readings:
        own = dict(zip(reduced.numbers, reading.numbers.values(), strict=True))
        reading.numbers = {place: own.get(place, MISSING) for place in first.numbers}
    full.readings += readings
    return True


def _parts(piece: Piece, reading: Reading) -> int:
    """How many items and elements go with a piece."""
    tree = piece.owner if piece.is_element else reading.constructors.get(piece.path)
    return 1 + sum(len(_elements(sequence)) for sequence in _sequences(tree))


def places_of(piece: Piece, reading: Reading) -> list[str]:
    """Where the numbers of a piece stand."""
    if piece.is_sum:
        return []
    start = reading.elements[id(piece.owner)] if piece.is_element else f"make:{reading.call.relative(piece.path)}"
    return [place for place in reading.numbers if place.startswith(f"{start}.")]


def _complete(variants: Variants) -> None:
    """Give numbers to what is not there.

    Those of a place where all others have the same numbers as there; where there is none, no activation is the identity, and
    what comes out of a module that is not there is as wide as what goes in. What remains and differs is None, which need not be
    said.
    """
    first = variants.readings[0]
    lacking = [place for place in first.numbers if any(each.numbers[place] is MISSING for each in variants.readings)]
    whole = [place for place in first.numbers if place not in lacking]
    for place in lacking:
        have = [each for each in variants.readings if each.numbers[place] is not MISSING]
        rest = [each for each in variants.readings if each.numbers[place] is MISSING]
        numbers = [repr(each.numbers[place]) for each in have]
        like = [other for other in whole if [repr(each.numbers[other]) for each in have] == numbers]
        like.sort(key=lambda other: first.roles[other] != first.roles[place])
        if isinstance(first.numbers[place], Function):
            first.defaults[place] = Function("nn.Identity")
        for each in rest:
            if like and (len(set(numbers)) > 1 or _is_stride_of_all(like[0], place, first)):
                each.numbers[place] = each.numbers[like[0]]
            elif isinstance(first.numbers[place], Function):
                each.numbers[place] = Function("nn.Identity")
            elif len(set(numbers)) == 1:
                each.numbers[place] = first.numbers[place]
    for piece in variants.present:
        inner, outer = widths(places_of(piece, first), first)
        for each in variants.readings if inner and outer else ():
            if each.numbers[inner] is MISSING and each.numbers[outer] is not MISSING:
                each.numbers[inner] = each.numbers[outer]
            elif each.numbers[outer] is MISSING and each.numbers[inner] is not MISSING:
                each.numbers[outer] = each.numbers[inner]
    for place in lacking:
        for each in variants.readings:
            if each.numbers[place] is MISSING:
                each.numbers[place] = first.defaults[place] = None


def _is_stride_of_all(place: str, lacking: str, reading: Reading) -> bool:
    """Whether both are strides: what is not there has that of the module it stands beside."""
    return reading.roles[place] == reading.roles[lacking] == "stride"


def widths(places: list[str], reading: Reading) -> tuple[str, str]:
    """The place of the width that goes in, and of that which comes out; "" where there is none."""
    inner = next((place for place in places if reading.roles[place] in INSIDE), "")
    outer = next((place for place in reversed(places) if reading.roles[place] in OUTSIDE), "")
    return inner, outer


INSIDE = ("in_channels", "in_features", "num_features", "normalized_shape", "num_channels")
OUTSIDE = ("out_channels", "out_features", "filters", "units")
