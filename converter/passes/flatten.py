"""A Reshape that flattens each sample is written as what it is."""

from __future__ import annotations

import math

from converter.graph import Graph, Node


def flatten(graph: Graph) -> None:
    """Reshape to (batch, everything else), in any of its spellings, becomes Flatten with axis 1."""
    for index, node in enumerate(graph.nodes):
        if _is_flatten(node):
            data = node.inputs[0]
            node.detach()
            graph.nodes[index] = Node(
                "Flatten", [data], node.outputs, {"axis": 1}, name=node.name, origin=node.origin, scope=node.scope
            )


def _is_flatten(node: Node) -> bool:
    if node.op_type != "Reshape" or node.domain:
        return False
    data, target = node.inputs[0], node.inputs[1].array
    if target is None or len(target) != 2 or not data.shape or (node["allowzero"] and 0 in target):
        return False
    (batch, *rest), (first, second) = data.shape, target.tolist()
    size = math.prod(rest) if all(isinstance(size, int) for size in rest) else None
    if size == 0:
        return False
    whole_rest = second == -1 or second == size
    return (first == 0 and whole_rest) or (first == -1 and second == size) or (first == batch and whole_rest)
