"""Forms of operators that exporters write, each against onnxruntime: what once broke in a real file."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.emitted import assert_equal

both_targets = pytest.mark.parametrize("target", ["pytorch", "keras"])


def model(
    nodes: list[onnx.NodeProto], inputs: dict[str, list], weights: dict[str, np.ndarray], outputs: list[str], opset: int = 18
):
    """A model of these nodes; ``inputs`` are float32 unless (type, shape) is given."""
    infos = []
    for name, shape in inputs.items():
        kind, shape = shape if isinstance(shape, tuple) else (TensorProto.FLOAT, shape)
        infos.append(helper.make_tensor_value_info(name, kind, shape))
    results = [helper.make_empty_tensor_value_info(name) for name in outputs]
    held = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "exported", infos, results, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@both_targets
def test_pad_by_reflection(target):
    pads = np.array([0, 0, 2, 1, 0, 0, 1, 2])
    node = helper.make_node("Pad", ["x", "pads"], ["y"], mode="reflect")
    assert_equal(model([node], {"x": ["batch", 3, 6, 5]}, {"pads": pads}, ["y"]), target, {"x": numbers(2, 3, 6, 5)})


@both_targets
def test_weight_that_one_node_reads_in_two_places(target):
    """A scale of one element and one axis is no plain number, and QLinearConv multiplies by it twice."""
    weights = {
        "scale": np.array([0.0625], np.float32),
        "zero": np.zeros(1, np.int8),
        "w": np.random.default_rng(1).integers(-90, 90, (4, 3, 3), np.int8),
        "bias": np.array([200, -300, 100, 40], np.int32),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        helper.make_node("QLinearConv", ["q", "scale", "zero", "w", "scale", "zero", "scale", "zero", "bias"], ["c"]),
        helper.make_node("DequantizeLinear", ["c", "scale", "zero"], ["y"]),
    ]
    nodes[0].attribute.append(helper.make_attribute("axis", 0))
    nodes[2].attribute.append(helper.make_attribute("axis", 0))
    assert_equal(model(nodes, {"x": [1, 3, 9]}, weights, ["y"]), target, {"x": numbers(1, 3, 9)})
