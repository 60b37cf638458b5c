"""What the source computes of its parameters stays computed, with the parameters' keys, shapes and gradients."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from converter.emitters import emit
from tests.emitted import assert_equal, pytorch_model, read
from tests.onnx_reader.models import random
from tests.passes.recover.formulas import formula

_KERNEL = {"net.weight": random(6, 4, 3, 3, seed=1), "net.gain": random(6, 1, 1, 1, seed=2), "net.bias": random(6, seed=3)}
_IMAGE = ["n", 4, 5, 6]
_ROWS = ["n", 7, 4]
CASES = {
    "weight normalisation": (
        "Conv(x, W * (G / Sqrt(ReduceSum(W * W, [1, 2, 3], keepdims=1))), B)",
        _IMAGE,
        {"W": _KERNEL["net.weight"], "G": _KERNEL["net.gain"], "B": _KERNEL["net.bias"]},
    ),
    "a scale that begins with one": ("Relu(x) * (W + 1.0)", _ROWS, {"W": random(4)}),
    "gate": ("Relu(x) * Sigmoid(Reshape(W, [1, -1, 1]))", _ROWS, {"W": random(7)}),
    "parts of a bias": ("MatMul(x, W) + Concat(Q, Z, V, axis=0)", _ROWS, {
        "W": random(4, 9), "Q": random(3, seed=1), "Z": np.zeros(3, np.float32), "V": random(3, seed=2),
    }),
    "rows of a table": ("Relu(x) + Unsqueeze(Slice(W, [0], [7], [0]), [0])", _ROWS, {"W": random(9, 4)}),
    "a layer applied to constants": ("Relu(x) + (MatMul(C, W) + B)", _ROWS, {
        "C": random(7, 3, seed=1), "W": random(3, 4, seed=2), "B": random(4, seed=3),
    }),
}  # fmt: skip
_CONSTANTS = {"Z", "C"}


def _model(name: str, *, told: bool = True) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    text, shape, weights = CASES[name]
    proto = formula(text, {"x": shape}, weights)
    for node in proto.graph.node if told else ():
        node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value="['', 'op']")
        node.metadata_props.add(key="pkg.torch.onnx.class_hierarchy", value="['net.Net', 'op']")
    for held in weights if told else ():
        kind = "CONSTANT_TENSOR" if held in _CONSTANTS else "PARAMETER"
        info = proto.graph.value_info.add(name=held)
        info.metadata_props.add(key="pkg.torch.export.graph_signature.InputSpec.kind", value=kind)
    return proto, {"x": random(2, *shape[1:])}


@pytest.mark.parametrize("name", CASES)
def test_parameters_are_the_sources(name):
    proto, feeds = _model(name)
    found = emit(read(proto), "pytorch")
    weights = CASES[name][2]
    have = {tuple(sorted(weight.shape)) for weight in found.weights.values() if weight.trainable}
    assert have == {tuple(sorted(array.shape)) for key, array in weights.items() if key not in _CONSTANTS}
    model = pytorch_model(found)
    model(torch.from_numpy(feeds["x"])).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in model.parameters())
    assert_equal(proto, "pytorch", feeds)


@pytest.mark.parametrize("name", CASES)
def test_keras_computes_the_same(name):
    proto, feeds = _model(name)
    assert_equal(proto, "keras", feeds)


def test_keras_has_the_layer_itself():
    """A convolution whose kernel is computed would be no layer."""
    code = emit(read(_model("weight normalisation")[0]), "keras").code
    assert "layers.Conv2D(6, 3" in code
    assert "sqrt" not in code


@pytest.mark.parametrize("name", ["weight normalisation", "a scale that begins with one"])
def test_a_file_that_tells_no_parameters_has_the_result(name):
    proto, feeds = _model(name, told=False)
    graph = read(proto)
    assert len(graph.nodes) <= 2
    assert_equal(proto, "pytorch", feeds)


def test_a_matrix_that_is_cut_is_that_of_its_layer():
    proto = formula("MatMul(x, Slice(W, [0], [5], [1]))", {"x": _ROWS}, {"W": random(4, 9)})
    for node in proto.graph.node:
        node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value="['', 'op']")
        node.metadata_props.add(key="pkg.torch.onnx.class_hierarchy", value="['net.Net', 'op']")
    (node,) = read(proto).nodes
    assert node.inputs[1].weight.shape == (4, 5)


def test_a_network_of_any_depth():
    """What is not computed of weights is found out without one call in the other."""
    nodes = [onnx.helper.make_node("Sin", [f"v{number}"], [f"v{number + 1}"]) for number in range(600)]
    nodes.append(onnx.helper.make_node("MatMul", ["v600", "w"], ["y"]))
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 3]) for name in ("v0", "y"))
    weights = [onnx.numpy_helper.from_array(random(3, 3), "w")]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "net", [x], [y], weights))
    assert "layers.Dense" in emit(read(model), "keras").code
