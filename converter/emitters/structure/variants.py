"""Variants of one kind of module become one class: what only some of them have is there under a condition.

A variant may lack a module, an element of a sequence, the sum of a residual connection, or a weight that is added. Where the
shapes tell whether it is there, the condition is about them, ``stride != 1 or in_channels != out_channels``; else it is an
argument of its own. A function that neutral numbers make the identity needs no condition: ``torch.roll`` by 0.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from converter.emitters.blocks import Statement, trees, variables
from converter.emitters.structure.calls import called, own_paths, reads
from converter.emitters.structure.readings import ACTIVATIONS, MAKE, MISSING, NEUTRAL, RUN, Function, Reading, is_activation
from converter.graph import Value

_MOST, _MOST_RUNS = 4, 2
"""Pieces that a variant may lack: of a class, of a function."""
_FEW = 6
"""Numbers in which variants may differ, or one more than those in which calls of one of them do."""


@dataclass(eq=False)
class Piece:
    """Something that a variant may lack: a statement, which then gives back ``operand``, or an element of a sequence."""

    owner: Statement | ast.expr
    operand: Value | None = None
    path: str = ""
    """Of the module that the statement calls."""
    run: tuple[Statement, ...] = ()
    """Statements that make one tensor of another, one after the other: what a function lacks instead of a module."""
    is_sum: bool = False
    weights: tuple[str, ...] = ()
    """Paths of the weights that the run adds to the operand, and that nothing else uses."""
    is_neutral: bool = False
    """Whether the statement gives back the operand for neutral numbers, which a variant without it has."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Of what a class without the piece does not have."""
        return (*self.weights, self.path) if self.path else self.weights

    @property
    def is_element(self) -> bool:
        return not isinstance(self.owner, Statement)

    @property
    def is_activation(self) -> bool:
        """Whether all that a function lacks is the activation."""
        return len(self.run) == 1 and is_activation(self.run[0].tree)

    @property
    def without(self) -> dict[int, Value | None]:
        """What a reading is without the piece: by id, what each statement then gives back."""
        return {id(owner): self.operand for owner in self.run or (self.owner,)}


@dataclass
class Variants:
    """Readings that become one class, written as the first says it; ``present`` tells of each piece which of them have it."""

    readings: list[Reading]
    present: dict[Piece, list[bool]] = field(default_factory=dict)


def joined(groups: list[list[Reading]], *, runs: bool = False) -> list[Variants]:
    """The groups of readings of one kind, each of which does the same, joined where one has all that others have.

    ``runs`` says that they are functions, which construct layers where they call them.
    """
    waiting = sorted(groups, key=lambda readings: (-_extent(readings[0]), -len(readings)))
    found = []
    while waiting:
        full = Variants(list(waiting[0]))
        pieces = list((_runs if runs else _pieces)(full.readings[0])) if len(waiting) > 1 else []
        waiting = [each for each in waiting[1:] if not (_fits(full, pieces, each, runs) and _takes(full, pieces, each, runs))]
        found.append(full)
    for variants in found:
        _complete(variants)
    return found


def _fits(full: Variants, pieces: list[Piece], readings: list[Reading], are_runs: bool) -> bool:
    """Whether readings may be of the class of others: where the source tells none, not if that asks for many more numbers."""
    if are_runs or full.readings[0].call.module.type or not pieces:
        return True
    groups = [[_copied(reading) for reading in group] for group in (full.readings, readings)]
    trial = Variants(groups[0][:], {piece: list(flags) for piece, flags in full.present.items()})
    if not _takes(trial, pieces, groups[1], are_runs):
        return False
    _complete(trial)
    alone = max(len(_differing(group)) for group in (full.readings, readings))
    return len(_differing(trial.readings)) <= max(alone + 1, _FEW)


def _copied(reading: Reading) -> Reading:
    found = copy.copy(reading)
    found.numbers, found.defaults = dict(reading.numbers), dict(reading.defaults)
    return found


def _differing(readings: list[Reading]) -> set[tuple[str, ...]]:
    """The numbers in which readings differ, each once however often it stands there."""
    columns = {tuple(repr(reading.numbers[place]) for reading in readings) for place in readings[0].numbers}
    return {column for column in columns if len(set(column)) > 1}


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
        return [keyword.value for keyword in first.keywords if keyword.arg is not None]
    return [element for element in sequence.args if not isinstance(element, ast.Starred)]


def _pieces(reading: Reading) -> Iterator[Piece]:
    for item in reading.call.items:
        if not isinstance(item, Statement) or len(item.targets) != 1:
            continue
        path = called(item)
        if path is not None and len(item.tree.args) == 1 and path in reading.constructors:
            yield Piece(item, item.tree.args[0].value, path)
        elif _may_be_neutral(item):
            yield Piece(item, item.tree.args[0].value, is_neutral=True)
        elif isinstance(item.tree, ast.BinOp) and isinstance(item.tree.op, ast.Add):
            for side in (item.tree.left, item.tree.right):
                if hasattr(side, "value") and isinstance(side.value, Value):
                    yield Piece(item, side.value, is_sum=True)
            yield from _added_weights(item, reading)
    for path in reading.layers:
        for sequence in _sequences(reading.constructors.get(path)):
            elements = _elements(sequence)
            yield from (Piece(element) for element in elements if len(elements) > 1)


def _may_be_neutral(item: Statement) -> bool:
    """Whether a statement calls a function of one tensor, and nothing else, that neutral numbers make the identity."""
    tree = item.tree
    if not isinstance(tree, ast.Call) or len(tree.args) < 2 or ast.unparse(tree.func) not in NEUTRAL:
        return False
    tensor, numbers = tree.args[:2]
    plain = all(isinstance(node, _PLAIN) for node in ast.walk(numbers))
    return plain and isinstance(getattr(tensor, "value", None), Value) and len(variables(tree)) == 1


_PLAIN = (ast.Tuple, ast.Constant, ast.UnaryOp, ast.USub, ast.Load)


def _is_of_weights(made: list[ast.expr]) -> bool:
    """Whether Keras expressions construct weights, and no layer but such as repeats them."""
    nodes = [node for tree in made for node in ast.walk(tree)]
    layers = {node.layer.constructor for node in nodes if hasattr(node, "layer")}
    weights = any(isinstance(node, ast.Call) and ast.unparse(node.func) == "Weight" for node in nodes)
    return weights and layers <= {"RepeatLike"}


def _added_weights(item: Statement, reading: Reading, *, runs: bool = False) -> Iterator[Piece]:
    """A sum with weights that nothing else uses, or what is made of them, and the statements that only it needs."""
    items = reading.call.items
    for side in (item.tree.left, item.tree.right):
        operand = getattr(side, "value", None)
        if not isinstance(operand, Value):
            continue
        run: list[Statement] = [item]
        for before in reversed(items[: items.index(item)]):
            readers = [each for each in items if not set(before.targets).isdisjoint(reads([each]))]
            inside = bool(readers) and all(any(each is one for one in run) for each in readers)
            if inside and isinstance(before, Statement) and set(before.targets).isdisjoint((operand, *reading.call.outputs)):
                run.insert(0, before)
        if runs:
            if _is_of_weights([statement.tree for statement in run[:-1]]):
                yield Piece(item, operand, run=tuple(run))
            continue
        weights = tuple(dict.fromkeys(path for statement in run for path in own_paths(statement.tree)))
        if weights and all(_is_weight(reading.constructors.get(path)) for path in weights):
            yield Piece(item, operand, run=tuple(run), weights=weights)


def _is_weight(tree: ast.expr | None) -> bool:
    return isinstance(tree, ast.Call) and (hasattr(tree, "buffer") or ast.unparse(tree.func) == "nn.Parameter")


def _runs(reading: Reading) -> Iterator[Piece]:
    """Stretches of a function that make one tensor of another, with a layer in each; activations; and sums."""
    items = reading.call.items
    read = Counter(name.value for tree in trees(items) for name in variables(tree))
    read.update(reading.call.outputs)
    for start, first in enumerate(items):
        if isinstance(first, Statement) and isinstance(first.tree, ast.BinOp) and isinstance(first.tree.op, ast.Add):
            sides = (first.tree.left, first.tree.right)
            if len(first.targets) == 1 and all(isinstance(getattr(side, "value", None), Value) for side in sides):
                yield from (Piece(first, side.value, run=(first,), is_sum=True) for side in sides)
                yield from _added_weights(first, reading, runs=True)
        elif isinstance(first, Statement) and len(first.targets) == 1 and _may_be_neutral(first):
            yield Piece(first, first.tree.args[0].value, is_neutral=True)
        run: list[Statement] = []
        while start + len(run) < len(items):
            item = items[start + len(run)]
            used = variables(item.tree) if isinstance(item, Statement) and len(item.targets) == 1 else []
            if len(used) != 1 or (run and (used[0].value is not run[-1].targets[0] or read[used[0].value] != 1)):
                break
            run.append(item)
            if _goes_on([*items[max(start - 2, 0) : start], *run], len(run), reading):
                continue
            if any(hasattr(statement.tree, "layer_name") for statement in run) or (len(run) == 1 and is_activation(item.tree)):
                yield Piece(item, variables(first.tree)[0].value, run=tuple(run))


def _goes_on(items: list[Statement], last: int, reading: Reading) -> bool:
    """Whether the last of these call the function that two before call: another depth, which a loop says, is no variant."""
    called_functions = {
        ast.unparse(each.tree.func) if isinstance(getattr(each, "tree", None), ast.Call) else "" for each in items
    }
    return len(items) == last + 2 and len(called_functions) == 1 and called_functions <= reading.definitions.keys()


def _kinds(reading: Reading, absent: Mapping[int, Value | None]) -> list[str]:
    """What each statement calls, to compare before all of it is read."""
    trees = [getattr(item, "tree", None) for item in reading.call.items if id(item) not in absent]
    return [tree.layer.constructor if hasattr(tree, "layer") else type(tree).__name__ for tree in trees]


def _takes(full: Variants, pieces: list[Piece], readings: list[Reading], are_runs: bool) -> bool:
    """Add readings that lack some of the pieces; whether that can be done."""
    first, plain = full.readings[0], readings[0]
    lacking = _extent(first) - _extent(plain)
    if lacking <= 0:
        return False
    parts = {piece: _parts(piece, first) for piece in pieces}
    if are_runs and lacking > _extent(plain):
        return False
    kinds = _kinds(plain, {}) if are_runs else []
    for chosen in _choices(parts, lacking, _MOST_RUNS if are_runs else _MOST):
        without = {owner: operand for piece in chosen for owner, operand in piece.without.items()}
        if len(without) < sum(len(piece.without) for piece in chosen):
            continue
        if are_runs and _kinds(first, without) != kinds:
            continue
        reduced = Reading(first.call, first.constructors, first.definitions, without=without)
        same = reduced.form == plain.form and [*reduced.roles.values()] == [*plain.roles.values()]
        if same and not any(path in reduced.layers for piece in chosen for path in piece.paths):
            break
    else:
        return False
    if any(
        piece is not other and not piece.without.keys().isdisjoint(other.without) for piece in chosen for other in full.present
    ):
        return False
    for piece in chosen:
        full.present.setdefault(piece, [True] * len(full.readings))
    for piece, present in full.present.items():
        present += [piece not in chosen] * len(readings)
    for reading in readings:
        own = dict(zip(reduced.numbers, reading.numbers.values(), strict=True))
        reading.numbers = {place: own.get(place, MISSING) for place in first.numbers}
    full.readings += readings
    return True


def _choices(parts: Mapping[Piece, int], lacking: int, most: int) -> Iterator[tuple[Piece, ...]]:
    """Pieces, at most so many, that have so many parts together."""
    pieces = [piece for piece, count in parts.items() if count <= lacking]
    yield from ((piece,) for piece in pieces if parts[piece] == lacking)
    by_parts: dict[int, list[tuple[int, Piece]]] = {}
    for place, piece in enumerate(pieces):
        by_parts.setdefault(parts[piece], []).append((place, piece))
    for count in range(1, most):
        for some in combinations(enumerate(pieces), count):
            rest = by_parts.get(lacking - sum(parts[piece] for _, piece in some), [])
            yield from ((*(piece for _, piece in some), last) for place, last in rest if place > some[-1][0])


def _parts(piece: Piece, reading: Reading) -> int:
    """How many items and elements go with a piece."""
    if piece.run:
        return len(piece.run)
    tree = piece.owner if piece.is_element else reading.constructors.get(piece.path)
    return 1 + sum(len(_elements(sequence)) for sequence in _sequences(tree))


def places_of(piece: Piece, reading: Reading) -> list[str]:
    """Where the numbers of a piece stand."""
    if piece.is_sum:
        return []
    if piece.run or piece.is_neutral:
        items = reading.call.items
        starts = tuple(f"{RUN}{place}." for place, item in enumerate(items) if id(item) in piece.without)
        starts += tuple(f"{MAKE}{reading.call.relative(path)}." for path in piece.weights)
        return [place for place in reading.numbers if place.startswith(starts)]
    return [place for place in reading.numbers if place.startswith(tuple(f"{start}." for start in _starts(piece, reading)))]


def _complete(variants: Variants) -> None:
    """Give numbers to what is not there.

    Those of a place where all others have the same numbers as there; where there is none, no activation is the identity, and
    what comes out of a module that is not there is as wide as what goes in. What remains and differs is None, which need not be
    said.
    """
    first = variants.readings[0]
    lacking = [place for place in first.numbers if any(each.numbers[place] is MISSING for each in variants.readings)]
    whole = [place for place in first.numbers if place not in lacking]
    neutral = {
        place
        for piece in variants.present
        for place in (places_of(piece, first) if piece.is_neutral else ())
        if first.roles[place] == NEUTRAL.get(first.makers.get(place, ""))
    }
    for piece in variants.present:
        for place in places_of(piece, first) if piece.is_activation else ():
            first.defaults[place] = None
            for each in variants.readings:
                each.numbers[place] = None if each.numbers[place] is MISSING else each.numbers[place]
    for place in lacking:
        have = [each for each in variants.readings if each.numbers[place] is not MISSING]
        rest = [each for each in variants.readings if each.numbers[place] is MISSING]
        if not rest:
            continue
        numbers = [repr(each.numbers[place]) for each in have]
        like = [other for other in whole if [repr(each.numbers[other]) for each in have] == numbers]
        like.sort(key=lambda other: first.roles[other] != first.roles[place])
        is_class = any(place in places_of(piece, first) for piece in variants.present if activates(piece, first))
        if is_class:
            first.defaults[place] = Function("nn.Identity")
        for each in rest:
            if is_padding(place, first) or place in neutral:
                each.numbers[place] = first.defaults[place] = 0
            elif like and (len(set(numbers)) > 1 or _is_stride_of_all(like[0], place, first)):
                each.numbers[place] = each.numbers[like[0]]
            elif is_class:
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


def activates(piece: Piece, reading: Reading) -> bool:
    """Whether a module is an activation alone, in whose place the identity stands as any other would."""
    made = reading.constructors.get(piece.path)
    return isinstance(made, ast.Call) and ast.unparse(made.func) in ACTIVATIONS


def _starts(piece: Piece, reading: Reading) -> list[str]:
    """Where the constructor of a piece that is a module stands."""
    if piece.is_element:
        return [reading.elements[id(piece.owner)]]
    return [f"{MAKE}{reading.call.relative(piece.path)}"] if piece.path else []


def is_padding(place: str, reading: Reading) -> bool:
    """Whether a number is how much a layer pads that does nothing else."""
    return reading.roles[place] == "padding" and reading.makers.get(place, "").startswith("layers.ZeroPadding")


def _is_stride_of_all(place: str, lacking: str, reading: Reading) -> bool:
    """Whether both are strides: what is not there has that of the module it stands beside."""
    return reading.roles[place] == reading.roles[lacking] and reading.roles[place] in STRIDES


def widths(places: list[str], reading: Reading) -> tuple[str, str]:
    """The place of the width that goes in, and of that which comes out; "" where there is none."""
    inner = next((place for place in places if reading.roles[place] in INSIDE), "")
    outer = next((place for place in reversed(places) if reading.roles[place] in OUTSIDE), "")
    return inner, outer


STRIDES = ("stride", "strides")
INSIDE = ("in_channels", "in_features", "num_features", "normalized_shape", "num_channels")
OUTSIDE = ("out_channels", "out_features", "filters", "units")
