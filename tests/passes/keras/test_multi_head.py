"""Attention with its products becomes a layer of Keras, however heads are taken apart, and computes what onnxruntime does."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import pytest

from converter.emitters import emit
from tests.emitted import assert_equal, read

RANDOM = np.random.default_rng(0)

_HEAD = """
    <ir_version: 10, opset_import: ["": 23]>
    net (float[b, s, 6] x, float[b, t, 6] other) => (float[b, s, 6] y) {
        apart = Constant <value_ints = [0, -1, 2, 4]> ()  together = Constant <value_ints = [0, -1, 8]> ()
        three = Constant <value_ints = [0, -1, 3, 2, 4]> ()  last = Constant <value_ints = [0, -1, 2, 12]> ()
        ends = Constant <value_ints = [8, 8, 8]> ()  fours = Constant <value_ints = [4, 4, 4]> ()
        i = Constant <value_int = 0> ()  j = Constant <value_int = 1> ()  m = Constant <value_int = 2> ()
"""
_TURN = "  ".join(f"{n} = Transpose <perm = [0, 2, 1, 3]> ({n}4)" for n in "qkv")
_JOIN = """
        a = Attention (q, k, v)  back = Transpose <perm = [0, 2, 1, 3]> (a)  flat = Reshape (back, together)
        product = MatMul (flat, out_w)  y = Add (product, out_b)
    }
"""


def _one_each(key: str = "x") -> str:
    text = "".join(
        f"p{n} = MatMul ({source}, {n}_w)  s{n} = Add (p{n}, {n}_b)  {n}4 = Reshape (s{n}, apart)  "
        for n, source in (("q", "x"), ("k", key), ("v", key))
    )
    return text + _TURN


_ALL = "p = MatMul (x, all_w)  s = Add (p, all_b)  "
FORMS = {
    "a product each": _one_each(),
    "keys and values of something else": _one_each("other"),
    "split": _ALL + "a1, a2, a3 = Split <axis = -1> (s, ends)  "
    + "q4 = Reshape (a1, apart)  k4 = Reshape (a2, apart)  v4 = Reshape (a3, apart)  " + _TURN,
    "picked of one that is turned": _ALL + "s5 = Reshape (s, three)  turned = Transpose <perm = [2, 0, 3, 1, 4]> (s5)  "
    + "q = Gather (turned, i)  k = Gather (turned, j)  v = Gather (turned, m)",
    "split within each head": _ALL + "s4 = Reshape (s, last)  q4, k4, v4 = Split <axis = -1> (s4, fours)  " + _TURN,
}  # fmt: skip


def _model(body: str, **left_out: bool) -> onnx.ModelProto:
    model = onnx.parser.parse_model(_HEAD + body + _JOIN)
    shapes = {"q": (6, 8), "k": (6, 8), "v": (6, 8), "all": (6, 24), "out": (8, 6)}
    for name, shape in shapes.items():
        for kind, size in (("w", shape), ("b", shape[1:])):
            array = RANDOM.standard_normal(size).astype(np.float32)
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, f"{name}_{kind}"))
    return model


def _code(model: onnx.ModelProto) -> str:
    feeds = {"x": RANDOM.standard_normal((2, 3, 6)), "other": RANDOM.standard_normal((2, 5, 6))}
    assert_equal(model, "keras", {name: array.astype(np.float32) for name, array in feeds.items()})
    return emit(read(model), "keras").code


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_a_layer(form):
    code = _code(_model(FORMS[form]))
    assert "layers.MultiHeadAttention(2, 4, output_shape=6" in code or "layers.MultiHeadAttention(2, 4, name=" in code
    assert "ops." not in code.replace("ops\n", "")


def test_keys_and_values_of_something_else_are_given_once():
    assert ")(inputs, other)" in _code(_model(FORMS["keys and values of something else"]))


def test_features_other_than_those_of_the_queries_are_said():
    model = _model(FORMS["a product each"])
    model.graph.output[0].type.tensor_type.shape.dim[2].dim_value = 5
    for tensor in model.graph.initializer:
        if tensor.name.startswith("out_"):
            array = onnx.numpy_helper.to_array(tensor)[..., :5]
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(array), tensor.name))
    assert "output_shape=5" in _code(model)


NEAR_MISSES = {
    "a bias of which others have none": _one_each().replace("sk = Add (pk, k_b)  k4 = Reshape (sk,", "k4 = Reshape (pk,"),
    "heads that are mixed with steps": _one_each().replace(
        "k4 = Reshape (sk,", "swap = Transpose <perm = [0, 2, 1]> (sk)  k4 = Reshape (swap,"
    ),
    "another scale": _one_each(),
    "a product that something else reads": _one_each(),
}  # fmt: skip


@pytest.mark.parametrize("form", NEAR_MISSES)
def test_what_is_no_such_layer_stays(form):
    model = _model(NEAR_MISSES[form])
    attention = next(node for node in model.graph.node if node.op_type == "Attention")
    if form == "another scale":
        attention.attribute.append(onnx.helper.make_attribute("scale", 0.3))
    if form == "a product that something else reads":
        model.graph.output.append(onnx.helper.make_tensor_value_info("sk", onnx.TensorProto.FLOAT, ["b", "s", 8]))
    code = _code(model)
    assert "MultiHeadAttention" not in code
    assert "ops.dot_product_attention(" in code
