"""A recurrent layer of which one result is used is that layer of the targets: all steps, or the last one."""

from __future__ import annotations

import numpy as np

from converter import functions
from converter.graph import Graph, Node, Value

_DEFAULT = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}


def recurrent_layer(graph: Graph) -> None:
    """LSTM, GRU or RNN forward from zeros, and a Squeeze of its directions, become SequenceLSTM or LastLSTM and so on.

    They read and give the batch first, as layers of both targets can. Left alone: two directions, given states or lengths,
    other activations, a GRU that resets before its product.
    """
    for node in list(graph.nodes):
        if node.op_type not in _DEFAULT or node.domain or not _is_plain(node):
            continue
        used = [
            index for index, value in enumerate(node.outputs) if value is not None and (value.users or value in graph.outputs)
        ]
        if used not in ([0], [1]):
            continue
        result = node.outputs[used[0]]
        squeezes = [user for user, _ in result.users]
        if result in graph.outputs or not all(_is_squeeze(user, 1 if used == [0] else 0) for user in squeezes):
            continue
        _replace(graph, node, squeezes, sequence=used == [0])


def _is_plain(node: Node) -> bool:
    weights = [node.input(place) for place in (1, 2, 3)]
    if any(value is None or value.weight is None for value in weights) or any(node.input(place) for place in range(4, 8)):
        return False
    if node["direction"] != "forward" or node["layout"] or node["clip"] is not None or node.attributes.get("input_forget"):
        return False
    default = _DEFAULT[node.op_type]
    given = (node["activations"] or default)[: len(default)]  # RNN's own default names one for a second direction too
    if [name.lower() for name in given] != [name.lower() for name in default]:
        return False
    parameters = node["activation_alpha"] or node["activation_beta"]
    return not parameters and node.inputs[0].rank == 3 and (node.op_type != "GRU" or node["linear_before_reset"] == 1)


def _is_squeeze(node: Node, axis: int) -> bool:
    axes = node.input(1).array if node.op_type == "Squeeze" and not node.domain and node.input(1) is not None else None
    return axes is not None and [int(each) % node.inputs[0].rank for each in np.ravel(axes)] == [axis]


def _replace(graph: Graph, node: Node, squeezes: list[Node], *, sequence: bool) -> None:
    x, *weights = node.inputs[:4]
    steps, batch, channels = x.shape
    hidden = node["hidden_size"] or weights[1].shape[2]
    turned = Value(f"{x.name}_batch_first", x.dtype, (batch, steps, channels))
    result = Value(squeezes[0].output.name, x.dtype, (batch, steps, hidden) if sequence else (batch, hidden))
    more = {"linear_before_reset": 1} if node.op_type == "GRU" else {}
    origin = {"origin": node.origin, "scope": node.scope}
    made = [
        Node("Transpose", [x], [turned], {"perm": (1, 0, 2)}, **origin),
        Node(
            f"{'Sequence' if sequence else 'Last'}{node.op_type}",
            [turned, *weights],
            [result],
            {"hidden_size": hidden, **more},
            name=node.name,
            domain=functions.DOMAIN,
            **origin,
        ),
    ]
    if sequence:
        back = Value(squeezes[0].output.name, x.dtype, (steps, batch, hidden))
        made.append(Node("Transpose", [result], [back], {"perm": (1, 0, 2)}, **origin))
        result = back
    place = graph.nodes.index(node)
    graph.nodes[place : place + 1] = made
    node.detach()
    for squeeze in squeezes:
        squeeze.detach()
        graph.nodes.remove(squeeze)
        graph.replace_all_uses(squeeze.output, result)
