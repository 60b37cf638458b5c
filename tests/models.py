"""Tiny ONNX models, written where a test wants them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper

FLOAT = onnx.TensorProto.FLOAT


def save(path: Path, nodes: list, inputs: dict, outputs: dict, weights: dict | None = None, domain: str = "", opset=17) -> Path:
    """Write a model; ``inputs`` and ``outputs`` map names to shapes (float32) or to (element type, shape)."""

    def infos(ports: dict) -> list:
        pairs = {name: spec if isinstance(spec, tuple) else (FLOAT, spec) for name, spec in ports.items()}
        return [onnx.helper.make_tensor_value_info(name, *pair) for name, pair in pairs.items()]

    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in (weights or {}).items()]
    graph = onnx.helper.make_graph(nodes, "tiny", infos(inputs), infos(outputs), tensors)
    opsets = [onnx.helper.make_opsetid("", opset)] + ([onnx.helper.make_opsetid(domain, 1)] if domain else [])
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


def classifier(path: Path, *, batch: str | int = "batch", seed: int = 0) -> Path:
    """Asymmetric convolution, ReLU, max pooling, flatten, fully connected, softmax; 3×9×8 in, 5 classes out."""
    rng = np.random.default_rng(seed)
    node = onnx.helper.make_node
    nodes = [
        node("Conv", ["image", "conv.weight", "conv.bias"], ["c"], name="conv", pads=[0, 1, 1, 2], strides=[2, 1]),
        node("Relu", ["c"], ["r"], name="relu"),
        node("MaxPool", ["r"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 1]),
        node("Flatten", ["p"], ["f"], name="flatten"),
        node("Gemm", ["f", "fc.weight", "fc.bias"], ["g"], name="fc", transB=1),
        node("Softmax", ["g"], ["scores"], name="softmax", axis=1),
    ]
    weights = {
        "conv.weight": rng.standard_normal((4, 3, 3, 3)) / 4,
        "conv.bias": rng.standard_normal(4),
        "fc.weight": rng.standard_normal((5, 4 * 2 * 5)) / 6,
        "fc.bias": rng.standard_normal(5),
    }
    weights = {name: array.astype(np.float32) for name, array in weights.items()}
    return save(path, nodes, {"image": [batch, 3, 9, 8]}, {"scores": [batch, 5]}, weights)


def unknown_operators(path: Path) -> Path:
    """Two operators of a domain nobody knows, around one that is known."""
    node = onnx.helper.make_node
    nodes = [
        node("Wobble", ["x"], ["a"], name="first", domain="example.com"),
        node("Relu", ["a"], ["b"], name="relu"),
        node("Twist", ["b"], ["y"], name="second", domain="example.com"),
    ]
    return save(path, nodes, {"x": ["batch", 4]}, {"y": ["batch", 4]}, domain="example.com")
