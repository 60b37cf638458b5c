"""The rooms of MATLAB's layers: for each class its words in MATLAB's listing and its form in the graph.

``specs/matlab.md`` holds the same as a table, with the source of each fact. Weights come in MATLAB's order (height, width,
channels in, filters) and leave in ONNX's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from converter.graph import Value, Weight
from converter.padding import Padding
from converter.readers.matlab import description as words
from converter.readers.matlab.properties import Properties, sizes
from converter.readers.matlab.site import Site, Untranslated, matlab_order, product, without_trailing_ones
from converter.readers.matlab.table import BUILT_IN


@dataclass(frozen=True)
class Room:
    """What is known of one layer class.

    ``translate`` adds the layer's nodes and returns its output. ``inputs`` is how many ports it reads, None for as many as the
    layer's NumInputs says. ``output_layer`` marks a layer that only serves training: it has no node.
    """

    type: str
    describe: Callable[[Properties], str]
    translate: Callable[[Site], Value]
    inputs: int | None = 1
    output_layer: bool = False


ROOMS: dict[str, Room] = {}
"""By full class name."""


def layer(class_name: str, type: str, describe: str | Callable[[Properties], str], *, inputs: int | None = 1):
    """Enter the room of a class; a name without a package is one of the toolbox's own."""

    def enter(translate: Callable[[Site], Value]) -> Callable[[Site], Value]:
        text = (lambda p: describe) if isinstance(describe, str) else describe
        ROOMS[_full(class_name)] = Room(type, text, translate, inputs)
        return translate

    return enter


def output_layer(class_name: str, type: str, describe: str | Callable[[Properties], str]) -> None:
    layer(class_name, type, describe)(lambda n: n.x)
    room = ROOMS[_full(class_name)]
    ROOMS[_full(class_name)] = Room(room.type, room.describe, room.translate, output_layer=True)


def elementwise(class_name: str, type: str, describe: str, op_type: str) -> None:
    """A layer that is one operator without attributes."""
    layer(class_name, type, describe)(lambda n: n.add(op_type))


def _full(class_name: str) -> str:
    return class_name if "." in class_name else BUILT_IN + class_name


# Inputs ---------------------------------------------------------------------------------------------------------------------


@layer("ImageInputLayer", "Image Input", words.images, inputs=0)
def image_input(n: Site) -> Value:
    return _input(n, rank=2)


@layer("Image3DInputLayer", "3-D Image Input", words.images, inputs=0)
def image_3d_input(n: Site) -> Value:
    return _input(n, rank=3)


@layer("FeatureInputLayer", "Feature Input", words.features, inputs=0)
def feature_input(n: Site) -> Value:
    return _input(n, rank=0)


def _input(n: Site, rank: int) -> Value:
    """The input and its normalisation, which is part of the network: (x - shift) / scale."""
    p = n.properties
    size = p.integers("InputSize")
    if len(size) != rank + 1:
        p.fail("InputSize", f"{rank + 1} sizes" if rank else "one size")
    if p.flag("SplitComplexInputs", False):
        raise Untranslated("complex inputs (SplitComplexInputs) are not translated")
    *spatial, channels = size
    n.inputs = [n.input((channels, *spatial))]
    mode = p.text("Normalization", "none")
    if mode == "none":
        return n.x
    if mode == "zerocenter":
        return n.add("Sub", [n.x, _statistic(n, "Mean", size, "mean")], part="centered")
    if mode == "zscore":
        centered = n.add("Sub", [n.x, _statistic(n, "Mean", size, "mean")], part="centered")
        return n.add("Div", [centered, _statistic(n, "StandardDeviation", size, "std")], part="scaled")
    if mode not in ("rescale-zero-one", "rescale-symmetric"):
        raise Untranslated(f"its Normalization is '{mode}', no name of a normalization")
    low, high = _statistic(n, "Min", size, "min"), _statistic(n, "Max", size, "max")
    if mode == "rescale-zero-one":
        shift, scale = low, _combine(n, low, high, lambda a, b: b - a, "range")
    else:
        shift = _combine(n, low, high, lambda a, b: (a + b) / 2, "center")
        scale = _combine(n, low, high, lambda a, b: (b - a) / 2, "half_range")
    return n.add("Div", [n.add("Sub", [n.x, shift], part="centered"), scale], part="scaled")


def _statistic(n: Site, name: str, size: tuple[int, ...], part: str) -> Weight:
    """A statistic of the input: per element (c, h, w), per channel (c, 1, 1) or one number ().

    Until R2019a the mean stood under AverageImage. Without numbers, NormalizationDimension tells its size; its 'auto' means
    per channel (MATLAB page of imageInputLayer).
    """
    name = "AverageImage" if name == "Mean" and "Mean" not in n.properties and "AverageImage" in n.properties else name
    per_channel = (1,) * (len(size) - 1) + size[-1:]
    choices = {"element": size, "channel": per_channel, "all": (1,) * len(size), "auto": per_channel}
    array = n.properties.array(name, None)
    if array is None:
        expected = choices[n.properties.choice("NormalizationDimension", *choices, default="auto")]
    else:
        if len(size) == 1:
            array = array.reshape(-1)
        expected = next((s for s in choices.values() if without_trailing_ones(s) == without_trailing_ones(array.shape)), None)
        if expected is None:
            n.fail(f"{name} is {sizes(array.shape)}; expected {sizes(size)}, {sizes(per_channel)} or one number.")
    last = len(expected) - 1
    shape = () if product(expected) == 1 else (expected[last], *expected[:last])
    label = f"{n.name}_{part}"
    if array is None:
        return Weight(label, shape, np.float32, trainable=False)
    numbers = np.moveaxis(array.astype(np.float32).reshape(expected, order="F"), -1, 0).reshape(shape)
    return Weight.of(numbers, label, trainable=False)


def _combine(n: Site, low: Weight, high: Weight, function: Callable, part: str) -> Weight:
    shape = np.broadcast_shapes(low.shape, high.shape)
    load = (lambda: function(low.array(), high.array()).astype(np.float32)) if low.has_data and high.has_data else None
    return Weight(f"{n.name}_{part}", shape, np.float32, load, trainable=False)


# Convolution ----------------------------------------------------------------------------------------------------------------


@layer("Convolution2DLayer", "2-D Convolution", words.convolution)
def convolution_2d(n: Site) -> Value:
    return _convolution(n, rank=2)


@layer("Convolution3DLayer", "3-D Convolution", words.convolution)
def convolution_3d(n: Site) -> Value:
    return _convolution(n, rank=3)


def _convolution(n: Site, rank: int) -> Value:
    """Weights [h w channels filters]; fewer channels than arrive, or two-element NumFilters, mean groups.

    Releases before GroupedConvolution2DLayer hid groups so: AlexNet's conv2 is '256 5x5x48' after 96 channels.
    """
    p = n.properties
    arriving = n.channels(rank)
    filters = sum(p.integers("NumFilters"))
    channels = _channels(p, "NumChannels", arriving)[0]
    if arriving % channels or filters % (arriving // channels):
        n.fail(
            f"its {filters} filters read {channels} channels each, but {arriving} arrive.",
            "Check NumChannels and the layer connected before it.",
        )
    kernel = p.integers("FilterSize", rank)
    weights = n.weight("Weights", (*kernel, channels, filters))
    if channels < arriving and not weights.has_data:
        n.note(f"filters of {channels} channels after {arriving} channels are read as {arriving // channels} groups.")
    bias = n.bias(weights, n.vector("Bias", filters))
    return _conv(n, weights.transpose(rank + 1, rank, *range(rank)), bias, arriving // channels)


@layer("GroupedConvolution2DLayer", "2-D Grouped Convolution", words.grouped_convolution)
def grouped_convolution_2d(n: Site) -> Value:
    """Weights [h w channels-of-a-group filters-of-a-group groups]; the groups are blocks of the filters."""
    p = n.properties
    arriving = n.channels(2)
    groups, each = p.integer("NumGroups"), p.integer("NumFiltersPerGroup")
    if arriving % groups:
        n.fail(f"has {groups} groups, but {arriving} channels arrive.")
    channels = _channels(p, "NumChannelsPerGroup", arriving // groups)[0]
    if channels * groups != arriving:
        n.fail(f"its {groups} groups read {channels} channels each, but {arriving} arrive.")
    kernel = p.integers("FilterSize", 2)
    weights = n.weight("Weights", (*kernel, channels, each, groups))
    bias = n.bias(weights, n.weight("Bias", (1, 1, each, groups)).transpose(3, 2, 0, 1).reshape(groups * each))
    return _conv(n, weights.transpose(4, 3, 2, 0, 1).reshape(groups * each, channels, *kernel), bias, groups)


def _channels(p: Properties, name: str, arriving: int) -> tuple[int, ...]:
    """A property that may be left open ('auto' or empty) until the network is built: then it is what arrives."""
    return p.integers(name) if p.known(name) else (arriving,)


def _conv(n: Site, weights: Weight, bias: Weight | None, groups: int) -> Value:
    rank = len(weights.shape) - 2
    if isinstance(n.properties.values.get("PaddingValue"), str) or n.properties.number("PaddingValue", 0) != 0:
        raise Untranslated("its PaddingValue is not 0")
    attributes = {
        "kernel_shape": weights.shape[2:],
        "strides": n.properties.integers("Stride", rank),
        "dilations": n.properties.integers("DilationFactor", rank, (1,) * rank),
        "group": groups,
    }
    return n.add("Conv", [n.x, weights, bias], attributes | _pads(n, rank))


def _pads(n: Site, rank: int) -> dict:
    padding = n.sides("Padding", rank)
    return {"auto_pad": "SAME_UPPER"} if padding is None else {"pads": padding}


@layer("TransposedConvolution2DLayer", "2-D Transposed Convolution", words.transposed_convolution)
def transposed_convolution_2d(n: Site) -> Value:
    """Weights [h w filters channels]. Cropping 'same' gives input times stride, the odd element cut off at the end.

    With groups, which MatConvNet has and the toolbox has not, each has its share of the filters.
    """
    p = n.properties
    channels, filters, groups = n.channels(2), p.integer("NumFilters"), p.integer("NumGroups", 1)
    if channels != _channels(p, "NumChannels", channels)[0]:
        n.fail(f"its filters read {p.integer('NumChannels')} channels, but {channels} arrive.")
    kernel, strides = p.integers("FilterSize", 2), p.integers("Stride", 2)
    if filters % groups or channels % groups:
        n.fail(f"its {groups} groups do not divide {filters} filters and {channels} channels.")
    weights = n.weight("Weights", (*kernel, filters // groups, channels))
    bias = n.bias(weights, n.vector("Bias", filters))
    cropping, extra = n.sides("Cropping", 2), (0, 0)
    if cropping is None:
        cut = [max(k - s, 0) for k, s in zip(kernel, strides, strict=True)]
        cropping = Padding(tuple(c // 2 for c in cut), tuple(c - c // 2 for c in cut))
        extra = tuple(max(s - k, 0) for k, s in zip(kernel, strides, strict=True))
    attributes = {"kernel_shape": kernel, "strides": strides, "dilations": (1, 1), "group": groups}
    sides = {"pads": cropping, "output_padding": extra}
    return n.add("ConvTranspose", [n.x, weights.transpose(3, 2, 0, 1), bias], attributes | sides)


# Pooling --------------------------------------------------------------------------------------------------------------------


@layer("MaxPooling2DLayer", "2-D Max Pooling", words.pooling("max"))
def max_pooling_2d(n: Site) -> Value:
    if n.properties.flag("HasUnpoolingOutputs", False):
        raise Untranslated("its unpooling outputs are not translated")
    return _pool(n, "MaxPool", 2)


@layer("MaxPooling3DLayer", "3-D Max Pooling", words.pooling("max"))
def max_pooling_3d(n: Site) -> Value:
    return _pool(n, "MaxPool", 3)


@layer("AveragePooling2DLayer", "2-D Average Pooling", words.pooling("average"))
def average_pooling_2d(n: Site) -> Value:
    return _average(n, 2)


@layer("AveragePooling3DLayer", "3-D Average Pooling", words.pooling("average"))
def average_pooling_3d(n: Site) -> Value:
    return _average(n, 3)


def _average(n: Site, rank: int) -> Value:
    """Padding counts as zeros; with PaddingValue 'mean' only the elements of the input count."""
    p = n.properties
    excluded = isinstance(p.values.get("PaddingValue"), str) and p.choice("PaddingValue", "mean") == "mean"
    if not excluded and p.number("PaddingValue", 0) != 0:
        p.fail("PaddingValue", "0 or 'mean'")
    return _pool(n, "AveragePool", rank, count_include_pad=int(not excluded))


def _pool(n: Site, op_type: str, rank: int, **attributes: int) -> Value:
    p = n.properties
    n.channels(rank)
    attributes |= {
        "kernel_shape": p.integers("PoolSize", rank),
        "strides": p.integers("Stride", rank),
        "dilations": (1,) * rank,
    }
    return n.add(op_type, None, attributes | _pads(n, rank))


elementwise("GlobalAveragePooling2DLayer", "2-D Global Average Pooling", "2-D global average pooling", "GlobalAveragePool")
elementwise("GlobalAveragePooling3DLayer", "3-D Global Average Pooling", "3-D global average pooling", "GlobalAveragePool")
elementwise("GlobalMaxPooling2DLayer", "2-D Global Max Pooling", "2-D global max pooling", "GlobalMaxPool")
elementwise("GlobalMaxPooling3DLayer", "3-D Global Max Pooling", "3-D global max pooling", "GlobalMaxPool")


# Normalisation --------------------------------------------------------------------------------------------------------------


@layer(
    "CrossChannelNormalizationLayer",
    "Cross Channel Normalization",
    lambda p: f"cross channel normalization with {p.integer('WindowChannelSize')} channels per element",
)
def cross_channel_normalization(n: Site) -> Value:
    """x / (K + Alpha / WindowChannelSize * sum of squares) ^ Beta: ONNX divides alpha by the size as MATLAB does."""
    p = n.properties
    constants = {"alpha": p.number("Alpha"), "beta": p.number("Beta"), "bias": p.number("K")}
    return n.add("LRN", None, {"size": p.integer("WindowChannelSize"), **constants})


@layer("BatchNormalizationLayer", "Batch Normalization", words.batch_normalization)
def batch_normalization(n: Site) -> Value:
    channels = n.channels()
    if channels != _channels(n.properties, "NumChannels", channels)[0]:
        n.fail(f"normalises {n.properties.integer('NumChannels')} channels, but {channels} arrive.")
    parameters = [n.vector("Scale", channels), n.vector("Offset", channels)]
    parameters += [n.vector(name, channels, trainable=False) for name in ("TrainedMean", "TrainedVariance")]
    if len({parameter.has_data for parameter in parameters}) > 1:
        n.fail("has numbers for some of Scale, Offset, TrainedMean and TrainedVariance, but not for all.")
    return n.add("BatchNormalization", [n.x, *parameters], {"epsilon": n.properties.number("Epsilon")})


# Activations ----------------------------------------------------------------------------------------------------------------

elementwise("ReLULayer", "ReLU", "ReLU", "Relu")
elementwise("SigmoidLayer", "Sigmoid", "sigmoid", "Sigmoid")
elementwise("TanhLayer", "Tanh", "Hyperbolic tangent", "Tanh")
elementwise("SoftplusLayer", "Softplus", "Softplus", "Softplus")


@layer("LeakyReLULayer", "Leaky ReLU", lambda p: f"Leaky ReLU with scale {p.number('Scale'):g}")
def leaky_relu(n: Site) -> Value:
    return n.add("LeakyRelu", None, {"alpha": n.properties.number("Scale")})


@layer("ClippedReLULayer", "Clipped ReLU", lambda p: f"Clipped ReLU with ceiling {p.number('Ceiling'):g}")
def clipped_relu(n: Site) -> Value:
    return n.add("Clip", [n.x, n.scalar(0, "floor"), n.scalar(n.properties.number("Ceiling"), "ceiling")])


@layer("ELULayer", "ELU", lambda p: f"ELU with Alpha {p.number('Alpha'):g}")
def elu(n: Site) -> Value:
    return n.add("Elu", None, {"alpha": n.properties.number("Alpha")})


@layer("GELULayer", "GELU", "GELU")
def gelu(n: Site) -> Value:
    return n.add("Gelu", None, {"approximate": n.properties.choice("Approximation", "none", "tanh", default="none")})


@layer("SwishLayer", "Swish", "Swish")
def swish(n: Site) -> Value:
    """x * sigmoid(x); onnxruntime does not run the Swish operator of opset 24."""
    return n.add("Mul", [n.x, n.add("Sigmoid", part="sigmoid")])


@layer("SoftmaxLayer", "Softmax", "softmax")
def softmax(n: Site) -> Value:
    return n.add("Softmax", None, {"axis": 1})


# Dense layers and shape -----------------------------------------------------------------------------------------------------


@layer("FullyConnectedLayer", "Fully Connected", lambda p: f"{p.integer('OutputSize')} fully connected layer")
def fully_connected(n: Site) -> Value:
    """Flattens what arrives. Weights [out h*w*c], column-major as the property has them, or [h w c out] as files hold them."""
    p = n.properties
    size = matlab_order(n.sizes)
    count, outputs = product(size), p.integer("OutputSize")
    expected = product(_channels(p, "InputSize", count))
    if expected != count:
        n.fail(f"reads {expected} numbers, but {count} arrive ({sizes(size)}).")
    array = p.array("Weights", None)
    if array is not None and len(size) == 1 and array.ndim == 4 and array.shape[:2] == (1, 1):
        size = (1, 1, count)  # a vector is a 1-by-1 image to the objects that are saved
    stored_by_output = array is None or array.shape == (outputs, count)
    if stored_by_output:
        weights = n.weight("Weights", (outputs, count))
        weights = weights.map(lambda a: a.reshape(outputs, *size, order="F"), (outputs, *size))
    elif without_trailing_ones(array.shape) == without_trailing_ones((*size, outputs)):
        weights = n.weight("Weights", (*size, outputs)).transpose(len(size), *range(len(size)))
    else:
        n.fail(f"Weights is {sizes(array.shape)}; expected {outputs}×{count} or {sizes((*size, outputs))}.")
    bias = n.bias(weights, n.vector("Bias", outputs))
    channels_first = weights.transpose(0, len(size), *range(1, len(size))).reshape(outputs, count)
    x = n.add("Flatten", None, {"axis": 1}, part="flatten") if len(n.sizes) > 1 else n.x
    return n.add("Gemm", [x, channels_first, bias], {"transB": 1})


@layer("FlattenLayer", "Flatten", "Flatten")
def flatten(n: Site) -> Value:
    """Column-major: height runs fastest, then width, then channels."""
    x, (_, *spatial) = n.x, n.sizes
    if sum(size > 1 for size in spatial) > 1:
        x = n.add("Transpose", None, {"perm": (0, 1, *reversed(range(2, len(spatial) + 2)))}, part="column_major")
    return n.add("Flatten", [x], {"axis": 1})


@layer(
    "nnet.keras.layer.FlattenCStyleLayer", "Keras Flatten", "Flatten activations into 1-D assuming C-style (row-major) order"
)
def flatten_c_style(n: Site) -> Value:
    """Row-major over (height, width, channels), as Keras flattens."""
    last = len(n.sizes)
    channels_last = n.add("Transpose", None, {"perm": (0, *range(2, last + 1), 1)}, part="channels_last")
    return n.add("Flatten", [channels_last], {"axis": 1})


@layer("DropoutLayer", "Dropout", lambda p: f"{p.number('Probability', 0.5) * 100:g}% dropout")
def dropout(n: Site) -> Value:
    return n.add("Dropout", [n.x, n.scalar(n.properties.number("Probability", 0.5), "ratio")])


# Layers of several inputs ---------------------------------------------------------------------------------------------------


@layer("AdditionLayer", "Addition", words.inputs("Element-wise addition"), inputs=None)
def addition(n: Site) -> Value:
    return _chain(n, "Add")


@layer("MultiplicationLayer", "Multiplication", words.inputs("Element-wise multiplication"), inputs=None)
def multiplication(n: Site) -> Value:
    return _chain(n, "Mul")


def _chain(n: Site, op_type: str) -> Value:
    """((in1 + in2) + in3) ..."""
    result, last = n.x, len(n.inputs) - 1
    for index, value in enumerate(n.inputs[1:], 1):
        result = n.add(op_type, [result, value], part="" if index == last else f"in{index + 1}")
    return result


@layer("DepthConcatenationLayer", "Depth concatenation", words.inputs("Depth concatenation"), inputs=None)
def depth_concatenation(n: Site) -> Value:
    return n.add("Concat", n.inputs, {"axis": 1})


@layer("ConcatenationLayer", "Concatenation", words.concatenation, inputs=None)
def concatenation(n: Site) -> Value:
    """Dim counts MATLAB's axes: (height, width, channels, batch) of an image, (channels, batch) of a vector.

    A vector that comes from an image is a 1-by-1 image to a DAGNetwork, so that its channels may also be Dim 3.
    """
    rank = n.rank
    axes = (*range(2, rank + 2), 1, 0) if rank else (1, 0, 1)
    dimension = n.properties.integer("Dim")
    if dimension > len(axes):
        n.properties.fail("Dim", f"at most {len(axes)}, for what arrives has {rank} spatial axes")
    return n.add("Concat", n.inputs, {"axis": axes[dimension - 1]})


# Layers that only serve training --------------------------------------------------------------------------------------------

output_layer("ClassificationOutputLayer", "Classification Output", words.classification)
output_layer("RegressionOutputLayer", "Regression Output", "mean-squared-error")
output_layer("PixelClassificationLayer", "Pixel Classification Layer", "Cross-entropy loss")
