"""A number that is added to each channel behind a convolution is its bias: TensorFlow has an operator of its own for it."""

from __future__ import annotations

from converter.graph import Graph, Node, Value

_BIASED = ("Conv", "ConvTranspose")


def convolution_bias(graph: Graph) -> None:
    """Conv or ConvTranspose without bias, and Add of a weight with one number for each channel, become one with that bias.

    Not where the source tells that the weight belongs to another module than the convolution.
    """
    own = set(graph.nodes)
    for node in list(graph.nodes):
        if node.op_type not in _BIASED or node.domain or node.input(2) is not None:
            continue
        if len(node.output.users) != 1 or node.output in graph.outputs:
            continue
        add, index = node.output.users[0]
        if add.op_type != "Add" or add.domain or add not in own or add.scope != node.scope:
            continue
        weight = _per_channel(add.inputs[1 - index], node)
        if weight is None:
            continue
        if len(node.inputs) == 2:
            node.add_input(weight)
        else:
            node.set_input(2, weight)
        graph.replace_all_uses(add.output, node.output)
        graph.remove(add)


def _per_channel(value: Value, node: Node) -> Value | None:
    """The weight as one number for each channel of the node's result, None where it is anything else."""
    rank, weight = node.output.rank, value.weight
    if rank is None or weight is None or not weight.trainable or weight.dtype != node.output.dtype:
        return None
    channels = node.output.shape[1]
    shape = (1,) * (rank - len(weight.shape)) + weight.shape
    return Value.of_weight(weight.reshape(channels), value.name) if shape == (1, channels, *(1,) * (rank - 2)) else None
