"""Recurrent layers. ONNX stacks directions on an axis of their own and its gates in another order than the targets.

Gates: ONNX LSTM i o f c, GRU z r h; PyTorch i f g o and r z n; Keras i f c o and z r h.
Source: https://onnx.ai/onnx/operators/onnx__LSTM.html and the pages of nn.LSTM, nn.GRU and layers.LSTM.
"""

from __future__ import annotations

import re

import numpy as np

from converter import functions
from converter.emitters.layout import Layout, logical, sequential
from converter.emitters.names import is_computed, is_generated
from converter.emitters.site import known
from converter.emitters.vocabulary import Layer, Local
from converter.operators.registry import operator

_DEFAULT = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}
_TORCH_GATES = {"RNN": [0], "GRU": [1, 0, 2], "LSTM": [0, 2, 3, 1]}
_KERAS_GATES = {"RNN": [0], "GRU": [0, 1, 2], "LSTM": [0, 2, 3, 1]}
_FUNCTIONS = {
    "Relu": ("torch.relu", "ops.relu"),
    "Tanh": ("torch.tanh", "ops.tanh"),
    "Sigmoid": ("torch.sigmoid", "ops.sigmoid"),
    "Softsign": ("F.softsign", "ops.softsign"),
    "Softplus": ("F.softplus", "ops.softplus"),
}
"""Activations without parameters; what else the standard allows is refused."""


def _names(node) -> tuple[str, ...]:
    given = node.attributes.get("activations") or _DEFAULT[_kind(node)] * _directions(node)
    return tuple(next((name for name in _FUNCTIONS if name.lower() == text.lower()), text) for text in given)


def _directions(node) -> int:
    return 2 if node.attributes.get("direction") == "bidirectional" else 1


def _kind(node) -> str:
    return re.sub("^(DynamicQuantize|Sequence|Bidirectional|Last)", "", node.op_type)


def _reason(node, target):
    unknown = [name for name in _names(node) if name not in _FUNCTIONS]
    if unknown:
        return f"activation {unknown[0]} is not supported"
    return None


def _is_plain(node) -> bool:
    """Whether the file holds the weights and nothing is asked that a layer of the frameworks does not do."""
    kind, names = node.op_type, set(_names(node))
    held = all(value is None or value.weight is not None for value in node.inputs[1:4])
    activations = _names(node) == _DEFAULT[kind] * _directions(node) or (kind == "RNN" and names == {"Relu"})
    peepholes = node.input(7) is not None or node.attributes.get("input_forget")
    one_state = kind == "LSTM" and (node.input(5) is None) != (node.input(6) is None)
    others = node["clip"] is not None or node.input(4) is not None or node["layout"] or peepholes or one_state
    return held and activations and not others


def batch_first(node, have):
    """A layer of Keras reads (batch, time, units) and gives (batch, time, directions, units)."""
    need, give = logical(node, have)
    if _is_plain(node) and node.inputs[0].rank == 3:
        need[0], give[0] = Layout((1, 0, 2)), Layout((2, 0, 1, 3))
    return need, give


def _room(n):
    """The layer where its meaning is the framework's own, the cell over time by a helper elsewhere."""
    kind = n.node.op_type
    states = ["initial_h", "initial_c"] if kind == "LSTM" else ["initial_h"]
    steps = n.node.outputs[0]
    if _is_plain(n.node) and n.framework == "keras" and (n.node.inputs[0].rank == 3 or steps is None or not steps.users):
        return _keras_layers(n, states)
    if _is_plain(n.node) and n.direction != "reverse" and (kind != "GRU" or n.linear_before_reset):
        first = [n.X]
        if n.initial_h is not None:
            first.append(n.initial_h if len(states) == 1 else n.expr("(initial_h, initial_c)"))
        count = n.R.shape[0]
        result = _torch_layer(n)(*first)
        return n.results("recurrent_outputs(result, count)", 1 + len(states), result=result, count=count)
    inputs = f"X, W, R, B, sequence_lens, [{', '.join(states)}]"
    text, options = _over_time(n, f"{kind.lower()}_cell", inputs, n.P if kind == "LSTM" else None)
    return n.results(text, 1 + len(states), **options)


def _over_time(n, cell, inputs, peepholes):
    """The call that runs a cell step by step, and what its further arguments are."""
    node, kind = n.node, _kind(n.node)
    options = {"direction": n.direction, "batch_first": bool(node.attributes.get("layout")), "clip": n.clip}
    if _names(node) != _DEFAULT[kind] * _directions(node):
        column = 0 if n.framework == "pytorch" else 1
        options["activations"] = n.expr(f"[{', '.join(_FUNCTIONS[name][column] for name in _names(node))}]")
    if kind == "LSTM":
        options |= {"input_forget": bool(n.input_forget), "p": peepholes}
    if kind == "GRU":
        options["linear_before_reset"] = bool(n.linear_before_reset)
    defaults = {"direction": "forward"}
    options = {name: value for name, value in options.items() if value not in (None, False) and value != defaults.get(name)}
    named = "".join(f", {name}={name}" for name in options)
    text = f"recurrent({cell}, {inputs}{named})"
    if n.framework == "keras":
        n.needs_sizes(n.first, axes=(1 if options.get("batch_first") else 0,))
        n.needs_sizes(n.operand(1), n.operand(2))
    return text, options


def _torch_layer(n, *before, **more) -> Layer:
    """``nn.LSTM``, ``nn.GRU`` or ``nn.RNN``, of this node and those ``before`` it whose outputs it reads."""
    kind, weights = _kind(n.node), {}
    layers = [tuple(value and value.weight for value in (*node.inputs, None)[1:4]) for node in (*before, n.node)]
    for place, (w, r, b) in enumerate(layers):
        for index, direction in enumerate(["", "_reverse"][: w.shape[0]]):
            suffix = f"l{place}{direction}"
            weights[f"weight_ih_{suffix}"] = _gates(w, index, _TORCH_GATES[kind])
            weights[f"weight_hh_{suffix}"] = _gates(r, index, _TORCH_GATES[kind])
            if b is not None:
                both = b.reshape(b.shape[0], 2, b.shape[1] // 2)
                weights[f"bias_ih_{suffix}"] = _gates(_part(both, 0), index, _TORCH_GATES[kind])
                weights[f"bias_hh_{suffix}"] = _gates(_part(both, 1), index, _TORCH_GATES[kind])
    options = {"nonlinearity": "relu"} if "Relu" in _names(n.node) else {}
    options |= {"num_layers": len(layers)} if before else {}
    w, r, b = layers[0]
    options |= {"bias": b is not None, "bidirectional": w.shape[0] == 2}
    return Layer(f"nn.{kind}", w.shape[2], r.shape[2], **options, **more, weights=weights)


def _stacked(node, following) -> bool:
    """Whether the next layer of the same module reads what this one gives, and nothing else does.

    Of a source without modules, layers without a name of their own are taken for one.
    """
    if following is None or following.domain != functions.DOMAIN or not {node.op_type, following.op_type} <= _ROOMS:
        return False
    alike = _kind(node) == _kind(following) and [each.op_type.startswith("Bi") for each in (node, following)].count(True) != 1
    alike &= node.inputs[2].shape == following.inputs[2].shape and len(node.inputs) == len(following.inputs)
    alike &= [value is None for value in node.inputs] == [value is None for value in following.inputs]
    names = [value.weight.origin.name for each in (node, following) for value in each.inputs[1:3]]
    same = node.scope == following.scope and (node.scope is not None or all(is_computed(n) or is_generated(n) for n in names))
    return alike and same and not node.op_type.startswith("Last") and following.inputs[0] is node.output


def _before(node) -> list:
    """The layers that one of several builds on, the first one first."""
    found = [node]
    while (producer := found[0].inputs[0].producer) is not None and _stacked(producer, found[0]):
        if len(producer.output.users) > 1:
            break
        found.insert(0, producer)
    return found[:-1]


def _is_before(node) -> bool:
    readers = [user for user, _ in node.output.users]
    return len(readers) == 1 and node in _before(readers[0]) if readers and _stacked(node, readers[0]) else False


def _keras_layers(n, states):
    """A layer for each direction; one that goes backwards gives its outputs last step first."""
    backwards = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}[n.direction]
    x = n.X if n.node.inputs[0].rank == 3 else n.expr("ops.swapaxes(X, 0, 1)")  # of unknown rank nothing is known of its order
    results = []
    for index, back in enumerate(backwards):
        layer = _keras_layer(n, index, return_sequences=True, return_state=True, go_backwards=back)
        first = (
            [n.expr(f"[{', '.join(f'{state}[index]' for state in states)}]", index=index)] if n.initial_h is not None else []
        )
        results.append(Local(layer(x, *first), "backward" if back else "forward"))
    text = "recurrent_outputs([*results], backwards)"
    return n.results(text, 1 + len(states), results=results, backwards=backwards)


def _keras_layer(n, index, **more) -> Layer:
    """``layers.LSTM``, ``layers.GRU`` or ``layers.SimpleRNN`` for one direction."""
    kind, w, r, b = _kind(n.node), n.weight("W"), n.weight("R"), n.weight("B")
    options = {"reset_after": bool(n.linear_before_reset)} if kind == "GRU" else {}
    options |= {"activation": "relu"} if "Relu" in _names(n.node) else {}
    name = "SimpleRNN" if kind == "RNN" else kind
    cell = "simple_rnn_cell" if kind == "RNN" else f"{kind.lower()}_cell"  # the layer holds its weights in a cell
    kernels = [_gates(weight, index, _KERAS_GATES[kind]).transpose(1, 0) for weight in (w, r)]
    weights = {f"{cell}/kernel": kernels[0], f"{cell}/recurrent_kernel": kernels[1]}
    if b is not None:
        both = b.reshape(b.shape[0], 2, b.shape[1] // 2)
        parts = _gates(_part(both, 0), index, _KERAS_GATES[kind]), _gates(_part(both, 1), index, _KERAS_GATES[kind])
        weights[f"{cell}/bias"] = _combined(*parts, apart=options.get("reset_after", False))
    return Layer(f"layers.{name}", r.shape[2], **options, use_bias=b is not None, **more, weights=weights)


def _combined(inner, outer, *, apart: bool):
    """The two biases of ONNX, side by side for a GRU that resets after the product, else as their sum."""
    if apart:
        return inner.map(lambda array: np.stack([array, outer.array()]), (2, *inner.shape))
    return inner.map(lambda array: array + outer.array(), inner.shape)


def _part(weight, index):
    return weight.map(lambda array: array[:, index], (weight.shape[0], *weight.shape[2:]))


def _gates(weight, direction: int, order: list[int]):
    """One direction of a weight with its gates in the target's order."""

    def turn(array: np.ndarray) -> np.ndarray:
        gates = array[direction].reshape(len(order), -1, *array.shape[2:])
        return gates[order].reshape(array.shape[1:])

    return weight.map(turn, weight.shape[1:])


@operator("LSTM")
class LSTM:
    layout = batch_first
    restrict = _reason
    restrictions = "activations without parameters"
    pytorch = keras = staticmethod(_room)


@operator("GRU")
class GRU:
    layout = batch_first
    restrict = _reason
    restrictions = "activations without parameters"
    pytorch = keras = staticmethod(_room)


@operator("RNN")
class RNN:
    layout = batch_first
    restrict = _reason
    restrictions = "activations without parameters"
    pytorch = keras = staticmethod(_room)


class _Sequence:
    """All steps, batch first."""

    layout = sequential

    def pytorch(n):
        if _is_before(n.node):
            return n.X  # the last layer of the stack runs them all
        return n.expr("result[0]", result=_torch_layer(n, *_before(n.node), batch_first=True)(n.X))

    def keras(n):
        if n.node.op_type.startswith("Sequence"):
            return _keras_layer(n, 0, return_sequences=True)(n.X)
        results = [_keras_layer(n, index, return_sequences=True, go_backwards=bool(index))(n.X) for index in range(2)]
        forward, backward = (Local(result, name) for result, name in zip(results, ("forward", "backward"), strict=True))
        return n.expr("ops.concatenate([forward, ops.flip(backward, axis=1)], axis=-1)", forward=forward, backward=backward)


class _Last:
    """The last step, batch first."""

    layout = sequential

    def pytorch(n):
        return n.expr("result[0][:, -1]", result=_torch_layer(n, *_before(n.node), batch_first=True)(n.X))

    def keras(n):
        return _keras_layer(n, 0)(n.X)


for _name in _DEFAULT:
    operator(f"Sequence{_name}", functions.DOMAIN)(_Sequence)
    operator(f"Bidirectional{_name}", functions.DOMAIN)(_Sequence)
    operator(f"Last{_name}", functions.DOMAIN)(_Last)
_ROOMS = {f"{start}{kind}" for start in ("Sequence", "Bidirectional", "Last") for kind in _DEFAULT}


@operator("DynamicQuantizeLSTM", domain="com.microsoft")
class DynamicQuantizeLSTM:
    """An LSTM with weights of 8 bits, whose input, and whose state in each step, are rounded to 8 bits by their own range.

    Weights are (direction, input, gates), with a scale for each direction or for each of its gates. Where several threads share
    the samples, onnxruntime takes the range of a state over those of one thread; here it is over all samples.
    """

    restrictions = "activations without parameters; no lengths of single samples"

    def restrict(node, target):
        return "has lengths of single samples" if node.input(4) is not None else _reason(node, target)

    def infer(node):
        data, (directions, hidden, _) = node.inputs[0], node.inputs[2].shape
        if data.shape is None:
            return []
        state = (directions, data.shape[1], hidden)
        return [(data.dtype, shape) for shape in ((data.shape[0], *state), state, state)]

    def pytorch(n):
        return _dynamic(n, "scale.unsqueeze(1)", "w.transpose(1, 2)")

    def keras(n):
        return _dynamic(n, "ops.expand_dims(scale, 1)", "ops.swapaxes(w, 1, 2)")


def _dynamic(n, column, turned):
    def weight(index):
        """Index of the weight; its scale and zero point stand behind the inputs of an LSTM."""
        first = 6 + 2 * index
        scale, zero = n.operand(first), n.operand(first + 1)
        if len(scale.shape) > 1:
            scale, zero = n.expr(column, scale=scale), n.expr(column, scale=zero)
        given = known(n.node.inputs[first + 1])
        zero = None if given is not None and not given.any() else zero
        w = n.expr("dequantize(w, scale, zero, axis=0)", w=n.operand(index), scale=scale, zero=zero)
        return n.expr(turned, w=w)

    inputs = {"W": weight(1), "R": weight(2), "B": n.operand(3), "h": n.operand(5), "c": n.operand(6)}
    inputs["X"] = n.expr("dequantize(*dynamic_quantize(X))", X=n.first)
    text, options = _over_time(n, "dynamic_lstm_cell", "X, W, R, B, None, [h, c]", n.operand(7))
    return n.results(text, 3, **inputs, **options)
