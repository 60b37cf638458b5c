"""The blame for a node that the emitted code computes otherwise: what its result became there, and why."""

from __future__ import annotations

from collections.abc import Sequence

from converter.graph import Node, Value
from converter.verification import causes, reference
from converter.verification.alignment import Match, numeric
from converter.verification.faults import fused
from converter.verification.layers import Blame
from converter.verification.sides import LOCAL, LookInto, Sides


def accuse(sides: Sides, look_into: LookInto, node: Node, cause: str = "") -> Blame:
    """The node is to blame: what its result became, and why."""
    if any(node.subgraphs()) and (inside := look_into(node, "writing", sides.held)) is not None:
        return inside
    values = [value for value in node.outputs if value is not None and numeric(sides.values.get(value))]
    value = next((v for v in values if v in sides.visible and not sides.is_near(v)), values[0] if values else None)
    if value is not None and not any(each in sides.visible for each in values) and cause:
        return _accuse_fused(sides, node, value, cause)
    inputs = [reference.numbers(each, sides.values) for each in node.inputs]
    after = [sides.matches[each].entry for each in node.reads() if each in sides.matches]
    row = sides.layers[sides.rows[node]]
    raised = sides.trace.raised
    match = sides.matches.get(value)
    if value is None:
        return sides.blame(node, "writing", None, None, cause)
    tensors = {place: sides.alignment.entries[place].array for place in sides.unknown(after)[:12]}
    if match is None:
        match = sides.alignment.resembling(sides.values[value], sides.plan.of(value), list(tensors))
    if match is not None and (before := _behind(sides, look_into, node, value, match)) is not None:
        return before
    candidates = list(dict.fromkeys([*([] if match is None else [match.entry]), *tensors]))
    place = match.entry if match is not None else _last_of_line(sides, candidates)
    if not cause:
        arrays = [sides.alignment.entries[each].array for each in candidates]
        cause, which = causes.writing(node, inputs, node.outputs.index(value), arrays, sides.plan.of(value))
        if which is not None:
            place = candidates[which]
            match = match if match is not None and place == match.entry else None
        else:
            cause = causes.left_out(node, inputs, value, sides.values, arrays)
            match = None if cause else match
        if not cause and (one := fused.find(sides, node, value, arrays)) is not None:
            other, cause, which = one
            sides.place(sides.layers[sides.rows[other]], candidates[which])
            return sides.blame(other, "writing", sides.values[other.outputs[0]], None, cause)
    if place is not None:
        sides.place(row, place)
    elif raised is not None:
        row.line = raised["lines"][-1] if raised["lines"] else None
        row.code = sides.code(row.line)
        cause = cause or f"there the code ends with {raised['message']}"
    found = None if match is None else match.array
    if found is None and not cause:
        shapes = {tuple(getattr(array, "shape", ())) for array in inputs}
        if raised is None and sides.values[value].shape in shapes:
            cause = "as if it were left out"
        elif place is not None:
            cause = f"its shape is {sides.alignment.entries[place].array.shape} in the emitted code"
    return sides.blame(node, "writing", sides.values[value], found, cause)


def _accuse_fused(sides: Sides, node: Node, value: Value, cause: str) -> Blame:
    """The blame for a node that the emitted code computes together with others: it has a tensor of their result alone."""
    shown = next((each for each in sides.shown([value]) if not sides.is_near(each)), None)
    if shown is not None:
        after = [sides.matches[each].entry for each in shown.producer.reads() if each in sides.matches]
        match = sides.matches.get(shown)
        if match is None:
            match = sides.alignment.resembling(sides.values[shown], sides.plan.of(shown), sides.unknown(after)[:12])
        if match is not None:
            sides.place(sides.layers[sides.rows[node]], match.entry)
    return sides.blame(node, "writing", sides.values[value], None, cause)


def _behind(sides: Sides, look_into: LookInto, node: Node, value: Value, match: Match) -> Blame | None:
    """The blame for what one of the node's inputs became after it was as it should be, where the node computes what was
    found from that."""
    index = node.outputs.index(value)
    for place, given in enumerate(node.inputs):
        known = sides.matches.get(given)
        if known is None or given.producer not in sides.rows:
            continue
        later = [each for each in sides.unknown([known.entry]) if known.entry < each < match.entry]
        became = sides.alignment.resembling(sides.values[given], sides.plan.of(given), later[:12])
        if became is None or became.relative <= LOCAL:
            continue
        inputs = [became.array if i == place else reference.numbers(v, sides.values) for i, v in enumerate(node.inputs)]
        results = reference.of_node(node, inputs)
        if results is not None and not sides.apart(match.array, results[index], value, local=True):
            sides.become(given, became)
            return accuse(sides, look_into, given.producer)
    return None


def _last_of_line(sides: Sides, places: Sequence[int]) -> int | None:
    """The last of those that stand in one line with the first."""
    lines = [sides.alignment.entries[place].line for place in places]
    return max((place for place, line in zip(places, lines, strict=True) if line == lines[0]), default=None)
