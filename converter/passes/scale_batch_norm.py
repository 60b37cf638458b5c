"""Put a scale and an offset per channel behind a batch normalisation into its own scale and offset.

Caffe splits batch normalisation into BatchNorm and Scale, which arrives as BatchNormalization, Mul and Add. A person writes one
layer: gamma * w and beta * w + b. Nothing else is merged: batch normalisation itself is never folded into a convolution, and
what the source computes in another module, as a learned scale of a whole branch, stays a weight of its own.
"""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Node, Value, Weight

_OPERATIONS = {"Mul": np.multiply, "Add": np.add}


def scale_batch_norm(graph: Graph) -> None:
    own = set(graph.nodes)  # a node of a sub-graph may read what is normalised around it
    for node in list(graph.nodes):
        if node.op_type == "BatchNormalization" and node.domain == "" and all(v is not None for v in node.inputs[1:3]):
            while _absorb_next(graph, node, own):
                pass


def _absorb_next(graph: Graph, norm: Node, own: set[Node]) -> bool:
    """Absorb the one reader of ``norm`` if it scales or shifts each channel by a known weight."""
    result = norm.output
    if len(result.users) != 1 or result in graph.outputs:
        return False
    reader, index = result.users[0]
    if reader not in own or reader.op_type not in _OPERATIONS or reader.domain or len(reader.inputs) != 2:
        return False
    if reader.scope != norm.scope:
        return False
    factor = _per_channel(reader.inputs[1 - index], result)
    scale, bias = norm.inputs[1], norm.inputs[2]
    if factor is None or scale.array is None or bias.array is None:
        return False
    operation = _OPERATIONS[reader.op_type]
    if reader.op_type == "Mul":
        norm.set_input(1, _combined(scale, operation, factor))
    norm.set_input(2, _combined(bias, operation, factor))
    graph.replace_all_uses(reader.output, result)
    graph.remove(reader)
    return True


def _per_channel(value: Value | None, like: Value) -> Weight | None:
    """The weight as one number for each channel of ``like`` (axis 1), None where it is anything else."""
    if value is None or value.weight is None or not value.weight.has_data or like.rank is None:
        return None
    channels = like.shape[1]
    missing = like.rank - len(value.weight.shape)
    sizes = (1,) * missing + value.weight.shape
    wanted = (1, channels, *(1,) * (like.rank - 2))
    return value.weight.reshape(channels) if sizes == wanted and channels != 1 else None


def _combined(value: Value, operation: np.ufunc, factor: Weight) -> Value:
    weight = value.weight
    combined = weight.map(lambda array: operation(array, factor.array()).astype(array.dtype), weight.shape)
    return Value.of_weight(combined, value.name)
