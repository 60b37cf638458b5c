"""Nodes whose results nobody reads are dropped."""

from __future__ import annotations

import onnx.defs

from converter.graph import Graph, Node, Value, onnx_schema


def remove_unused(graph: Graph) -> None:
    """Also drop what nobody reads at the end of a node's outputs: the mask of Dropout, the indices of MaxPool.

    Not where an operator has any number of outputs: the parts of a Split and the states of a Loop count, read or not.
    """
    graph.remove_unused()
    for node in graph.nodes:
        while len(node.outputs) > 1 and not _counts_outputs(node) and _is_unread(graph, node.outputs[-1]):
            node.outputs.pop()


def _counts_outputs(node: Node) -> bool:
    schema = onnx_schema(node.op_type, node.domain)
    return schema is not None and schema.outputs[-1].option == onnx.defs.OpSchema.FormalParameterOption.Variadic


def _is_unread(graph: Graph, value: Value | None) -> bool:
    return value is None or (not value.users and value not in graph.outputs)
