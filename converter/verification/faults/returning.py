"""Faults of returning: a result is as it should be, but not returned in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from converter.graph import Value
from converter.verification.alignment import Alignment, error, numeric
from converter.verification.compare import magnitude
from converter.verification.layers import Blame
from converter.verification.sides import LOCAL, Sides
from converter.verification.worker import Entry


def find(sides: Sides, outputs: Sequence[Value]) -> Blame | None:
    """The first layer whose result is computed as it should be, but not returned in its place."""
    if sides.trace is None or sides.around is not None:
        return None
    if (raised := sides.trace.raised) is not None and raised["loaded"]:
        computed = [value.producer for value in sides.matches if value.producer in sides.rows]
        last = max(computed, key=lambda node: sides.rows[node], default=None)
        return None if last is None else sides.blame(last, "writing", None, None, sides.end(last))
    if sides.trace.returned is None:
        return None
    returned = _returned(sides) or []
    # no layer was to blame, so what an output that was recognised is off by is rounding that grew
    own = [(place, value) for place, value in enumerate(sides.graph.outputs) if value in outputs and value in sides.matches]
    own = [(place, value) for place, value in own if value.producer in sides.rows]
    count = len(sides.graph.outputs)
    for place, value in own:
        found = [at for at, array in enumerate(returned) if _is_value(sides, array, value)]
        if place not in found:
            return _not_in_place(sides, place, value, found, returned)
    for place, array in enumerate(returned[count:], count):
        value = _known_as(sides, array)
        if value is not None:
            cause = f"the model returns it as output {place} too, where the source has {count} outputs"
            return sides.blame(value.producer, "writing", None, None, cause)
    for _, value in own if sides.trace.raised is None else ():
        cause = "it is computed as it should be, but the model returns something else in its place"
        if right(sides, sides.trace.returned):
            cause = "it is as it should be when this case is asked again: what differs depends on more than the inputs"
        return sides.blame(value.producer, "writing", sides.values[value], None, cause)
    return None


def right(sides: Sides, returned: Sequence[Any] | None, answers: Mapping[str, Any] | None = None) -> bool:
    """Whether the model has given back every output as it should be: as in this case, or as ``answers`` has it by name."""
    if len(returned or ()) != len(sides.graph.outputs):
        return False
    for value, array in zip(sides.graph.outputs, returned, strict=True):
        expected = sides.values.get(value) if answers is None else answers.get(value.name)
        if not numeric(expected) or not numeric(array) or array.size != expected.size:
            return False
        match = Alignment([Entry(None, None, [], array)]).match(expected, sides.plan.of(value), [])
        if match is None or sides.apart(match.array, expected, value):
            return False
    return True


def _returned(sides: Sides) -> list[Any] | None:
    """What the model gave back; a tuple of a model with one output by its items."""
    returned = sides.trace.returned
    if returned is not None and len(sides.graph.outputs) == 1 and len(returned) == 1 and isinstance(returned[0], list):
        return returned[0]
    return returned


def _is_value(sides: Sides, array: Any, value: Value) -> bool:
    """Whether an array in stored axis order is what the code computed for the value."""
    stored = sides.alignment.entries[sides.matches[value].entry].array
    return numeric(array) and array.shape == stored.shape and error(array, stored, magnitude(stored)) <= LOCAL


def _known_as(sides: Sides, array: Any) -> Value | None:
    """The value that an array is, the last to be computed."""
    return next((v for v in reversed(sides.matches) if v.producer in sides.rows and _is_value(sides, array, v)), None)


def _not_in_place(sides: Sides, place: int, value: Value, found: Sequence[int], returned: Sequence[Any]) -> Blame:
    instead = _known_as(sides, returned[place]) if place < len(returned) else None
    if found:
        what = f"it as output {found[0]} instead of {place}"
    elif place >= len(returned):
        what = f"{len(returned)} instead of {len(sides.graph.outputs)} outputs"
    else:
        what = "something else" if instead is None else f"the result of {sides.layers[sides.rows[instead.producer]].name!r}"
        what = f"{what} in its place"
    cause = f"it is computed as it should be, but the model returns {what}"
    return sides.blame(value.producer, "writing", sides.values[value], None, cause)
