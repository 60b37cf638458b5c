"""Networks inside layers of a network: from layer tables and from saved objects, against NumPy."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from layer_table import cell, layer, network

import converter
from converter.emitters.onnx import to_model
from converter.errors import ReadError
from converter.inspection import inspect
from converter.readers.matlab.table import MAXIMUM_DEPTH

RANDOM = np.random.default_rng(3)
IMAGE = layer("image", "ImageInputLayer", InputSize=[5, 4, 2], Normalization="none")
ADD = layer("add", "AdditionLayer", NumInputs=[2])
WEIGHTS, BIAS = RANDOM.standard_normal((2, 3, 2, 3)).astype(np.float32), RANDOM.standard_normal((1, 1, 3)).astype(np.float32)
CONV = layer(
    "conv", "Convolution2DLayer", FilterSize=[2, 3], NumChannels=[2], NumFilters=[3], Stride=[1, 1],
    PaddingSize=[1, 0, 0, 2], Weights=WEIGHTS, Bias=BIAS,
)  # fmt: skip
LEAKY = layer("act", "LeakyReLULayer", Scale=[0.25])
BIG = layer("bad", "MaxPooling2DLayer", PoolSize=[9, 9], Stride=[1, 1], PaddingSize=[0] * 4)


def holder(name, layers, connections=None, properties=None, **fields):
    """A network layer around a network of ``layers``."""
    return layer(name, "NetworkLayer", Network=network("", layers, connections, **fields), **properties or {})


def run(graph, *images):
    session = onnxruntime.InferenceSession(to_model(graph).SerializeToString())
    feed = {value.name: image.transpose(2, 0, 1)[None] for value, image in zip(graph.inputs, images, strict=True)}
    return [answer[0].transpose(1, 2, 0) for answer in session.run(None, feed)]


def convolved(x):
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, [(1, 0), (0, 2), (0, 0)]), (2, 3), axis=(0, 1))
    return np.einsum("ijcab,abcn->ijn", windows, WEIGHTS) + BIAS[0]


def leaky(x):
    return np.where(x < 0, 0.25 * x, x)


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def test_the_layers_take_the_place_of_the_layer(read):
    graph = read(IMAGE, holder("block", [CONV, LEAKY]), layer("end", "ReLULayer"))
    x = normal(5, 4, 2)
    np.testing.assert_allclose(run(graph, x)[0], np.maximum(leaky(convolved(x)), 0), atol=1e-5)
    assert [(line.number, line.name) for line in graph.layers] == [
        (1, "image"),
        (2, "block/conv"),
        (2, "block/act"),
        (3, "end"),
    ]
    assert [value.name for value in graph.weights()] == ["block/conv.Weights", "block/conv.Bias"]
    lines = inspect(graph).layers
    assert [line.parameters for line in lines] == [0, 39, 0, 0]


def test_networks_inside_networks(read):
    inner = holder("inner", [CONV, layer("relu", "ReLULayer")])
    graph = read(IMAGE, holder("outer", [LEAKY, inner]))
    x = normal(5, 4, 2)
    np.testing.assert_allclose(run(graph, x)[0], np.maximum(convolved(leaky(x)), 0), atol=1e-5)
    assert [value.name for value in graph.outputs] == ["outer/inner/relu"]
    assert graph.nodes[1].origin == "layer 2 'outer/inner/conv' (Convolution2DLayer)"


@pytest.mark.parametrize(
    ("ports", "properties"),
    [
        (("in1", "in2"), {}),
        (("halve", "other/in2"), {}),
        (("first", "second"), {"InputNames": cell(["first", "second"])}),
    ],
    ids=["by number", "by the names inside", "by the layer's own names"],
)
def test_several_inputs_and_outputs(read, ports, properties):
    """halve -> other/in1, other/in2 is open; halve is an output as well."""
    inside = [layer("halve", "LeakyReLULayer", Scale=[0.5]), layer("other", "AdditionLayer", NumInputs=[2])]
    block = holder(
        "block", inside, [("halve", "other/in1")], properties,
        input_names=cell(["halve", "other/in2"]), output_names=cell(["other", "halve"]),
    )  # fmt: skip
    inputs = [layer(name, "ImageInputLayer", InputSize=[5, 4, 2], Normalization="none") for name in "ab"]
    join = layer("join", "DepthConcatenationLayer", NumInputs=[2])
    rows = [("b", f"block/{ports[1]}"), ("a", f"block/{ports[0]}"), ("block/out2", "join/in1"), ("block/out1", "join/in2")]
    graph = read(*inputs, block, join, connections=rows)
    a, b = normal(5, 4, 2), normal(5, 4, 2)
    halved = np.where(a < 0, a / 2, a)
    np.testing.assert_allclose(run(graph, a, b)[0], np.concatenate([halved, halved + b], axis=2), atol=1e-6)


def test_the_outputs_of_the_network_may_be_inside(read):
    block = holder("block", [CONV, LEAKY], output_names=cell(["act", "conv"]))
    graph = read(IMAGE, block, connections=[("image", "block")], output_names=cell(["block/out2", "block/act"]))
    x = normal(5, 4, 2)
    first, second = run(graph, x)
    np.testing.assert_allclose(first, convolved(x), atol=1e-5)
    np.testing.assert_allclose(second, leaky(convolved(x)), atol=1e-5)


def test_an_input_layer_inside_normalises_what_arrives(read):
    mean = normal(1, 1, 2)
    inside = layer("in", "ImageInputLayer", InputSize=[5, 4, 2], Normalization="zerocenter", Mean=mean)
    graph = read(IMAGE, layer("relu", "ReLULayer"), holder("block", [inside, LEAKY]))
    x = normal(5, 4, 2)
    assert [value.name for value in graph.inputs] == ["image"]
    np.testing.assert_allclose(run(graph, x)[0], leaky(np.maximum(x, 0) - mean), atol=1e-6)


@pytest.mark.parametrize(
    ("block", "rows", "words"),
    [
        (
            holder("block", [CONV, layer("bad", "LeakyReLULayer")]),
            [("image", "block")],
            "layer 2 'block/bad' (LeakyReLULayer): has no Scale",
        ),
        (
            holder("block", [holder("deep", [BIG])]),
            [("image", "block")],
            "layer 2 'block/deep/bad' (MaxPooling2DLayer)",
        ),
        (
            holder("block", [CONV]),
            [("image", "block/in2")],
            "layer 2 'block' (NetworkLayer): the network inside it has 1 input ('conv'), and 'in2' is not one of them",
        ),
        (holder("block", [CONV]), [], "layer 2 'block/conv' (Convolution2DLayer): has no incoming connection"),
        (holder("block", [ADD], []), [("image", "block/in1")], "layer 2 'block/add' (AdditionLayer): has 2 inputs, of which 1"),
        (
            holder("block", [layer("in", "ImageInputLayer", InputSize=[5, 5, 2], Normalization="none"), LEAKY]),
            [("image", "block")],
            "layer 2 'block/in' (ImageInputLayer): reads 5×5×2, but 5×4×2 arrive",
        ),
        (holder("block", [CONV], [("conv", "nobody")]), [("image", "block")], "no layer is named 'nobody'"),
        (holder("block", [CONV], input_names=cell(["conv"]), output_names="none"), [("image", "block")], "holds 'none'"),
    ],
)  # fmt: skip
def test_what_is_wrong_inside_is_named_by_its_path(read, block, rows, words):
    with pytest.raises(ReadError) as caught:
        read(IMAGE, block, connections=rows)
    assert words in str(caught.value)


def test_a_name_with_a_slash_may_not_hide_a_nested_layer(read):
    twice = ("block/conv", *CONV[1:])
    with pytest.raises(ReadError, match="'block/conv' is the name of another layer too"):
        read(IMAGE, holder("block", [CONV]), twice, connections=[("image", "block"), ("image", "block/conv")])


def test_depth_has_a_limit(read):
    """Deeper than any real network; the file's own reader stops at a depth of its own."""
    block = LEAKY
    for _ in range(MAXIMUM_DEPTH + 1):
        block = holder("block", [block])
    with pytest.raises(ReadError, match="nested more than"):
        read(IMAGE, block)


def test_a_network_that_is_not_in_the_file_is_refused(read, tmp_path):
    read(IMAGE, layer("block", "NetworkLayer", Network="object of class dlnetwork"))
    with pytest.raises(converter.ConversionError, match=r"'block'.*the network inside it is not in the file"):
        converter.convert(tmp_path / "table.mat", "pytorch", tmp_path / "out")


def test_nested_networks_are_converted_and_equal(read, tmp_path):
    def conv(channels):
        sizes = {"NumChannels": np.array([[channels]], float), "Weights": normal(2, 3, channels, 3)}
        return (*CONV[:2], CONV[2] | sizes)

    blocks = [holder(name, [conv(channels), LEAKY]) for name, channels in (("first", 2), ("second", 3), ("third", 3))]
    read(IMAGE, *blocks, layer("flat", "FlattenLayer"))
    assert converter.convert(tmp_path / "table.mat", "pytorch", tmp_path / "out").report.ok
    assert "self.first_conv = " in (tmp_path / "out" / "model.py").read_text()


# Saved objects --------------------------------------------------------------------------------------------------------------


def saved_network(tmp_path, version, depth=1):
    pytest.importorskip("matio", reason="mat-io, which reads MATLAB objects, is not installed")
    from tests.matlab import saved

    conv = saved.layer(
        "Convolution2DLayer", Name="conv", FilterSize=[2, 3], NumChannels=2, NumFilters=3, Stride=[1, 1], DilationFactor=[1, 1],
        PaddingMode="manual", PaddingSize=[1, 0, 0, 2], Weights=saved.learnable(WEIGHTS), Bias=saved.learnable(BIAS),
    )  # fmt: skip
    act = saved.layer("LeakyReLULayer", Name="act", Scale=0.25)
    block = saved.layer("NetworkLayer", Name="block", Network=saved.dlnetwork([conv, act], [("conv", "act")]))
    for _ in range(depth - 1):
        block = saved.layer("NetworkLayer", Name="block", Network=saved.dlnetwork([block], []))
    image = saved.layer("ImageInputLayer", Name="image", InputSize=[5, 4, 2], Normalization=np.zeros((0, 0)))
    saved.save(tmp_path / "net.mat", version, layers=[image, block])
    return converter.read(tmp_path / "net.mat")


@pytest.mark.parametrize("version", ["v7", "v7.3"])
@pytest.mark.parametrize("depth", [1, 3])
def test_a_network_inside_a_saved_layer(tmp_path, version, depth):
    graph = saved_network(tmp_path, version, depth)
    x = normal(5, 4, 2)
    np.testing.assert_allclose(run(graph, x)[0], leaky(convolved(x)), atol=1e-5)
    assert graph.layers[-1].name == "block/" * depth + "act"
