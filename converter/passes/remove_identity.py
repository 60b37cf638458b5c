"""Nodes that hand their input on unchanged."""

from __future__ import annotations

import onnx.helper

from converter.graph import Graph, Node


def remove_identity(graph: Graph) -> None:
    """Identity, Cast to the type the value has, Transpose that moves no axis, Reshape of a lone number. Dropout stays: it is a
    layer people look for.

    One that carries an input, a weight, a value of the graph around or another output to an output of the graph stays: an
    output has a name of its own.
    """
    removed, own = set(), set(graph.nodes)
    for node in graph.nodes:
        if not _is_identity(node):
            continue
        source = node.inputs[0]
        named = source in graph.inputs or source in graph.outputs or source.producer not in own
        if node.output in graph.outputs and named:
            continue
        graph.replace_all_uses(node.output, source)
        node.detach()
        removed.add(node)
    graph.nodes = [node for node in graph.nodes if node not in removed]


def _is_identity(node: Node) -> bool:
    if node.domain or not node.inputs or node.inputs[0] is None:
        return False
    if node.op_type == "Cast":
        dtype = node.inputs[0].dtype
        return dtype is not None and onnx.helper.tensor_dtype_to_np_dtype(node["to"]) == dtype
    if node.op_type == "Transpose":
        return node["perm"] is not None and node["perm"] == tuple(range(len(node["perm"])))
    if node.op_type == "Reshape":
        return node.inputs[0].shape == node.output.shape == ()
    return node.op_type == "Identity"
