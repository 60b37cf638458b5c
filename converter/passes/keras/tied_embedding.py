"""A matrix that an embedding and the last product share, as language models do, is one weight in Keras too."""

from __future__ import annotations

import numpy as np

from converter import functions
from converter.graph import Graph, Node, Value
from converter.passes.keras.positions import DOMAIN


def tied_embedding(graph: Graph) -> None:
    """An Embedding and a MatMul whose matrix holds the same trained numbers, transposed, become ReversibleEmbedding with one
    table: (indices, table), and (x, table) with ``reverse``.

    Exporters write the transposed matrix as a weight of its own. As
    https://keras.io/keras_hub/api/modeling_layers/reversible_embedding does it.
    """
    embeddings = [node for node in graph.nodes if (node.domain, node.op_type) == (functions.DOMAIN, "Embedding")]
    for node in [node for node in graph.nodes if node.op_type == "MatMul" and not node.domain]:
        lookup = next((each for each in embeddings if _are_tied(each.inputs[1], node.inputs[1])), None)
        if lookup is None:
            continue
        table = lookup.inputs[1]
        _replace(graph, node, [node.inputs[0], table], reverse=True)
        if lookup in graph.nodes:  # once for each table
            _replace(graph, lookup, list(lookup.inputs), reverse=False)


def _are_tied(table: Value, matrix: Value) -> bool:
    """Whether a matrix is the table transposed, number by number, and not one number everywhere."""
    one, other = table.weight, matrix.weight
    if one is None or other is None or not (one.trainable and other.trainable and one.has_data and other.has_data):
        return False
    if len(one.shape) != 2 or one.shape != other.shape[::-1]:
        return False
    numbers = one.array()
    return bool((numbers != numbers.flat[0]).any()) and np.array_equal(numbers, other.array().T)


def _replace(graph: Graph, node: Node, inputs: list[Value], *, reverse: bool) -> None:
    node.detach()
    options = {"name": node.name, "origin": node.origin, "scope": node.scope, "domain": DOMAIN}
    made = Node("ReversibleEmbedding", inputs, node.outputs, {"reverse": int(reverse)}, **options)
    graph.nodes[graph.nodes.index(node)] = made
