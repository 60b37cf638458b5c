"""A recurrent layer that starts at zero need not be told so."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Value

_STATES = {"RNN": (5,), "GRU": (5,), "LSTM": (5, 6)}
"""The inputs that hold the first states."""


def zero_states(graph: Graph) -> None:
    """Leave out first states that are zeros, so that no code computes their shape."""
    for node in graph.nodes:
        places = () if node.domain else _STATES.get(node.op_type, ())
        states = [node.input(place) for place in places]
        if any(states) and all(state is None or _is_zero(state) for state in states):
            for place in range(min(places), len(node.inputs)):
                if place in places:
                    node.set_input(place, None)


def _is_zero(value: Value) -> bool:
    """Whether every element is zero, whatever the size."""
    if value.weight is not None:
        return value.array is not None and not value.weight.trainable and not np.any(value.array)
    node = value.producer
    if node is None or node.domain:
        return False
    if node.op_type == "ConstantOfShape":
        return node["value"] is None or not np.any(node["value"])
    moves = node.op_type in ("Expand", "Tile", "Unsqueeze", "Squeeze", "Reshape", "Transpose", "Identity", "Slice", "Concat")
    read = node.inputs if node.op_type == "Concat" else node.inputs[:1]
    return moves and all(source is not None and _is_zero(source) for source in read)
