"""Faults between layers: a result that is as it should be, but changed before it is read, by too little for what reads it to
show it: fewer digits of scores, say, that stand beside the coordinates of boxes."""

from __future__ import annotations

from converter.graph import Value
from converter.verification.alignment import Match
from converter.verification.faults.accusation import changed
from converter.verification.layers import Blame
from converter.verification.sides import LOCAL, Sides

_ALIKE = 1e-2
"""Relative difference up to which a tensor is what another one became."""


def find(sides: Sides) -> Blame | None:
    """The first node whose result something else stands for where it is read."""
    known = {match.entry for match in sides.matches.values()}
    for node in sides.graph.nodes:
        for match in [sides.matches[value] for value in node.outputs if value in sides.matches]:
            operands = set(sides.alignment.entries[match.entry].operands)
            for value in node.reads():
                if _is_computed(sides, value, {match.entry, *operands}):
                    became = _became(sides, value, sorted(operands - known))
                    if became is not None:
                        return changed(sides, value, became)
    return None


def _is_computed(sides: Sides, value: Value, places: set[int]) -> bool:
    """Whether the emitted code computes the value, and has it elsewhere than at ``places``: what reads it, and the result of
    that, as of a rectifier where nothing is negative."""
    return value.producer in sides.rows and value in sides.matches and sides.matches[value].entry not in places


def _became(sides: Sides, value: Value, places: list[int]) -> Match | None:
    own, allowed = sides.matches[value].array, max(LOCAL, sides.tolerance(value).relative)
    for place in places if own.dtype.kind == "f" else ():
        found = sides.alignment.resembling(own, sides.plan.of(value), [place])
        if found is not None and allowed < found.relative <= _ALIKE:
            return found
    return None
