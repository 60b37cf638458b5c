"""A matrix that an embedding and the last product share, as language models do, is one weight in Keras too."""

from __future__ import annotations

import numpy as np

from converter import functions
from converter.graph import Graph, Node, Value
from converter.passes.keras.positions import DOMAIN
from converter.passes.recover.pattern import Match, replace


def tied_embedding(graph: Graph) -> None:
    """An Embedding and a MatMul whose matrix holds the same trained numbers, transposed, become ReversibleEmbedding with one
    table: (indices, table), and (x, table) with ``reverse``.

    Exporters write the transposed matrix as a weight of its own. As
    https://keras.io/keras_hub/api/modeling_layers/reversible_embedding does it.
    """
    lookups = [node for node in graph.nodes if (node.domain, node.op_type) == (functions.DOMAIN, "Embedding")]
    tables = list(dict.fromkeys(node.inputs[1] for node in lookups))
    tied: set[Value] = set()
    for node in [node for node in graph.nodes if node.op_type == "MatMul" and not node.domain]:
        table = next((each for each in tables if _are_tied(each, node.inputs[1])), None)
        if table is not None:
            tied.add(table)
            _replace(graph, node, [node.inputs[0], table], reverse=True)
    for node in lookups:
        if node.inputs[1] in tied:
            _replace(graph, node, list(node.inputs), reverse=False)


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
    replace(graph, Match(nodes=[node]), "ReversibleEmbedding", inputs, {"reverse": int(reverse)}, domain=DOMAIN)
