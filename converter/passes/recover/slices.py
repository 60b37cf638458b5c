"""What a Slice, or a part of a Split, takes, where that is known."""

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


def part_of(value: Value, axis: int) -> tuple[Value, range] | None:
    """(whole, the places along ``axis`` that ``value`` is of it), where a Slice or a Split of that axis alone tells them."""
    node = value.producer
    if node is None or node.domain or node.op_type not in ("Slice", "Split"):
        return None
    places = taken(node, axis) if node.op_type == "Slice" else _part(node, node.outputs.index(value), axis)
    return None if places is None else (node.inputs[0], places)


def _part(node: Node, index: int, axis: int) -> range | None:
    rank = node.inputs[0].rank
    if not rank or node["axis"] % rank != axis % rank:
        return None
    sizes = [output.shape[axis] if output is not None and output.shape else None for output in node.outputs[: index + 1]]
    if not all(isinstance(size, int) for size in sizes):
        return None
    return range(sum(sizes[:index]), sum(sizes))


def _number(value: Value | None) -> int | None:
    array = None if value is None else value.array
    return int(array.reshape(())) if array is not None and array.size == 1 else None
