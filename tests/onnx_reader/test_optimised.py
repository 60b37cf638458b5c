"""Files that onnxruntime's optimiser wrote itself, from small networks and from real files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import converter
from converter.operators import refusals
from tests.conversion.test_corpus import _assert_equal, _stored
from tests.emitted import judge, run
from tests.onnx_reader.models import model, node, random
from tests.passes.test_corpus import FILES

LEVEL = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED  # the next one writes for one kind of processor


def optimised(source: str | bytes, folder: Path) -> Path:
    """The file that onnxruntime writes for ``source``."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = LEVEL
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    return folder / "optimised.onnx"


def image_network() -> onnx.ModelProto:
    nodes = [
        node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["r"]),
        node("Conv", ["r", "v"], ["d"], pads=[1, 1, 1, 1]),
        node("Add", ["d", "r"], ["s"]),
        node("Relu", ["s"], ["t"]),
        node("Flatten", ["t"], ["f"]),
        node("Gemm", ["f", "g", "h"], ["l"], alpha=0.5),
        node("LeakyRelu", ["l"], ["y"], alpha=0.2),
    ]
    weights = {
        "w": random(4, 3, 3, 3) / 3,
        "b": random(4),
        "v": random(4, 4, 3, 3) / 3,
        "g": random(144, 5) / 9,
        "h": random(5),
    }
    return model(nodes, {"x": [2, 3, 6, 6]}, ["y"], weights, opset=17)


def language_network() -> onnx.ModelProto:
    nodes = [
        node("MatMul", ["x", "q"], ["queries"]),
        node("MatMul", ["x", "k"], ["keys"]),
        node("Transpose", ["keys"], ["turned"], perm=[0, 2, 1]),
        node("MatMul", ["queries", "turned"], ["products"]),
        node("Mul", ["products", "eighth"], ["scores"]),
        node("Softmax", ["scores"], ["shares"], axis=-1),
        node("MatMul", ["shares", "x"], ["read"]),
        node("Add", ["read", "x"], ["sum"]),
        node("LayerNormalization", ["sum", "scale", "bias"], ["normal"]),
        node("MatMul", ["normal", "up"], ["wide"]),
        node("Add", ["wide", "b"], ["biased"]),
        node("Div", ["biased", "root"], ["divided"]),
        node("Erf", ["divided"], ["erf"]),
        node("Add", ["erf", "one"], ["above"]),
        node("Mul", ["biased", "above"], ["twice"]),
        node("Mul", ["twice", "half"], ["y"]),
    ]
    numbers = {"eighth": 0.125, "root": np.sqrt(2), "one": 1, "half": 0.5}
    weights = {name: np.array(number, np.float32) for name, number in numbers.items()}
    weights |= {"q": random(8, 8), "k": random(8, 8, seed=1), "scale": random(8), "bias": random(8, seed=1)}
    weights |= {"up": random(8, 12), "b": random(12)}
    return model(nodes, {"x": [2, 5, 8]}, ["y"], weights, opset=17)


def quantised_network() -> onnx.ModelProto:
    """Each operator between tensors of 8 bits."""

    def rounded(name: str, scale: str) -> list[onnx.NodeProto]:
        return [
            node("QuantizeLinear", [name, scale, "zero"], [f"{name}_q"]),
            node("DequantizeLinear", [f"{name}_q", scale, "zero"], [f"{name}_d"]),
        ]

    nodes = [
        *rounded("x", "s1"),
        node("DequantizeLinear", ["w", "sw", "zw"], ["kernel"]),
        node("Conv", ["x_d", "kernel"], ["c"], pads=[1, 1, 1, 1]),
        *rounded("c", "s2"),
        node("Sigmoid", ["c_d"], ["g"]),
        *rounded("g", "s3"),
        node("Mul", ["c_d", "g_d"], ["m"]),
        *rounded("m", "s2"),
        node("Add", ["m_d", "x_d"], ["a"]),
        *rounded("a", "s2"),
        node("GlobalAveragePool", ["a_d"], ["p"]),
        *rounded("p", "s1"),
        node("Concat", ["p_d", "p_d"], ["y"], axis=1),
    ]
    scales = {name: np.array(scale, np.float32) for name, scale in (("s1", 0.021), ("s2", 0.043), ("s3", 0.0041), ("sw", 0.01))}
    kernel = np.random.default_rng(0).integers(-127, 128, (3, 3, 3, 3)).astype(np.int8)
    weights = scales | {"w": kernel, "zw": np.array(0, np.int8), "zero": np.array(128, np.uint8)}
    return model(nodes, {"x": [2, 3, 6, 6]}, ["y"], weights, opset=17)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize(
    ("network", "fused", "quantum"),
    [
        (image_network, ["FusedConv", "FusedGemm"], 0),
        (language_network, ["FusedMatMul", "SkipLayerNormalization", "Gelu"], 0),
        (quantised_network, ["QLinearAdd", "QLinearConv", "QLinearGlobalAveragePool", "QLinearMul", "QLinearSigmoid"], 0.021),
    ],
)
def test_small_network(network, fused: Sequence[str], quantum: float, target, tmp_path):
    proto = network()
    path = optimised(proto.SerializeToString(), tmp_path)
    written = onnx.load(path)
    assert {entry.op_type for entry in written.graph.node} >= set(fused)
    feeds = {"x": random(*(size.dim_value for size in proto.graph.input[0].type.tensor_type.shape.dim), seed=3)}
    (want,), (have,) = judge(written, feeds), run(converter.read(path), target, feeds)
    np.testing.assert_allclose(have, want, rtol=0, atol=max(quantum * 1.001, 1e-5 * np.abs(want).max()))


@pytest.mark.skipif(not FILES, reason="no real files at hand")
@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_real_file_gives_the_stored_answers(path, tmp_path):
    graph = converter.read(optimised(str(path), tmp_path))
    assert not refusals(graph, "pytorch")
    inputs, answers = _stored(path)
    inputs |= {
        value.name: np.zeros([size if isinstance(size, int) else 1 for size in value.shape], value.dtype)
        for value in graph.inputs
        if value.name not in inputs
    }  # weights that the optimiser computed away stay inputs, and nothing reads them
    found = run(graph, "pytorch", {value.name: inputs[value.name] for value in graph.inputs})
    for value, array in zip(graph.outputs, found, strict=True):
        if isinstance(array, list):  # of maps, stored as a table of their values
            array = np.array([list(row.values()) for row in array], answers[value.name].dtype)
        _assert_equal(path, value.name, array, answers[value.name])
