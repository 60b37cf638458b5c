"""Nodes that hand their input on unchanged."""

from __future__ import annotations

import numpy as np
import onnx.helper

from converter.graph import Graph, Node

_END = np.iinfo(np.int32).max  # exporters write this, or more, for "up to the end"


def remove_identity(graph: Graph) -> None:
    """Identity, Cast to the type the value has, Transpose that moves no axis, Reshape and Expand to the same shape, Pad by
    nothing, Slice from start to end, Concat of one tensor, pooling of single elements. Dropout stays: it is a layer people look
    for.

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
    if node.op_type in ("Reshape", "Expand"):
        shape = node.inputs[0].shape
        return shape is not None and None not in shape and shape == node.output.shape
    if node.op_type == "Pad":
        amounts = None if node.inputs[1] is None else node.inputs[1].array
        return amounts is not None and not amounts.any()
    if node.op_type == "Concat":
        return len(node.inputs) == 1
    if node.op_type == "Slice":
        return _takes_all(node)
    if node.op_type in ("AveragePool", "MaxPool"):
        single = all(size == 1 for name in ("kernel_shape", "strides") for size in node[name] or (1,))
        return (
            single
            and node["auto_pad"] == "NOTSET"
            and (node["pads"] is None or node["pads"].is_zero)
            and len(node.outputs) == 1
        )
    return node.op_type == "Identity"


def _takes_all(node: Node) -> bool:
    """Whether a Slice takes each axis from its start to its end, forwards."""
    starts, ends, _, steps = (None if value is None else value.array for value in (*node.inputs[1:], None, None)[:4])
    if starts is None or ends is None or (node.input(4) is not None and steps is None):
        return False
    return not starts.any() and (ends >= _END).all() and (steps is None or (steps == 1).all())
