"""In which order the emitted code stores the axes of each value.

Keras keeps channels last, the graph channels first. No transpose moves between the two: each value carries a ``Layout`` that
says how its stored axes map to logical ones, operators map their axes through it, weights absorb it once when converting, and
a transpose is emitted only where an operator needs another order than it gets. ``specs/layout.md`` tells the rules.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from converter.graph import Dimension, Graph, Node, Shape, Value


@dataclass(frozen=True)
class Layout:
    """Stored axis ``i`` is logical axis ``order[i]``.

    ``flat`` is set on a value that was flattened from axes stored in another order: logical axis 1 runs over axes of sizes
    ``flat[0]`` in row-major order, the stored axis over the same axes in the order ``flat[1]``.
    """

    order: tuple[int, ...]
    flat: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    @classmethod
    def logical(cls, rank: int) -> Layout:
        return cls(tuple(range(rank)))

    @classmethod
    def channels_last(cls, rank: int) -> Layout:
        return cls((0, *range(2, rank), 1) if rank > 2 else tuple(range(rank)))

    @property
    def is_logical(self) -> bool:
        return self.flat is None and self.order == tuple(range(len(self.order)))

    def stored_axis(self, axis: int) -> int:
        """The stored place of a logical axis; a negative axis counts from the end."""
        return self.order.index(axis % len(self.order))

    def without(self, axes: Iterable[int]) -> Layout:
        """The layout after these logical axes are gone."""
        gone = {axis % len(self.order) for axis in axes}
        left = [axis for axis in range(len(self.order)) if axis not in gone]
        return Layout(tuple(left.index(axis) for axis in self.order if axis not in gone))


@dataclass
class Plan:
    """The layout of every value, and what each node needs of each input (None: take it as it is stored)."""

    layouts: dict[Value, Layout] = field(default_factory=dict)
    needs: dict[tuple[Node, int], Layout | None] = field(default_factory=dict)

    def of(self, value: Value) -> Layout:
        return self.layouts.get(value) or Layout.logical(value.rank or 0)


Rule = Callable[[Node, list[Layout | None]], tuple[list[Layout | None], list[Layout | None]]]
"""From the node and the layout of each input (None: a weight, or left out) to what it needs of each input and the layout of
each output (None: logical order)."""


def logical(node: Node, have: list[Layout | None]) -> tuple[list[Layout | None], list[Layout | None]]:
    """Works in the graph's own order only."""
    need = [Layout.logical(value.rank) if value is not None and value.rank is not None else None for value in node.inputs]
    return need, [None] * len(node.outputs)


def as_stored(node: Node, have: list[Layout | None]) -> tuple[list[Layout | None], list[Layout | None]]:
    """Takes its inputs in any order and gives the graph's own."""
    return [None] * len(node.inputs), [None] * len(node.outputs)


def last_axis(node: Node, have: list[Layout | None]) -> tuple[list[Layout | None], list[Layout | None]]:
    """Works along the last axis, in any order in which that stays the last."""
    layout = have[0]
    if layout is None or layout.flat or layout.order[-1:] != (len(layout.order) - 1,):
        return logical(node, have)
    return [layout], [layout]


def unsqueezed(node: Node, have: list[Layout | None]) -> tuple[list[Layout | None], list[Layout | None]]:
    """New axes of size 1 stand where the graph has them, or where the operators that read them want them (``plan``)."""
    return logical(node, have)


def sequential(node: Node, have: list[Layout | None]) -> tuple[list[Layout | None], list[Layout | None]]:
    """Works in the graph's own order, and wants it so much that an input is stored as a Transpose before it brings it."""
    return logical(node, have)


def spatial(node: Node, have: list[Layout | None]) -> tuple[list[Layout | None], list[Layout | None]]:
    """Wants channels last for its first input and gives it; other inputs (weights) are the room's own matter."""
    rank = node.inputs[0].rank
    if rank is None:
        return logical(node, have)
    wanted = Layout.channels_last(rank)
    need = [wanted, *(Layout.logical(v.rank or 0) if v is not None else None for v in node.inputs[1:])]
    return need, [wanted if value is not None and value.rank == rank else None for value in node.outputs]


def same(node: Node, have: list[Layout | None]) -> tuple[list[Layout | None], list[Layout | None]]:
    """Element by element: follows its inputs, which must agree; inputs of lower rank are broadcast by the emitter."""
    ranks = [value.rank for value in node.inputs if value is not None]
    if None in ranks:
        return logical(node, have)
    rank = max(ranks, default=0)
    full = [h for h, value in zip(have, node.inputs, strict=True) if h is not None and value.rank == rank]
    if any(layout.flat for layout in full) and (len(full) > 1 or len(ranks) > 1):
        full = [Layout(layout.order) for layout in full]  # the order inside a flat axis cannot be matched: put it right first
    wanted = next((layout for layout in full if not layout.is_logical), Layout.logical(rank))
    return [wanted] * len(node.inputs), [wanted] * len(node.outputs)


def along_axes(node: Node, have: list[Layout | None]) -> tuple[list[Layout | None], list[Layout | None]]:
    """Keeps whatever order its inputs share and maps its axis attributes through it; all inputs of one rank."""
    if any(value is None or value.rank is None for value in node.inputs if value is not None):
        return logical(node, have)
    known = [layout for layout in have if layout is not None]
    orders = [Layout(layout.order) for layout in known]
    wanted = max(orders, key=lambda layout: (not layout.is_logical, orders.count(layout)), default=None)
    if wanted is None or any(value is not None and value.rank != len(wanted.order) for value in node.outputs):
        return logical(node, have)
    need = [wanted if v is not None and v.rank == len(wanted.order) else None for v in node.inputs]
    return need, [wanted] * len(node.outputs)


def transposed(node: Node, have: list[Layout | None]) -> tuple[list[Layout | None], list[Layout | None]]:
    """A Transpose moves nothing: the same stored axes get other logical numbers."""
    (layout,) = have
    if layout is None:
        return logical(node, have)
    perm = node["perm"] or tuple(range(len(layout.order)))[::-1]
    unflat = Layout(layout.order)
    return [unflat], [Layout(tuple(perm.index(axis) for axis in unflat.order))]


def reshaped(node: Node, have: list[Layout | None]) -> tuple[list[Layout | None], list[Layout | None]]:
    """Splitting an axis works in any order. Merging needs the merged axes side by side in logical order, except in front of a
    layer that multiplies by a weight: there the rows of the weight take the stored order."""
    layout, source, target = have[0], node.inputs[0].shape, node.output.shape
    if layout is None or layout.flat or source is None or target is None:
        return logical(node, have)
    blocks = matching_blocks(source, target)
    if blocks is None:
        return logical(node, have)
    order = list(layout.order)
    flat = None
    for inner, outer in blocks:
        places = sorted(order.index(axis) for axis in inner)
        contiguous = places == list(range(places[0], places[0] + len(places))) if places else True
        stored = [order[place] for place in places]
        significant = [axis for axis in stored if source[axis] != 1]
        if len(inner) < 2 or len(outer) == 0 or (contiguous and significant == sorted(significant)):
            continue
        sizes = tuple(source[axis] for axis in inner)
        if contiguous and outer == [1] and len(target) == 2 and _absorbed(node.output):
            flat = (sizes, tuple(axis - inner[0] for axis in stored))
        elif contiguous:
            for place, axis in zip(places, sorted(stored), strict=True):
                order[place] = axis
        else:
            return logical(node, have)
    first_place = {axis: order.index(inner[0]) for inner, outer in blocks if inner for axis in outer}
    outputs = sorted(range(len(target)), key=lambda axis: (first_place.get(axis, len(order)), axis))
    others = [Layout.logical(value.rank or 0) if value is not None else None for value in node.inputs[1:]]
    return [Layout(tuple(order)), *others], [Layout(tuple(outputs), flat)]


def matching_blocks(source: Shape, target: Shape) -> list[tuple[list[int], list[int]]] | None:
    """Pairs of runs of axes (of ``source``, of ``target``) that hold the same number of elements, as short as they can be.

    None where an unknown size keeps the question open. An unknown size matches only the same symbol in one place, or several
    whose product its name says ("batch*time").
    """
    blocks: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(source) or j < len(target):
        if i < len(source) and j < len(target) and _equal(source[i], target[j]):
            blocks.append(([i], [j]))
            i, j = i + 1, j + 1
            continue
        if count := _factors(target[j : j + 1], source[i:]) or -_factors(source[i : i + 1], target[j:]):
            runs = max(count, 1), max(-count, 1)
            blocks.append((list(range(i, i + runs[0])), list(range(j, j + runs[1]))))
            i, j = i + runs[0], j + runs[1]
            continue
        inner, outer = [], []
        left: Dimension = 1
        right: Dimension = 1
        while not (inner or outer) or left != right:
            if (left <= right and i < len(source)) or j >= len(target):
                if i >= len(source) or not isinstance(source[i], int):
                    return None
                left, i = left * source[i], i + 1
                inner.append(i - 1)
            else:
                if not isinstance(target[j], int):
                    return None
                right, j = right * target[j], j + 1
                outer.append(j - 1)
        blocks.append((inner, outer))
    return _with_trailing_ones(blocks)


def _factors(one: Shape, sizes: Shape) -> int:
    """How many of the first ``sizes`` are the factors of the lone size that ``one`` holds, by its name; 0: none."""
    names = one[0].split("*") if one and isinstance(one[0], str) else []
    if len(names) < 2 or not all(name.isidentifier() or name.isdigit() for name in names):
        return 0
    return len(names) if sorted(names) == sorted(map(str, sizes[: len(names)])) else 0


def _equal(a: Dimension, b: Dimension) -> bool:
    return a is not None and a == b


def _with_trailing_ones(blocks: list[tuple[list[int], list[int]]]) -> list[tuple[list[int], list[int]]]:
    """Axes of size 1 that stand alone on one side join the block before them."""
    merged: list[tuple[list[int], list[int]]] = []
    for inner, outer in blocks:
        if merged and (not inner or not outer):
            merged[-1] = (merged[-1][0] + inner, merged[-1][1] + outer)
        else:
            merged.append((inner, outer))
    return merged


_FLAT_READERS = {"Gemm", "Linear", "MatMul"}
_UNARY = {
    "Relu",
    "LeakyRelu",
    "Elu",
    "Selu",
    "Sigmoid",
    "Tanh",
    "Dropout",
    "Softplus",
    "Softsign",
    "HardSigmoid",
    "Gelu",
    "Silu",
}


def _absorbed(value: Value) -> bool:
    """Whether everything that reads a flattened value multiplies it by a weight, whose rows can take the stored order."""
    waiting = [value]
    while waiting:
        users = waiting.pop().users
        for node, index in users:
            if node.op_type in _FLAT_READERS and index == 0:
                weight = node.inputs[1]
                if weight.weight is None or weight.rank != 2 or node.attributes.get("transA"):
                    return False
            elif node.op_type in _UNARY and index == 0:
                waiting.append(node.output)
            else:
                return False
        if not users:
            return False
    return True


def flat_reader(node: Node, have: list[Layout | None]) -> tuple[list[Layout | None], list[Layout | None]]:
    """Multiplies its first input by a weight whose rows take the order of a flat axis."""
    need, give = logical(node, have)
    if have[0] is not None and have[0].flat and have[0].order == (0, 1):
        need[0] = have[0]
    return need, give


def plan(graph: Graph, rule_of: Callable[[Node], Rule]) -> Plan:
    """Choose the layout of every value, from the inputs on, each node once."""
    result, wanted = Plan(), _wanted(graph, rule_of)
    for value in graph.inputs:
        if value.rank is not None:
            result.layouts[value] = wanted.get(value) or Layout.logical(value.rank)
    _plan_nodes(graph, rule_of, wanted, result)
    return result


def _plan_nodes(graph: Graph, rule_of: Callable[[Node], Rule], wanted: Mapping[Value, Layout], result: Plan) -> None:
    for node in graph.nodes:
        for subgraph in node.subgraphs():  # what enters and leaves it is in logical order
            _plan_nodes(subgraph, rule_of, wanted, result)
        have = [
            None if value is None or value.weight is not None or value.rank is None else result.of(value)
            for value in node.inputs
        ]
        rule = rule_of(node)
        need, give = rule(node, have)
        if rule is unsqueezed and have[0] is not None:
            need, give = _spread(node, have[0], wanted.get(node.output)) or (need, give)
        for index, layout in enumerate(need):
            result.needs[node, index] = layout
        for value, layout in zip(node.outputs, give, strict=True):
            if value is not None and value.rank is not None:
                fits = layout is not None and len(layout.order) == value.rank
                result.layouts[value] = layout if fits else Layout.logical(value.rank)


def _spread(node: Node, have: Layout, wanted: Layout | None) -> tuple[list[Layout | None], list[Layout | None]] | None:
    """An Unsqueeze whose result is stored as it is wanted, None where that moves other axes than the new ones."""
    axes, rank = node.inputs[1].array, node.output.rank
    if wanted is None or axes is None or have.flat or rank is None:
        return None
    kept = [axis for axis in range(rank) if axis not in {int(axis) % rank for axis in axes.reshape(-1)}]
    if tuple(kept.index(axis) for axis in wanted.order if axis in kept) != have.order:
        return None
    return [have, None], [wanted]


def _wanted(graph: Graph, rule_of: Callable[[Node], Rule]) -> dict[Value, Layout]:
    """By value the order other than the graph's own that an operator asks of it, directly or through operators that follow
    their input, transpose it, or split and merge axes that it leaves side by side. Values of which none is asked are left out.

    It is found from the last node to the first: a search from the inputs on would go as deep as the network."""
    found: dict[Value, Layout] = {}
    nodes = [node for each in graph.nested() for node in each.nodes]  # those of sub-graphs behind the ones around them
    for value in itertools.chain((value for node in reversed(nodes) for value in node.outputs), graph.inputs):
        if value is None or value.rank is None:
            continue
        for node, index in value.users:
            layout = _asked(node, index, rule_of(node), found)
            if layout is not None and len(layout.order) == value.rank:
                found[value] = layout
                break
    return found


def _asked(node: Node, index: int, rule: Rule, after: Mapping[Value, Layout]) -> Layout | None:
    """The order that a node asks of its input ``index``, by what is asked of its output where it follows its input."""
    if rule in (same, along_axes, reshaped, transposed):
        wanted = after.get(node.outputs[0]) if rule is not reshaped or index == 0 else None
        return wanted and _before(node, rule, wanted)
    have = [Layout.logical(item.rank) if item is not None and item.rank is not None else None for item in node.inputs]
    wanted = rule(node, have)[0][index]
    return wanted if wanted is not None and (not wanted.is_logical or rule is sequential) else None


def _before(node: Node, rule: Rule, after: Layout) -> Layout | None:
    """The layout that the node turns into ``after`` without moving an element; None where there is none."""
    if rule is transposed:
        perm = node["perm"] or tuple(range(len(after.order)))[::-1]
        return Layout(tuple(perm[axis] for axis in after.order))
    if rule is not reshaped:
        return after
    source, target = node.inputs[0].shape, node.outputs[0].shape
    blocks = matching_blocks(source, target) if source is not None and target is not None else None
    if blocks is None or any(not inner or not outer for inner, outer in blocks):
        return None
    order: list[int] = []
    for axis in after.order:
        inner, outer = next(block for block in blocks if axis in block[1])
        if axis == outer[0]:
            order += inner
    whole = Layout(tuple(order))
    _, (given, *_) = reshaped(node, [whole, *[None] * (len(node.inputs) - 1)])
    return whole if given == after else None
