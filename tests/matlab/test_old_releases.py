"""Objects as older releases of MATLAB saved them, and layers of their author's own."""

from __future__ import annotations

import numpy as np
import pytest

import converter

pytest.importorskip("matio", reason="mat-io, which writes MATLAB objects, is not installed")
from matio.utils.matclass import MatlabOpaque

from tests.matlab import saved

NONE = np.zeros((0, 0))


def read(tmp_path, *layers):
    saved.save(tmp_path / "net.mat", "v7", net=list(layers))
    return converter.read(tmp_path / "net.mat")


def image(**properties):
    return saved.layer("ImageInputLayer", Name="in", InputSize=[9, 8, 4], **{"Normalization": NONE} | properties)


def test_padding_of_two_numbers(tmp_path):
    """R2016a: [a b] rows at the top and bottom, columns at the left and right."""
    conv = saved.layer(
        "Convolution2DLayer", Name="conv", FilterSize=[3, 3], NumChannels=NONE, NumFilters=2, Stride=[1, 1], Padding=[2, 1],
        Weights=saved.learnable(NONE), Bias=saved.learnable(NONE),
    )  # fmt: skip
    pool = saved.layer("MaxPooling2DLayer", Name="pool", PoolSize=[2, 2], Stride=[2, 2], Padding=[0, 1])
    graph = read(tmp_path, image(), conv, pool)
    sides = {node.op_type: tuple(node["pads"].matlab) for node in graph.nodes}
    assert sides == {"Conv": (2, 2, 1, 1), "MaxPool": (0, 0, 1, 1)}


@pytest.mark.parametrize(("target", "expected"), [((0, 1), 0.25), ((-1, 1), -0.5)])
def test_a_normalisation_that_rescales(tmp_path, target, expected):
    lowest, highest = (np.full((1, 1, 4), number, np.float32) for number in (10, 50))
    kept = saved.struct(Type="rescale", Min=lowest, Max=highest, TargetMin=target[0], TargetMax=target[1])
    graph = read(tmp_path, image(Normalization=kept), saved.layer("ReLULayer", Name="relu"))
    import onnxruntime

    from converter.emitters.onnx import to_model

    session = onnxruntime.InferenceSession(to_model(graph).SerializeToString())
    (before,) = [node.output.name for node in graph.nodes if node.op_type == "Relu"]
    (found,) = session.run([before], {"in": np.full((1, 4, 9, 8), 20, np.float32)})
    assert np.allclose(found, max(expected, 0))
    if expected < 0:
        (found,) = session.run([before], {"in": np.full((1, 4, 9, 8), 40, np.float32)})
        assert np.allclose(found, -expected)


def test_groups_of_one_filter(tmp_path):
    """A channel-wise convolution keeps no axis for the filters of a group: [h w 1 groups] instead of [h w 1 1 groups]."""
    weights, bias = np.arange(36.0).reshape(3, 3, 1, 4), np.arange(4.0).reshape(1, 1, 4)
    layer = saved.layer(
        "GroupedConvolution2DLayer", Name="conv", FilterSize=[3, 3], NumGroups=4, NumChannelsPerGroup=1, NumFiltersPerGroup=1,
        Stride=[1, 1], DilationFactor=[1, 1], PaddingMode="manual", PaddingSize=[0, 0, 0, 0],
        Weights=saved.learnable(weights), Bias=saved.learnable(bias),
    )  # fmt: skip
    (conv,) = read(tmp_path, image(), layer).nodes
    assert np.array_equal(conv.inputs[1].array, weights.transpose(3, 2, 0, 1))
    assert np.array_equal(conv.inputs[2].array, bias.ravel())


@pytest.mark.parametrize("kind", ["Classes", "ResponseNames"])
def test_an_output_layer_of_its_authors_own(tmp_path, kind):
    """It is told by its properties; its class, which only a loss is in, may be called anything."""
    names = np.array([["cat"], ["dog"]], object)
    flat = {"Name": np.array(["mine"]), "Description": np.array(["My loss"]), "Type": np.array([""]), kind: names}
    graph = read(tmp_path, image(), saved.layer("SoftmaxLayer", Name="softmax"), MatlabOpaque(flat, "weightedLossLayer"))
    assert [node.op_type for node in graph.nodes] == ["Softmax"]
    assert graph.layers[-1].name == "mine"


def test_a_layer_of_its_authors_own_is_no_output_layer(tmp_path):
    flat = {"Name": np.array(["mine"]), "Description": np.array([""]), "Type": np.array([""]), "Classes": np.ones((1, 1))}
    flat["nnet.cnn.layer.mixin.Learnable.L2Factor"] = NONE
    graph = read(tmp_path, image(), MatlabOpaque(flat, "sigmoidLayer"))
    assert [(node.op_type, node.domain) for node in graph.nodes] == [("sigmoidLayer", "matlab")]
