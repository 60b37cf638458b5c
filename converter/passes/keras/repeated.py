"""What is the same for every sample, repeated for as many as there are when the model runs."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Value
from converter.passes.recover.pattern import Match, replace

DOMAIN = "keras"


def repeated(graph: Graph) -> None:
    """A trained weight (1, ...) expanded over the batch becomes Token (x), a number expanded to the shape of x FullLike (x).

    So does what is picked of a tensor that is one number everywhere.
    """
    for node in list(graph.nodes):
        if node.op_type not in ("Expand", "GatherElements") or node.domain or node.output.shape is None:
            continue
        data, shape = node.inputs[0], node.output.shape
        number = _one_number(data)
        if number is not None and any(isinstance(size, str) for size in shape):
            like = next((value for value in graph.inputs if value.shape == shape), None)
            if like is not None:
                replace(
                    graph, Match(nodes=[node]), "FullLike", [like], {"value": number, "dtype": node.output.dtype}, domain=DOMAIN
                )
        elif (
            node.op_type == "Expand" and data.weight is not None and isinstance(shape[0], str) and data.shape == (1, *shape[1:])
        ):
            like = next((value for value in graph.inputs if value.shape and value.shape[0] == shape[0]), None)
            if like is not None:
                replace(graph, Match(nodes=[node]), "Token", [like, data], domain=DOMAIN)


def _one_number(value: Value) -> np.generic | None:
    """The number that every element is, known when converting."""
    if value.weight is not None:
        array = None if value.weight.trainable else value.array
        return array.reshape(-1)[0] if array is not None and array.size and (array == array.reshape(-1)[0]).all() else None
    node = value.producer
    if node is None or node.domain or node.op_type not in ("GatherElements", "Slice", "Unsqueeze", "Gather", "Expand"):
        return None
    return _one_number(node.inputs[0])
