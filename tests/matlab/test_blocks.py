"""Blocks of MATLAB networks, which the names of their layers tell."""

from __future__ import annotations

import ast
from itertools import pairwise

import numpy as np
import pytest
from layer_table import layer

from converter.emitters import emit
from converter.emitters.onnx import to_model
from converter.passes import normalise
from tests.emitted import judge, run

RANDOM = np.random.default_rng(3)
BLOCKS = ("2a", "2b", "3a", "3b")


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def convolution(name, size, channels, filters):
    sides = [size // 2] * 4
    shape = {"FilterSize": [size, size], "NumChannels": [channels], "NumFilters": [filters], "Stride": [1, 1]}
    weights = {"Weights": normal(size, size, channels, filters) / size / 2, "Bias": normal(1, 1, filters)}
    return layer(name, "Convolution2DLayer", **shape, PaddingSize=sides, **weights)


def norm(name, channels):
    numbers = {"Offset": 0, "Scale": 1, "TrainedMean": 0, "TrainedVariance": 1}
    numbers = {key: (start + 0.1 * RANDOM.random((1, 1, channels))).astype(np.float32) for key, start in numbers.items()}
    return layer(name, "BatchNormalizationLayer", NumChannels=[channels], Epsilon=[1e-3], **numbers)


def residual():
    """As in MATLAB's ResNets: res2a_branch2a, bn2a_branch2a, add_1; the first of a stage has a projection."""
    layers = [layer("input_1", "ImageInputLayer", InputSize=[6, 5, 4], Normalization="none")]
    connections, last = [], "input_1"
    for place, block in enumerate(BLOCKS, start=1):
        inner = [convolution(f"res{block}_branch2a", 1, 4, 3), norm(f"bn{block}_branch2a", 3)]
        inner += [layer(f"activation_{place}_relu", "ReLULayer")]
        inner += [convolution(f"res{block}_branch2b", 3, 3, 4), norm(f"bn{block}_branch2b", 4)]
        other = [convolution(f"res{block}_branch1", 1, 4, 4), norm(f"bn{block}_branch1", 4)] if block[-1] == "a" else []
        ends = [layer(f"add_{place}", "AdditionLayer", NumInputs=[2]), layer(f"activation_{place + 9}_relu", "ReLULayer")]
        for branch, port in ((inner, "in1"), (other, "in2")):
            names = [last, *(each[0] for each in branch)]
            connections += [*pairwise(names), (names[-1], f"add_{place}/{port}")]
        connections.append((ends[0][0], ends[1][0]))
        layers += [*inner, *other, *ends]
        last = ends[1][0]
    return layers, connections


def inception():
    """As in MATLAB's GoogLeNet: inception_3a-1x1, inception_3a-relu_1x1."""
    layers = [layer("data", "ImageInputLayer", InputSize=[6, 5, 4], Normalization="none")]
    connections, last, channels = [], "data", 4
    for block, filters in (("3a", 3), ("3b", 5), ("4a", 2)):
        ends = f"inception_{block}-output"
        for port, names in enumerate((("1x1",), ("3x3_reduce", "3x3")), start=1):
            previous, width = last, channels
            for name in names:
                layers.append(convolution(f"inception_{block}-{name}", 3 if name == "3x3" else 1, width, filters))
                layers.append(layer(f"inception_{block}-relu_{name}", "ReLULayer"))
                connections += [(previous, layers[-2][0]), (layers[-2][0], layers[-1][0])]
                previous, width = layers[-1][0], filters
            connections.append((previous, f"{ends}/in{port}"))
        layers.append(layer(ends, "DepthConcatenationLayer", NumInputs=[2]))
        last, channels = ends, 2 * filters
    return layers, connections


NETWORKS = {
    "residual": (
        residual,
        {"ProjectionBlock", "ResidualBlock"},
        {"res2a.branch2a", "res2a.bn_branch2a", "res3a.branch1", "res3b.bn_branch2b"},
    ),
    "inception": (inception, {"Block"}, {"inception_3a.conv_1x1", "inception_4a.conv_3x3_reduce"}),
}


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("name", NETWORKS)
def test_blocks_are_blocks(read, name, target):
    make, classes, keys = NETWORKS[name]
    layers, connections = make()
    graph = read(*layers, connections=connections)
    x = normal(2, 4, 6, 5)
    (wanted,) = judge(to_model(graph), {graph.inputs[0].name: x})
    normalise(graph)
    emitted = emit(graph, target)
    if target == "pytorch":
        found = {node.name for node in ast.parse(emitted.code).body if isinstance(node, ast.ClassDef)}
        assert found - {"Test"} == classes
        assert keys <= {key.rpartition(".")[0] for key in emitted.weights}
    (answer,) = run(graph, target, {graph.inputs[0].name: x})
    np.testing.assert_allclose(answer, wanted, rtol=1e-4, atol=1e-4)


def test_layers_of_a_block_keep_their_names_in_keras(read):
    layers, connections = inception()
    graph = read(*layers, connections=connections)
    normalise(graph)
    names = {key.partition("/")[0] for key in emit(graph, "keras").weights}
    assert {"inception_3a_1x1", "inception_4a_3x3_reduce"} <= names
