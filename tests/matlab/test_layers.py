"""What the layers compute, run by onnxruntime, against NumPy written in MATLAB's order of axes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnxruntime
import pytest
from layer_table import cell, layer

import converter
from converter.emitters.onnx import to_model
from converter.graph import MATLAB_DOMAIN
from converter.padding import Padding

RANDOM = np.random.default_rng(7)
ROWS = np.random.default_rng(8).uniform(0, 2, (4, 3)).astype(np.float32)
"""A number for each place of an image, the same in all its channels."""


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def run(graph, *images):
    """``images`` (height, width, channels); the answer in the same order, a vector for a vector."""
    session = onnxruntime.InferenceSession(to_model(graph).SerializeToString())
    feed = {value.name: image.transpose(2, 0, 1)[None] for value, image in zip(graph.inputs, images, strict=True)}
    (answer,) = session.run(None, feed)
    return answer[0].transpose(1, 2, 0) if answer.ndim == 4 else answer[0]


def image(height=4, width=3, channels=2, **properties):
    return layer("image", "ImageInputLayer", InputSize=[height, width, channels], **{"Normalization": "none"} | properties)


def convolution(**properties):
    default = {"FilterSize": [2, 3], "NumChannels": [2], "NumFilters": [4], "Stride": [1, 1], "PaddingSize": [0, 0, 0, 0]}
    return layer("conv", "Convolution2DLayer", **default | properties)


# Input ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 3, 2), (1, 1, 2), (1, 1)], ids=["element", "channel", "scalar"])
@pytest.mark.parametrize("mode", ["zerocenter", "zscore", "rescale-zero-one", "rescale-symmetric"])
def test_normalization_is_part_of_the_network(read, mode, shape):
    mean, deviation, low = normal(*shape), RANDOM.uniform(1, 2, shape).astype(np.float32), normal(*shape) - 3
    high = low + RANDOM.uniform(2, 5, shape).astype(np.float32)
    x = normal(4, 3, 2)
    expected = {
        "zerocenter": x - mean,
        "zscore": (x - mean) / deviation,
        "rescale-zero-one": (x - low) / (high - low),
        "rescale-symmetric": 2 * (x - low) / (high - low) - 1,
    }[mode]
    graph = read(image(Normalization=mode, Mean=mean, StandardDeviation=deviation, Min=low, Max=high))
    np.testing.assert_allclose(run(graph, x), expected, atol=1e-5)
    assert not any(value.weight.trainable for value in graph.weights())


def test_average_image_is_the_mean_of_old_releases(read):
    mean = normal(4, 3, 2)
    x = normal(4, 3, 2)
    np.testing.assert_allclose(run(read(image(Normalization="zerocenter", AverageImage=mean)), x), x - mean, atol=1e-6)


def test_one_channel_loses_its_axis_in_the_file(read):
    mean = normal(4, 3)
    x = normal(4, 3, 1)
    np.testing.assert_allclose(run(read(image(4, 3, 1, Normalization="zerocenter", Mean=mean)), x)[:, :, 0], x[:, :, 0] - mean)


@pytest.mark.parametrize(
    ("dimension", "shape"), [("element", (2, 4, 3)), ("channel", (2, 1, 1)), ("auto", (2, 1, 1)), ("all", ())]
)
def test_missing_statistics_keep_their_size(read, dimension, shape):
    graph = read(image(Normalization="zscore", NormalizationDimension=dimension))
    weights = {value.weight.name: value.weight for value in graph.weights()}
    assert {name: weight.shape for name, weight in weights.items()} == {"image_mean": shape, "image_std": shape}
    assert not any(weight.has_data or weight.trainable for weight in weights.values())
    assert len(graph.notes) == 2


def test_features_go_straight_into_a_dense_layer(read):
    mean, weights, bias, x = normal(3, 1), normal(2, 3), normal(2, 1), normal(3)
    graph = read(
        layer("features", "FeatureInputLayer", InputSize=[3], Normalization="zerocenter", Mean=mean),
        layer("fc", "FullyConnectedLayer", OutputSize=[2], Weights=weights, Bias=bias),
    )
    assert [node.op_type for node in graph.nodes] == ["Sub", "Gemm"]
    session = onnxruntime.InferenceSession(to_model(graph).SerializeToString())
    (answer,) = session.run(None, {"features": x[None]})
    np.testing.assert_allclose(answer[0], weights @ (x - mean[:, 0]) + bias[:, 0], atol=1e-5)


# Convolution ----------------------------------------------------------------------------------------------------------------


def test_padding_is_top_bottom_left_right(read):
    node = read(image(), convolution(PaddingSize=[1, 2, 3, 4])).nodes[-1]
    assert node["pads"] == Padding((1, 3), (2, 4))
    assert node.output.shape == ("batch", 4, 6, 8)


def test_padding_of_two_numbers_is_of_old_releases(read):
    sizes = {"FilterSize": [2, 3], "NumChannels": [2], "NumFilters": [4], "Stride": [1, 1]}
    graph = read(image(), layer("conv", "Convolution2DLayer", **sizes, Padding=[1, 2]))
    assert graph.nodes[-1]["pads"] == Padding((1, 2), (1, 2))
    assert graph.layers[-1].description.endswith("padding [1  1  2  2]")


def test_same_is_left_to_the_graph(read):
    node = read(image(5, 6), convolution(PaddingMode="same", PaddingSize=[0, 1, 1, 1], Stride=[2, 2])).nodes[-1]
    assert node["auto_pad"] == "SAME_UPPER"
    assert node.output.shape == ("batch", 4, 3, 3)


def test_one_filter_loses_its_axis_in_the_file(read):
    weights, x = normal(4, 3, 2), normal(4, 3, 2)
    graph = read(image(), convolution(FilterSize=[4, 3], NumFilters=[1], Weights=weights, Bias=np.float32([[0.5]])))
    np.testing.assert_allclose(run(graph, x), [[[(weights * x).sum() + 0.5]]], rtol=1e-5)


@pytest.mark.parametrize(
    "sizes",
    [
        {"NumChannels": [2], "NumFilters": [6]},
        {"NumChannels": [2, 2], "NumFilters": [3, 3]},
    ],
    ids=["fewer channels than arrive", "two-element sizes"],
)
def test_groups_hidden_in_a_plain_convolution(read, sizes):
    weights, x = normal(2, 3, 2, 6), normal(2, 3, 4)
    graph = read(image(2, 3, 4), convolution(**sizes, Weights=weights, Bias=np.zeros((1, 1, 6))))
    first, second = (
        np.einsum("hwc,hwcn->n", x[..., c], weights[..., f]) for c, f in [(np.s_[:2], np.s_[:3]), (np.s_[2:], np.s_[3:])]
    )
    np.testing.assert_allclose(run(graph, x)[0, 0], [*first, *second], rtol=1e-4, atol=1e-5)
    assert graph.nodes[-1]["group"] == 2


def test_weights_without_bias_have_none(read):
    graph = read(image(), convolution(Weights=normal(2, 3, 2, 4)))
    assert graph.nodes[-1].input(2) is None


def test_channels_may_be_left_open(read):
    graph = read(image(), convolution(NumChannels="auto"))
    weights = graph.nodes[-1].inputs[1].weight
    assert weights.shape == (4, 2, 2, 3)
    assert not weights.has_data
    assert graph.layers[1].description.startswith("4 2×3 convolutions")


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (2, 2), (5, 2), (2, 3)])
def test_transposed_same_multiplies_the_size_by_the_stride(read, kernel, stride):
    up = layer(
        "up", "TransposedConvolution2DLayer", FilterSize=[kernel] * 2, NumFilters=[3], Stride=[stride] * 2, CroppingMode="same"
    )
    node = read(image(), up).nodes[-1]
    assert node.output.shape == ("batch", 3, 4 * stride, 3 * stride)


def test_three_spatial_axes(read):
    weights, x = normal(2, 3, 1, 2, 4), normal(3, 4, 2, 2)
    sizes = {"FilterSize": [2, 3, 1], "NumChannels": [2], "NumFilters": [4], "Stride": [1, 1, 1]}
    padding = np.array([[1, 0, 0], [0, 2, 1]], dtype=float)  # [top left front; bottom right back]
    volume = layer("volume", "Image3DInputLayer", InputSize=[3, 4, 2, 2], Normalization="none")
    conv = layer("conv", "Convolution3DLayer", **sizes, PaddingSize=padding, Weights=weights)
    pool = layer("pool", "MaxPooling3DLayer", PoolSize=[2, 2, 2], Stride=[1, 2, 1], PaddingSize=np.zeros((2, 3)))
    graph = read(volume, conv, pool)
    assert graph.layers[1].description.endswith("with stride [1  1  1] and padding [1  0  0; 0  2  1]")
    padded = np.pad(x, [(1, 0), (0, 2), (0, 1), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2, 3, 1), axis=(0, 1, 2))
    maps = np.einsum("ijkcabd,abdcn->ijkn", windows, weights)
    expected = np.lib.stride_tricks.sliding_window_view(maps, (2, 2, 2), axis=(0, 1, 2))[:, ::2].max(axis=(4, 5, 6))
    session = onnxruntime.InferenceSession(to_model(graph).SerializeToString())
    (answer,) = session.run(None, {"volume": x.transpose(3, 0, 1, 2)[None]})
    np.testing.assert_allclose(answer[0].transpose(1, 2, 3, 0), expected, atol=1e-5)


# Pooling and normalisation --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "counted"), [([0], 4), ("mean", 2)])
def test_padded_zeros_count_in_an_average_unless_told_otherwise(read, value, counted):
    x = normal(2, 2, 1)
    pool = layer("pool", "AveragePooling2DLayer", PoolSize=[2, 2], Stride=[2, 2], PaddingSize=[1, 1, 0, 0], PaddingValue=value)
    np.testing.assert_allclose(run(read(image(2, 2, 1), pool), x)[0, 0, 0], x[0].sum() / counted, rtol=1e-6)


def test_maximum_of_negative_numbers_ignores_the_padding(read):
    x = -np.abs(normal(2, 2, 1)) - 1
    pool = layer("pool", "MaxPooling2DLayer", PoolSize=[2, 2], Stride=[2, 2], PaddingSize=[1, 1, 0, 0])
    np.testing.assert_allclose(run(read(image(2, 2, 1), pool), x)[:, 0, 0], x.max(axis=1)[:, 0])


@pytest.mark.parametrize("window", [3, 4, 2, 1])
def test_cross_channel_normalization_divides_alpha_by_the_window(read, window):
    """An even window looks one channel further ahead than back."""
    x = normal(3, 2, 5)
    lrn = layer("lrn", "CrossChannelNormalizationLayer", WindowChannelSize=[window], Alpha=[0.6], Beta=[0.5], K=[2])
    near = [x[..., max(c - (window - 1) // 2, 0) : c + window // 2 + 1] for c in range(5)]
    totals = np.stack([(part**2).sum(axis=-1) for part in near], axis=-1)
    np.testing.assert_allclose(run(read(image(3, 2, 5), lrn), x), x / (2 + 0.6 / window * totals) ** 0.5, rtol=1e-5)


@pytest.mark.parametrize(
    ("class_name", "properties", "axes", "groups"),
    [
        ("GroupNormalizationLayer", {"NumGroups": [2]}, (0, 1, 3), 2),
        ("GroupNormalizationLayer", {"NumGroups": "all-channels"}, (0, 1, 3), 1),
        ("GroupNormalizationLayer", {"NumGroups": "channel-wise"}, (0, 1, 3), 4),
        ("InstanceNormalizationLayer", {}, (0, 1, 3), 4),
        ("LayerNormalizationLayer", {"OperationDimension": "auto"}, (0, 1, 3), 1),
        ("LayerNormalizationLayer", {"OperationDimension": "channel-only"}, (2, 3), 1),
    ],
)
def test_normalisations_without_statistics(read, class_name, properties, axes, groups):
    scale, offset, x = normal(4, 1), normal(4, 1), normal(5, 3, 4)
    item = layer("norm", class_name, NumChannels=[4], Epsilon=[1e-3], Scale=scale, Offset=offset, **properties)
    parts = x.reshape(5, 3, groups, 4 // groups)
    normalised = (parts - parts.mean(axis=axes, keepdims=True)) / np.sqrt(parts.var(axis=axes, keepdims=True) + 1e-3)
    expected = normalised.reshape(5, 3, 4) * scale[:, 0] + offset[:, 0]
    np.testing.assert_allclose(run(read(image(5, 3, 4), item), x), expected, atol=1e-4)


def test_layer_normalization_of_a_vector(read):
    scale, offset, x = normal(3, 1), normal(3, 1), normal(3)
    graph = read(
        layer("features", "FeatureInputLayer", InputSize=[3], Normalization="none"),
        layer("norm", "LayerNormalizationLayer", NumChannels="auto", Epsilon=[1e-5], Scale=scale, Offset=offset),
    )
    session = onnxruntime.InferenceSession(to_model(graph).SerializeToString())
    (answer,) = session.run(None, {"features": x[None]})
    np.testing.assert_allclose(answer[0], (x - x.mean()) / np.sqrt(x.var() + 1e-5) * scale[:, 0] + offset[:, 0], atol=1e-4)


# Unpooling, resizing, other paddings ----------------------------------------------------------------------------------------


def test_unpooling_puts_each_maximum_back(read):
    x = normal(4, 6, 2)
    layers = [
        image(4, 6, 2),
        layer("pool", "MaxPooling2DLayer", PoolSize=[2, 2], Stride=[2, 2], PaddingSize=[0] * 4, HasUnpoolingOutputs=True),
        layer("relu", "ReLULayer"),
        layer("unpool", "MaxUnpooling2DLayer"),
    ]
    rows = [("image", "pool"), ("pool/out", "relu"), ("pool/size", "unpool/size"), ("pool/indices", "unpool/indices"),
            ("relu", "unpool/in")]  # fmt: skip
    graph = read(*layers, connections=rows)
    expected = np.zeros_like(x)
    for i, j, c in np.ndindex(2, 3, 2):
        window = x[2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c]
        row, column = np.unravel_index(window.argmax(), (2, 2))
        expected[2 * i + row, 2 * j + column, c] = max(window.max(), 0)
    np.testing.assert_allclose(run(graph, x), expected, atol=1e-6)


def test_resizing_to_the_nearest_and_between(read):
    x = normal(4, 3, 2)
    item = layer("up", "Resize2DLayer", Scale=[2, 3], Method="nearest", NearestRoundingMode="round")
    np.testing.assert_array_equal(run(read(image(), item), x), x.repeat(2, axis=0).repeat(3, axis=1))
    item = layer("up", "Resize2DLayer", OutputSize=[8, 3], Method="bilinear", GeometricTransformMode="half-pixel")
    at = np.clip((np.arange(8) + 0.5) / 2 - 0.5, 0, 3)
    low, high = np.floor(at).astype(int), np.ceil(at).astype(int)
    between = (at - low)[:, None, None]
    np.testing.assert_allclose(run(read(image(), item), x), x[low] * (1 - between) + x[high] * between, atol=1e-6)


@pytest.mark.parametrize("mode", ["dcr", "crd"])
def test_depth_to_space(read, mode):
    x = normal(4, 3, 8)
    y = run(read(image(4, 3, 8), layer("d", "DepthToSpace2DLayer", BlockSize=[2, 2], Mode=mode)), x)
    blocks = (
        x.reshape(4, 3, 2, 2, 2).transpose(0, 2, 1, 3, 4)
        if mode == "dcr"
        else x.reshape(4, 3, 2, 2, 2).transpose(0, 3, 1, 4, 2)
    )
    np.testing.assert_array_equal(y, blocks.reshape(8, 6, 2))


@pytest.mark.parametrize(
    ("properties", "top", "left"), [({"Mode": "centercrop"}, 1, 2), ({"Mode": "custom", "Location": [3, 1]}, 0, 2)]
)
def test_crop(read, properties, top, left):
    x, like = normal(6, 7, 2), normal(4, 3, 1)
    layers = [image(6, 7, 2), layer("like", "ImageInputLayer", InputSize=[4, 3, 1], Normalization="none"),
              layer("crop", "Crop2DLayer", **properties)]  # fmt: skip
    graph = read(*layers, connections=[("image", "crop/in"), ("like", "crop/ref")])
    np.testing.assert_array_equal(run(graph, x, like), x[top : top + 4, left : left + 3])


# Activations ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("class_name", "properties", "function"),
    [
        ("ReLULayer", {}, lambda x: np.maximum(x, 0)),
        ("LeakyReLULayer", {"Scale": [0.3]}, lambda x: np.where(x < 0, 0.3 * x, x)),
        ("ClippedReLULayer", {"Ceiling": [0.4]}, lambda x: np.clip(x, 0, 0.4)),
        ("ELULayer", {"Alpha": [1.5]}, lambda x: np.where(x < 0, 1.5 * (np.exp(x) - 1), x)),
        ("PReLULayer", {"Alpha": [0.3]}, lambda x: np.where(x < 0, 0.3 * x, x)),
        ("PReLULayer", {"Alpha": np.array([0.3, 2.0]).reshape(1, 1, 2)}, lambda x: np.where(x < 0, [0.3, 2] * x, x)),
        ("PReLULayer", {"Alpha": ROWS}, lambda x: np.where(x < 0, ROWS[:, :, None] * x, x)),
        ("IdentityLayer", {}, lambda x: x),
        ("SpatialDropoutLayer", {"Probability": [0.2]}, lambda x: x),
        ("SwishLayer", {}, lambda x: x / (1 + np.exp(-x))),
        ("SigmoidLayer", {}, lambda x: 1 / (1 + np.exp(-x))),
        ("TanhLayer", {}, np.tanh),
        ("SoftplusLayer", {}, lambda x: np.log1p(np.exp(x))),
        ("SoftmaxLayer", {}, lambda x: np.exp(x) / np.exp(x).sum(axis=2, keepdims=True)),
        ("GELULayer", {"Approximation": "tanh"}, lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))),
        ("DropoutLayer", {"Probability": [0.5]}, lambda x: x),
        ("GlobalAveragePooling2DLayer", {}, lambda x: x.mean(axis=(0, 1), keepdims=True)),
        ("GlobalMaxPooling2DLayer", {}, lambda x: x.max(axis=(0, 1), keepdims=True)),
    ],
)  # fmt: skip
def test_functions_of_one_input(read, class_name, properties, function):
    x = normal(4, 3, 2)
    graph = read(image(), layer("y", class_name, **properties))
    np.testing.assert_allclose(run(graph, x), function(x), atol=1e-5)
    assert graph.nodes[-1].output.name == "y"


# Dense layers and shape -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outputs", [5, 1])
@pytest.mark.parametrize("stored", ["by output", "as objects are saved"])
def test_dense_weights_read_their_input_in_column_major_order(read, stored, outputs):
    raw, bias, x = normal(4, 3, 2, outputs), normal(outputs, 1), normal(4, 3, 2)
    weights = raw.reshape(24, outputs, order="F").T.copy() if stored == "by output" else raw
    graph = read(image(), layer("fc", "FullyConnectedLayer", InputSize=[24], OutputSize=[outputs], Weights=weights, Bias=bias))
    np.testing.assert_allclose(run(graph, x), np.einsum("hwc,hwcn->n", x, raw) + bias[:, 0], atol=1e-5)


@pytest.mark.parametrize(("class_name", "order"), [("FlattenLayer", "F"), ("nnet.keras.layer.FlattenCStyleLayer", "C")])
def test_flatten_orders(read, class_name, order):
    x = normal(4, 3, 2)
    flatten = ("flat", class_name if "." in class_name else f"nnet.cnn.layer.{class_name}", {})
    np.testing.assert_array_equal(run(read(image(), flatten), x), x.reshape(-1, order=order))


@pytest.mark.parametrize(
    ("class_name", "properties", "function"),
    [
        ("AdditionLayer", {"NumInputs": [3]}, lambda a, b, c: a + b + c),
        ("MultiplicationLayer", {"NumInputs": [3]}, lambda a, b, c: a * b * c),
        ("DepthConcatenationLayer", {"NumInputs": [3]}, lambda *x: np.concatenate(x, axis=2)),
        ("ConcatenationLayer", {"NumInputs": [3], "Dim": [1]}, lambda *x: np.concatenate(x, axis=0)),
        ("ConcatenationLayer", {"NumInputs": [3], "Dim": [2]}, lambda *x: np.concatenate(x, axis=1)),
        ("ConcatenationLayer", {"NumInputs": [3], "Dim": [3]}, lambda *x: np.concatenate(x, axis=2)),
    ],
)
def test_inputs_come_in_the_order_of_their_ports(read, class_name, properties, function):
    images = [normal(4, 3, 2) for _ in range(3)]
    inputs = [layer(name, "ImageInputLayer", InputSize=[4, 3, 2], Normalization="none") for name in "abc"]
    rows = [("c", "join/in3"), ("b", "join/in2"), ("a", "join/in1")]
    graph = read(*inputs, layer("join", class_name, **properties), connections=rows)
    np.testing.assert_allclose(run(graph, *images), function(*images), rtol=1e-6)


def test_inputs_of_the_network_come_in_the_order_it_names(read):
    inputs = [layer(name, "ImageInputLayer", InputSize=[4, 3, 2], Normalization="none") for name in "abc"]
    rows = [("a", "join/in1"), ("b", "join/in2"), ("c", "join/in3")]
    join = layer("join", "AdditionLayer", NumInputs=[3])
    graph = read(*inputs, join, connections=rows, input_names=cell(["c", "a", "b"]), output_names="join")
    assert [value.name for value in graph.inputs] == ["c", "a", "b"]


def test_every_output_nobody_reads_is_an_output_of_the_network(read):
    layers = [image(), *(layer(name, "ReLULayer") for name in ("first", "second", "third"))]
    rows = [("image", "first"), ("first", "second"), ("first/out", "third/in")]
    assert [value.name for value in read(*layers, connections=rows).outputs] == ["second", "third"]


def test_layers_may_stand_in_any_order(read):
    rows = [("image", "first"), ("first", "second")]
    graph = read(layer("second", "ReLULayer"), layer("first", "TanhLayer"), image(), connections=rows)
    assert [node.name for node in graph.nodes] == ["first", "second"]
    assert [line.name for line in graph.layers] == ["second", "first", "image"]


# What has no form in the graph ----------------------------------------------------------------------------------------------


def test_unknown_classes_become_placeholders(read):
    custom = ("mine", "MyLayer", {"Type": "My own", "Description": "does a thing"})
    graph = read(image(), custom, layer("fc", "FullyConnectedLayer", OutputSize=[3]), layer("prob", "SoftmaxLayer"))
    assert [(node.domain, node.op_type) for node in graph.nodes] == [
        (MATLAB_DOMAIN, "MyLayer"),
        (MATLAB_DOMAIN, "FullyConnectedLayer"),  # how much it reads is hidden behind the layer before it
        ("", "Softmax"),
    ]
    assert (graph.layers[1].type, graph.layers[1].description) == ("My own", "does a thing")
    assert "'mine'" in graph.nodes[1]["reason"]


def test_options_without_a_form_become_placeholders(read):
    graph = read(image(Normalization="@(x) x / 255"), layer("small", "Resize2DLayer", Scale=[0.3, 0.3], Method="bilinear"))
    assert [node.op_type for node in graph.nodes] == ["ImageInputLayer", "Resize2DLayer"]
    assert {node.domain for node in graph.nodes} == {MATLAB_DOMAIN}


def test_a_placeholder_has_the_ports_that_are_read(read):
    unknown = ("split", "Split", {})
    layers = [image(), unknown, layer("a", "ReLULayer"), layer("b", "ReLULayer")]
    graph = read(*layers, connections=[("image", "split"), ("split/high", "a"), ("split/low", "b")])
    assert [value.name for value in graph.nodes[0].outputs] == ["split/high", "split/low"]


# The probe ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("letters", ["SSCB", "BSSC", "CSSB", "SSC"])
def test_probe_in_any_order_of_axes(read, letters):
    x = normal(4, 3, 2, 1)  # SSCB
    order = {"SSCB": (0, 1, 2, 3), "BSSC": (3, 0, 1, 2), "CSSB": (2, 0, 1, 3), "SSC": (0, 1, 2, 3)}[letters]
    stored = {"inputs": cell([x.transpose(order)]), "input_formats": letters, "outputs": cell([x])}
    graph = read(image(), layer("y", "ReLULayer"), probe=stored)
    np.testing.assert_array_equal(graph.probe.inputs["image"], x.transpose(3, 2, 0, 1))


@pytest.mark.parametrize(("shape", "letters"), [((1, 5), ""), ((5, 1), "CB"), ((1, 1, 5), "SSCB")])
def test_probe_of_a_vector(read, shape, letters):
    answer = normal(*shape)
    stored = {"inputs": cell([normal(4, 3, 2)]), "outputs": cell([answer]), "output_formats": cell([letters])}
    graph = read(image(), layer("fc", "FullyConnectedLayer", OutputSize=[5]), probe=stored)
    np.testing.assert_array_equal(graph.probe.outputs["fc"], answer.reshape(1, 5))


@pytest.mark.parametrize(
    ("size", "letters", "order"),
    [
        ([2], "CBT", (1, 0, 2)),
        ([2], "BTC", (0, 2, 1)),
        ([2], "CT", (0, 1)),
        ([2], "", (0, 1)),
        ([4, 3, 2], "SSCBT", (3, 4, 2, 0, 1)),
        ([4, 3, 2], "SSCT", (3, 2, 0, 1)),
        ([4, 3, 2], "", (3, 2, 0, 1)),
    ],
)
def test_probe_of_sequences(read, size, letters, order):
    """Graphs hold (batch, channels, time), of images (batch, time, channels, height, width)."""
    sizes = {"S": [4, 3], "C": [2], "B": [6], "T": [5]}
    named = letters or ("SSCT" if len(size) == 3 else "CT")
    rows = iter(sizes["S"])
    x = normal(*(next(rows) if letter == "S" else sizes[letter][0] for letter in named))
    stored = {"inputs": cell([x]), "outputs": cell([np.tanh(x)])}
    formats = {"input_formats": cell([letters]), "output_formats": cell([letters])} if letters else {}
    source = layer("sequence", "SequenceInputLayer", InputSize=size, Normalization="none")
    graph = read(source, layer("y", "TanhLayer"), probe=stored | formats)
    expected = x.transpose(order) if "B" in named else x.transpose(order)[None]
    np.testing.assert_array_equal(graph.probe.inputs["sequence"], expected)
    np.testing.assert_array_equal(graph.probe.outputs["y"], np.tanh(expected))


# Both targets ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_the_newer_layers_are_converted_and_equal(read, tmp_path, target):
    def scaled():
        return {"NumChannels": [4], "Epsilon": [1e-5], "Scale": normal(4, 1), "Offset": normal(4, 1)}

    sizes = {"FilterSize": [3, 3], "NumChannels": [4], "NumFilters": [4], "Weights": normal(3, 3, 4, 4)}
    layers = [
        layer("group", "GroupNormalizationLayer", NumGroups=[2], **scaled()),
        layer("instance", "InstanceNormalizationLayer", **scaled()),
        layer("whole", "LayerNormalizationLayer", **scaled()),
        layer("channels", "LayerNormalizationLayer", OperationDimension="channel-only", **scaled()),
        layer("prelu", "PReLULayer", Alpha=normal(1, 1, 4)),
        convolution(**sizes, PaddingSize=[1, 1, 1, 1], PaddingValue="replicate"),
        layer("up", "Resize2DLayer", Scale=[2, 2], Method="bilinear"),
        layer("blocks", "DepthToSpace2DLayer", BlockSize=[2, 2], Mode="crd"),
    ]
    pool = layer("pool", "MaxPooling2DLayer", PoolSize=[2, 2], Stride=[2, 2], PaddingSize=[0] * 4, HasUnpoolingOutputs=True)
    rows = [*pairwise(["image", "pool", *(item[0] for item in layers[:5]), "unpool/in"]), ("pool/indices", "unpool/indices"),
            ("pool/size", "unpool/size"), ("unpool", "conv"), ("conv", "up"), ("up", "blocks")]  # fmt: skip
    read(image(8, 6, 4), pool, *layers[:5], layer("unpool", "MaxUnpooling2DLayer"), *layers[5:], connections=rows)
    assert converter.convert(tmp_path / "table.mat", target, tmp_path / target).report.ok
