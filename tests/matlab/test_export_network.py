"""The export script, run by Octave on mock networks: classes with the names and properties of MATLAB's."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from converter.graph import MATLAB_DOMAIN
from converter.padding import Padding
from converter.readers import matlab
from converter.readers.matlab.container import EXPORT_SCRIPT

MOCKS = Path(__file__).with_name("octave")

SERIES = """
net = SeriesNetwork();
net.Layers = {nnet.cnn.layer.ImageInputLayer(); nnet.cnn.layer.Convolution2DLayer(); nnet.cnn.layer.ReLULayer(); ...
              nnet.cnn.layer.FullyConnectedLayer(); nnet.cnn.layer.ClassificationOutputLayer()};
"""
BRANCHES = """
net = DAGNetwork();
relu = nnet.cnn.layer.ReLULayer();
relu.Name = 'relu';
net.Layers = {nnet.cnn.layer.ImageInputLayer(); nnet.cnn.layer.Convolution2DLayer(); relu; ...
              nnet.cnn.layer.AdditionLayer(); nnet.cnn.layer.FullyConnectedLayer()};
net.Connections = struct('Source', {{'image'; 'conv'; 'conv'; 'relu'; 'add'}}, ...
                         'Destination', {{'conv'; 'relu'; 'add/in2'; 'add/in1'; 'fc'}});
"""


@pytest.fixture
def export(octave, tmp_path):
    def run(code: str):
        path = tmp_path / "table.mat"
        warnings = octave(f"file = '{path}'; {code}", MOCKS, EXPORT_SCRIPT.parent)
        return matlab.read(path), warnings

    return run


def test_series_network(export):
    graph, _ = export(SERIES + "export_network(net, file);")
    assert graph.source.producer.startswith("Octave")
    assert [node.name for node in graph.nodes] == ["image_centered", "conv", "layer_3", "fc_flatten", "fc"]
    assert [value.name for value in graph.inputs + graph.outputs] == ["image", "fc"]
    convolution = graph.nodes[1]
    assert convolution["pads"] == Padding((1, 0), (0, 1))
    stored = np.arange(1, 13, dtype=np.float32).reshape(3, 2, 2, 1, order="F")
    np.testing.assert_array_equal(convolution.inputs[1].array, stored.transpose(3, 2, 0, 1))
    assert graph.layers[-1].description == "crossentropyex with classes 'cat' and 'dog'"


def test_probe_is_the_answer_of_predict(export):
    graph, _ = export(SERIES + "x = reshape(single(1:70), 7, 5, 2); export_network(net, file, x);")
    x = np.arange(1, 71, dtype=np.float32).reshape(7, 5, 2, order="F")
    np.testing.assert_array_equal(graph.probe.inputs["image"], x.transpose(2, 0, 1)[None])
    np.testing.assert_array_equal(graph.probe.outputs["fc"], [[x.sum(), 70]])


def test_connections_of_a_graph(export):
    graph, _ = export(BRANCHES + "export_network(net, file);")
    add = next(node for node in graph.nodes if node.name == "add")
    assert [value.name for value in add.inputs] == ["relu", "conv"]


def test_a_network_inside_a_layer_becomes_a_table_inside_the_table(export):
    code = """
    inner = dlnetwork();
    relu = nnet.cnn.layer.ReLULayer();
    relu.Name = 'relu';
    inner.Layers = {nnet.cnn.layer.Convolution2DLayer(); relu};
    inner.Connections = struct('Source', {{'conv'}}, 'Destination', {{'relu'}});
    inner.InputNames = {'conv'};
    inner.OutputNames = {'relu'};
    block = nnet.cnn.layer.NetworkLayer();
    block.Network = inner;
    net = SeriesNetwork();
    net.Layers = {nnet.cnn.layer.ImageInputLayer(); block; nnet.cnn.layer.FullyConnectedLayer()};
    net.OutputNames = {'fc'};
    export_network(net, file);
    """
    graph, _ = export(code)
    assert [node.name for node in graph.nodes] == ["image_centered", "block/conv", "block/relu", "fc_flatten", "fc"]
    assert [value.name for value in graph.outputs] == ["fc"]


def test_array_of_layers(export):
    """Its layers have an InputNames of their own, which are no inputs of the network."""
    graph, _ = export(SERIES + "export_network(net.Layers, file);")
    assert [value.name for value in graph.inputs + graph.outputs] == ["image", "fc"]


def test_what_cannot_be_read_is_left_out_with_a_warning(export):
    graph, warnings = export(SERIES + "net.Layers{3} = CustomLayer(); export_network(net.Layers(1:3), file);")
    assert "property Unreadable is left out: only after training" in warnings
    node = graph.nodes[-1]
    assert (node.domain, node.op_type) == (MATLAB_DOMAIN, "CustomLayer")
    assert (graph.layers[-1].type, graph.layers[-1].description) == ("My own layer", "doubles what arrives")


def test_objects_are_written_as_their_class(export, tmp_path):
    export("export_network({nnet.cnn.layer.ImageInputLayer(); CustomLayer()}, file);")
    path = tmp_path / "table.mat"
    properties = matlab.container.load(path, matlab.container.directory(path)[0])["layers"][1]["Properties"]
    assert properties["Network"] == "object of class containers.Map"
    assert properties["Options"]["Handle"].lstrip("@") == "sin"


TWO_INPUTS = """
net = dlnetwork();
one = nnet.cnn.layer.ImageInputLayer();
two = nnet.cnn.layer.ImageInputLayer();
one.Name = 'one';
two.Name = 'two';
two.InputSize = [3 5 2];
relu = nnet.cnn.layer.ReLULayer();
relu.Name = 'relu';
other = nnet.cnn.layer.ReLULayer();
other.Name = 'other';
net.Layers = {one; two; relu; other};
net.Connections = struct('Source', {{'one'; 'two'}}, 'Destination', {{'relu'; 'other'}});
net.InputNames = {'two', 'one'};
net.OutputNames = {'other', 'relu'};
"""


def test_probe_of_a_dlnetwork_goes_by_its_input_names(export):
    code = "export_network(net, file, {reshape(single(1:30), 3, 5, 2), dlarray(reshape(single(1:70), 7, 5, 2), 'SSCB')});"
    graph, _ = export(TWO_INPUTS + code)
    two, one = np.arange(1, 31).reshape(3, 5, 2, order="F"), np.arange(1, 71).reshape(7, 5, 2, order="F")
    assert list(graph.probe.inputs) == ["two", "one"]
    np.testing.assert_array_equal(graph.probe.inputs["two"], two.transpose(2, 0, 1)[None])
    np.testing.assert_array_equal(graph.probe.outputs["relu"], -one.transpose(2, 0, 1)[None])


def test_values_that_only_the_network_shows(export):
    """Learnables and states of a dlnetwork; what a layer shows itself stays."""
    code = """
    conv = nnet.cnn.layer.Convolution2DLayer();
    shown = conv.Bias;
    conv.Weights = [];
    net = dlnetwork();
    net.Layers = {nnet.cnn.layer.ImageInputLayer(); conv};
    net.Connections = struct('Source', {{'image'}}, 'Destination', {{'conv'}});
    net.Learnables = struct('Layer', {{'conv'; 'conv'}}, 'Parameter', {{'Weights'; 'Bias'}}, ...
                            'Value', {{dlarray(2 * ones(3, 2, 2, 1)); dlarray(shown + 100)}});
    export_network(net, file);
    """
    graph, _ = export(code)
    weights, bias = (value.weight for value in graph.nodes[-1].inputs[1:])
    np.testing.assert_array_equal(weights.array(), np.full((1, 2, 3, 2), 2))
    assert np.abs(bias.array()).max() < 50


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("export_network(containers.Map(), file);", "net is a containers.Map, which holds no layers"),
        (TWO_INPUTS + "net.InputNames = {'x', 'y'}; export_network(net, file, {1, 2});", "axes of input 1"),
        ("export_network(file);", "Usage: export_network(net, 'table.mat')"),
    ],
)
def test_what_cannot_be_exported_is_told(export, code, words):
    with pytest.raises(AssertionError, match=re.escape(words)):
        export(code)


def test_a_network_without_weights_is_told(export):
    _, warnings = export(TWO_INPUTS + "net.Initialized = false; export_network(net, file);")
    assert "not initialised" in warnings
