"""Fully connected layers as the first releases of the exporter wrote them."""

from __future__ import annotations

import numpy as np

from converter.errors import Problem, UnsupportedError
from converter.graph import Graph, Node, Value
from converter.passes.infer_shapes import infer_shapes


def flatten_products(graph: Graph) -> list[Node]:
    """Put a Flatten before each Gemm and make an image of one pixel of what it gives; the Gemm nodes.

    Release 18.2.0 multiplies images, at opset 6, and calls the result an image too [files]; no opset and no runtime knows such
    a Gemm. Raises UnsupportedError where an image has several axes to be flattened, since their order is told nowhere.
    """
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.op_type != "Gemm" or node.domain or node["transA"]:
            nodes.append(node)
            continue
        flat, row = Value(f"{node.inputs[0].name}_flat"), Value(f"{node.output.name}_row")
        axes = Value.constant(np.array([2, 3]), f"{node.output.name}_axes")
        nodes.append(Node("Flatten", [node.inputs[0]], [flat], {"axis": 1}, origin=node.origin))
        image = Node("Unsqueeze", [row, axes], node.outputs, origin=node.origin)
        node.set_input(0, flat)
        node.outputs = [row]
        row.producer = node
        nodes += [node, image]
    graph.nodes = nodes
    products = [node for node in nodes if node.op_type == "Gemm" and not node.domain]
    infer_shapes(graph)
    for node in products:
        shape = node.inputs[0].producer.inputs[0].shape if node.inputs[0].producer is not None else None
        if shape is None or sum(size != 1 for size in shape[1:]) > 1:
            reason = f"multiplies an image of shape {shape}, and no standard tells in which order its elements count"
            raise UnsupportedError(Problem(reason, node.origin, "Export the network with OpsetVersion 7 or above."))
    return products
