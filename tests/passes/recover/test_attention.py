"""Attention, written out in each way that exporters have, is one operator, and onnxruntime computes the same with both."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest

import converter
from converter.emitters.onnx import to_model

_INPUTS = """
    <ir_version: 10, opset_import: ["": 20]>
    net (float[b, 4, s, 8] q, float[b, 4, t, 8] k, float[b, 4, t, 8] v,
         bool[b, 1, s, t] seen, float[s, t] bias) => (float[b, 4, s, 8] y)
    <float root = {0.5946035}, float scale = {0.35355338}, float size = {2.828427}, float half = {0.5},
     float zero = {0.0}, float low = {-3.4028235e38}>
"""
_TRANSPOSED = "kt = Transpose <perm = [0, 1, 3, 2]> (k)  "
_FLATTENED = """
    shape = Shape(k)  steps = Slice(shape, minus2, minus1)  features = Slice(shape, minus1, end)
    rest = Slice(shape, begin, minus2)
    rows = Concat <axis = 0> (minus1, steps, features)  flat = Reshape(k, rows)  turned = Transpose <perm = [0, 2, 1]> (flat)
    back = Concat <axis = 0> (rest, features, steps)  kt = Reshape(turned, back)
"""
_NUMBERS = """
    minus1 = Constant <value_ints = [-1]> ()  minus2 = Constant <value_ints = [-2]> ()
    begin = Constant <value_ints = [0]> ()  end = Constant <value_ints = [9223372036854775807]> ()
    infinity = Constant <value_float = inf> ()  hidden = Neg(infinity)
"""
_ROOTS = "qs = Mul(q, root)  ks = Mul(kt, root)  scores = MatMul(qs, ks)  "
_WEIGHTS = "weights = Softmax <axis = -1> (masked)  y = MatMul(weights, v)"
_SAFE = "p = Softmax <axis = -1> (masked)  nan = IsNaN(p)  weights = Where(nan, zero, p)  y = MatMul(weights, v)"
_UNMASKED = "masked = Identity(scores)  "
_PLAIN = _UNMASKED + _WEIGHTS


def _additive(low: str) -> str:
    return f"mask = Where(seen, zero, {low})  masked = Add(scores, mask)  "


FORMS = {
    "square roots, keys turned through rank 3": (_FLATTENED + _ROOTS + _PLAIN, None),
    "scale on queries": (_TRANSPOSED + "qs = Mul(scale, q)  scores = MatMul(qs, kt)  " + _PLAIN, None),
    "scale on keys": ("ks = Mul(k, scale) kt = Transpose <perm = [0, 1, 3, 2]> (ks) scores = MatMul(q, kt) " + _PLAIN, None),
    "product divided": (_TRANSPOSED + "product = MatMul(q, kt)  scores = Div(product, size)  " + _PLAIN, None),
    "another scale": (_TRANSPOSED + "qs = Mul(q, half)  scores = MatMul(qs, kt)  " + _PLAIN, 0.5),
    "mask of minus infinity, rows without keys zero": (_TRANSPOSED + _ROOTS + _additive("hidden") + _SAFE, None),
    "mask of the lowest number, rows without keys alike": (_TRANSPOSED + _ROOTS + _additive("low") + _SAFE, None),
    "mask of the lowest number": (_TRANSPOSED + _ROOTS + _additive("low") + _WEIGHTS, None),
    "any mask, rows without keys zero": (_TRANSPOSED + _ROOTS + "masked = Add(bias, scores)  " + _SAFE, None),
}

NEAR_MISSES = {
    "rows without keys are not a number": _TRANSPOSED + _ROOTS + _additive("hidden") + _WEIGHTS,
    "a mask of which nothing is known": _TRANSPOSED + _ROOTS + "masked = Add(bias, scores)  " + _WEIGHTS,
    "softmax over queries": _TRANSPOSED + _ROOTS + "masked = Softmax <axis = 2> (scores)  y = MatMul(masked, v)",
    "another number for rows without keys": _TRANSPOSED + _ROOTS + _additive("hidden") + _SAFE.replace("zero", "half"),
    "a scale that is computed": _TRANSPOSED + _ROOTS + "one = ReduceMax(bias)  masked = Mul(scores, one)  " + _WEIGHTS,
}


def _model(body: str) -> onnx.ModelProto:
    return onnx.parser.parse_model(_INPUTS + "{" + _NUMBERS + body + "}")


def _both(model: onnx.ModelProto, path, feeds: dict) -> tuple[converter.graph.Graph, np.ndarray, np.ndarray]:
    """The graph, and what onnxruntime computes with the model and with the graph."""
    onnx.save(model, path)
    graph = converter.read(path)
    want, have = (
        onnxruntime.InferenceSession(each.SerializeToString(), providers=["CPUExecutionProvider"]).run(
            None, {i.name: feeds[i.name] for i in each.graph.input}
        )[0]
        for each in (model, to_model(graph))
    )
    return graph, want, have


def _feeds(steps: int = 5, keys: int = 6, batch: int = 2, heads: int = 4) -> dict:
    """One sample has a query that sees nothing."""
    rng = np.random.default_rng(0)
    shapes = {"q": (batch, 4, steps, 8), "k": (batch, heads, keys, 8), "v": (batch, heads, keys, 8), "bias": (steps, keys)}
    feeds = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    feeds["seen"] = rng.random((batch, 1, steps, keys)) < 0.6
    feeds["seen"][0, 0, 2] = False
    feeds["bias"][1] = -np.inf
    return feeds


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_one_operator(form, tmp_path):
    body, scale = FORMS[form]
    graph, want, have = _both(_model(body), tmp_path / "net.onnx", _feeds())
    assert np.isfinite(want).all()
    np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)
    assert [node.op_type for node in graph.nodes if node.op_type != "Where"] == ["Attention"]
    assert graph.nodes[-1]["scale"] == scale


@pytest.mark.parametrize("form", NEAR_MISSES)
def test_what_means_something_else_stays(form, tmp_path):
    graph, want, have = _both(_model(NEAR_MISSES[form]), tmp_path / "net.onnx", _feeds())
    np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)
    assert "Attention" not in [node.op_type for node in graph.nodes]


@pytest.mark.parametrize(("low", "mask"), [("hidden", "seen"), ("low", "mask")])
def test_only_minus_infinity_is_a_condition(low, mask, tmp_path):
    """Rows without keys are zeros under a condition, and means of all values under a number, however low."""
    onnx.save(_model(_TRANSPOSED + _ROOTS + _additive(low) + _SAFE), tmp_path / "net.onnx")
    assert converter.read(tmp_path / "net.onnx").nodes[-1].inputs[3].name == mask


@pytest.mark.parametrize(("held", "goes"), [("1", True), ("0", False)])
def test_a_mask_that_hides_nothing_is_left_out(held, goes, tmp_path):
    kept = f"""
        one = Constant <value_ints = [1]> ()  rows = Shape <start = 0, end = 1> (q)  steps = Shape <start = 2, end = 3> (q)
        keys = Shape <start = 2, end = 3> (k)  sizes = Concat <axis = 0> (rows, one, steps, keys)
        number = Constant <value = int64[1, 1, 1, 1] {{{held}}}> ()  all = Cast <to = 9> (number)  wide = Expand(all, sizes)
        mask = Where(wide, zero, hidden)  masked = Add(scores, mask)
    """
    graph, want, have = _both(_model(_TRANSPOSED + _ROOTS + kept + _SAFE), tmp_path / "net.onnx", _feeds())
    np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)
    assert (graph.nodes[-1].inputs[3] is None) == goes


@pytest.mark.parametrize("low", ["hidden", "low"])
def test_pytorch_computes_the_same_for_rows_without_keys(low, tmp_path):
    model, feeds = _model(_TRANSPOSED + _ROOTS + _additive(low) + _SAFE), _feeds()
    graph, want, _ = _both(model, tmp_path / "net.onnx", feeds)
    conversion = converter.convert(tmp_path / "net.onnx", "pytorch", out=tmp_path / "out")
    have = conversion.run({value.name: feeds[value.name] for value in graph.inputs})["y"]
    np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("two", ["value_ints = [2]", "value_int = 2"])
@pytest.mark.parametrize("groups", [1, 2])
def test_keys_and_values_stand_for_groups_of_queries(groups, two, tmp_path):
    """Also with the axis as a number rather than a list, as torch writes it."""
    repeat = "".join(f"a{x} = Unsqueeze({x}, two)  w{x} = Expand(a{x}, wide)  n{x} = Reshape(w{x}, joined)  " for x in "kv")
    constants = f"two = Constant <{two}> ()  "
    constants += "joined = Constant <value_ints = [0, 4, -1, 8]> ()  "
    constants += f"wide = Constant <value_ints = [1, 1, {4 // groups}, 1, 1]> ()  "
    body = constants + repeat + _TRANSPOSED.replace("(k)", "(nk)") + _ROOTS + _UNMASKED + _WEIGHTS.replace("v)", "nv)")
    heads = _INPUTS.replace(
        "float[b, 4, t, 8] k, float[b, 4, t, 8] v", f"float[b, {groups}, t, 8] k, float[b, {groups}, t, 8] v"
    )
    model = onnx.parser.parse_model(heads + "{" + _NUMBERS + body + "}")
    graph, want, have = _both(model, tmp_path / "net.onnx", _feeds(heads=groups))
    np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)
    assert [node.op_type for node in graph.nodes] == ["Attention"]
