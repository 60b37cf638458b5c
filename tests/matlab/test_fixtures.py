"""The fixtures: AlexNet as a description, and a trained network with an answer computed outside this package."""

from __future__ import annotations

import runpy
import shutil
import zlib

import numpy as np
import onnxruntime
import pytest

from converter.emitters.onnx import to_model
from converter.padding import Padding
from converter.readers import matlab

from .conftest import FIXTURES


@pytest.fixture(scope="module")
def alexnet():
    return matlab.read(FIXTURES / "alexnet.mat")


@pytest.mark.parametrize("name", ["alexnet", "branches"])
def test_fixture_is_what_its_script_writes(name, tmp_path):
    for script in ("layer_table.py", f"make_{name}.py"):
        shutil.copy(FIXTURES / script, tmp_path)
    runpy.run_path(str(tmp_path / f"make_{name}.py"), run_name="__main__")
    made, kept = (folder.joinpath(f"{name}.mat").read_bytes() for folder in (tmp_path, FIXTURES))
    assert made[:128] == kept[:128]
    assert zlib.decompress(made[136:]) == zlib.decompress(kept[136:])  # zlib's own bytes differ between its versions


def test_alexnet_lists_as_in_matlab(alexnet):
    lines = {layer.number: (layer.name, layer.type, layer.description) for layer in alexnet.layers}
    assert len(lines) == 25
    assert lines[1] == ("data", "Image Input", "227×227×3 images with 'zerocenter' normalization")
    assert lines[2] == ("conv1", "2-D Convolution", "96 11×11×3 convolutions with stride [4  4] and padding [0  0  0  0]")
    assert lines[4] == ("norm1", "Cross Channel Normalization", "cross channel normalization with 5 channels per element")
    assert lines[5] == ("pool1", "2-D Max Pooling", "3×3 max pooling with stride [2  2] and padding [0  0  0  0]")
    text = "2 groups of 128 5×5×48 convolutions with stride [1  1] and padding [2  2  2  2]"
    assert lines[6] == ("conv2", "2-D Grouped Convolution", text)
    assert lines[17] == ("fc6", "Fully Connected", "4096 fully connected layer")
    assert lines[19] == ("drop6", "Dropout", "50% dropout")
    assert lines[25] == ("output", "Classification Output", "crossentropyex")


def test_alexnet_sizes(alexnet):
    shapes = {layer.name: layer.outputs[0].shape[1:] for layer in alexnet.layers if layer.outputs}
    assert shapes["conv1"] == (96, 55, 55)
    assert shapes["conv2"] == (256, 27, 27)
    assert shapes["pool5"] == (256, 6, 6)
    assert shapes["prob"] == (1000,)
    parameters = sum(weight.size for layer in alexnet.layers for weight in layer.learnables)
    assert parameters == 60_965_224  # Krizhevsky et al. speak of 60 million
    assert not any(value.weight.has_data for value in alexnet.weights() if value.weight.size > 1)


def test_alexnet_graph(alexnet):
    nodes = {node.name: node for node in alexnet.nodes}
    assert [value.name for value in alexnet.inputs] == ["data"]
    assert [value.name for value in alexnet.outputs] == ["prob"]
    assert alexnet.inputs[0].shape == ("batch", 3, 227, 227)
    mean = nodes["data_centered"].inputs[1].weight
    assert (mean.name, mean.shape, mean.trainable) == ("data_mean", (3, 227, 227), False)
    conv2 = nodes["conv2"]
    assert (conv2["group"], conv2["pads"], conv2["auto_pad"]) == (2, Padding((2, 2), (2, 2)), "NOTSET")
    assert conv2.inputs[1].shape == (256, 48, 5, 5)
    assert conv2.origin == "layer 6 'conv2' (GroupedConvolution2DLayer)"
    norm = nodes["norm1"]
    assert (norm["size"], norm["alpha"], norm["beta"], norm["bias"]) == (5, 1e-4, 0.75, 1)
    assert nodes["drop6"].op_type == "Dropout"


def test_alexnet_tells_what_the_description_leaves_open(alexnet):
    assert any("without their weights" in note for note in alexnet.notes)
    assert any("'data_mean' (227×227×3)" in note for note in alexnet.notes)


def test_branches_gives_the_answer_computed_from_the_semantics():
    graph = matlab.read(FIXTURES / "branches.mat")
    session = onnxruntime.InferenceSession(to_model(graph).SerializeToString())
    (answer,) = session.run(["prob"], graph.probe.inputs)
    expected = graph.probe.outputs["prob"]
    assert graph.probe.inputs["image"].shape == (2, 3, 11, 9)
    assert expected.std() > 0.1
    np.testing.assert_allclose(answer, expected, atol=2e-6)
