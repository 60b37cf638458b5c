"""What would need run-time sizes stays functional in Keras: positions, tokens, masks and attention, equal to onnxruntime's."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import pytest

from converter.emitters import emit
from tests.emitted import assert_equal, judge, read, run

RANDOM = np.random.default_rng(0)

_POSITIONS = """
    zero = Constant <value_int = 0> ()  one = Constant <value_int = 1> ()  ones = Constant <value_ints = [1]> ()
    size = Shape <start = 1, end = 2> (ids)  steps = Squeeze (size)  places = Range (zero, steps, one)
"""
_HEADS = """
    <ir_version: 10, opset_import: ["": 20]>
    net (float[b, 4, s, 8] q, float[b, groups, s, 8] k, float[b, groups, s, 8] v, bool[b, s] ids) => (float[b, 4, s, 8] y)
    <float low = {LOW}, float nothing = {0.0}, float scale = {0.35355338}>
"""
_ATTENTION = """
    kt = Transpose <perm = [0, 1, 3, 2]> (k)  product = MatMul (q, kt)  scores = Mul (product, scale)
    masked = Add (scores, mask)  weights = Softmax <axis = -1> (masked)  y = MatMul (weights, v)
"""
_CAUSAL = """
    first = Constant <value_ints = [0]> ()  rows = Unsqueeze (places, ones)  columns = Unsqueeze (places, first)
    earlier = LessOrEqual (columns, rows)
"""
_PADDING = "middle = Constant <value_ints = [1, 2]> ()  there = Unsqueeze (ids, middle)  "


def _model(text: str, **weights: np.ndarray) -> onnx.ModelProto:
    model = onnx.parser.parse_model(text)
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in weights.items())
    return model


def _functional(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> str:
    assert_equal(model, "keras", feeds)
    code = emit(read(model), "keras").code
    assert "= keras.Input(" in code
    return code


def _heads(body: str, low: str = "-3.4028235e38") -> onnx.ModelProto:
    text = _HEADS.replace("LOW", low).replace("groups", "4")
    return _model(text + "{" + _POSITIONS + body + _ATTENTION + "}")


def _feeds() -> dict[str, np.ndarray]:
    """One sample sees no keys at all, one has the first keys hidden, so that under a causal mask some queries see none."""
    feeds = {name: RANDOM.standard_normal((3, 4, 5, 8)).astype(np.float32) for name in "qkv"}
    return feeds | {"ids": np.array([[1] * 5, [0] * 5, [0, 0, 1, 1, 0]], bool)}


def test_a_causal_mask_with_padding():
    body = _CAUSAL + _PADDING + "seen = And (earlier, there)  mask = Where (seen, nothing, low)"
    code = _functional(_heads(body), _feeds())
    assert "ops.dot_product_attention(q, k, v, mask=mask, is_causal=True)" in code
    assert "Positions" not in code


def test_padding_and_what_is_always_true():
    body = _CAUSAL + _PADDING + "any = GreaterOrEqual (rows, zero)  seen = And (any, there)  mask = Where (seen, nothing, low)"
    code = _functional(_heads(body), _feeds())
    assert "ops.dot_product_attention(q, k, v, mask=mask)" in code
    assert "Positions" not in code


def test_a_window_stays_a_condition_beside_the_causal_one():
    body = (
        _CAUSAL
        + _PADDING
        + """
        two = Constant <value_int = 2> ()  begin = Sub (rows, two)  near = Greater (columns, begin)
        both = And (near, earlier)  seen = And (both, there)  mask = Where (seen, nothing, low)
    """
    )
    code = _functional(_heads(body), _feeds())
    assert "is_causal=True" in code
    assert "Positions" in code


def test_later_keys_are_no_causal_mask():
    body = _CAUSAL.replace("LessOrEqual", "GreaterOrEqual") + "mask = Where (earlier, nothing, low)"
    assert "is_causal" not in _functional(_heads(body), _feeds())


@pytest.mark.parametrize("low", ["-10000", "-1e9"])
def test_a_number_that_is_not_low_enough_is_added(low):
    """A query without keys then prefers some of them still."""
    code = _functional(_heads(_PADDING + "mask = Where (there, nothing, low)", low), _feeds())
    assert "bias=" in code


def test_groups_of_queries_share_keys():
    text = """
        <ir_version: 10, opset_import: ["": 23]>
        net (float[b, 4, s, 8] q, float[b, 2, s, 8] k, float[b, 2, s, 8] v) => (float[b, 4, s, 8] y) { y = Attention (q, k, v) }
    """
    feeds = {"q": (2, 4, 5, 8), "k": (2, 2, 5, 8), "v": (2, 2, 5, 8)}
    feeds = {name: RANDOM.standard_normal(shape).astype(np.float32) for name, shape in feeds.items()}
    assert "ops.dot_product_attention(q, k, v)" in _functional(_model(text), feeds)


_IDS = '<ir_version: 10, opset_import: ["": 20]> net (int64[b, s] ids) => (float[b, s, 6] y) '


def test_embeddings_of_positions():
    body = "first = Constant <value_ints = [0]> ()  row = Unsqueeze (places, first)  p = Gather (table, row)"
    text = _IDS + "{" + _POSITIONS + body + "  w = Gather (words, ids)  y = Add (w, p) }"
    weights = {"table": RANDOM.standard_normal((16, 6)), "words": RANDOM.standard_normal((9, 6))}
    weights = {name: array.astype(np.float32) for name, array in weights.items()}
    code = _functional(_model(text, **weights), {"ids": RANDOM.integers(0, 9, (2, 7))})
    assert 'PositionEmbedding(16, 6, name="position_embedding")(ids)' in code


def test_a_buffer_of_positions_and_one_of_zeros():
    body = """
        first = Constant <value_ints = [0]> ()  row = Slice (buffer, first, size, ones)  p = Gather (table, row)
        kinds = GatherElements <axis = 1> (zeros, row)  shape = Shape (ids)  each = Expand (kinds, shape)
        kind = Gather (words, each)  y = Add (kind, p)
    """
    weights = {"table": RANDOM.standard_normal((16, 6)), "words": RANDOM.standard_normal((2, 6))}
    weights = {name: array.astype(np.float32) for name, array in weights.items()}
    buffers = {"buffer": np.arange(16)[None], "zeros": np.zeros((1, 16), np.int64)}
    code = _functional(_model(_IDS + "{" + _POSITIONS + body + "}", **weights, **buffers), {"ids": np.zeros((2, 7), np.int64)})
    assert "PositionEmbedding(16, 6" in code
    assert "ops.zeros_like(ids)" in code


def test_a_token_for_each_sample():
    text = """
        <ir_version: 10, opset_import: ["": 20]>
        net (float[b, 3, 6] x) => (float[b, 5, 6] y) {
            batch = Shape <start = 0, end = 1> (x)  rest = Constant <value_ints = [2, 6]> ()
            shape = Concat <axis = 0> (batch, rest)  tokens = Expand (learned, shape)  y = Concat <axis = 1> (tokens, x)
        }
    """
    learned = RANDOM.standard_normal((1, 2, 6)).astype(np.float32)
    code = _functional(_model(text, learned=learned), {"x": RANDOM.standard_normal((2, 3, 6)).astype(np.float32)})
    assert 'Token((2, 6), name="learned")' in code


def test_what_is_picked_of_zeros():
    text = """
        <ir_version: 10, opset_import: ["": 20]>
        net (int64[b, s] ids) => (float[b, s, 6] y) {
            batch = Shape <start = 0, end = 1> (ids)  rest = Constant <value_ints = [16]> ()
            shape = Concat <axis = 0> (batch, rest)  rows = Expand (zeros, shape)
            kinds = GatherElements <axis = 1> (rows, ids)  y = Gather (words, kinds)
        }
    """
    weights = {"zeros": np.zeros((1, 16), np.int64), "words": RANDOM.standard_normal((2, 6)).astype(np.float32)}
    assert "ops.zeros_like(ids)" in _functional(_model(text, **weights), {"ids": RANDOM.integers(0, 9, (2, 7))})


def test_rotary_positions_move_no_axes():
    text = """
        <ir_version: 10, opset_import: ["": 23]>
        net (float[b, s, 32] x, float[b, s, 8] cos) => (float[b, 4, s, 8] y) {
            split = Constant <value_ints = [0, 0, 4, 8]> ()  wide = Reshape (x, split)
            heads = Transpose <perm = [0, 2, 1, 3]> (wide)  one = Constant <value_ints = [1]> ()  c = Unsqueeze (cos, one)
            zero = Constant <value_ints = [0]> ()  half = Constant <value_ints = [4]> ()  last = Constant <value_ints = [-1]> ()
            end = Constant <value_ints = [8]> ()  a = Slice (heads, zero, half, last)  d = Slice (heads, half, end, last)
            minus = Neg (d)  turned = Concat <axis = -1> (minus, a)  p = Mul (heads, c)  r = Mul (turned, c)  q = Add (p, r)
            y = Attention (q, q, heads)
        }
    """
    feeds = {"x": (2, 5, 32), "cos": (2, 5, 8)}
    feeds = {name: RANDOM.standard_normal(shape).astype(np.float32) for name, shape in feeds.items()}
    code = _functional(_model(text), feeds)
    assert "ops.expand_dims(cos, 2)" in code
    assert "ops.transpose" not in code


@pytest.mark.parametrize(("triangle", "causal"), [("upper = 0", True), ("upper = 1", False)])
def test_a_triangle_that_torch_writes(triangle, causal):
    body = f"""
        once = Constant <value_float = 1.0> ()  shape = Concat <axis = 0> (size, size)  full = Expand (once, shape)
        half = Trilu <{triangle}> (full)  hidden = Equal (half, nothing)  mask = Where (hidden, low, nothing)
    """
    model, feeds = _heads(body), _feeds()
    if causal:
        assert "is_causal=True" in _functional(model, feeds)
    else:
        assert_equal(model, "keras", feeds)
        assert "is_causal" not in emit(read(model), "keras").code


@pytest.mark.parametrize("later", [False, True], ids=["condition", "condition and earlier keys"])
def test_a_query_that_sees_no_key_has_zeros(later):
    """By a mask of conditions, which Keras has as well, but for the mean of all values in such a row."""
    nodes, size = "whole = Identity(seen)", "steps"
    if later:
        size = "1"
        nodes = """
            shape = Shape(q) two = Constant <value_int: int = 2>() steps = Gather(shape, two)
            zero = Constant <value_int: int = 0>() one = Constant <value_int: int = 1>()
            places = Range(zero, steps, one)
            keys_axes = Constant <value_ints: ints = [0, 1, 2]>() queries_axes = Constant <value_ints: ints = [0, 1, 3]>()
            keys = Unsqueeze(places, keys_axes) queries = Unsqueeze(places, queries_axes)
            earlier = LessOrEqual(keys, queries) whole = And(earlier, seen)"""
    model = onnx.parser.parse_model(
        f"""<ir_version: 11, opset_import: ["": 23]> main_graph (float[n, 2, steps, 4] q, float[n, 2, steps, 4] k,
            float[n, 2, steps, 4] v, bool[n, 1, {size}, steps] seen) => (float[n, 2, steps, 4] y) {{
            {nodes} y = Attention(q, k, v, whole) }}"""
    )
    rng = np.random.default_rng(0)
    feeds = {name: rng.standard_normal((3, 2, 5, 4)).astype(np.float32) for name in "qkv"}
    feeds["seen"] = np.array([[1, 1, 0, 1, 1], [0, 0, 1, 1, 0], [0, 0, 0, 0, 0]], bool).reshape(3, 1, 1, 5)
    if not later:  # onnxruntime asks for a row for each query
        feeds["seen"] = np.repeat(feeds["seen"], 5, axis=2)
    (wanted,), (found,) = judge(model, feeds), run(read(model), "keras", feeds)
    assert not wanted[2].any()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
    code = emit(read(model), "keras").code
    assert "ops.dot_product_attention(" in code
    assert ("is_causal=True" in code) == later
    assert "def attention(" not in code
