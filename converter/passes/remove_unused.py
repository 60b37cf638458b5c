"""Nodes whose results nobody reads are dropped."""

from __future__ import annotations

from converter.graph import Graph, Value


def remove_unused(graph: Graph) -> None:
    """Also drop what nobody reads at the end of a node's outputs: the mask of Dropout, the indices of MaxPool."""
    graph.remove_unused()
    for node in graph.nodes:
        while len(node.outputs) > 1 and (node.outputs[-1] is None or _is_unread(graph, node.outputs[-1])):
            node.outputs.pop()


def _is_unread(graph: Graph, value: Value) -> bool:
    return not value.users and value not in graph.outputs
