"""CastLike to a known type is Cast, which folds where its input is a constant."""

from __future__ import annotations

import onnx.helper

from converter.graph import Graph, Node


def cast_like(graph: Graph) -> None:
    """Replace each CastLike whose type is known by a Cast that rounds and saturates alike."""
    for index, node in enumerate(graph.nodes):
        like = node.inputs[1] if node.op_type == "CastLike" and not node.domain else None
        if like is None or like.dtype is None:
            continue
        attributes = node.attributes | {"to": onnx.helper.np_dtype_to_tensor_dtype(like.dtype)}
        data, outputs = node.inputs[0], node.outputs
        node.detach()
        graph.nodes[index] = Node("Cast", [data], outputs, attributes, name=node.name, origin=node.origin, scope=node.scope)
