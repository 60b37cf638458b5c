"""What works on the last axis alone needs none of the others merged."""

from __future__ import annotations

from collections.abc import Iterator

from converter import functions
from converter.emitters.layout import same
from converter.graph import Graph, Node, Value
from converter.operators.registry import room_of


def between_reshapes(graph: Graph) -> None:
    """A Reshape that keeps the last axis goes, with those that undo it, where all between them works on the last axis alone.

    So ``x.reshape(batch, -1, channels)`` before an MLP of every place of an image, and back after it.
    """
    for node in list(graph.nodes):
        if node in graph.nodes and _keeps_last(node):
            x, leading = node.inputs[0], node.inputs[0].shape[:-1]
            inside: dict[Value, None] = {node.output: None}
            ends: list[Node] = []
            if _follow(graph, node.output, leading, inside, ends) and ends:
                for value in inside:
                    value.shape = (*leading, value.shape[-1])
                graph.replace_all_uses(node.output, x)
                graph.remove(node)
                for end in ends:
                    graph.replace_all_uses(end.output, end.inputs[0])
                    graph.remove(end)


def _keeps_last(node: Node) -> bool:
    if node.op_type != "Reshape" or node.domain:
        return False
    before, after = node.inputs[0].shape, node.output.shape
    if not before or not after or None in before or None in after or len(before) == len(after):
        return False
    return node.inputs[0].weight is None and isinstance(before[-1], int) and before[-1] == after[-1] and len(after) > 1


def _follow(graph: Graph, start: Value, leading: tuple, inside: dict[Value, None], ends: list[Node]) -> bool:
    """Collect what is made of ``start`` on the last axis, and the Reshapes that undo it; whether nothing else reads it."""
    waiting = [start]
    merged = start.shape[:-1]
    while waiting:
        value = waiting.pop()
        if value in graph.outputs:
            return False
        for user, index in value.users:
            if user not in graph.nodes:
                return False
            if (
                user.op_type == "Reshape"
                and not user.domain
                and index == 0
                and user.output.shape == (*leading, value.shape[-1])
            ):
                if user.output in graph.outputs:
                    return False
                ends.append(user)
            elif not _is_of_last(user, index) or user.output.shape is None or user.output.shape[:-1] != merged:
                return False
            elif user.output not in inside:
                inside[user.output] = None
                waiting.append(user.output)
    made = {user for value in inside for user, _ in value.users}
    return all(other in inside for user in made for other in _others(user)) and len(set(ends)) == len(ends)


def _others(node: Node) -> Iterator[Value]:
    """What a node reads that is as long as what it makes; weights of the last axis are not."""
    if node.op_type != "Reshape":
        yield from (value for value in node.inputs if value is not None and value.weight is None)


def _is_of_last(node: Node, index: int) -> bool:
    """Whether a node makes each row along the last axis of one row, however many there are and whatever their order."""
    if len(node.outputs) != 1:
        return False
    others = [value for place, value in enumerate(node.inputs) if place != index and value is not None]
    if node.op_type in ("LayerNormalization", "RMSNormalization") and not node.domain:
        return index == 0 and node["axis"] in (-1, node.inputs[0].rank - 1) and all(v.rank == 1 for v in others)
    if (node.domain, node.op_type) in ((functions.DOMAIN, "Linear"), ("", "MatMul")):
        return index == 0 and node.inputs[1].weight is not None and node.inputs[1].rank == 2
    room = room_of(node)
    rowwise = room is not None and room.layout is same and not node.domain and "axis" not in node.attributes
    return rowwise and all(value.weight is None or value.rank in (0, 1) for value in others)
