"""Faults of overwriting: a layer writes over its input (``inplace=True``), which is read again."""

from __future__ import annotations

from converter.verification.layers import Blame
from converter.verification.sides import Sides


def find(sides: Sides) -> Blame | None:
    """The first layer that writes over what another reads after it."""
    entries = sides.alignment.entries
    for place, entry in enumerate(entries):
        if not entry.over or not any(set(later.operands) & set(entry.operands) for later in entries[place + 1 :]):
            continue
        node = next((node for node in sides.rows for v in node.outputs if sides.entry_of(v) == place), None)
        if node is not None:
            return sides.blame(node, "writing", None, None, "it is written over its input, which is read again")
    return None
