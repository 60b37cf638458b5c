"""The halves of the features changed for each other, as rotary positions do it, are one operator."""

from __future__ import annotations

from converter import functions
from converter.graph import Graph, Node, Value
from converter.passes.recover.pattern import Pattern, replace

_HALVES = Pattern("Concat(-Slice(x, middle, end, axis), Slice(x, begin, half, same), axis=-1)")


def rotate_half(graph: Graph) -> None:
    """The second half of the last axis turned negative, and then the first, becomes RotateHalf."""
    for match in _HALVES.matches(graph):
        x = match["x"]
        concat, size = match.nodes[0], x.shape[-1] if x.shape else None
        slices = [node for node in match.nodes if node.op_type == "Slice"]
        if len(concat.inputs) != 2 or not isinstance(size, int) or size % 2 or not size:
            continue
        if [_range(node, size) for node in slices] == [range(size // 2, size), range(size // 2)]:
            replace(graph, match, "RotateHalf", [x], domain=functions.DOMAIN)


def _range(node: Node, size: int) -> range | None:
    """What is taken of the last axis, None where another axis is cut."""
    begin, end, axis, step = (_number(node.input(index)) for index in (1, 2, 3, 4))
    if begin is None or end is None or axis is None or axis % node.inputs[0].rank != node.inputs[0].rank - 1:
        return None
    return range(size)[slice(begin, end, step)] if step or node.input(4) is None else None


def _number(value: Value | None) -> int | None:
    array = None if value is None else value.array
    return int(array.reshape(())) if array is not None and array.size == 1 else None
