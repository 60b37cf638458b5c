"""Softmax over one axis is said so, whichever way round an exporter wrote it."""

from __future__ import annotations

from converter.graph import Graph, Node

_FAMILY = {"Softmax", "LogSoftmax", "Hardmax"}


def plain_softmax(graph: Graph) -> None:
    """Without a Flatten and Reshape around it that keep its axis whole, and without a Transpose and its inverse.

    Before opset 13 it ran over all axes from one on, flattened together: where their number was unknown on reading, it was read
    so. MATLAB moves the channels of an image to the end for it, and back [files].
    """
    gone: set[Node] = set()
    for node in graph.nodes:
        if node.op_type not in _FAMILY or node.domain:
            continue
        for axis_of in (_flattened, _transposed):
            around = _around(graph, node)
            axis = None if around is None else axis_of(*around, node)
            if axis is not None:
                before, after = around
                node.set_input(0, before.inputs[0])
                node.attributes["axis"] = axis
                node.outputs = after.outputs
                node.output.producer = node
                before.detach()
                after.detach()
                gone |= {before, after}
    graph.nodes = [node for node in graph.nodes if node not in gone]


def _around(graph: Graph, node: Node) -> tuple[Node, Node] | None:
    """What makes its input and what alone reads its output, where nothing else reads either."""
    before, users = node.inputs[0].producer, node.output.users
    if before is None or before.domain or len(before.output.users) != 1 or before.output in graph.outputs or len(users) != 1:
        return None
    after, index = users[0]
    own = after in graph.nodes and before in graph.nodes
    return (before, after) if own and index == 0 and not after.domain and node.output not in graph.outputs else None


def _flattened(before: Node, after: Node, node: Node) -> int | None:
    if before.op_type != "Flatten" or after.op_type != "Reshape" or node["axis"] not in (1, -1):
        return None
    shape, axis = before.inputs[0].shape, before["axis"]
    if not shape or None in shape or after.output.shape != shape:
        return None
    axis %= len(shape)
    return axis if all(size == 1 for size in shape[axis + 1 :]) else None


def _transposed(before: Node, after: Node, node: Node) -> int | None:
    if before.op_type != "Transpose" or after.op_type != "Transpose":
        return None
    there, back = before["perm"], after["perm"]
    if there is None or back is None or [there[axis] for axis in back] != list(range(len(there))):
        return None
    return there[node["axis"]]
