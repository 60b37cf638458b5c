"""Windows of an image, and their masks, as exporters write them: what is put together is equal by onnxruntime."""

from __future__ import annotations

import math
import re

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest

import converter
from converter.emitters.onnx import to_model

X = np.random.default_rng(0).standard_normal((2, 4, 6, 5), np.float32)


def _windows(perm: str = "0, 1, 3, 2, 4, 5", split: str = "-1, 2, 2, 3, 2, 5", whole: str = "-1, 4, 5") -> onnx.ModelProto:
    """Windows of 2 by 2 that get twice as large numbers, and are put back."""
    return onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["": 20]>
        net (float[b, 4, 6, 5] x) => (float[b, 4, 6, 5] y)
        <int64[6] split = {{{split}}}, int64[{whole.count(",") + 1}] whole = {{{whole}}}, float two = {{2}},
         int64[4] square = {{-1, 2, 2, 5}}, int64[6] apart = {{-1, 2, 3, 2, 2, 5}}, int64[4] image = {{-1, 4, 6, 5}}>
        {{ a = Reshape(x, split)  c = Transpose <perm = [{perm}]> (a)  d = Reshape(c, whole)  e = Mul(d, two)
           f = Reshape(e, square)  g = Reshape(f, apart)  h = Transpose <perm = [0, 1, 3, 2, 4, 5]> (g)
           y = Reshape(h, image) }}""")


def _same(model: onnx.ModelProto, graph: converter.Graph) -> None:
    want, have = (
        onnxruntime.InferenceSession(each.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": X})[0]
        for each in (model, to_model(graph))
    )
    np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)


def _read(model: onnx.ModelProto, tmp_path) -> converter.Graph:
    onnx.save(model, tmp_path / "net.onnx")
    graph = converter.read(tmp_path / "net.onnx")
    _same(model, graph)
    return graph


@pytest.mark.parametrize("whole", ["-1, 4, 5", "-1, 2, 2, 5"])
def test_windows(whole, tmp_path):
    model = _windows(whole=whole)
    kinds = [node.op_type for node in _read(model, tmp_path).nodes]
    assert [kind for kind in kinds if kind != "Reshape"] == ["WindowPartition", "Mul", "WindowReverse"]
    assert kinds.count("Reshape") == (whole == "-1, 4, 5")


@pytest.mark.parametrize("target", ["keras", "pytorch"])
def test_emitted_windows(target, tmp_path):
    onnx.save(_windows(), tmp_path / "net.onnx")
    assert converter.convert(tmp_path / "net.onnx", target, out=tmp_path / "out").report.ok
    code = (tmp_path / "out" / "model.py").read_text()
    assert re.search(r"window_partition\(\w+, 2\)", code) and re.search(r"window_reverse\(.+, 2, 4, 6\)", code)


@pytest.mark.parametrize(
    "other", [{"perm": "0, 3, 1, 2, 4, 5"}, {"split": "-1, 4, 1, 3, 2, 5"}, {"split": "-1, 2, 2, 2, 3, 5"}],
    ids=["another order", "one row", "not square"],
)  # fmt: skip
def test_what_is_no_windows(other, tmp_path):
    """The same number of elements, otherwise arranged."""
    kinds = [node.op_type for node in _read(_windows(**other), tmp_path).nodes]
    assert "WindowPartition" not in kinds


def _masked(mask: str, shape: str) -> onnx.ModelProto:
    """Attention of 6 windows of 4 places in every image: 1 head, with a bias, and a mask of this shape."""
    count = math.prod(map(int, shape.split(",")))
    numbers = ", ".join(str(-100 * (place % 7 == 3)) for place in range(count))
    return onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["": 20]>
        net (float[b, 4, 6, 5] x) => (float[c, 1, 4, 5] y)
        <int64[4] each = {{-1, 1, 4, 5}}, float[1, 4, 4] bias = {{{", ".join(map(str, range(16)))}}}, 
         float scale = {{0.4472136}},
         int64[5] apart = {{-1, {mask}, 1, 4, 4}}, int64[4] back = {{-1, 1, 4, 4}}>
        {{ mask = Constant <value = float[{shape}] {{{numbers}}}> ()
           q = Reshape(x, each)  s = Mul(q, scale)  k = Transpose <perm = [0, 1, 3, 2]> (q)  p = MatMul(s, k)
           biased = Add(p, bias)  a = Reshape(biased, apart)  m = Add(a, mask)  scores = Reshape(m, back)
           w = Softmax(scores)  y = MatMul(w, q) }}""")


def test_mask_of_each_window(tmp_path):
    graph = _read(_masked("6", "1,6,1,4,4"), tmp_path)
    assert [node.op_type for node in graph.nodes if node.op_type != "Reshape"] == ["RepeatLike", "Add", "Attention"]


def test_mask_of_other_axes_is_left(tmp_path):
    """One for each image of two windows: it is added to groups of windows, so the scores keep their extra axis."""
    kinds = [node.op_type for node in _read(_masked("6", "1,1,1,4,4"), tmp_path).nodes]
    assert "RepeatLike" not in kinds


@pytest.mark.parametrize("target", ["keras", "pytorch"])
def test_emitted_mask(target, tmp_path):
    onnx.save(_masked("6", "1,6,1,4,4"), tmp_path / "net.onnx")
    assert converter.convert(tmp_path / "net.onnx", target, out=tmp_path / "out").report.ok
    attention = {"keras": "ops.dot_product_attention(", "pytorch": "F.scaled_dot_product_attention("}[target]
    assert attention in (tmp_path / "out" / "model.py").read_text()


def _mlp(first: str, reads: str = "e") -> onnx.ModelProto:
    """A normalisation and a sum of every place of an image, whose places are one axis meanwhile."""
    return onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["": 20]>
        net (float[b, 4, 6, 5] x) => (float[b, 4, 6, 5] y)
        <int64[3] merged = {{{first}}}, int64[4] image = {{-1, 4, 6, 5}}, float[5] scale = {{1, 2, 3, 4, 5}}>
        {{ a = Reshape(x, merged)  c = LayerNormalization(a, scale)  d = Relu(c)  e = Add(a, d)  f = Softmax <axis = 1> (e)
           z = Reshape({reads}, image)  y = Neg(z) }}""")


def test_between_reshapes(tmp_path):
    kinds = [node.op_type for node in _read(_mlp("-1, 24, 5"), tmp_path).nodes]
    assert kinds == ["LayerNormalization", "Relu", "Add", "Neg"]


def test_what_works_on_merged_axes_keeps_its_reshapes(tmp_path):
    kinds = [node.op_type for node in _read(_mlp("-1, 24, 5", reads="f"), tmp_path).nodes]
    assert kinds.count("Reshape") == 2
