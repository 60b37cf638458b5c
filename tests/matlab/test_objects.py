"""Network objects as MATLAB saves them: real files with MATLAB's own exports, and layer arrays of our own."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import converter
from converter.emitters.onnx import to_model

pytest.importorskip("matio", reason="mat-io, which writes MATLAB objects, is not installed")
import matio
from matio.utils.matclass import MatlabOpaque, MatlabOpaqueArray

from tests.matlab import saved

FILES = Path(os.environ.get("CONVERTER_MATLAB", Path(__file__).parents[3] / "shared" / "matlab")) / "files"
PAIRS = sorted(FILES.glob("*.mat"))
pairs = pytest.mark.skipif(not PAIRS, reason=f"no MATLAB files in {FILES}")


def random(*shape):
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def cnn(trained=True, filters=2):
    """Input, convolution with uneven padding, pooling, fully connected, softmax, output."""
    weights = random(3, 3, 1, filters) if trained else np.zeros((0, 0))
    fully = random(4, 4, filters, 5) if trained else np.zeros((0, 0))
    return [
        saved.layer("ImageInputLayer", Name="in", InputSize=[9, 8, 1], Normalization=np.zeros((0, 0))),
        saved.layer(
            "Convolution2DLayer", Name="conv", FilterSize=[3, 3], NumChannels=1 if trained else np.zeros((0, 0)),
            NumFilters=filters, Stride=[2, 2], DilationFactor=[1, 1], PaddingMode="manual", PaddingSize=[0, 1, 2, 0],
            Weights=saved.learnable(weights), Bias=saved.learnable(random(1, 1, filters) if trained else np.zeros((0, 0))),
        ),
        saved.layer("ReLULayer", Name="relu"),
        saved.layer(
            "FullyConnectedLayer", Name="fc", InputSize=[4, 4, filters], OutputSize=5,
            Weights=saved.learnable(fully), Bias=saved.learnable(random(1, 1, 5) if trained else np.zeros((0, 0))),
        ),
        saved.layer("SoftmaxLayer", Name=""),
        saved.layer("ClassificationOutputLayer", Name="classes", ClassNames=np.array([["a"], ["b"]], object)),
    ]  # fmt: skip


@pairs
@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_weights_are_bit_equal_to_matlabs_own_export(path):
    ours = [value.array for value in converter.read(path).weights()]
    for name, array in _exported_weights(path).items():
        assert any(_holds(own, array) for own in ours), name


def _exported_weights(path):
    if path.with_suffix(".onnx").exists():
        initializers = onnx.load(path.with_suffix(".onnx")).graph.initializer
        return {tensor.name: numpy_helper.to_array(tensor) for tensor in initializers if numpy_helper.to_array(tensor).size > 4}
    import h5py

    with h5py.File(path.with_name(f"{path.stem}_tf_weights.h5")) as file:
        found = {}
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return {name: array for name, array in found.items() if "mean" not in name and "variance" not in name}


def _holds(own, exported):
    """The same numbers, in whatever order of axes the other format wants."""
    return own.size == exported.size and np.array_equal(np.sort(own.ravel()), np.sort(exported.ravel().astype(own.dtype)))


@pairs
@pytest.mark.parametrize("path", [path for path in PAIRS if path.with_suffix(".onnx").exists()], ids=lambda path: path.stem)
def test_outputs_are_those_of_matlabs_own_export(path):
    graph = converter.read(path)
    (value,) = graph.inputs
    x = np.random.default_rng(0).uniform(0, 255, (1, *value.shape[1:])).astype(np.float32)
    (found,) = onnxruntime.InferenceSession(to_model(graph).SerializeToString()).run(None, {value.name: x})
    session = onnxruntime.InferenceSession(path.with_suffix(".onnx"))
    (wanted,) = session.run(None, {session.get_inputs()[0].name: x})
    assert np.abs(found.ravel() - wanted.ravel()).max() <= 1e-6 * np.abs(wanted).max()


@pytest.mark.parametrize("version", ["v7", "v7.3"])
@pytest.mark.parametrize("filters", [1, 2])
def test_an_array_of_layers(tmp_path, version, filters):
    """One filter: MATLAB drops the trailing axis of size 1 of its weights."""
    saved.save(tmp_path / "net.mat", version, layers=cnn(filters=filters))
    graph = converter.read(tmp_path / "net.mat")
    assert [layer.type for layer in graph.layers][:3] == ["Image Input", "2-D Convolution", "ReLU"]
    assert [layer.name for layer in graph.layers] == ["in", "conv", "relu", "fc", "layer_5", "classes"]
    (conv,) = [node for node in graph.nodes if node.op_type == "Conv"]
    assert tuple(conv["pads"].matlab) == (0, 1, 2, 0)
    weights = random(3, 3, 1, filters).reshape(3, 3, 1, filters).transpose(3, 2, 0, 1)
    assert np.array_equal(conv.inputs[1].array, weights)
    assert "'a', 'b'" in " ".join(graph.notes)


def test_the_trained_network_is_read_and_the_others_are_told(tmp_path):
    saved.save(tmp_path / "net.mat", "v7", layers=cnn(trained=False), trained=cnn())
    assert all(weight.weight.has_data for weight in converter.read(tmp_path / "net.mat").weights())
    fresh = converter.read(tmp_path / "net.mat", variable="layers")
    assert not all(weight.weight.has_data for weight in fresh.weights())
    with pytest.raises(converter.ConversionError, match="has no variable 'other'"):
        converter.read(tmp_path / "net.mat", variable="other")


def test_two_trained_networks_ask_for_a_choice(tmp_path):
    saved.save(tmp_path / "net.mat", "v7", first=cnn(), second=cnn())
    with pytest.raises(converter.ConversionError, match=r"'first'.*'second'.*--variable"):
        converter.read(tmp_path / "net.mat")


@pytest.mark.parametrize("version", ["v7", "v7.3"])
def test_a_damaged_file_is_refused(tmp_path, version):
    saved.save(tmp_path / "net.mat", version, layers=cnn())
    data = (tmp_path / "net.mat").read_bytes()
    (tmp_path / "net.mat").write_bytes(data[: len(data) // 2])
    with pytest.raises(converter.ConversionError):
        converter.read(tmp_path / "net.mat")


def test_without_h5py_it_is_said_what_to_install(tmp_path, monkeypatch):
    saved.save(tmp_path / "net.mat", "v7.3", layers=cnn())
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(converter.ConversionError, match="pip install"):
        converter.read(tmp_path / "net.mat")


def test_objects_that_hold_themselves_and_one_another(tmp_path):
    """A workspace holds datastores too, whose objects name one another without end."""
    first, second = MatlabOpaque({"Depth": np.ones((1, 1))}, "Store"), MatlabOpaque({}, "Files")
    first.properties |= {"Files": second, "Itself": first}
    second.properties |= {"Store": first}
    array = np.empty((len(cnn()), 1), object)
    array[:, 0] = cnn()
    path = tmp_path / "net.mat"
    content = {"imds": first, "layers": MatlabOpaqueArray(array, "nnet.cnn.layer.Layer")}
    matio.save_to_mat(str(path), content, version="v7")
    assert converter.read(path).layers[0].name == "in"


@pytest.mark.parametrize("version", ["v7", "v7.3"])
def test_a_network_in_a_struct_in_a_cell(tmp_path, version):
    array = np.empty((1, 2), object)
    array[0, 0], array[0, 1] = saved.struct(net=saved.array(cnn())), saved.struct(net=saved.array(cnn(filters=1)))
    matio.save_to_mat(str(tmp_path / "net.mat"), {"results": array}, version=version)
    with pytest.raises(converter.ConversionError, match=r"'results\{1\}.net' .*'results\{2\}.net' .*--variable"):
        converter.read(tmp_path / "net.mat")
    assert len(converter.read(tmp_path / "net.mat", variable="results{2}.net").layers) == 6
    assert len(converter.read(tmp_path / "net.mat", variable="results{2}").layers) == 6
    with pytest.raises(converter.ConversionError, match=r"no network 'results\{3\}'.*'results\{1\}.net'"):
        converter.read(tmp_path / "net.mat", variable="results{3}")


def test_objects_without_their_content(tmp_path):
    """MATLAB was stopped while it saved, or a tool left out what it did not know."""
    path = tmp_path / "net.mat"
    saved.save(path, "v7", net=cnn())
    (start,) = struct.unpack("<Q", path.read_bytes()[116:124])
    path.write_bytes(path.read_bytes()[:start])
    with pytest.raises(converter.ConversionError, match=r"'net' \(object of class nnet.cnn.layer.Layer\), but nothing of what"):
        converter.read(path)
