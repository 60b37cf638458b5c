"""Small networks in which exchanged things look alike: square images and kernels, equal channels, sides that differ by one.

A fault that changes a shape finds itself. In these networks most do not, so what finds them is the comparison of numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from tests.models import save

FIXTURES = Path(__file__).parents[2] / "fixtures"
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


class Net:
    """An ONNX model under construction; a result is named as its node."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.weights: dict[str, np.ndarray] = {}
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}

    def input(self, name: str, *shape: int | str, dtype: int = FLOAT) -> str:
        self.inputs[name] = (dtype, list(shape))
        return name

    def output(self, name: str, *shape: int | str, dtype: int = FLOAT) -> None:
        self.outputs[name] = (dtype, list(shape))

    def normal(self, name: str, *shape: int, size: float | None = None, mean: float = 0.0) -> str:
        """Normal numbers, by default of such a size that a product with them keeps the size of what it reads."""
        deviation = np.sqrt(1.5 / max(np.prod(shape[1:]), 1)) if size is None else size
        return self.constant(name, (mean + deviation * self.random.standard_normal(shape)).astype(np.float32))

    def positive(self, name: str, *shape: int) -> str:
        return self.constant(name, self.random.uniform(0.4, 1.8, shape).astype(np.float32))

    def constant(self, name: str, array: Any) -> str:
        self.weights[name] = np.asarray(array)
        return name

    def __call__(self, operator: str, name: str, *inputs: str, outputs: list[str] | None = None, **attributes: Any) -> str:
        results = outputs or [name]
        self.nodes.append(helper.make_node(operator, list(inputs), results, name=name, **attributes))
        return results[0]

    def conv(self, name: str, x: str, channels: tuple[int, int], kernel: int = 3, bias: bool = True, **attributes: Any) -> str:
        """``channels``: (in of a group, out)."""
        weights = [self.normal(f"{name}.weight", channels[1], channels[0], kernel, kernel)]
        weights += [self.normal(f"{name}.bias", channels[1], size=0.3)] if bias else []
        return self("Conv", name, x, *weights, kernel_shape=[kernel, kernel], **attributes)

    def batch_norm(self, name: str, x: str, channels: int) -> str:
        rows = [self.positive(f"{name}.weight", channels), self.normal(f"{name}.bias", channels, size=0.4)]
        rows.append(self.normal(f"{name}.running_mean", channels, size=0.4))
        rows.append(self.positive(f"{name}.running_var", channels))
        return self("BatchNormalization", name, x, *rows, epsilon=1e-5)

    def linear(self, name: str, x: str, units: tuple[int, int], bias: bool = True) -> str:
        weights = [self.normal(f"{name}.weight", units[1], units[0])]
        weights += [self.normal(f"{name}.bias", units[1], size=0.3)] if bias else []
        return self("Gemm", name, x, *weights, transB=1)

    def product(self, name: str, x: str, units: tuple[int, int]) -> str:
        """A linear layer of sequences: MatMul and Add."""
        weight = self.normal(f"{name}.weight", *units, size=units[0] ** -0.5)
        return self("Add", f"{name}.add", self("MatMul", name, x, weight), self.normal(f"{name}.bias", units[1], size=0.3))

    def layer_norm(self, name: str, x: str, size: int) -> str:
        scale, bias = self.positive(f"{name}.weight", size), self.normal(f"{name}.bias", size, size=0.3)
        return self("LayerNormalization", name, x, scale, bias, axis=-1, epsilon=1e-5)

    def body(
        self, inputs: dict[str, tuple[int, list[int | str]]], outputs: dict[str, tuple[int, list[int | str]]], fill
    ) -> Any:
        """A sub-graph of the nodes that ``fill`` adds; it reads weights and results from around it by name."""
        outer, self.nodes = self.nodes, []
        fill()
        infos = [[helper.make_tensor_value_info(name, *port) for name, port in ports.items()] for ports in (inputs, outputs)]
        inner, self.nodes = helper.make_graph(self.nodes, "body", *infos), outer
        return inner

    def save(self, path: Path, opset: int = 21) -> Path:
        return save(path, self.nodes, self.inputs, self.outputs, self.weights, opset=opset)


def cnn(net: Net) -> None:
    """Asymmetric sides, groups, dilation, every kind of pooling, local response normalisation."""
    x = net.input("image", "batch", 3, 10, 10)
    x = net.conv("conv1", x, (3, 8), pads=[0, 1, 1, 2])
    x = net("Relu", "relu1", net.batch_norm("bn1", x, 8))
    x = net.conv("conv2", x, (8, 8), pads=[2, 2, 2, 2], dilations=[2, 2])
    x = net("LeakyRelu", "leaky", x, alpha=0.1)
    x = net("MaxPool", "pool1", x, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 1, 1, 0])
    x = net.conv("conv3", x, (4, 8), pads=[1, 1, 1, 1], group=2, bias=False)
    x = net("PRelu", "prelu", x, net.positive("prelu.weight", 8, 1, 1))
    x = net("AveragePool", "average", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 0, 0, 1])
    x = net("LRN", "lrn", x, size=3, alpha=0.6, beta=0.75, bias=2.0)
    x = net("Flatten", "flatten", x)
    x = net("Elu", "elu", net.linear("fc1", x, (32, 32)), alpha=0.7)
    net("Softmax", "prob", net.linear("fc2", x, (32, 5)), axis=1)
    net.output("prob", "batch", 5)


def dense(net: Net) -> None:
    """Branches of equal size that are put together, ceil_mode, two outputs."""
    x = net.input("image", "batch", 4, 11, 11)
    stem = net("Relu", "stem_relu", net.conv("stem", x, (4, 4), pads=[1, 1, 1, 1]))
    a = net.conv("one", stem, (4, 4), kernel=1)
    b = net.conv("three", net("Selu", "selu", stem), (4, 4), pads=[1, 1, 1, 1])
    c = net("AveragePool", "average", stem, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1], count_include_pad=1)
    first = net("Concat", "join1", a, b, c, axis=1)
    x = net("Softplus", "softplus", net.batch_norm("bn", first, 12))
    x = net.conv("grow", x, (12, 4), pads=[1, 1, 1, 1], bias=False)
    x = net("Concat", "join2", first, x, axis=1)
    x = net("MaxPool", "ceiled", x, kernel_shape=[3, 3], strides=[3, 3], ceil_mode=1)
    x = net("GlobalAveragePool", "gap", x)
    x = net("Flatten", "features", x)
    net("LogSoftmax", "scores", net.linear("fc", x, (16, 16)), axis=1)
    net.output("features", "batch", 16)
    net.output("scores", "batch", 16)


def mobile(net: Net) -> None:
    """Normalised input, inverted residual with depthwise convolution, squeeze and excitation."""
    x = net.input("image", "batch", 3, 9, 9)
    x = net("Sub", "centre", x, net.constant("image_mean", np.float32([0.4, 0.5, 0.6]).reshape(3, 1, 1)))
    x = net("Div", "scale", x, net.constant("image_deviation", np.float32([0.2, 0.3, 0.25]).reshape(3, 1, 1)))
    x = net("HardSwish", "hard_swish", net.batch_norm("bn0", net.conv("stem", x, (3, 8), bias=False, strides=[2, 2]), 8))
    block = x
    x = net.batch_norm("bn1", net.conv("expand", x, (8, 16), kernel=1, bias=False), 16)
    x = net("Clip", "relu6", x, net.constant("zero", np.float32(0)), net.constant("six", np.float32(6)))
    x = net.batch_norm("bn2", net.conv("depthwise", x, (1, 16), bias=False, pads=[1, 1, 1, 1], group=16), 16)
    x = net("Relu", "relu", x)
    s = net("GlobalAveragePool", "squeeze", x)
    s = net("Relu", "squeezed", net.conv("reduce", s, (16, 4), kernel=1))
    s = net("HardSigmoid", "gate", net.conv("excite", s, (4, 16), kernel=1), alpha=1 / 6, beta=0.5)
    x = net.batch_norm("bn3", net.conv("project", net("Mul", "excited", x, s), (16, 8), kernel=1, bias=False), 8)
    x = net("Add", "residual", x, block)
    x = net("ReduceMean", "mean", x, net.constant("axes", [2, 3]), keepdims=0)
    net.linear("fc", x, (8, 8))
    net.output("fc", "batch", 8)


def unet(net: Net) -> None:
    """Down and up again: transposed convolutions, resizing, depth to space, instance and group normalisation."""
    x = net.input("image", "batch", 4, 8, 8)
    x = net("Pad", "reflect", x, net.constant("sides", [0, 0, 1, 0, 0, 0, 0, 1]), mode="reflect")
    x = net.conv("enter", x, (4, 8), kernel=2)
    x = net(
        "InstanceNormalization", "instance", x, net.positive("instance.weight", 8), net.normal("instance.bias", 8, size=0.4)
    )
    skip = net("Tanh", "tanh", x)
    x = net("Elu", "elu", net.conv("down", skip, (8, 8), strides=[2, 2], pads=[1, 1, 0, 0]))
    x = net(
        "GroupNormalization", "group", x, net.positive("group.weight", 8), net.normal("group.bias", 8, size=0.4), num_groups=4
    )
    weight = net.normal("up.weight", 8, 8, 3, 3, size=0.2)
    x = net(
        "ConvTranspose", "up", x, weight, net.normal("up.bias", 8, size=0.3),
        kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1],
    )  # fmt: skip
    x = net("Concat", "skip", x, skip, axis=1)
    x = net.conv("merge", x, (16, 8), pads=[1, 1, 1, 1])
    x = net("DepthToSpace", "shuffle", x, blocksize=2, mode="CRD")
    weight = net.normal("crop.weight", 2, 4, 4, 4, size=0.4)
    x = net("ConvTranspose", "crop", x, weight, kernel_shape=[4, 4], strides=[1, 1], pads=[2, 1, 1, 2], output_padding=[0, 0])
    scales = net.constant("scales", np.float32([1, 1, 2, 2]))
    a = net("Resize", "linear", x, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")
    b = net(
        "Resize", "nearest", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    )
    x = net("Add", "both", a, net("Sigmoid", "sigmoid", b))
    net.conv("mask", x, (4, 4), kernel=1)
    net.output("mask", "batch", 4, 32, 32)


def recurrent(net: Net) -> None:
    """LSTM in both directions from given states, GRU in both forms, backwards, peepholes; as many inputs as units."""
    x = net.input("steps", "time", "batch", 5)
    h, c = net.input("h0", 2, "batch", 5), net.input("c0", 2, "batch", 5)

    def weights(name: str, gates: int, directions: int, inputs: int) -> list[str]:
        return [
            net.normal(f"{name}.W", directions, gates * 5, inputs, size=0.5),
            net.normal(f"{name}.R", directions, gates * 5, 5, size=0.5),
            net.normal(f"{name}.B", directions, 2 * gates * 5, size=0.4),
        ]

    net(
        "LSTM", "lstm", x, *weights("lstm", 4, 2, 5), "", h, c, outputs=["y", "h", ""], hidden_size=5, direction="bidirectional"
    )
    x = net("Transpose", "order", "y", perm=[0, 2, 1, 3])
    x = net("Reshape", "merge", x, net.constant("merged", [0, 0, 10]))
    net("GRU", "gru", x, *weights("gru", 3, 1, 10), outputs=["g"], hidden_size=5, linear_before_reset=1)
    x = net("Squeeze", "drop1", "g", net.constant("axis1", [1]))
    net("GRU", "gru_back", x, *weights("gru_back", 3, 1, 5), outputs=["b"], hidden_size=5, direction="reverse")
    x = net("Squeeze", "drop2", "b", net.constant("axis2", [1]))
    peepholes = net.normal("peep.P", 1, 15, size=0.6)
    net("LSTM", "peep", x, *weights("peep", 4, 1, 5), "", "", "", peepholes, outputs=["p"], hidden_size=5)
    x = net("Squeeze", "drop3", "p", net.constant("axis3", [1]))
    net("RNN", "rnn", x, *weights("rnn", 1, 1, 5), outputs=["r", "last"], hidden_size=5)
    net.output("r", "time", 1, "batch", 5)
    net.output("h", 2, "batch", 5)


def transformer(net: Net) -> None:
    """An encoder: embedding, positions, masked attention, LayerNorm, GELU, a pooled token."""
    ids, mask = net.input("ids", "batch", "length", dtype=INT64), net.input("attention_mask", "batch", "length", dtype=INT64)
    table = net.normal("words.weight", 30, 16, size=1.0)
    x = net("Gather", "words", table, ids, axis=0)
    length = net("Gather", "length", net("Shape", "shape", ids), net.constant("one", 1), axis=0)
    starts, axes = net.constant("starts", [0]), net.constant("axes", [0])
    ends = net("Unsqueeze", "ends", length, axes)
    x = net(
        "Add", "embedded", x, net("Slice", "positions", net.normal("positions.weight", 1000, 16, size=0.5), starts, ends, axes)
    )
    x = net.layer_norm("norm0", x, 16)
    heads = net.constant("heads", [0, 0, 4, 4])

    def split(name: str, perm: list[int]) -> str:
        return net(
            "Transpose", f"{name}_heads", net("Reshape", f"{name}_split", net.product(name, x, (16, 16)), heads), perm=perm
        )

    q, k, v = split("query", [0, 2, 1, 3]), split("key", [0, 2, 3, 1]), split("value", [0, 2, 1, 3])
    scores = net("Div", "scaled", net("MatMul", "scores", q, k), net.constant("root", np.float32(2)))
    wide = net("Unsqueeze", "wide", net("Cast", "floats", mask, to=FLOAT), net.constant("wide_axes", [1, 2]))
    hidden = net(
        "Mul",
        "hidden",
        net("Sub", "inverted", net.constant("full", np.float32(1)), wide),
        net.constant("low", np.float32(-1e4)),
    )
    attention = net("Softmax", "attention", net("Add", "masked", scores, hidden), axis=-1)
    y = net("Transpose", "back", net("MatMul", "context", attention, v), perm=[0, 2, 1, 3])
    y = net("Reshape", "joined", y, net.constant("joined_shape", [0, 0, 16]))
    x = net.layer_norm("norm1", net("Add", "residual1", net.product("out", y, (16, 16)), x), 16)
    y = net("Gelu", "gelu", net.product("up", x, (16, 32)))
    x = net.layer_norm("norm2", net("Add", "residual2", net.product("down", y, (32, 16)), x), 16)
    first = net("Gather", "first", x, net.constant("zeroth", 0), axis=1)
    net("Tanh", "pooled", net.linear("pool", first, (16, 16)))
    net("Identity", "tokens", x)
    net.output("tokens", "batch", "length", 16)
    net.output("pooled", "batch", 16)


def decoder(net: Net) -> None:
    """RMSNorm, rotary positions, causal attention, a gated product; as many tokens as features of a head."""
    x = net.input("x", "batch", 8, 16)
    heads, size, time = 2, 8, 8
    angles = np.arange(time)[:, None] / 100.0 ** (np.arange(size // 2) / (size // 2))
    angles = np.concatenate([angles, angles], axis=1)
    cos, sin = net.constant("cos", np.cos(angles).astype(np.float32)), net.constant("sin", np.sin(angles).astype(np.float32))

    def rms(name: str, x: str) -> str:
        squares = net("Pow", f"{name}.square", x, net.constant(f"{name}.two", np.float32(2)))
        mean = net("ReduceMean", f"{name}.mean", squares, net.constant(f"{name}.axes", [-1]), keepdims=1)
        root = net("Sqrt", f"{name}.root", net("Add", f"{name}.eps", mean, net.constant(f"{name}.epsilon", np.float32(1e-5))))
        return net("Mul", name, net("Div", f"{name}.div", x, root), net.positive(f"{name}.weight", 16))

    def split(name: str, x: str) -> str:
        shape = net.constant(f"{name}.shape", [0, time, heads, size])
        return net(
            "Transpose",
            f"{name}.heads",
            net("Reshape", f"{name}.split", net.product(name, x, (16, 16)), shape),
            perm=[0, 2, 1, 3],
        )

    def rotary(name: str, x: str) -> str:
        starts = [
            net.constant(f"{name}.{text}", [number]) for text, number in (("zero", 0), ("half", size // 2), ("whole", size))
        ]
        last = net.constant(f"{name}.last", [-1])
        left = net("Slice", f"{name}.left", x, starts[0], starts[1], last)
        right = net("Slice", f"{name}.right", x, starts[1], starts[2], last)
        turned = net("Concat", f"{name}.turned", net("Neg", f"{name}.minus", right), left, axis=-1)
        return net("Add", name, net("Mul", f"{name}.cos", x, cos), net("Mul", f"{name}.sin", turned, sin))

    y = rms("norm1", x)
    q, k, v = rotary("q.rotary", split("q", y)), rotary("k.rotary", split("k", y)), split("v", y)
    scores = net("MatMul", "scores", q, net("Transpose", "turn", k, perm=[0, 1, 3, 2]))
    scores = net("Mul", "scaled", scores, net.constant("scale", np.float32(size**-0.5)))
    causal = np.triu(np.full((time, time), -1e9, np.float32), 1)
    attention = net("Softmax", "attention", net("Add", "causal", scores, net.constant("bias", causal)), axis=-1)
    y = net("Transpose", "back", net("MatMul", "context", attention, v), perm=[0, 2, 1, 3])
    y = net.product("o", net("Reshape", "joined", y, net.constant("joined_shape", [0, time, 16])), (16, 16))
    x = net("Add", "residual1", x, y)
    y = rms("norm2", x)
    gate = net.product("gate", y, (16, 16))
    gate = net("Mul", "silu", gate, net("Sigmoid", "sigmoid", gate))
    y = net.product("down", net("Mul", "gated", gate, net.product("up", y, (16, 16))), (16, 16))
    net("Add", "logits", x, y)
    net.output("logits", "batch", time, 16)


def square(net: Net) -> None:
    """Matrices of 8 by 8, in which no exchange of axes changes a shape."""
    x, other = net.input("x", "batch", 8, 8), net.input("other", "batch", 8, 8)
    y = net("Add", "shift", x, net.normal("shift.row", 8, size=0.7))
    y = net("MatMul", "mix", y, net.normal("mix.weight", 8, 8))
    y = net("Transpose", "turn", y, perm=[0, 2, 1])
    y = net("Mul", "gain", y, net.normal("gain.column", 8, 1, size=0.7))
    y = net("Sub", "minus", y, other)
    z = net("MatMul", "gram", y, net("Softmax", "weights", x, axis=2))
    z = net("Div", "ratio", z, net("Add", "above", net("Abs", "size", other), net.constant("one", np.float32(1))))
    z = net("Split", "halves", z, outputs=["left", "right"], axis=1, num_outputs=2)
    z = net("Concat", "crossed", "right", "left", axis=1)
    z = net("CumSum", "sum", z, net.constant("first", 1), exclusive=1)
    net("Sub", "difference", z, net("Exp", "exponential", net("Neg", "negated", y)))
    net.output("difference", "batch", 8, 8)


def heads(net: Net) -> None:
    """What stands behind networks: the best classes, their places, masks, whole numbers."""
    a, b = net.input("a", "batch", 6, 6), net.input("b", "batch", 6, 6)
    n = net.input("n", "batch", 6, dtype=INT64)
    mean = net("ReduceMean", "mean", a, net.constant("axis1", [1]), keepdims=1)
    power = net(
        "Pow",
        "power",
        net("Sqrt", "root", net("Abs", "abs", net("Sub", "minus", a, mean))),
        net.constant("three", np.float32(3)),
    )
    logged = net("Log", "log", net("Add", "plus", power, net.constant("one", np.float32(1))))
    larger = net("Less", "less", a, b)
    chosen = net(
        "Where",
        "chosen",
        larger,
        logged,
        net("Clip", "clip", b, net.constant("low", np.float32(-1)), net.constant("high", np.float32(1.5))),
    )
    net("TopK", "best", chosen, net.constant("two", [2]), outputs=["values", "places"], axis=2)
    net("ArgMax", "argmax", n, axis=1, keepdims=0)
    net("Mul", "product", n, net("Add", "more", n, net.constant("whole", 3)))
    net(
        "ReduceSum",
        "total",
        net("Round", "round", net("Mul", "double", b, net.constant("factor", np.float32(2)))),
        net.constant("axis2", [2]),
        keepdims=0,
    )
    net("ReduceMax", "largest", net("Min", "min", a, b), net.constant("axis3", [1]), keepdims=0)
    net("Gather", "picked", net("Floor", "floor", a), net.constant("second", 1), axis=1)
    for name, shape, dtype in [
        ("values", (6, 2), FLOAT), ("places", (6, 2), INT64), ("argmax", (), INT64), ("product", (6,), INT64),
        ("total", (6,), FLOAT), ("largest", (6,), FLOAT), ("picked", (6,), FLOAT),
    ]:  # fmt: skip
        net.output(name, "batch", *shape, dtype=dtype)


def quantised(net: Net) -> None:
    """QDQ as post-training quantisation writes it: integers between, scales of each channel for weights."""

    def qdq(name: str, x: str, scale: object, zero: object) -> str:
        s, z = net.constant(f"{name}.scale", np.float32(scale)), net.constant(f"{name}.zero", np.uint8(zero))
        axis = {"axis": 1} if np.ndim(scale) else {}
        q = net("QuantizeLinear", f"{name}.quantise", x, s, z, **axis)
        return net("DequantizeLinear", f"{name}.dequantise", q, s, z, **axis)

    def kernel(name: str, *shape: int) -> str:
        w = net.constant(f"{name}.weight", net.random.integers(-127, 128, shape).astype(np.int8))
        s = net.constant(f"{name}.weight_scale", net.random.uniform(0.001, 0.006, shape[0]).astype(np.float32))
        z = net.constant(f"{name}.weight_zero", np.zeros(shape[0], np.int8))
        return net("DequantizeLinear", f"{name}.weight_dequantise", w, s, z, axis=0)

    x = qdq("q0", net.input("image", "batch", 8, 6, 6), 0.03, 120)
    x = net(
        "Conv",
        "conv1",
        x,
        kernel("conv1", 6, 8, 3, 3),
        net.normal("conv1.bias", 6, size=0.3),
        kernel_shape=[3, 3],
        pads=[1, 1, 1, 1],
    )
    x = qdq("q1", net("Relu", "relu", x), np.linspace(0.01, 0.022, 6), [0] * 6)
    x = qdq("q2", net("GlobalAveragePool", "gap", x), 0.005, 3)
    x = net("Flatten", "flatten", x)
    net("Gemm", "fc", x, kernel("fc", 8, 6), net.normal("fc.bias", 8, size=0.3), transB=1)
    net.output("fc", "batch", 8)


def resized(net: Net) -> None:
    """Images made larger and smaller in every way that both targets know, and some that they do not."""
    x = net.input("image", "batch", 4, 8, 8)

    def resize(name: str, x: str, factor: float, **attributes: Any) -> str:
        scales = net.constant(f"{name}.scales", np.float32([1, 1, factor, factor]))
        return net("Resize", name, x, "", scales, **attributes)

    half, whole = "half_pixel", "align_corners"
    a = resize("cubic", net.conv("enter", x, (4, 4), pads=[1, 1, 1, 1]), 2, mode="cubic", coordinate_transformation_mode=half)
    b = resize("aligned", x, 2, mode="linear", coordinate_transformation_mode=whole)
    c = net("Resize", "wide", x, "", net.constant("factors", np.float32([1, 1, 2, 4])), mode="nearest")
    c = net("AveragePool", "narrow", c, kernel_shape=[1, 3], strides=[1, 2], pads=[0, 0, 0, 1])
    x = net("Tanh", "tanh", net("Add", "sum", net("Add", "two", a, b), c))
    a = resize("smoothed", x, 0.5, mode="linear", coordinate_transformation_mode=half, antialias=1)
    b = resize("smaller", x, 0.5, mode="linear", coordinate_transformation_mode=half)
    c = resize("picked", x, 0.5, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    d = resize("ceiled", x, 0.5, mode="nearest", coordinate_transformation_mode=half, nearest_mode="round_prefer_ceil")
    x = net("Concat", "all", a, b, c, d, axis=1)
    net.conv("mask", x, (16, 4), kernel=1)
    net.output("mask", "batch", 4, 8, 8)


def loops(net: Net) -> None:
    """A Loop that sharpens an image, a branch that a flag chooses, a Scan over steps; weights of all inside."""
    x, flag = net.input("image", "batch", 4, 6, 6), net.input("flag", dtype=TensorProto.BOOL)
    image = (FLOAT, ["batch", 4, 6, 6])

    def sharpen() -> None:
        y = net("Elu", "loop.elu", net.conv("loop.conv", "loop.x", (4, 4), pads=[0, 1, 2, 1]), alpha=0.7)
        y = net("AveragePool", "loop.pool", y, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1], count_include_pad=1)
        net("Add", "loop.sum", net("Mul", "loop.scaled", y, net.constant("loop.half", np.float32(0.5))), "image")
        net("Identity", "loop.on", "loop.go")

    ports = {"loop.i": (INT64, []), "loop.go": (TensorProto.BOOL, []), "loop.x": image}
    body = net.body(ports, {"loop.on": (TensorProto.BOOL, []), "loop.sum": image}, sharpen)
    x = net("Loop", "loop", net.constant("rounds", 3), net.constant("go", True), x, body=body)

    def branch(name: str, function: str, **attributes: Any) -> Any:
        y = {f"{name}.out": image}
        return net.body(
            {}, y, lambda: net(function, f"{name}.out", net.conv(f"{name}.conv", x, (4, 4), kernel=1), **attributes)
        )

    one, other = branch("then", "LeakyRelu", alpha=0.1), branch("else", "Tanh")
    x = net("If", "branch", flag, then_branch=one, else_branch=other)
    steps = net("Reshape", "steps", x, net.constant("steps_shape", [0, 4, 36]))
    steps = net("Transpose", "steps_first", steps, perm=[1, 0, 2])

    def cell() -> None:
        rows = net("Concat", "cell.rows", "cell.x", "cell.h", axis=1)
        gate = net("Sigmoid", "cell.gate", net.linear("cell.fc1", rows, (44, 8)))
        new = net("Tanh", "cell.new", net.linear("cell.fc2", rows, (44, 8)))
        net("Add", "cell.next", net("Mul", "cell.kept", gate, "cell.h"), net("Sub", "cell.rest", new, gate))
        net("Identity", "cell.y", "cell.next")

    rows = (FLOAT, ["batch", 8])
    body = net.body({"cell.h": rows, "cell.x": (FLOAT, ["batch", 36])}, {"cell.next": rows, "cell.y": rows}, cell)
    first = net("ReduceMean", "start", x, net.constant("start_axes", [2, 3]), keepdims=0)
    first = net("Concat", "start2", first, first, axis=1)
    net("Scan", "scan", first, steps, outputs=["last", "ys"], body=body, num_scan_inputs=1)
    net.linear("fc", "last", (8, 8))
    net.output("ys", 4, "batch", 8)
    net.output("fc", "batch", 8)


def columns(net: Net) -> None:
    """A table with missing numbers, columns that are rows of tables of their own, a setting that is compared with a number."""
    x, rows, setting = net.input("x", "batch", 6), net.input("rows", "batch", 2, dtype=INT64), net.input("setting", dtype=INT64)
    missing = net("IsNaN", "missing", x)
    parts = [net("Where", "filled", missing, net.normal("mean", 6, size=0.5), x)]
    for number, size in enumerate((5, 90)):
        column = net("Gather", f"column{number}", rows, net.constant(f"number{number}", number), axis=1)
        parts.append(net("Gather", f"looked_up{number}", net.normal(f"table{number}", size, 4, size=0.8), column, axis=0))
    x = net("Concat", "all", *parts, axis=1)
    hidden = net("Relu", "relu", net.linear("fc1", x, (14, 10)))
    special = net("Equal", "special", setting, net.constant("thirty_seven", 37))
    net("Where", "y", special, net.linear("fc2", hidden, (10, 3)), net.linear("fc3", hidden, (10, 3)))
    net.output("y", "batch", 3)


SMALL: dict[str, Callable[[Net], None]] = {
    function.__name__: function
    for function in (
        cnn,
        dense,
        mobile,
        unet,
        recurrent,
        transformer,
        decoder,
        square,
        heads,
        quantised,
        resized,
        loops,
        columns,
    )
}


def write(name: str, folder: Path) -> Path:
    """The source file of a network of the table."""
    if name == "matlab":
        return FIXTURES / "branches.mat"
    if name in EXPORTED:
        return EXPORTED[name]
    net = Net(list(SMALL).index(name))
    SMALL[name](net)
    return net.save(folder / f"{name}.onnx")


NETWORKS = [*SMALL, "matlab"]

EXPORTED = {
    f"exported-{path.stem}": path
    for path in (
        *sorted((FIXTURES / "networks").glob("*.onnx")),
        FIXTURES / "attention" / "batches_memory.onnx",
        FIXTURES / "attention" / "steps_both.onnx",
        FIXTURES / "attention" / "steps.onnx",
    )
}
"""What torch's exporter wrote of small networks of many kinds; faults are planted in them by ``make test-sabotage`` alone."""
