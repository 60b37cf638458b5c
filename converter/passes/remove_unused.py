"""Nodes whose results nobody reads are dropped."""

from __future__ import annotations

import onnx.defs

from converter.graph import Graph, Node, Value, onnx_schema


def remove_unused(graph: Graph) -> None:
    """Also drop what nobody reads at the end of a node's outputs: the mask of Dropout, the indices of MaxPool.

    Not where the standard demands an output (both of TopK), or where there may be any number: the parts of a Split and the
    states of a Loop count, read or not.
    """
    graph.remove_unused()
    for node in graph.nodes:
        least = _least_outputs(node)
        while len(node.outputs) > least and _is_unread(graph, node.outputs[-1]):
            node.outputs.pop()


def _least_outputs(node: Node) -> int:
    schema = onnx_schema(node.op_type, node.domain)
    if schema is None:
        return 1
    variadic = schema.outputs[-1].option == onnx.defs.OpSchema.FormalParameterOption.Variadic
    if node.op_type == "BatchNormalization" and node["training_mode"]:
        return 3  # onnxruntime asks for all
    return len(node.outputs) if variadic else max(1, schema.min_output)


def _is_unread(graph: Graph, value: Value | None) -> bool:
    return value is None or (not value.users and value not in graph.outputs)
