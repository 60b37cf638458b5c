"""What a Slice takes, where that is known."""

from __future__ import annotations

from converter.graph import Node, Value


def taken(node: Node, axis: int) -> range | None:
    """The places along ``axis``, from 0, that a Slice of that axis alone takes; None where they or its size are unknown."""
    rank = node.inputs[0].rank
    size = node.inputs[0].shape[axis] if rank else None
    begin, end, along, step = (_number(node.input(index)) for index in (1, 2, 3, 4))
    if not isinstance(size, int) or begin is None or end is None or along is None or along % rank != axis % rank:
        return None
    return range(size)[slice(begin, end, step)] if step or node.input(4) is None else None


def _number(value: Value | None) -> int | None:
    array = None if value is None else value.array
    return int(array.reshape(())) if array is not None and array.size == 1 else None
