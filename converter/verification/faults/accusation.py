"""The blame for a node that the emitted code computes otherwise: what its result became there, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from converter.graph import Node, Value
from converter.verification import causes, reference
from converter.verification.alignment import Match, error, magnitude, numeric
from converter.verification.causes.hypothesis import said
from converter.verification.faults import fused
from converter.verification.faults import inputs as misread
from converter.verification.layers import Blame
from converter.verification.sides import LOCAL, LookInto, Sides

_TRIED, _ALIKE = 12, 400
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
    if not cause and (flat := _flattened_otherwise(sides, node)) is not None:
        return flat
    inputs = [reference.numbers(each, sides.values) for each in node.inputs]
    after = [sides.matches[each].entry for each in node.reads() if each in sides.matches]
    raised = sides.trace.raised
    match = sides.matches.get(value)
    if value is None:
        return sides.blame(node, "writing", None, None, cause)
    if not cause and (moved := misread.misplaced(sides, node)) is not None:
        return moved
    if not cause and (before := _behind(sides, node, value)) is not None:
        return before
    if not cause and (read := misread.another(sides, node, value)) is not None:
        return read
    unknown = sides.unknown(after)
    unknown = [each for each in unknown if not sides.is_part(each)] or unknown
    tensors = {place: sides.alignment.entries[place].array for place in unknown[:_TRIED]}
    tensors = {place: array for place, array in tensors.items() if not _is_read(sides, node, array)}
    follows = any(set(after) & set(sides.alignment.entries[place].operands) for place in tensors)
    ended = raised is not None and not raised["ran"] and not follows
    if match is None and not ended:
        among = sides.alone_from(after, unknown) or unknown
        match = sides.alignment.resembling(sides.values[value], sides.plan.of(value), among[:_ALIKE])
    candidates = list(dict.fromkeys([*([] if match is None else [match.entry]), *tensors]))
    place = match.entry if match is not None else _last_of_line(sides, candidates)
    if not cause:
        arrays = [sides.alignment.entries[each].array for each in candidates]
        cause, which = causes.writing(node, inputs, node.outputs.index(value), arrays, sides.plan.of(value))
        if which is not None:
            place, ended = candidates[which], False
            match = match if match is not None and place == match.entry else None
        elif not ended:
            cause, given = causes.left_out(node, inputs, value, sides.values, arrays)
            place = sides.entry_of(given) if given in sides.matches else place
            if not cause and (given := _returned_instead(sides, node, value)) is not None:
                cause, place = "as if it were left out", sides.entry_of(given)
            match = None if cause else match
        if not cause and (one := fused.find(sides, node, value, arrays)) is not None:
            other, cause, which = one
            sides.place(other, candidates[which])
            return sides.blame(other, "writing", sides.values[other.outputs[0]], None, cause)
    if place is not None and not ended:
        sides.place(node, _padded(sides, after, place) if _PADDING.match(cause) and node.op_type != "ConvTranspose" else place)
    elif raised is not None:
        end = sides.end(node)
        cause = cause or end
    found = None if match is None else match.array
    if found is None and not cause and not ended and _ends_in(sides, place):
        cause = sides.end(node)
    if found is None and not cause:
        shapes = {tuple(getattr(array, "shape", ())) for array in inputs}
        if raised is None and sides.values[value].shape in shapes:
            cause = "as if it were left out"
        elif place is not None:
            cause = f"its shape is {sides.alignment.entries[place].array.shape} in the emitted code"
    return sides.blame(node, "writing", sides.values[value], found, cause)


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
        after = [sides.matches[each].entry for each in shown.producer.reads() if each in sides.matches]
        match = sides.matches.get(shown)
        if match is None:
            match = sides.alignment.resembling(sides.values[shown], sides.plan.of(shown), sides.unknown(after)[:12])
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
        for later in [*behind[:_TRIED], *sides.from_elsewhere(known.array.size)[:_TRIED]]:
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


def _ends_in(sides: Sides, place: int | None) -> bool:
    """Whether the code ends in the line of a tensor, which then is not all that the line computes."""
    raised = sides.trace.raised
    ends = place is not None and raised is not None and not raised["ran"] and raised["lines"]
    return bool(ends) and raised["lines"][-1] == sides.alignment.entries[place].line


def _last_of_line(sides: Sides, places: Sequence[int]) -> int | None:
    """The last of those that stand in one line with the first; the first itself where a layer gives it."""
    if places and sides.alignment.entries[places[0]].constructor is not None:
        return places[0]
    lines = [sides.alignment.entries[place].line for place in places]
    return max((place for place, line in zip(places, lines, strict=True) if line == lines[0]), default=None)
