"""The names of MATLAB's layers."""

from __future__ import annotations

from converter.graph import Graph


def name_layers(graph: Graph) -> None:
    """Give a node the name of its layer, where the exporter wrote the layer as several nodes and no other has that name.

    They are called after the layer and their operator: ``fc_Flatten``, ``fc_MatMul`` and ``fc_Add``, ``flatten_Transpose`` and
    ``flatten_Flatten`` [files]. The product is what a fully connected layer is.
    """
    taken = {node.name for node in graph.nodes} | {value.name for value in graph.inputs}
    for node in sorted(graph.nodes, key=lambda node: (node.op_type != "MatMul", node.op_type != "Flatten")):
        layer = node.name.removesuffix(f"_{node.op_type}")
        if layer not in taken:
            node.name = layer
            taken.add(layer)
