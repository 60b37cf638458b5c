"""The halves of the features changed for each other, as rotary positions do it, are one operator."""

from __future__ import annotations

from converter import functions
from converter.graph import Graph
from converter.passes.recover.pattern import Match, Pattern, is_closed, replace
from converter.passes.recover.slices import part_of

_HALVES = Pattern("Concat(-second, first, axis=-1)")


def rotate_half(graph: Graph) -> None:
    """The second half of the last axis turned negative, and then the first, becomes RotateHalf."""
    for match in _HALVES.matches(graph):
        parts = [part_of(match[name], -1) for name in ("second", "first")]
        if len(match.nodes[0].inputs) != 2 or None in parts or parts[0][0] is not parts[1][0]:
            continue
        x, size = parts[0][0], parts[0][0].shape[-1]
        producers = dict.fromkeys(match[name].producer for name in ("second", "first"))
        whole = Match(match.values, [*match.nodes, *producers])
        halves = [range(size // 2, size), range(size // 2)] if isinstance(size, int) and size and not size % 2 else None
        if [places for _, places in parts] == halves and is_closed(graph, whole):
            replace(graph, whole, "RotateHalf", [x], domain=functions.DOMAIN)
