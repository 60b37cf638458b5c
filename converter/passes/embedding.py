"""Rows of a trained matrix, chosen by whole numbers, are an embedding layer."""

from __future__ import annotations

from converter import functions
from converter.graph import Graph, Node


def embedding(graph: Graph) -> None:
    """Gather of the rows of a trained matrix becomes Embedding.

    Unlike Gather the targets' layers do not count negative numbers from the end: they refuse them.
    """
    for place, gather in enumerate(graph.nodes):
        if gather.op_type != "Gather" or gather.domain or gather["axis"] != 0:
            continue
        table, indices = gather.inputs
        if table.weight is None or not table.weight.trainable or table.rank != 2 or indices.weight is not None:
            continue
        gather.detach()
        graph.nodes[place] = Node(
            "Embedding",
            [indices, table],
            gather.outputs,
            name=gather.name,
            domain=functions.DOMAIN,
            origin=gather.origin,
            scope=gather.scope,
        )
