"""The halves of the features changed for each other, as rotary positions do it, are one operator."""

from __future__ import annotations

from converter import functions
from converter.graph import Graph
from converter.passes.recover.pattern import Pattern, replace
from converter.passes.recover.slices import taken

_HALVES = Pattern("Concat(-Slice(x, middle, end, axis), Slice(x, begin, half, same), axis=-1)")


def rotate_half(graph: Graph) -> None:
    """The second half of the last axis turned negative, and then the first, becomes RotateHalf."""
    for match in _HALVES.matches(graph):
        x = match["x"]
        concat, size = match.nodes[0], x.shape[-1] if x.shape else None
        slices = [node for node in match.nodes if node.op_type == "Slice"]
        if len(concat.inputs) != 2 or not isinstance(size, int) or size % 2 or not size:
            continue
        if [taken(node, -1) for node in slices] == [range(size // 2, size), range(size // 2)]:
            replace(graph, match, "RotateHalf", [x], domain=functions.DOMAIN)
