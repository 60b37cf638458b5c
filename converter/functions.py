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
}

# X (batch, time, in), weights as the operator of the same name -> (batch, time, hidden), or of the last step (batch, hidden)
for _kind, _states, _options in (
    ("RNN", "last", ""),
    ("GRU", "last", ", linear_before_reset"),
    ("LSTM", "last, cell", ""),
):
    _given = f"hidden_size: int = @hidden_size{_options and _options + ': int = @linear_before_reset'}"
    _run = f"steps = Transpose <perm = [1, 0, 2]> (X)  all, {_states} = {_kind} <{_given}> (steps, W, R, B)"
    _TEXTS[f"Sequence{_kind}"] = f"""Sequence{_kind} <hidden_size{_options}> (X, W, R, B) => (Y) {{
        {_run}  axis = Constant <value_ints = [1]> ()  each = Squeeze (all, axis)  Y = Transpose <perm = [1, 0, 2]> (each)
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
