"""Outputs that were rounded to integers: the step between two neighbouring numbers, one quantum."""

from __future__ import annotations

import numpy as np

from converter.graph import Value

_MOVES = {"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Gather", "MaxPool", "Relu", "Clip"}
"""Operators that bring numbers to another place, or keep the largest, and never move two of them further apart."""

_ROUNDS = {"QuantizeLinear", "QLinearConv", "QLinearMatMul"}


def quantum_of(value: Value) -> float | None:
    """One quantum of ``value``, in its own numbers: 1 for the result of rounding to integers, the scale for what was made float
    from it, None for any other value, or where the scale is computed."""
    node = value.producer
    if node is None or node.domain not in ("", "ai.onnx"):
        return None
    if node.op_type in _MOVES:
        return quantum_of(node.inputs[0])
    if node.op_type in _ROUNDS:
        return 1.0
    if node.op_type != "DequantizeLinear" or quantum_of(node.inputs[0]) is None or node.inputs[1].array is None:
        return None
    return float(np.abs(node.inputs[1].array.astype(np.float64)).max())
