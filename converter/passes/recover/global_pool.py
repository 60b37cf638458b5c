"""The mean of each channel over all places is a global average pooling."""

from __future__ import annotations

from converter.graph import Graph, Node


def global_pool(graph: Graph) -> None:
    """ReduceMean over all axes behind the channels, which keeps them, becomes GlobalAveragePool.

    Only of two or three axes of space: for more the targets have no layer, and the one last axis of three is mostly no space.
    """
    for place, node in enumerate(graph.nodes):
        if _is_global(node):
            x = node.inputs[0]
            node.detach()
            graph.nodes[place] = Node(
                "GlobalAveragePool", [x], node.outputs, name=node.name, origin=node.origin, scope=node.scope
            )


def _is_global(node: Node) -> bool:
    if node.op_type != "ReduceMean" or node.domain or not node["keepdims"] or node.input(1) is None:
        return False
    x, axes = node.inputs[0], node.inputs[1].array
    if x.rank not in (4, 5) or x.dtype is None or x.dtype.kind != "f" or axes is None:
        return False
    return sorted(axis % x.rank for axis in axes.reshape(-1).tolist()) == list(range(2, x.rank))
