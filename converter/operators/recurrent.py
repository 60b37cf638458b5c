"""Recurrent layers. ONNX stacks directions on an axis of their own and its gates in another order than the targets.

Gates: ONNX LSTM i o f c, GRU z r h; PyTorch i f g o and r z n; Keras i f c o and z r h.
Source: https://onnx.ai/onnx/operators/onnx__LSTM.html and the pages of nn.LSTM, nn.GRU and layers.LSTM.
"""

from __future__ import annotations

import numpy as np

from converter.emitters.vocabulary import Layer
from converter.operators.registry import operator

_DEFAULT = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}
_TORCH_GATES = {"RNN": [0], "GRU": [1, 0, 2], "LSTM": [0, 2, 3, 1]}
_FUNCTIONS = {
    "Relu": ("torch.relu", "ops.relu"),
    "Tanh": ("torch.tanh", "ops.tanh"),
    "Sigmoid": ("torch.sigmoid", "ops.sigmoid"),
    "Softsign": ("F.softsign", "ops.softsign"),
    "Softplus": ("F.softplus", "ops.softplus"),
}
"""Activations without parameters; what else the standard allows is refused."""


def _names(node) -> tuple[str, ...]:
    count = 2 if node["direction"] == "bidirectional" else 1
    given = node["activations"] or _DEFAULT[node.op_type] * count
    return tuple(next((name for name in _FUNCTIONS if name.lower() == text.lower()), text) for text in given)


def _reason(node, target):
    unknown = [name for name in _names(node) if name not in _FUNCTIONS]
    if unknown:
        return f"activation {unknown[0]} is not supported"
    shape = node.inputs[0].shape
    if target == "keras" and (shape is None or not isinstance(shape[node["layout"]], int)):
        return "the number of time steps is not known"
    return None


def _room(n):
    """The layer where its meaning is the framework's own, the cell over time by a helper elsewhere."""
    states = ["initial_h", "initial_c"] if n.node.op_type == "LSTM" else ["initial_h"]
    if n.framework == "pytorch" and (layer := _torch_layer(n)) is not None:
        first = [n.X]
        if n.initial_h is not None:
            first.append(n.initial_h if len(states) == 1 else n.expr("(initial_h, initial_c)"))
        count = n.R.shape[0]
        return n.results("recurrent_outputs(result, count)", 1 + len(states), result=layer(*first), count=count)
    options = {"direction": n.direction, "batch_first": bool(n.node["layout"]), "clip": n.clip}
    if _names(n.node) != _DEFAULT[n.node.op_type] * n.node.inputs[2].shape[0]:
        column = 0 if n.framework == "pytorch" else 1
        options["activations"] = n.expr(f"[{', '.join(_FUNCTIONS[name][column] for name in _names(n.node))}]")
    if n.node.op_type == "LSTM":
        options |= {"input_forget": bool(n.input_forget), "p": n.P}
    if n.node.op_type == "GRU":
        options["linear_before_reset"] = bool(n.linear_before_reset)
    defaults = {"direction": "forward"}
    options = {name: value for name, value in options.items() if value not in (None, False) and value != defaults.get(name)}
    named = "".join(f", {name}={name}" for name in options)
    cell = f"{n.node.op_type.lower()}_cell"
    text = f"recurrent({cell}, X, W, R, B, sequence_lens, [{', '.join(states)}]{named})"
    return n.results(text, 1 + len(states), **options)


def _torch_layer(n) -> Layer | None:
    """``nn.LSTM``, ``nn.GRU`` or ``nn.RNN`` where the file holds the weights and the meaning is the same."""
    kind, w, r, b = n.node.op_type, n.weight("W"), n.weight("R"), n.weight("B")
    held = w is not None and r is not None and (n.B is None or b is not None)
    names = _names(n.node)
    relu = kind == "RNN" and set(names) == {"Relu"}
    plain = names == _DEFAULT[kind] * w.shape[0] if held else False
    if not held or not (plain or relu) or n.clip is not None or n.sequence_lens is not None or n.node["layout"]:
        return None
    if n.direction == "reverse" or (kind == "LSTM" and (n.P is not None or n.input_forget or _one_state(n))):
        return None
    if kind == "GRU" and not n.linear_before_reset:
        return None
    weights = {}
    for index, suffix in enumerate(["", "_reverse"][: w.shape[0]]):
        weights[f"weight_ih_l0{suffix}"] = _gates(w, index, kind)
        weights[f"weight_hh_l0{suffix}"] = _gates(r, index, kind)
        if b is not None:
            both = b.reshape(b.shape[0], 2, -1 if b.shape[1] < 0 else b.shape[1] // 2)
            weights[f"bias_ih_l0{suffix}"] = _gates(_part(both, 0), index, kind)
            weights[f"bias_hh_l0{suffix}"] = _gates(_part(both, 1), index, kind)
    options = {"nonlinearity": "relu"} if relu else {}
    return Layer(
        f"nn.{kind}", w.shape[2], r.shape[2], bias=b is not None, bidirectional=w.shape[0] == 2, **options, weights=weights
    )  # fmt: skip


def _one_state(n) -> bool:
    return (n.initial_h is None) != (n.initial_c is None)


def _part(weight, index):
    return weight.map(lambda array: array[:, index], (weight.shape[0], *weight.shape[2:]))


def _gates(weight, direction: int, kind: str):
    """One direction of a weight with its gates in PyTorch's order."""
    order = _TORCH_GATES[kind]

    def turn(array: np.ndarray) -> np.ndarray:
        gates = array[direction].reshape(len(order), -1, *array.shape[2:])
        return gates[order].reshape(array.shape[1:])

    return weight.map(turn, weight.shape[1:])


@operator("LSTM")
class LSTM:
    restrict = _reason
    restrictions = "activations without parameters; a fixed number of time steps in Keras"
    pytorch = keras = staticmethod(_room)


@operator("GRU")
class GRU:
    restrict = _reason
    restrictions = "activations without parameters; a fixed number of time steps in Keras"
    pytorch = keras = staticmethod(_room)


@operator("RNN")
class RNN:
    restrict = _reason
    restrictions = "activations without parameters; a fixed number of time steps in Keras"
    pytorch = keras = staticmethod(_room)
