"""Operators that were experimental and left the standard; onnxruntime still runs them at the opsets of their time."""

from __future__ import annotations

import numpy as np
import pytest

from converter.operators import refusals
from tests.onnx_reader.models import assert_same_answer, model, node, random, read, read_normalised


@pytest.mark.parametrize(
    ("op_type", "attributes"),
    [
        ("ImageScaler", {"scale": 0.5, "bias": [1.0, -2.0, 3.0]}),
        ("Affine", {"alpha": 0.5, "beta": 2.0}),
        ("Scale", {"scale": 0.5}),
        ("Scale", {}),
        ("ParametricSoftplus", {"alpha": 0.5, "beta": 2.0}),
        ("ScaledTanh", {"alpha": 0.5, "beta": 2.0}),
        ("ThresholdedRelu", {"alpha": 0.5}),
        ("Crop", {"border": [1, 2, 3, 1]}),
        ("Crop", {"border": [0, 2, 0, 1]}),
        ("Crop", {"border": [1, 2, 0, 0], "scale": [3, 2]}),
    ],
)
def test_answers_as_onnxruntime_does(op_type, attributes, tmp_path):
    proto = model([node(op_type, ["x"], ["y"], **attributes)], {"x": [2, 3, 7, 6]}, ["y"], opset=7)
    assert_same_answer(read(proto, tmp_path), proto, {"x": random(2, 3, 7, 6)})
    assert_same_answer(read_normalised(proto, tmp_path), proto, {"x": random(2, 3, 7, 6)})


def test_dynamic_slice(tmp_path):
    weights = {"starts": np.array([1, 0]), "ends": np.array([5, 3]), "axes": np.array([3, 1])}
    proto = model([node("DynamicSlice", ["x", *weights], ["y"])], {"x": [2, 3, 7, 6]}, ["y"], weights, opset=7)
    assert_same_answer(read_normalised(proto, tmp_path), proto, {"x": random(2, 3, 7, 6)})


def test_what_nobody_runs_is_refused_by_name(tmp_path):
    proto = model([node("GRUUnit", ["x", "x", "x", "x"], ["y"])], {"x": [2, 3]}, ["y"], opset=6)
    graph = read(proto, tmp_path)
    assert "operator GRUUnit is not supported for keras" in str(refusals(graph, "keras")[0])


def test_what_tf2onnx_could_not_translate_is_called_so(tmp_path):
    """As it does of Keras' gelu: an operator of TensorFlow under the name of the standard."""
    proto = model([node("Erfc", ["x"], ["y"])], {"x": [2, 3]}, ["y"])
    problem = str(refusals(read(proto, tmp_path), "pytorch")[0])
    assert "operator Erfc is not supported for pytorch: ONNX has none of that name" in problem
    assert "approximate=True" in problem
