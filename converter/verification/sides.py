"""One case on both sides: what each value of the graph should be, and what the source file and the emitted code have for it."""

from __future__ import annotations

import functools
import itertools
import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from converter.emitters.visible import Visible
from converter.functions import DOMAIN
from converter.graph import Graph, Node, Value
from converter.verification import bodies, reference
from converter.verification.alignment import Alignment, Match, error, numeric
from converter.verification.bodies import Numbers
from converter.verification.cancelled import allowed_to, summing
from converter.verification.compare import Tolerance, difference, magnitude, share_beyond, usual_tolerance, with_quantum
from converter.verification.exact import in_float64, in_sequence
from converter.verification.layers import Blame, Layer, Stage
from converter.verification.rounding import MARGIN, movement
from converter.verification.worker import Trace

BUDGET = 2**31
"""Bytes of intermediate values that are held of each side to find what is to blame."""

ALONG = 2**28
"""Bytes of intermediate values of emitted code that are looked at though nothing differs: for an image of 224 by 224 pixels
ResNet-50 computes 151 MB, DenseNet-121 196 MB."""

LOCAL = 2e-5
"""Relative error of one float32 layer on the same numbers: sums in another order, and functions computed otherwise."""

_TIES = 0.02
"""Share of the numbers rounded to integers that may be one quantum away, because the last bit decides."""

LookInto = Callable[[Node, Stage, Numbers], Blame | None]
"""From a node with a body that is to blame, and the numbers around it, to the blame for a layer in the body."""


class Sides:
    """``values`` are what the graph computes, ``source`` what the file has under their names, and ``matches`` the tensors of
    the emitted code, where it has some for them. ``layers`` has a row for each node of ``graph``, with what is seen of it.

    ``visible`` tells which values the emitted code has tensors for, and the axis order of those; ``text`` are the lines of
    model.py. ``around``: the graph is a body in that one. ``loose``: each node is held to what it gives for what the emitted
    code had, and may differ from that by the rounding of one layer.
    """

    def __init__(
        self,
        graph: Graph,
        visible: Visible,
        text: Sequence[str],
        case: str,
        trace: Trace | None,
        values: Mapping[Value, Any],
        source: Mapping[str, Any],
        around: Sides | None = None,
        *,
        loose: bool = False,
    ):
        self.graph, self.case, self.trace, self.around = graph, case, trace, around
        self._loose = loose
        self._whole: Graph = graph if around is None else around._whole
        self.values = dict(values)
        self.source = {
            value: _like(source[value.name], values.get(value), value)
            for node in graph.nodes
            for value in node.outputs
            if value is not None and numeric(source.get(value.name))
        }
        self.visible, self.plan = visible.values, visible.plan
        self.alignment = Alignment(trace.entries if trace is not None else [])
        self.text = text
        self.matches: dict[Value, Match] = {} if around is None else dict(around.matches)
        self._replaced: set[int] = set()
        self._usual = functools.cache(functools.partial(usual_tolerance, self._whole))
        self._tolerances: dict[Value, Tolerance] = {}
        self._claimed: list[int] = []  # places of the tensors that are results of nodes, in order
        self.rows = {node: place for place, node in enumerate(graph.nodes)}
        self.layers = [self._row(node) for node in graph.nodes]
        self._align()
        self.blamed: Node | None = None
        """The node of the graph that is to blame, or in whose body the layer is."""

    def _row(self, node: Node) -> Layer:
        value = next((value for value in node.outputs if value is not None), None)
        array = self.values.get(value)
        producers = [read.producer for read in node.reads() if read.producer in self.rows]
        return Layer(
            node.name or node.origin,
            node.op_type,
            node.scope[-1].path if node.scope else "",
            list(dict.fromkeys(self.rows[producer] for producer in producers)),
            "" if value is None else value.name,
            tuple(getattr(array, "shape", ()))
            or tuple(size if isinstance(size, int) else 0 for size in (value.shape or ()) if value is not None),
        )

    def _align(self) -> None:
        for value in self.graph.inputs:
            self._match(value, [])
        for node in self.graph.nodes:
            before = self.read_at(node)
            outputs = [value for value in node.outputs if value is not None]
            for value in outputs:
                self._match(value, before)
            if self._loose and before and not all(map(self.is_near, self.visible.intersection(outputs))):
                self._expect(node, before)
        self._claimed = sorted({match.entry for value, match in self.matches.items() if value.producer is not None})
        for node in self.graph.nodes:
            seen = [self.matches[value] for value in node.outputs if value in self.matches]
            if seen:
                self._fill(node, max(seen, key=lambda match: match.relative))

    def _match(self, value: Value, before: Sequence[int]) -> None:
        expected = self.values.get(value)
        match = self.alignment.match(expected, self.plan.of(value), before, self._rounding_of(value, expected) / LOCAL)
        if match is not None and not before and match.array.size > 1 and (match.array == match.array.flat[0]).all():
            # that one number stands everywhere proves nothing, if nothing that it is computed from is known
            match = None if match.entry in {each.entry for each in self.matches.values()} else match
        if match is not None:
            self.matches[value] = match

    def _expect(self, node: Node, before: Sequence[int]) -> None:
        """Let the node's results be what it gives for what the emitted code had, where last bits decided something before."""
        results = self.alone(node, self.held) or [None] * len(node.outputs)
        for value, result in zip(node.outputs, results, strict=False):
            if value is not None:
                self.values[value] = result
                self.matches.pop(value, None)
                self._match(value, before)

    def _fill(self, node: Node, match: Match) -> None:
        """What is seen of a node's result."""
        row = self.layers[self.rows[node]]
        self.place(node, match.entry)
        row.relative = match.relative
        row.absolute = match.relative * match.scale if match.scale else match.relative
        row.verdict = "equal" if self._within(node, row.relative, row.absolute) else "differs"

    def place(self, node: Node, place: int) -> None:
        """Set the lines of a node's row to those of a tensor, the one at ``place`` in the order of execution. Where a function
        computes this node alone, its line is the one that calls it."""
        row, entry = self.layers[self.rows[node]], self.alignment.entries[place]
        row.constructor, row.within, row.called = entry.constructor, None, None
        row.line = own = entry.line if entry.line is not None else entry.constructor
        known = {place, *(self.matches[value].entry for value in node.outputs if value in self.matches)}
        for line, first, last in entry.calls:
            inside = self._claimed[bisect_left(self._claimed, first) : bisect_left(self._claimed, last)]
            if any(each not in known for each in inside):
                row.called = line if line != row.line else None
                break
            row.line = line
        row.within = own if own not in (row.line, row.constructor) else None
        row.code = self.code(row.line)

    def code(self, line: int | None) -> str:
        """The text of a line of model.py."""
        return self.text[line - 1].strip() if line is not None and 0 < line <= len(self.text) else ""

    def _within(self, node: Node, relative: float, absolute: float) -> bool:
        value = next(value for value in node.outputs if value is not None)
        dtype = getattr(self.values.get(value), "dtype", None)
        tolerance = self.tolerance(value)
        return relative <= max(tolerance.relative, 1e-6 if dtype is not None and dtype.kind == "f" else 0) or (
            absolute <= tolerance.absolute
        )

    def tolerance(self, value: Value) -> Tolerance:
        """What is allowed to a value, however it is computed."""
        if value not in self._tolerances:
            self._tolerances[value] = with_quantum(self._usual(getattr(self.values.get(value), "dtype", None)), value)
        return self._tolerances[value]

    # What is asked of it

    def apart(self, actual: np.ndarray, expected: np.ndarray, value: Value, *, local: bool = False) -> bool:
        """Whether two arrays differ beyond what is allowed to the value; ``local``: to a layer that computes it from the same
        numbers."""
        if actual.shape != expected.shape:
            return True
        with np.errstate(invalid="ignore"):  # what is not a number is no integer either
            actual = np.asarray(actual).astype(expected.dtype)
        found, tolerance = difference(actual, expected), self.tolerance(value)
        relative = max(tolerance.relative, LOCAL) if expected.dtype.kind == "f" and local else tolerance.relative
        if found.relative <= relative:
            return False
        if local and found.absolute <= max(self._rounding_of(value, expected), MARGIN * self._coarse(value, expected)):
            return False
        if found.absolute > tolerance.absolute:
            return True
        return share_beyond(actual, expected, relative) > _TIES

    def _rounding_of(self, value: Value, expected: Any) -> float:
        """What is allowed to a sum of float32 numbers in which everything cancels, 0 to any other value."""
        node = summing(value) if isinstance(expected, np.ndarray) and expected.dtype == np.float32 else None
        arrays = [self.held(each) for each in node.inputs if each is not None] if node is not None else []
        return allowed_to(node, [array for array in arrays if numeric(array) and array.dtype.kind == "f"], expected)

    def _coarse(self, value: Value, expected: np.ndarray) -> float:
        """How far the result of a node that sums one number after another is from what it is by definition, 0 where it sums few
        or none."""
        node = value.producer
        if node is None or expected.dtype != np.float32:
            return 0.0
        arrays = [self.held(each) for each in node.inputs]
        answers = [reference.of_node(node, arrays, coarsely=how) for how in (in_float64, in_sequence)]
        if None in answers:
            return 0.0
        exact, sequential = (results[node.outputs.index(value)] for results in answers)
        return max(movement(exact, [sequential], 1))

    def is_near(self, value: Value) -> bool:
        """Whether the emitted code has a tensor for the value, and it is as it should be."""
        match = self.matches.get(value)
        if match is not None and self._loose and match.array.dtype.kind == "f" and match.relative <= LOCAL:
            return True  # found so already
        return match is not None and not self.apart(match.array, self.values[value], value, local=self._loose)

    def entry_of(self, value: Value | None) -> int | None:
        """The place of the value's tensor in the order of execution."""
        return self.matches[value].entry if value in self.matches else None

    def read_at(self, node: Node) -> list[int]:
        """The places of the emitted code's tensors for what a node reads, as far as it has some."""
        return [self.matches[value].entry for value in node.reads() if value in self.matches]

    def shown(self, values: Sequence[Value]) -> set[Value]:
        """What the emitted code has a tensor for: those of the values, or what is computed from them."""
        seen = {value for value in values if value in self.visible}
        return seen or {each for value in values for each in self.seen_behind(value)}

    def seen_behind(self, value: Value) -> set[Value]:
        """The nearest values computed from this one that the emitted code has a tensor for."""
        found: set[Value] = set()
        for node, _ in value.users:
            for each in node.outputs:
                if each is not None:
                    found |= {each} if each in self.visible else self.seen_behind(each)
        return found

    def held(self, value: Value | None, depth: int = 20) -> Any:
        """What the emitted code had for a value; where it has no tensor for it, what that should be, given what it had."""
        match = self.matches.get(value)
        if match is not None:
            return match.array.astype(self.values[value].dtype)
        own = reference.numbers(value, self.values)
        node = None if value is None else value.producer
        if node not in self.rows or value in self.visible or not depth or not numeric(own) or own.dtype.kind != "f":
            return own
        results = reference.of_node(node, [self.held(each, depth - 1) for each in node.inputs])
        return own if results is None else results[node.outputs.index(value)]

    def unknown(self, after: Sequence[int]) -> list[int]:
        """The places of the tensors that are no value of the graph as it should be, computed from given ones, in order."""
        known = self._replaced | {match.entry for match in self.matches.values()}
        start = max(after, default=-1)
        entries = self.alignment.entries
        reached, found = set(after), []
        for place, entry in enumerate(entries):
            if any(other in reached for other in entry.operands) and place not in known:
                reached.add(place)
                if numeric(entry.array):
                    found.append(place)
        later = [place for place in found if place > start] or found
        return later or [p for p in range(start + 1, len(entries)) if p not in known and numeric(entries[p].array)]

    def is_followed(self, node: Node) -> bool:
        """Whether the emitted code computes something that is not known directly from what the node reads."""
        after = set(self.read_at(node))
        return any(after & set(self.alignment.entries[place].operands) for place in self.unknown(sorted(after)))

    def alone_from(self, after: Sequence[int], places: Sequence[int]) -> list[int]:
        """Those of some tensors that are computed from given ones, and from no other that is a value of the graph."""
        known = {match.entry for match in self.matches.values() if match.entry not in after}
        others = set(known)
        for place, entry in enumerate(self.alignment.entries):
            if place not in after and any(operand in others for operand in entry.operands):
                others.add(place)
        return [place for place in places if place not in others]

    def is_part(self, place: int) -> bool:
        """Whether a tensor is only a part of what a call gives, none of whose tensors is known: it computes one layer alone."""
        for _, first, last in self.alignment.entries[place].calls:
            if bisect_left(self._claimed, first) != bisect_left(self._claimed, last):
                return False
            if place != last - 1:
                return True
        return False

    def name(self, value: Value) -> str:
        """What a value is called, for people."""
        row = self.rows.get(value.producer)
        return f"the input {value.name!r}" if row is None else f"the result of {self.layers[row].name!r}"

    def from_elsewhere(self, size: int) -> list[int]:
        """The places of tensors of so many numbers that were not computed in this run, and are no value of the graph."""
        known = self._replaced | {match.entry for match in self.matches.values()}
        entries = enumerate(self.alignment.entries)
        return [
            place
            for place, entry in entries
            if not entry.operands and place not in known and numeric(entry.array) and entry.array.size == size
        ]

    def end(self, node: Node) -> str:
        """Set the line of a node's row to the one where the code ended, and say with what."""
        row, raised = self.layers[self.rows[node]], self.trace.raised
        row.called, row.line = [None, None, *raised["lines"]][-2:]
        row.code = self.code(row.line)
        layer = "" if raised["layer"] in (None, row.line) else f", in the layer that line {raised['layer']} constructs"
        return f"there the code ends with {raised['message']}{layer}"

    def become(self, value: Value, match: Match) -> None:
        """Take another tensor for the value's: its own, as it should be, was changed before it was read."""
        self._replaced.add(self.matches[value].entry)
        self.matches[value] = match

    def alone(self, node: Node, numbers: Numbers) -> list[Any] | None:
        """What the node gives for the numbers of what it reads; None where it cannot be run by itself."""
        if any(node.subgraphs()):
            return bodies.of_node(node, numbers, BUDGET)
        return reference.of_node(node, [numbers(value) for value in node.inputs])

    def blame(self, node: Node, stage: Stage, expected: Any, found: Any, cause: str) -> Blame:
        """The blame for a node, which is marked: what its result should be and what was found, None where that is not known."""
        row, self.blamed = self.layers[self.rows[node]], node
        row.verdict = "differs"
        if not numeric(expected) or not numeric(found) or expected.shape != found.shape:
            row.absolute = row.relative = math.inf
            if numeric(expected) and numeric(found) and not cause:
                cause = f"its shape is {found.shape} instead of {expected.shape}"
            return Blame(self.rows[node], stage, math.nan, math.nan, (), self.case, cause)
        apart = difference(found.astype(expected.dtype), expected)
        row.absolute, row.relative = apart.absolute, apart.relative
        if not apart.absolute:  # weights that are wrong, but not so that this case shows it
            return Blame(self.rows[node], stage, math.nan, math.nan, (), self.case, cause)
        numbers = (float(expected[apart.index]), float(found[apart.index]))
        return Blame(self.rows[node], stage, *numbers, apart.index, self.case, cause)


def _like(source: np.ndarray, own: Any, value: Value) -> np.ndarray:
    """The source's tensor of a value's name, with the axes that the graph has: a node that stands for several of the source
    may give them in another order, or put together."""
    if value.producer.domain != DOMAIN or not numeric(own) or own.shape == source.shape or own.size != source.size:
        return source
    turns = (source.transpose(order) for order in itertools.permutations(range(source.ndim)))
    fitting = [turn.reshape(own.shape) for turn in turns if _without_ones(turn.shape) == _without_ones(own.shape)]
    return min([source.reshape(own.shape), *fitting], key=lambda turn: error(own, turn, magnitude(turn)))


def _without_ones(shape: tuple[int, ...]) -> list[int]:
    return [size for size in shape if size != 1]
