"""Layers that resize, crop, pool and move blocks, and paddings that ONNX has no word for: against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from layer_table import layer

import converter
from converter.errors import ReadError
from converter.graph import MATLAB_DOMAIN
from tests.matlab.answers import run

RANDOM = np.random.default_rng(11)


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def image(height, width, channels, name="image"):
    return layer(name, "ImageInputLayer", InputSize=[height, width, channels], Normalization="none")


# Blocks ---------------------------------------------------------------------------------------------------------------------


def test_space_to_depth_as_the_page_shows_it(read):
    """The example of MathWorks' page spaceToDepth: X = reshape(1:48,4,4,3), blocks of 2."""
    x = np.arange(1, 49, dtype=np.float32).reshape(4, 4, 3, order="F")
    y = run(read(image(4, 4, 3), layer("d", "SpaceToDepthLayer", BlockSize=[2, 2])), x)
    assert y[:, :, 0].tolist() == [[1, 9], [3, 11]]
    assert y[0, 0].tolist() == [1, 17, 33, 5, 21, 37, 2, 18, 34, 6, 22, 38]


def test_depth_to_space_as_the_page_shows_it(read):
    """The example of MathWorks' page depthToSpace: X = reshape(1:48,2,2,12), blocks of 2."""
    x = np.arange(1, 49, dtype=np.float32).reshape(2, 2, 12, order="F")
    y = run(read(image(2, 2, 12), layer("d", "DepthToSpace2DLayer", BlockSize=[2, 2], Mode="dcr")), x)
    assert y[:, :, 0].tolist() == [[1, 13, 3, 15], [25, 37, 27, 39], [2, 14, 4, 16], [26, 38, 28, 40]]


@pytest.mark.parametrize(("size", "block"), [((4, 9), (2, 3)), ((5, 10), (2, 3)), ((5, 7), (2, 2)), ((6, 5), (3, 1))])
def test_space_to_depth(read, size, block):
    """floor(H / h) by floor(W / w) blocks; what is left over is not read."""
    x, (height, width) = normal(*size, 2), block
    y = run(read(image(*size, 2), layer("d", "SpaceToDepthLayer", BlockSize=list(block))), x)
    expected = np.concatenate([x[row::height, column::width][: size[0] // height, : size[1] // width]
                               for row in range(height) for column in range(width)], axis=2)  # fmt: skip
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("mode", ["dcr", "crd"])
def test_depth_to_space_with_blocks_that_are_not_square(read, mode):
    x = normal(3, 4, 2 * 3 * 5)
    y = run(read(image(3, 4, 30), layer("d", "DepthToSpace2DLayer", BlockSize=[2, 3], Mode=mode)), x)
    expected = np.zeros((6, 12, 5), np.float32)
    for row, column, channel in np.ndindex(2, 3, 5):
        place = (row * 3 + column) * 5 + channel if mode == "dcr" else (channel * 2 + row) * 3 + column
        expected[row::2, column::3, channel] = x[:, :, place]
    np.testing.assert_array_equal(y, expected)


# Resizing and cropping ------------------------------------------------------------------------------------------------------


def test_resizing_to_the_size_of_a_second_input(read):
    x, like = normal(2, 3, 4), normal(4, 9, 1)
    item = layer("up", "Resize2DLayer", EnableReferenceInput=True, Method="nearest", NearestRoundingMode="round")
    rows = [("like", "up/ref"), ("image", "up/in")]
    graph = read(image(2, 3, 4), image(4, 9, 1, "like"), item, connections=rows)
    np.testing.assert_array_equal(run(graph, x, like), x.repeat(2, axis=0).repeat(3, axis=1))


@pytest.mark.parametrize(
    ("properties", "rows", "words"),
    [
        ({"EnableReferenceInput": True}, [("image", "up/in")], "has 2 inputs, but 1 connections arrive"),
        ({"Scale": [2, 2]}, [("image", "up/in"), ("like", "up/ref")], "has 1 input, but 2 connections arrive"),
    ],
)
def test_resizing_with_inputs_that_do_not_fit(read, properties, rows, words):
    item = layer("up", "Resize2DLayer", Method="bilinear", **properties)
    with pytest.raises(ReadError, match=words):
        read(image(2, 3, 4), image(4, 9, 1, "like"), item, connections=rows)


def test_one_size_may_follow_the_aspect_ratio(read):
    item = layer("up", "Resize2DLayer", OutputSize=[np.nan, 9], Method="bilinear")
    assert read(image(4, 3, 2), item).outputs[0].shape == ("batch", 2, 12, 9)
    odd = read(image(4, 3, 2), layer("up", "Resize2DLayer", OutputSize=[np.nan, 4], Method="bilinear")).nodes[-1]
    assert odd.domain == MATLAB_DOMAIN
    assert "not whole" in odd["reason"]


@pytest.mark.parametrize("wanted", [(8, 9), (3, 2), (9, 2), (3, 8)], ids=["grow", "shrink", "taller", "wider"])
def test_rounding_of_opset_10(read, wanted):
    """Down where an axis grows, up where it shrinks: the standard's own test of opset 10, resize_downsample_scales_nearest."""
    x = normal(5, 4, 2)
    item = layer("up", "Resize2DLayer", OutputSize=list(wanted), Method="nearest", GeometricTransformMode="asymmetric",
                 NearestRoundingMode="onnx-10")  # fmt: skip
    chosen = []
    for size, target in zip(x.shape, wanted, strict=False):
        at = np.arange(target) * size / target
        chosen.append((np.floor(at) if target >= size else np.ceil(at)).astype(int))
    np.testing.assert_array_equal(run(read(image(5, 4, 2), item), x), x[chosen[0]][:, chosen[1]])


def test_rounding_of_opset_10_has_no_half_pixels(read):
    item = layer("up", "Resize2DLayer", Scale=[2, 2], Method="nearest", NearestRoundingMode="onnx-10")
    assert read(image(5, 4, 2), item).nodes[-1].domain == MATLAB_DOMAIN


@pytest.mark.parametrize(("location", "corner"), [("centercrop", (1, 1, 2)), ([3, 1, 2], (0, 2, 1))])
def test_cropping_a_volume(read, location, corner):
    """[x y z], counted from 1: x across, y down."""
    x, like = normal(4, 5, 7, 2), normal(2, 3, 3, 1)
    volumes = [layer(name, "Image3DInputLayer", InputSize=list(array.shape), Normalization="none") for name, array in
               (("x", x), ("like", like))]  # fmt: skip
    item = layer("crop", "Crop3DLayer", cropLocation=location)
    graph = read(*volumes, item, connections=[("x", "crop/in"), ("like", "crop/ref")])
    a, b, c = corner
    np.testing.assert_array_equal(run(graph, x, like), x[a : a + 2, b : b + 3, c : c + 3])


# Padding --------------------------------------------------------------------------------------------------------------------


def convolution(weights, **properties):
    height, width, channels, filters = weights.shape
    sizes = {"FilterSize": [height, width], "NumChannels": [channels], "NumFilters": [filters], "Stride": [1, 1]}
    return layer("conv", "Convolution2DLayer", Weights=weights, **sizes | properties)


def convolved(x, weights, stride=(1, 1)):
    windows = np.lib.stride_tricks.sliding_window_view(x, weights.shape[:2], axis=(0, 1))[:: stride[0], :: stride[1]]
    return np.einsum("ijcab,abcn->ijn", windows, weights)


FILLS = [
    ([0.5], "constant"),
    ("replicate", "edge"),
    ("symmetric-exclude-edge", "reflect"),
    ("symmetric-include-edge", "symmetric"),
]


@pytest.mark.parametrize(("value", "mode"), FILLS)
def test_padding_with_other_values(read, value, mode):
    weights, x = normal(2, 3, 2, 4), normal(5, 4, 2)
    padded = np.pad(x, [(1, 0), (2, 3), (0, 0)], mode, **{"constant_values": 0.5} if mode == "constant" else {})
    graph = read(image(5, 4, 2), convolution(weights, PaddingSize=[1, 0, 2, 3], PaddingValue=value))
    np.testing.assert_allclose(run(graph, x), convolved(padded, weights), atol=1e-4)


@pytest.mark.parametrize(("value", "mode"), FILLS)
def test_same_padding_with_other_values(read, value, mode):
    """The output has ceil(size / stride) elements, the odd one of the padding is at the end."""
    weights, x = normal(2, 3, 2, 4), normal(5, 4, 2)
    padded = np.pad(x, [(0, 1), (0, 1), (0, 0)], mode, **{"constant_values": 0.5} if mode == "constant" else {})
    graph = read(image(5, 4, 2), convolution(weights, PaddingMode="same", Stride=[2, 2], PaddingValue=value))
    np.testing.assert_allclose(run(graph, x), convolved(padded, weights, (2, 2)), atol=1e-4)


def test_mirroring_more_than_there_is(read):
    with pytest.raises(ReadError, match="is to mirror 6 elements, but 5 arrive"):
        conv = convolution(normal(2, 3, 2, 4), PaddingSize=[6, 0, 0, 0], PaddingValue="symmetric-include-edge")
        read(image(5, 4, 2), conv)


def test_a_padding_value_that_is_none(read):
    with pytest.raises(ReadError, match="PaddingValue is 'mirror'; expected 'replicate' or"):
        read(image(5, 4, 2), convolution(normal(2, 3, 2, 4), PaddingSize=[1] * 4, PaddingValue="mirror"))


# Pooling --------------------------------------------------------------------------------------------------------------------

UNPOOLING = [("image", "pool"), ("pool/out", "relu"), ("pool/size", "unpool/size"), ("pool/indices", "unpool/indices"),
             ("relu", "unpool/in")]  # fmt: skip


@pytest.mark.parametrize(
    ("size", "window", "stride"), [((5, 7), (2, 3), (2, 3)), ((7, 8), (2, 2), (3, 2)), ((6, 6), (2, 3), (2, 3))]
)
def test_unpooling_where_windows_leave_something_over(read, size, window, stride):
    x = normal(*size, 2)
    pool = layer(
        "pool", "MaxPooling2DLayer", PoolSize=list(window), Stride=list(stride), PaddingSize=[0] * 4, HasUnpoolingOutputs=True
    )
    graph = read(
        image(*size, 2), pool, layer("relu", "ReLULayer"), layer("unpool", "MaxUnpooling2DLayer"), connections=UNPOOLING
    )
    expected = np.zeros_like(x)
    for top in range(0, size[0] - window[0] + 1, stride[0]):
        for left in range(0, size[1] - window[1] + 1, stride[1]):
            for channel in range(2):
                part = x[top : top + window[0], left : left + window[1], channel]
                row, column = np.unravel_index(part.argmax(), window)
                expected[top + row, left + column, channel] = max(part.max(), 0)
    np.testing.assert_allclose(run(graph, x), expected, atol=1e-6)


def test_windows_that_overlap_cannot_be_unpooled(read):
    pool = layer("pool", "MaxPooling2DLayer", PoolSize=[3, 3], Stride=[2, 2], PaddingSize=[0] * 4, HasUnpoolingOutputs=True)
    graph = read(
        image(7, 9, 2), pool, layer("relu", "ReLULayer"), layer("unpool", "MaxUnpooling2DLayer"), connections=UNPOOLING
    )
    assert "overlap" in graph.nodes[0]["reason"]


def test_adaptive_pooling(read):
    x = normal(4, 9, 2)
    y = run(read(image(4, 9, 2), layer("pool", "AdaptiveAveragePooling2DLayer", OutputSize=[2, 3])), x)
    np.testing.assert_allclose(y, x.reshape(2, 2, 3, 3, 2).mean(axis=(1, 3)), atol=1e-6)
    odd = read(image(5, 9, 2), layer("pool", "AdaptiveAveragePooling2DLayer", OutputSize=[2, 3])).nodes[-1]
    assert "do not divide" in odd["reason"]


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_they_are_converted_and_equal(read, tmp_path, target):
    sizes = {"FilterSize": [3, 3], "NumChannels": [4], "NumFilters": [4], "Weights": normal(3, 3, 4, 4), "Stride": [1, 1]}
    pool = layer("pool", "MaxPooling2DLayer", PoolSize=[2, 3], Stride=[2, 3], PaddingSize=[0] * 4, HasUnpoolingOutputs=True)
    chain = [
        layer("conv", "Convolution2DLayer", **sizes, PaddingMode="same", PaddingValue="symmetric-include-edge"),
        layer("deep", "SpaceToDepthLayer", BlockSize=[2, 3]),
        layer("wide", "DepthToSpace2DLayer", BlockSize=[3, 2], Mode="crd"),
        layer("small", "Resize2DLayer", OutputSize=[5, 9], Method="nearest", GeometricTransformMode="asymmetric",
              NearestRoundingMode="onnx-10"),
        layer("mean", "AdaptiveAveragePooling2DLayer", OutputSize=[5, 3]),
    ]  # fmt: skip
    rows = [*UNPOOLING, ("unpool", "conv"), ("conv", "deep"), ("deep", "wide"), ("wide", "small"), ("small", "mean")]
    first = [image(7, 11, 4), pool, layer("relu", "ReLULayer"), layer("unpool", "MaxUnpooling2DLayer")]
    read(*first, *chain, connections=rows)
    assert converter.convert(tmp_path / "table.mat", target, tmp_path / target).report.ok
