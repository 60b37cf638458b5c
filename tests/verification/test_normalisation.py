"""Normalisations in float64 are what NumPy computes by their definition, also where onnxruntime's own are not."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from converter.verification.normalisation import in_float64


def _answer(node: onnx.NodeProto, feeds: dict[str, np.ndarray], opset: int, *, exact: bool) -> np.ndarray:
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in feeds.items()]
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    model = helper.make_model(
        helper.make_graph([node], "one", ports, [result]), opset_imports=[helper.make_opsetid("", opset)], ir_version=10
    )
    if exact:
        in_float64(model)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feeds)[0]


@pytest.mark.parametrize("opset", [9, 13, 18])
@pytest.mark.parametrize("size", [1, 3, 5])
def test_lrn(opset, size):
    """Small numbers behind large ones, of which onnxruntime loses digits."""
    x = np.random.default_rng(0).standard_normal((2, 9, 4, 5)).astype(np.float32)
    x[:, ::2] *= 1000
    node = helper.make_node("LRN", ["x"], ["y"], size=size, alpha=0.01, beta=0.6, bias=0.5)
    wide, alpha, beta = x.astype(np.float64), np.float64(np.float32(0.01)), np.float64(np.float32(0.6))
    sums = np.stack([(wide[:, max(0, c - (size - 1) // 2) : c + size // 2 + 1] ** 2).sum(1) for c in range(x.shape[1])], axis=1)
    wanted = (wide / (0.5 + alpha / size * sums) ** beta).astype(np.float32)
    np.testing.assert_allclose(_answer(node, {"x": x}, opset, exact=True), wanted, rtol=2e-7)
    np.testing.assert_allclose(_answer(node, {"x": x}, opset, exact=False), wanted, rtol=2e-2)


@pytest.mark.parametrize("opset", [9, 13, 18])
def test_instance_normalization(opset):
    random = np.random.default_rng(1)
    feeds = {
        name: random.standard_normal(shape).astype(np.float32) for name, shape in (("x", (2, 3, 9, 7)), ("s", 3), ("b", 3))
    }
    node = helper.make_node("InstanceNormalization", list(feeds), ["y"], epsilon=1e-3)
    x, scale, bias = (array.astype(np.float64) for array in feeds.values())
    centred = x - x.mean((2, 3), keepdims=True)
    normal = centred / np.sqrt((centred**2).mean((2, 3), keepdims=True) + np.float64(np.float32(1e-3)))
    wanted = normal * scale[:, None, None] + bias[:, None, None]
    np.testing.assert_allclose(_answer(node, feeds, opset, exact=True), wanted, rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize("opset", [18, 21])
def test_group_normalization(opset):
    """Of an image far from zero, of which onnxruntime loses digits."""
    random = np.random.default_rng(2)
    x = (random.standard_normal((2, 6, 5, 4)) + 50).astype(np.float32)
    count = 6 if opset == 21 else 3  # a number for each channel, or for each group
    feeds = {
        "x": x,
        "s": random.standard_normal(count).astype(np.float32),
        "b": random.standard_normal(count).astype(np.float32),
    }
    node = helper.make_node("GroupNormalization", list(feeds), ["y"], epsilon=1e-3, num_groups=3)
    groups = x.astype(np.float64).reshape(2, 3, -1)
    centred = groups - groups.mean(2, keepdims=True)
    normal = centred / np.sqrt((centred**2).mean(2, keepdims=True) + np.float64(np.float32(1e-3)))
    scale, bias = (np.repeat(feeds[name].astype(np.float64), 6 // count)[:, None, None] for name in ("s", "b"))
    wanted = normal.reshape(x.shape) * scale + bias
    np.testing.assert_allclose(_answer(node, feeds, opset, exact=True), wanted, rtol=3e-7, atol=1e-7)
    assert np.abs(_answer(node, feeds, opset, exact=False) - wanted).max() > 1e-5
