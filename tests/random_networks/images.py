"""Random networks on images."""

from __future__ import annotations

import onnx

from tests.random_networks.activations import activation
from tests.random_networks.builder import FLOAT, Builder


def image_network(seed: int) -> onnx.ModelProto:
    """Up to eight steps, of which some results are outputs too, and an end; height and width of every eighth are free."""
    net = Builder(seed)
    channels = net.one_of(1, 3, 4)
    shape = ["n", channels, *(["h", "w"] if net.one_of(*range(8)) == 0 else net.numbers(9, 20, 2))]
    x, outputs = "x", []
    for _ in range(net.one_of(3, 4, 5, 6, 7, 8)):
        x, channels = net.one_of(*_STEPS)(net, x, channels)
        outputs += [x] if net.one_of(False, False, False, True) else []
    return net.model(FLOAT, shape, [*[name for name in outputs if name != "x"][:2], net.one_of(*_ENDS)(net, x, channels)])


def _convolution(net: Builder, x: str, channels: int) -> tuple[str, int]:
    kernel, dilation = net.numbers(1, 5, 2), net.one_of(1, 1, 2)
    group = net.one_of(1, 1, 2) if channels % 2 == 0 else 1
    result = net.one_of(4, 6, 8)
    options = {"kernel_shape": kernel, "strides": [net.one_of(1, 1, 2)] * 2, "group": group}
    if net.one_of(False, False, True):
        options["auto_pad"] = net.one_of("SAME_UPPER", "SAME_LOWER")
    else:
        options |= {"pads": net.numbers(0, 3, 4), "dilations": [dilation] * 2}
    bias = [net.weight(result, scale=0.3)] if net.one_of(False, True) else []
    return net.add("Conv", x, net.weight(result, channels // group, *kernel), *bias, **options), result


def _depthwise(net: Builder, x: str, channels: int) -> tuple[str, int]:
    result = channels * net.one_of(1, 2)
    return net.add("Conv", x, net.weight(result, 1, 3, 3), kernel_shape=[3, 3], pads=[1] * 4, group=channels), result


def _transposed_convolution(net: Builder, x: str, channels: int) -> tuple[str, int]:
    result, stride, kernel = net.one_of(4, 6), net.one_of(1, 2), net.one_of(2, 3, 4)
    options = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": net.numbers(0, 2, 4)}
    if stride == 2 and net.one_of(False, True):
        options["output_padding"] = [1, net.one_of(0, 1)]
    return net.add("ConvTranspose", x, net.weight(channels, result, kernel, kernel, scale=0.2), **options), result


def _normalisation(net: Builder, x: str, channels: int) -> tuple[str, int]:
    kind = net.one_of("BatchNormalization", "InstanceNormalization", "GroupNormalization", "LRN")
    scale, bias = net.positive(channels), net.weight(channels, scale=0.3)
    if kind == "BatchNormalization":
        return net.add(kind, x, scale, bias, net.weight(channels, scale=0.3), net.positive(channels)), channels
    if kind == "InstanceNormalization":
        return net.add(kind, x, scale, bias), channels
    if kind == "GroupNormalization" and net.opset >= 21 and channels % 2 == 0:
        return net.add(kind, x, scale, bias, num_groups=2), channels
    return net.add("LRN", x, size=net.one_of(3, 5), alpha=1e-2, beta=0.75, bias=1.0), channels


def _pooling(net: Builder, x: str, channels: int) -> tuple[str, int]:
    kind = net.one_of("MaxPool", "AveragePool")
    options = {"kernel_shape": [net.one_of(2, 3)] * 2, "strides": [net.one_of(1, 2)] * 2, "ceil_mode": net.one_of(0, 0, 1)}
    padding = net.one_of("pads", "auto_pad", "none")
    if padding == "pads":
        options["pads"] = net.numbers(0, 2, 4)
    elif padding == "auto_pad":
        options["auto_pad"] = net.one_of("SAME_UPPER", "SAME_LOWER")
    if kind == "AveragePool":
        options["count_include_pad"] = net.one_of(0, 1)
    return net.add(kind, x, **options), channels


def _activation(net: Builder, x: str, channels: int) -> tuple[str, int]:
    return activation(net, x), channels


def _padding(net: Builder, x: str, channels: int) -> tuple[str, int]:
    pads = [0, 0, *net.numbers(0, 3, 2), 0, 0, *net.numbers(0, 3, 2)]
    return net.add("Pad", x, net.whole(*pads), mode=net.one_of("constant", "reflect", "edge")), channels


def _residual(net: Builder, x: str, channels: int) -> tuple[str, int]:
    branch = net.add("Conv", x, net.weight(channels, channels, 3, 3), kernel_shape=[3, 3], pads=[1] * 4)
    return net.add(net.one_of("Add", "Mul", "Sub", "Max"), x, activation(net, branch)), channels


def _gate(net: Builder, x: str, channels: int) -> tuple[str, int]:
    gate = net.add("Conv", net.add("GlobalAveragePool", x), net.weight(channels, channels, 1, 1), kernel_shape=[1, 1])
    gate = net.add(net.one_of("Sigmoid", "HardSigmoid"), gate)
    return net.add("Mul", *net.one_of([x, gate], [gate, x])), channels


def _resizing(net: Builder, x: str, channels: int) -> tuple[str, int]:
    mode, factor = net.one_of("nearest", "linear", "cubic"), net.one_of(2.0, 2.0, 1.5, 0.5)
    places = net.one_of("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
    options = {"nearest_mode": net.one_of("floor", "round_prefer_floor")} if mode == "nearest" else {}
    scales = net.held(1.0, 1.0, factor, factor)
    return net.add("Resize", x, "", scales, mode=mode, coordinate_transformation_mode=places, **options), channels


def _slicing(net: Builder, x: str, channels: int) -> tuple[str, int]:
    step = net.one_of(1, 2)
    return net.add("Slice", x, net.whole(0, 1), net.whole(1000, 1000), net.whole(2, 3), net.whole(step, 1)), channels


def _depth_to_space(net: Builder, x: str, channels: int) -> tuple[str, int]:
    if channels % 4:
        return x, channels
    return net.add("DepthToSpace", x, blocksize=2, mode=net.one_of("DCR", "CRD")), channels // 4


def _concatenation(net: Builder, x: str, channels: int) -> tuple[str, int]:
    return net.add("Concat", x, activation(net, x), axis=1), 2 * channels


def _transposition(net: Builder, x: str, channels: int) -> tuple[str, int]:
    return net.add("Transpose", x, perm=[0, 1, 3, 2]), channels


def _softmax(net: Builder, x: str, channels: int) -> tuple[str, int]:
    return net.add("Softmax", x, axis=net.one_of(1, 2, 3, -1)), channels


def _gated_half(net: Builder, x: str, channels: int) -> tuple[str, int]:
    if channels % 2:
        return x, channels
    first, second = net.add("Split", x, net.whole(channels // 2, channels // 2), outputs=2, axis=1)
    return net.add("Mul", first, net.add("Sigmoid", second)), channels // 2


def _scaling(net: Builder, x: str, channels: int) -> tuple[str, int]:
    other = net.one_of(net.number(0.7), net.weight(1, channels, 1, 1), net.weight(channels, 1, 1))
    return net.add(net.one_of("Add", "Mul"), x, other), channels


def _map(net: Builder, x: str, channels: int) -> str:
    return activation(net, x)


def _scores(net: Builder, x: str, channels: int) -> str:
    pooled = net.add("Flatten", net.add("GlobalAveragePool", x), axis=1)
    scores = net.add("Gemm", pooled, net.weight(5, channels), net.weight(5, scale=0.3), transB=1)
    return net.add("Softmax", scores, axis=-1) if net.one_of(False, True) else scores


def _maxima(net: Builder, x: str, channels: int) -> str:
    return net.add("Flatten", net.add("GlobalMaxPool", x), axis=1)


_STEPS = (
    *[_convolution] * 3,
    *[_activation] * 2,
    _depthwise,
    _transposed_convolution,
    _normalisation,
    _pooling,
    _padding,
    _residual,
    _gate,
    _resizing,
    _slicing,
    _depth_to_space,
    _concatenation,
    _transposition,
    _softmax,
    _gated_half,
    _scaling,
)
_ENDS = (_map, _scores, _maxima)
