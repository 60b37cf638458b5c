"""A recurrent layer of which one result is used becomes the layer of the targets, and only where it means the same."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import converter
from tests.emitted import judge
from tests.emitted import read as read_file
from tests.emitted import run as run_emitted
from tests.onnx_reader.models import assert_same_answer, model, node, random, read_normalised

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def network(kind: str, result: str, *, hidden: int = 3, **attributes):
    """x (time, batch, 4), or with the batch first behind a Transpose, through one direction."""
    rows = GATES[kind] * hidden
    weights = {"w": random(1, rows, 4), "r": random(1, rows, hidden), "b": random(1, 2 * rows)}
    weights["axis"] = np.array([0 if result == "h" else 1])
    if kind == "GRU":
        attributes = {"linear_before_reset": 1} | attributes
    nodes = [
        node("Transpose", ["x"], ["steps"], perm=[2, 0, 1]),
        node(kind, ["steps", "w", "r", "b"], ["all", "h"], hidden_size=hidden, **attributes),
        node("Squeeze", [result, "axis"], ["y"]),
        node("Relu", ["y"], ["z"]),
    ]
    return model(nodes, {"x": ["n", 4, "t"]}, ["z"], weights)


@pytest.mark.parametrize("result", ["all", "h"])
@pytest.mark.parametrize("kind", GATES)
def test_it_is_a_layer(kind, result, tmp_path):
    proto = network(kind, result)
    graph = read_normalised(proto, tmp_path)
    assert f"{'Last' if result == 'h' else 'Sequence'}{kind}" in [each.op_type for each in graph.nodes]
    assert_same_answer(graph, proto, {"x": random(2, 4, 5)})


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("result", ["all", "h"])
@pytest.mark.parametrize("kind", GATES)
def test_both_targets_compute_the_same(kind, result, target):
    proto, feeds = network(kind, result), {"x": random(2, 4, 5)}
    (found,) = run_emitted(read_file(proto), target, feeds)
    np.testing.assert_allclose(found, judge(proto, feeds)[0], atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("LSTM", {"direction": "reverse"}),
        ("LSTM", {"clip": 0.5}),
        ("LSTM", {"activations": ["Sigmoid", "Tanh", "Relu"]}),
        ("LSTM", {"input_forget": 1}),
        ("GRU", {"linear_before_reset": 0}),
        ("RNN", {"activations": ["Sigmoid"]}),
    ],
)
def test_near_misses_stay(kind, attributes, tmp_path):
    proto = network(kind, "h", **attributes)
    graph = read_normalised(proto, tmp_path)
    assert kind in [each.op_type for each in graph.nodes]
    assert_same_answer(graph, proto, {"x": random(2, 4, 5)})


def test_two_results_stay(tmp_path):
    weights = {"w": random(1, 12, 4), "r": random(1, 12, 3), "b": random(1, 24), "zero": np.array([0]), "one": np.array([1])}
    nodes = [
        node("LSTM", ["x", "w", "r", "b"], ["all", "h"], hidden_size=3),
        node("Squeeze", ["all", "one"], ["y"]),
        node("Squeeze", ["h", "zero"], ["z"]),
    ]
    proto = model(nodes, {"x": ["t", "n", 4]}, ["y", "z"], weights)
    graph = read_normalised(proto, tmp_path)
    assert "LSTM" in [each.op_type for each in graph.nodes]


def test_a_written_onnx_file_has_the_operator_of_the_standard(tmp_path):
    onnx.save(network("LSTM", "h"), tmp_path / "source.onnx")
    conversion = converter.convert(tmp_path / "source.onnx", "onnx", tmp_path / "written")
    assert conversion.verify().ok
    written = onnx.load(tmp_path / "written" / "model.onnx")
    assert "LSTM" in [each.op_type for each in written.graph.node]
    assert {each.domain for each in written.graph.node} == {""}
