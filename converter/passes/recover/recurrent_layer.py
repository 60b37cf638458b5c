"""A recurrent layer of which one result is used is that layer of the targets: all steps, or the last one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converter import functions
from converter.graph import Graph, Node, Value

_DEFAULT = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}


def recurrent_layer(graph: Graph) -> None:
    """LSTM, GRU or RNN from zeros, and what joins its directions, become SequenceLSTM, BidirectionalLSTM or LastLSTM and so on.

    They read and give the batch first, as layers of both targets can. Left alone: given states or lengths, other activations, a
    GRU that resets before its product, the last states of two directions.
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
        readers = [user for user, _ in result.users]
        if result in graph.outputs:
            continue
        both = node["direction"] == "bidirectional"
        if not both and all(_is_squeeze(user, 1 if used == [0] else 0) for user in readers):
            _replace(graph, node, readers, "Sequence" if used == [0] else "Last")
        elif used == [0] and (joined := _joined(graph, node, readers)) is not None:
            _replace(graph, node, joined[0], "Bidirectional" if both else "Sequence", joined[1])


def _is_plain(node: Node) -> bool:
    weights = [node.input(place) for place in (1, 2, 3)]
    if any(value is None or value.weight is None for value in weights) or any(node.input(place) for place in range(4, 8)):
        return False
    if node["direction"] == "reverse" or node["layout"] or node["clip"] is not None or node.attributes.get("input_forget"):
        return False
    default = _DEFAULT[node.op_type]
    names = {"Relu"} if node.op_type == "RNN" else set()
    if _activations(node) != default * (len(_activations(node)) // len(default)) and set(_activations(node)) != names:
        return False
    parameters = node["activation_alpha"] or node["activation_beta"]
    return not parameters and node.inputs[0].rank == 3 and (node.op_type != "GRU" or node["linear_before_reset"] == 1)


def _activations(node: Node) -> tuple[str, ...]:
    """Those of each direction, one after the other."""
    default, directions = _DEFAULT[node.op_type], node.inputs[1].shape[0]
    given = node.attributes.get("activations") or default * directions
    return tuple(name.capitalize() for name in given)[: len(default) * directions]


def _is_squeeze(node: Node, axis: int) -> bool:
    axes = node.input(1).array if node.op_type == "Squeeze" and not node.domain and node.input(1) is not None else None
    return axes is not None and [int(each) % node.inputs[0].rank for each in np.ravel(axes)] == [axis]


def _joined(graph: Graph, node: Node, readers: list[Node]) -> tuple[list[Node], list[Node]] | None:
    """(Reshapes that put the directions of each step side by side, Transposes before them and what else computes their sizes);
    None where anything else reads the directions."""
    steps, batch, _ = node.inputs[0].shape
    width = node.inputs[1].shape[0] * node.inputs[2].shape[2]
    ends: list[Node] = []
    others: list[Node] = []
    for reader in readers:
        if reader.op_type != "Transpose" or reader.domain or tuple(reader["perm"] or ()) != (0, 2, 1, 3):
            return None
        others.append(reader)
    waiting = [(user, place) for reader in readers for user, place in reader.output.users]
    while waiting:
        user, place = waiting.pop()
        shape = user.output.shape if len(user.outputs) == 1 else None
        if user.op_type == "Reshape" and not user.domain and (place == 0) == (user.inputs[0].producer in readers):
            is_end = shape is not None and len(shape) == 3 and shape[2] == width and None not in (steps, batch)
            if place == 0 and (not is_end or (shape[0] != steps and shape[1] != batch)):
                return None
            ends += [user] * (user not in ends)
        elif user.domain or user.op_type not in _SIZES:
            return None
        elif user not in others:
            others.append(user)
            waiting += user.output.users
    given = {value for each in (*readers, *others) for value in each.outputs}
    reads = all(end.inputs[0].producer in readers for end in ends)
    return None if not ends or not reads or given.intersection(graph.outputs) else (ends, others)


_SIZES = {"Shape", "Slice", "Gather", "Mul", "Concat", "Squeeze", "Unsqueeze", "Cast"}
"""Operators with which exporters compute the target of a Reshape."""


def _replace(graph: Graph, node: Node, ends: list[Node], kind: str, others: Sequence[Node] = ()) -> None:
    x, *weights = node.inputs[:4]
    steps, batch, channels = x.shape
    hidden = node["hidden_size"] or weights[1].shape[2]
    width = hidden * weights[0].shape[0]
    turned = Value(f"{x.name}_batch_first", x.dtype, (batch, steps, channels))
    result = Value(ends[0].output.name, x.dtype, (batch, hidden) if kind == "Last" else (batch, steps, width))
    more = {"linear_before_reset": 1} if node.op_type == "GRU" else {}
    more |= {"activations": _activations(node)} if node.op_type == "RNN" else {}
    origin = {"origin": node.origin, "scope": node.scope}
    made = [
        Node("Transpose", [x], [turned], {"perm": (1, 0, 2)}, **origin),
        Node(
            f"{kind}{node.op_type}",
            [turned, *weights],
            [result],
            {"hidden_size": hidden, **more},
            name=node.name,
            domain=functions.DOMAIN,
            **origin,
        ),
    ]
    if kind != "Last":
        back = Value(ends[0].output.name, x.dtype, (steps, batch, width))
        made.append(Node("Transpose", [result], [back], {"perm": (1, 0, 2)}, **origin))
        result = back
    place = graph.nodes.index(node)
    graph.nodes[place : place + 1] = made
    node.detach()
    for end in ends:
        end.detach()
        graph.nodes.remove(end)
        graph.replace_all_uses(end.output, result)
    for each in others:
        each.detach()
        graph.nodes.remove(each)
