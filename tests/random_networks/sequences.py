"""Random networks on sequences of vectors, or of tokens."""

from __future__ import annotations

import onnx

from tests.random_networks.activations import activation
from tests.random_networks.builder import FLOAT, INT64, Builder

_TOKENS = 11


def sequence_network(seed: int) -> onnx.ModelProto:
    """Up to six steps, of which some results are outputs too, and an end; the length of every second is free."""
    net = Builder(seed)
    width, length = net.one_of(6, 8), net.one_of("t", 7)
    tokens = net.one_of(False, True)
    x = net.add("Gather", net.weight(_TOKENS, width, scale=1.0), "x", axis=0) if tokens else "x"
    outputs = []
    for _ in range(net.one_of(2, 3, 4, 5, 6)):
        x = net.one_of(*_STEPS)(net, x, width)
        outputs += [x] if net.one_of(False, False, False, True) else []
    dtype, shape = (INT64, ["n", length]) if tokens else (FLOAT, ["n", length, width])
    return net.model(dtype, shape, [*[name for name in outputs if name != "x"][:2], net.one_of(*_ENDS)(net, x, width)])


def _linear(net: Builder, x: str, width: int) -> str:
    return net.add("Add", net.add("MatMul", x, net.weight(width, width)), net.weight(width, scale=0.3))


def _layer_normalisation(net: Builder, x: str, width: int) -> str:
    if net.opset < 17:
        square = net.add("Mul", x, x)
        root = net.add("Sqrt", net.add("Add", net.reduced("ReduceMean", square, [-1], keepdims=1), net.number(1e-5)))
        return net.add("Mul", net.add("Div", x, root), net.positive(width))
    return net.add("LayerNormalization", x, net.positive(width), net.weight(width, scale=0.3), axis=-1)


def _attention(net: Builder, x: str, width: int) -> str:
    heads = 2

    def split(order: list[int]) -> str:
        projected = net.add("MatMul", x, net.weight(width, width))
        return net.add("Transpose", net.add("Reshape", projected, net.whole(0, 0, heads, width // heads)), perm=order)

    query, key, value = split([0, 2, 1, 3]), split([0, 2, 3, 1]), split([0, 2, 1, 3])
    scores = net.add("Mul", net.add("MatMul", query, key), net.number((width // heads) ** -0.5))
    mixed = net.add("Transpose", net.add("MatMul", net.add("Softmax", scores, axis=-1), value), perm=[0, 2, 1, 3])
    result = net.add("Reshape", mixed, net.whole(0, 0, width))
    return net.add("Add", x, result) if net.one_of(False, True) else result


def _recurrence(net: Builder, x: str, width: int) -> str:
    kind, direction = net.one_of("LSTM", "GRU", "RNN"), net.one_of("forward", "reverse", "bidirectional")
    gates, directions = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind], 2 if direction == "bidirectional" else 1
    size = width // directions
    weights = [net.weight(directions, gates * size, width, scale=0.4), net.weight(directions, gates * size, size, scale=0.4)]
    weights += [net.weight(directions, 2 * gates * size, scale=0.3)] if net.one_of(False, True) else []
    options = {"linear_before_reset": net.one_of(0, 1)} if kind == "GRU" else {}
    turned = net.add("Transpose", x, perm=[1, 0, 2])
    result = net.add(kind, turned, *weights, hidden_size=size, direction=direction, **options)
    return net.add("Reshape", net.add("Transpose", result, perm=[2, 0, 1, 3]), net.whole(0, 0, width))


def _convolution(net: Builder, x: str, width: int) -> str:
    kernel = net.one_of(1, 2, 3)
    pads = net.one_of([kernel - 1, 0], [(kernel - 1) // 2, kernel // 2])
    turned = net.add("Transpose", x, perm=[0, 2, 1])
    result = net.add("Conv", turned, net.weight(width, width, kernel), kernel_shape=[kernel], pads=pads)
    return net.add("Transpose", result, perm=[0, 2, 1])


def _activation(net: Builder, x: str, width: int) -> str:
    return net.add("Add", x, activation(net, x)) if net.one_of(False, True) else activation(net, x)


def _running_sum(net: Builder, x: str, width: int) -> str:
    return net.add("Tanh", net.add("CumSum", x, net.scalar(1), exclusive=net.one_of(0, 1), reverse=net.one_of(0, 1)))


def _softmax(net: Builder, x: str, width: int) -> str:
    return net.add(net.one_of("Softmax", "LogSoftmax"), x, axis=net.one_of(-1, 1, 2))


def _turned_halves(net: Builder, x: str, width: int) -> str:
    first = net.add("Slice", x, net.whole(0), net.whole(width // 2), net.whole(2))
    second = net.add("Slice", x, net.whole(width // 2), net.whole(1000), net.whole(2))
    return net.add("Concat", net.add("Neg", second), first, axis=-1)


def _gated_half(net: Builder, x: str, width: int) -> str:
    both = net.add("MatMul", x, net.weight(width, 2 * width))
    first, second = net.add("Split", both, net.whole(width, width), outputs=2, axis=-1)
    return net.add("Mul", first, net.add("Sigmoid", second))


def _positions(net: Builder, x: str, width: int) -> str:
    length = net.add("Gather", net.add("Shape", x), net.scalar(1), axis=0)
    places = net.add("Cast", net.add("Range", net.scalar(0), length, net.scalar(1)), to=FLOAT)
    waves = net.add("Sin", net.add("Mul", net.add("Unsqueeze", places, net.whole(1)), net.weight(width, scale=0.3)))
    return net.add("Add", x, waves)


def _reversal(net: Builder, x: str, width: int) -> str:
    return net.add("Slice", x, net.whole(-1), net.whole(-10000), net.whole(1), net.whole(-1))


def _unit_length(net: Builder, x: str, width: int) -> str:
    return net.add("LpNormalization", x, axis=-1, p=net.one_of(1, 2))


def _choice(net: Builder, x: str, width: int) -> str:
    return net.add("Where", net.add("Greater", x, net.number(0.3)), x, net.number(-0.1))


def _repeated_weight(net: Builder, x: str, width: int) -> str:
    return net.add("Mul", x, net.add("Expand", net.weight(1, 1, width, scale=1.0), net.add("Shape", x)))


def _einsum(net: Builder, x: str, width: int) -> str:
    return net.add("Einsum", x, net.weight(width, width), equation="bij,jk->bik")


def _whole(net: Builder, x: str, width: int) -> str:
    return activation(net, x)


def _last(net: Builder, x: str, width: int) -> str:
    return net.add("Gather", x, net.scalar(-1), axis=1)


def _over_time(net: Builder, x: str, width: int) -> str:
    return net.reduced(net.one_of("ReduceMean", "ReduceMax", "ReduceSum"), x, [1], keepdims=0)


def _largest(net: Builder, x: str, width: int) -> str:
    return net.add("TopK", _linear(net, x, width), net.whole(3), outputs=2, axis=-1)[1]


_STEPS = (
    _linear,
    _layer_normalisation,
    _attention,
    _recurrence,
    _convolution,
    _activation,
    _running_sum,
    _softmax,
    _turned_halves,
    _gated_half,
    _positions,
    _reversal,
    _unit_length,
    _choice,
    _repeated_weight,
    _einsum,
)
_ENDS = (_whole, _last, _over_time, _largest)
