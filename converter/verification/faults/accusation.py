"""The blame for a node that the emitted code computes otherwise: what its result became there, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from converter.graph import Node, Value
from converter.verification import causes, reference
from converter.verification.alignment import Match, error, numeric
from converter.verification.causes.hypothesis import said
from converter.verification.compare import magnitude
from converter.verification.faults import fused
from converter.verification.faults import inputs as misread
from converter.verification.layers import Blame
from converter.verification.sides import LOCAL, LookInto, Sides

TRIED, _ALIKE = 12, 400
"""Tensors behind what a node reads that are tried as what it should give, and that are looked through for the most like it."""

_STEPS = 4
"""Expressions between what a layer computes and what the next one reads, where something stands between them."""


def accuse(sides: Sides, look_into: LookInto, node: Node, cause: str = "") -> Blame:
    """The node is to blame: what its result became, and why."""
    if any(node.subgraphs()) and (inside := look_into(node, "writing", sides.held)) is not None:
        return inside
    values = [value for value in node.outputs if value is not None and numeric(sides.values.get(value))]
    value = next((v for v in values if v in sides.visible and not sides.is_near(v)), values[0] if values else None)
    if value is not None and not any(each in sides.visible for each in values) and cause:
        return _accuse_fused(sides, node, value, cause)
    if not cause and (other := _in_front(sides, node, value)) is not None:
        return other
    if value is None:
        return sides.blame(node, "writing", None, None, cause)
    return _Accusation(sides, node, value).blame(cause)


def _in_front(sides: Sides, node: Node, value: Value | None) -> Blame | None:
    """The blame for how a node's inputs reach it, where it gives what it should for what arrives."""
    flat = _flattened_otherwise(sides, node)
    if flat is not None or value is None:
        return flat
    return misread.misplaced(sides, node) or _behind(sides, node, value) or misread.another(sides, node, value)


class _Accusation:
    """Tells what the result ``value`` of a node became, of the tensors that are no value of the graph as it should be."""

    def __init__(self, sides: Sides, node: Node, value: Value):
        self._sides, self._node, self._value = sides, node, value
        self._inputs = [reference.numbers(each, sides.values) for each in node.inputs]
        self._after = sides.read_at(node)
        self._raised, entries = sides.trace.raised, sides.alignment.entries
        unknown = sides.unknown(self._after)
        unknown = [each for each in unknown if not sides.is_part(each)] or unknown
        near = [place for place in unknown[:TRIED] if not _is_read(sides, node, entries[place].array)]
        follows = any(set(self._after) & set(entries[place].operands) for place in near)
        self._ended = self._raised is not None and not self._raised["ran"] and not follows
        """Whether the code ended before it computed anything from what the node reads."""
        self._match = sides.matches.get(value)
        """The tensor that has the value's place, None where none is like it."""
        if self._match is None and not self._ended:
            among = sides.alone_from(self._after, unknown) or unknown
            self._match = sides.alignment.resembling(sides.values[value], sides.plan.of(value), among[:_ALIKE])
        first = [] if self._match is None else [self._match.entry]
        self._candidates = list(dict.fromkeys([*first, *near]))
        """The places of tensors that may be the result, in the order in which they are tried."""
        self._place = first[0] if first else _last_of_line(sides, self._candidates)
        """That of the one whose line is told."""

    def blame(self, cause: str) -> Blame:
        """The blame, with the cause that is known, or the first that is found."""
        sides, node = self._sides, self._node
        if not cause:
            arrays = [sides.alignment.entries[each].array for each in self._candidates]
            cause = self._computed_otherwise(arrays) or self._left_out(arrays)
            if not cause and (one := fused.find(sides, node, self._value, arrays)) is not None:
                other, cause, which = one
                sides.place(other, self._candidates[which])
                return sides.blame(other, "writing", sides.values[other.outputs[0]], None, cause)
        cause = self._set_lines(cause)
        found = None if self._match is None else self._match.array
        return sides.blame(node, "writing", sides.values[self._value], found, cause or self._shape())

    def _computed_otherwise(self, arrays: Sequence[np.ndarray]) -> str:
        """As what other node it is computed, empty where that is not known."""
        index, plan = self._node.outputs.index(self._value), self._sides.plan.of(self._value)
        cause, which = causes.writing(self._node, self._inputs, index, arrays, plan)
        if which is not None:
            self._place, self._ended = self._candidates[which], False
            self._match = self._match if self._match is not None and self._place == self._match.entry else None
        return cause

    def _left_out(self, arrays: Sequence[np.ndarray]) -> str:
        """That it is not computed at all, empty where that is not known."""
        if self._ended:
            return ""
        sides = self._sides
        cause, given = causes.left_out(self._node, self._inputs, self._value, sides.values, arrays)
        if not cause and (given := _returned_instead(sides, self._node, self._value)) is not None:
            cause = "as if it were left out"
        if given in sides.matches:
            self._place = sides.entry_of(given)
        self._match = None if cause else self._match
        return cause

    def _set_lines(self, cause: str) -> str:
        """Set the lines of the node's row; the cause, or that the code ends there."""
        sides, node, place = self._sides, self._node, self._place
        if place is not None and not self._ended:
            is_padded = _PADDING.match(cause) and node.op_type != "ConvTranspose"
            sides.place(node, _padded(sides, self._after, place) if is_padded else place)
            return sides.end(node) if self._match is None and not cause and _ends_in(sides, place) else cause
        if self._raised is None:
            return cause
        end = sides.end(node)
        return cause or end

    def _shape(self) -> str:
        """That its shape tells the fault, empty where a tensor was found, which does so itself."""
        if self._match is not None:
            return ""
        shapes = {tuple(getattr(array, "shape", ())) for array in self._inputs}
        if self._raised is None and self._sides.values[self._value].shape in shapes:
            return "as if it were left out"
        if self._place is None:
            return ""
        return f"its shape is {self._sides.alignment.entries[self._place].array.shape} in the emitted code"


def _flattened_otherwise(sides: Sides, node: Node) -> Blame | None:
    """The blame for what a node reads, where that has its right numbers in the source's order, though it was to be flattened in
    that in which they are stored."""
    for value in node.inputs:
        match = sides.matches.get(value)
        if match is None or not match.logical or value.producer not in sides.rows or sides.plan.of(value).flat is None:
            continue
        _, axes = sides.plan.of(value).flat
        sides.place(value.producer, match.entry)
        cause = f"as if its axes were flattened in the order {said([*range(1, len(axes) + 1)])} of the source"
        stored = said([axis + 1 for axis in axes])
        return sides.blame(value.producer, "writing", None, None, f"{cause} instead of {stored}, in which they are stored")
    return None


def _accuse_fused(sides: Sides, node: Node, value: Value, cause: str) -> Blame:
    """The blame for a node that the emitted code computes together with others: it has a tensor of their result alone."""
    shown = next((each for each in sides.shown([value]) if not sides.is_near(each)), None)
    if shown is not None:
        after = sides.read_at(shown.producer)
        match = sides.matches.get(shown)
        if match is None:
            match = sides.alignment.resembling(sides.values[shown], sides.plan.of(shown), sides.unknown(after)[:TRIED])
        if match is not None:
            sides.place(node, match.entry)
    return sides.blame(node, "writing", sides.values[value], None, cause)


def _behind(sides: Sides, node: Node, value: Value) -> Blame | None:
    """The blame for what one of the node's inputs became after it was as it should be, where the node computes from that what
    the emitted code has behind it."""
    index = node.outputs.index(value)
    for place, given in enumerate(node.inputs):
        known = sides.matches.get(given)
        if known is None or given.producer not in sides.rows:
            continue
        behind = [each for each in sides.unknown([known.entry]) if _follows(sides, each, known.entry)]
        for later in [*behind[:TRIED], *sides.from_elsewhere(known.array.size)[:TRIED]]:
            became = sides.alignment.resembling(sides.values[given], sides.plan.of(given), [later])
            if became is None or became.relative <= LOCAL:
                continue
            array = became.array.astype(sides.values[given].dtype)
            inputs = [array if i == place else reference.numbers(each, sides.values) for i, each in enumerate(node.inputs)]
            results = reference.of_node(node, inputs)
            if results is not None and _is_behind(sides, results[index], value, became, known):
                return changed(sides, given, became)
    return None


def changed(sides: Sides, value: Value, became: Match) -> Blame:
    """The blame for the node of a value that became something else before it was read."""
    node = value.producer
    inputs = [reference.numbers(each, sides.values) for each in node.inputs]
    tensors = [sides.alignment.entries[became.entry].array]
    cause, _ = causes.writing(node, inputs, node.outputs.index(value), tensors, sides.plan.of(value))
    sides.become(value, became)
    sides.place(node, became.entry)
    cause = cause or "it is computed as it should be, but changed before it is read"
    return sides.blame(node, "writing", sides.values[value], became.array, cause)


def _follows(sides: Sides, place: int, other: int) -> bool:
    """Whether a tensor is computed from another one in a few steps."""
    reached = {place}
    for _ in range(_STEPS):
        reached = {each for one in reached for each in sides.alignment.entries[one].operands}
        if other in reached:
            return True
    return False


def _is_behind(sides: Sides, result: np.ndarray, value: Value, became: Match, known: Match) -> bool:
    """Whether the emitted code has a result that is not the value's, behind what it is computed from, which it does not change
    in the statement of that result itself."""
    if not sides.apart(result, sides.values[value], value, local=True):
        return False
    if result.shape == became.array.shape and not sides.apart(became.array, result, value, local=True):
        return False  # a function that does nothing to what has been through one like it proves nothing
    if result.size == became.array.size and _same_numbers(result, sides.values[value]):
        return False  # in another order, by a node that only moves them: it moves them otherwise
    found = sides.alignment.match(result, sides.plan.of(value), [became.entry])
    if found is None or found.relative > LOCAL or not _follows(sides, found.entry, became.entry):
        return False
    lines = [sides.alignment.entries[each.entry].line for each in (known, became, found)]
    return not lines[0] != lines[1] == lines[2]


def _same_numbers(one: np.ndarray, other: np.ndarray) -> bool:
    one, other = np.sort(one, axis=None), np.sort(other, axis=None)
    return one.size == other.size and error(one, other, magnitude(other)) <= LOCAL


def _returned_instead(sides: Sides, node: Node, value: Value) -> Value | None:
    """What a node reads, where the model returns that in place of its result."""
    returned = sides.trace.returned or []
    place = sides.graph.outputs.index(value) if value in sides.graph.outputs and sides.around is None else len(returned)
    if place >= len(returned) or not numeric(returned[place]):
        return None
    read = [(each, sides.alignment.entries[sides.matches[each].entry].array) for each in node.reads() if each in sides.matches]
    return next((each for each, array in read if np.array_equal(array, returned[place])), None)


_PADDING = re.compile("as if (the padding|it were padded)")


def _is_read(sides: Sides, node: Node, array: np.ndarray) -> bool:
    """Whether a tensor has the numbers of something that the node reads: then it is nothing that the node may have given."""
    given = [(value, reference.numbers(value, sides.values)) for value in node.inputs]
    return any(
        numeric(own) and own.size == array.size and causes.explains(own, array, None, sides.plan.of(value))
        for value, own in given
    )


def _padded(sides: Sides, after: Sequence[int], place: int) -> int:
    """The place of what a node reads with numbers put around it, where it has a line of its own; else the node's own."""
    entries = sides.alignment.entries
    steps = [each for each in sides.unknown(after) if each < place and each in entries[place].operands]
    return steps[0] if len(steps) == 1 and entries[steps[0]].line is not None else place


def _ends_in(sides: Sides, place: int) -> bool:
    """Whether the code ends in the line of a tensor, which then is not all that the line computes."""
    raised = sides.trace.raised
    ends = raised is not None and not raised["ran"] and raised["lines"]
    return bool(ends) and raised["lines"][-1] == sides.alignment.entries[place].line


def _last_of_line(sides: Sides, places: Sequence[int]) -> int | None:
    """The last of those that stand in one line with the first; the first itself where a layer gives it."""
    if places and sides.alignment.entries[places[0]].constructor is not None:
        return places[0]
    lines = [sides.alignment.entries[place].line for place in places]
    return max((place for place, line in zip(places, lines, strict=True) if line == lines[0]), default=None)
