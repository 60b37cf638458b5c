"""Operators of the project's own, which say at once what takes several of the standard.

Each is defined by its body in the standard's operators, so that shape inference and onnxruntime take it as a model-local
function (https://onnx.ai/onnx/intro/concepts.html#functions).
"""

from __future__ import annotations

import functools

import onnx
import onnx.parser

DOMAIN = "converter"

_TEXTS = {
    # A (..., in), B (in, out), C (out) -> (..., out)
    "Linear": "Linear (A, B, C) => (Y) { product = MatMul(A, B)  Y = Add(product, C) }",
    # indices (...), table (number, size) -> (..., size)
    "Embedding": "Embedding (indices, table) => (Y) { Y = Gather(table, indices) }",
    # query, key, value (batch, steps, features), W (3 * features, features) and B of their products, V and C of the last one,
    # which keys each query sees (steps, keys), where not all
    "MultiheadAttention": "MultiheadAttention <heads> (query, key, value, W, B, V, C, seen) => (Y) { #attention }",
    # the same of query, key, value (steps, batch, features)
    "MultiheadAttentionOfSteps": """MultiheadAttentionOfSteps <heads> (queries, keys, values, W, B, V, C, seen) => (Y) {
        query = Transpose <perm = [1, 0, 2]> (queries)  key = Transpose <perm = [1, 0, 2]> (keys)
        value = Transpose <perm = [1, 0, 2]> (values)
        #attention
    }""",
    # Swish of opset 24, which onnxruntime does not run
    "Silu": "Silu (X) => (Y) { gate = Sigmoid(X)  Y = Mul(X, gate) }",
    # X (..., 2 * half) -> (..., 2 * half)
    "RotateHalf": """RotateHalf (X) => (Y) {
        first, second = Split <axis = -1, num_outputs = 2> (X)
        turned = Neg(second)
        Y = Concat <axis = -1> (turned, first)
    }""",
    # X with what goes out at one end of ``axes`` coming in at the other, ``shifts`` places further: the part of two copies
    "Roll": """Roll <shifts, axes> (X) => (Y) {
        by = Constant <value_ints: ints = @shifts> ()  along = Constant <value_ints: ints = @axes> ()
        shape = Shape (X)  rank = Shape (shape)  count = Shape (along)  sizes = Gather (shape, along)
        one = Constant <value_ints = [1]> ()  two = Constant <value_ints = [2]> ()
        once = Expand (one, rank)  twice = Expand (two, count)  copies = ScatterElements (once, along, twice)
        tiled = Tile (X, copies)
        back = Neg (by)  starts = Mod (back, sizes)  ends = Add (starts, sizes)
        Y = Slice (tiled, starts, ends, along)
    }""",
    # X (batch, height, width, channels) -> (batch * windows, size, size, channels), by these two shapes
    "WindowPartition": "WindowPartition <split, whole> (X) => (Y) { #windows }",
    # X (batch * windows, ..., channels), as many as lie in an image -> (batch, height, width, channels)
    "WindowReverse": "WindowReverse <split, whole> (X) => (Y) { #windows }",
    # X (batch, groups * channels, ...) -> the same shape: the first channel of each group, then the second of each
    "ChannelShuffle": """ChannelShuffle <groups> (X) => (Y) {
        shape = Shape (X)  batch = Shape <start = 0, end = 1> (X)  all = Shape <start = 1, end = 2> (X)
        size = Shape <start = 2> (X)
        number = Constant <value_int: int = @groups> ()  one = Constant <value_ints = [1]> ()  many = Reshape (number, one)
        each = Div (all, many)  count = ReduceProd (size)  split = Concat <axis = 0> (batch, many, each, count)
        apart = Reshape (X, split)  swapped = Transpose <perm = [0, 2, 1, 3]> (apart)  Y = Reshape (swapped, shape)
    }""",
    # X (times * number, ...), mask (number, ...) -> (times * number, ...): the mask once for each time that X has its number
    "RepeatLike": """RepeatLike (X, mask) => (Y) {
        all = Shape <start = 0, end = 1> (X)  number = Shape <start = 0, end = 1> (mask)  times = Div (all, number)
        rest = Shape <start = 1> (mask)  kept = Div (rest, rest)
        copies = Concat <axis = 0> (times, kept)  Y = Tile (mask, copies)
    }""",
}

_WINDOWS = """
        apart = Constant <value_ints: ints = @split> ()  split_up = Reshape (X, apart)
        beside = Transpose <perm = [0, 1, 3, 2, 4, 5]> (split_up)
        together = Constant <value_ints: ints = @whole> ()  Y = Reshape (beside, together)
"""
for _kind in ("WindowPartition", "WindowReverse"):
    _TEXTS[_kind] = _TEXTS[_kind].replace("#windows", _WINDOWS)

_ATTENTION = """
        matrix = Transpose <perm = [1, 0]> (W)  q_w, k_w, v_w = Split <axis = 1, num_outputs = 3> (matrix)
        q_b, k_b, v_b = Split <axis = 0, num_outputs = 3> (B)
        q_product = MatMul (query, q_w)  q = Add (q_product, q_b)  k_product = MatMul (key, k_w)  k = Add (k_product, k_b)
        v_product = MatMul (value, v_w)  v = Add (v_product, v_b)
        found = Attention <q_num_heads: int = @heads, kv_num_heads: int = @heads> (q, k, v, seen)
        last = Transpose <perm = [1, 0]> (V)  product = MatMul (found, last)
"""
for _kind, _end in (
    ("MultiheadAttention", "Y = Add (product, C)"),
    ("MultiheadAttentionOfSteps", "sum = Add (product, C)  Y = Transpose <perm = [1, 0, 2]> (sum)"),
):
    _TEXTS[_kind] = _TEXTS[_kind].replace("#attention", _ATTENTION + _end)

# X (batch, time, in), weights as the operator of the same name -> (batch, time, hidden), or of the last step (batch, hidden),
# or of both directions (batch, time, 2 * hidden)
for _kind, _states, _options in (
    ("RNN", "last", {"activations": "strings"}),
    ("GRU", "last", {"linear_before_reset": "int"}),
    ("LSTM", "last, cell", {}),
):
    _given = ", ".join(f"{name}: {kind} = @{name}" for name, kind in {"hidden_size": "int", **_options}.items())
    _options = "".join(f", {name}" for name in _options)
    _run = f"steps = Transpose <perm = [1, 0, 2]> (X)  all, {_states} = {_kind} <{_given}> (steps, W, R, B)"
    _TEXTS[f"Sequence{_kind}"] = f"""Sequence{_kind} <hidden_size{_options}> (X, W, R, B) => (Y) {{
        {_run}  axis = Constant <value_ints = [1]> ()  each = Squeeze (all, axis)  Y = Transpose <perm = [1, 0, 2]> (each)
    }}"""
    _both = _run.replace(_given, f'{_given}, direction = "bidirectional"')
    _TEXTS[f"Bidirectional{_kind}"] = f"""Bidirectional{_kind} <hidden_size{_options}> (X, W, R, B) => (Y) {{
        {_both}  each = Transpose <perm = [2, 0, 1, 3]> (all)
        sizes = Constant <value_ints = [0, 0, -1]> ()  Y = Reshape (each, sizes)
    }}"""
    _TEXTS[f"Last{_kind}"] = f"""Last{_kind} <hidden_size{_options}> (X, W, R, B) => (Y) {{
        {_run}  axis = Constant <value_ints = [0]> ()  Y = Squeeze (last, axis)
    }}"""


@functools.cache
def function(op_type: str, opset: int) -> onnx.FunctionProto:
    """The body of an operator, in operators of an opset."""
    return onnx.parser.parse_function(f'<domain: "{DOMAIN}", opset_import: ["": {opset}]> {_TEXTS[op_type]}')


def inputs_of(op_type: str) -> list[str]:
    return list(function(op_type, 1).input)
