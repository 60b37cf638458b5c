"""Outputs of a sigmoid, which onnxruntime computes by a quotient of polynomials: off by a last bit of 1 however small it is."""

from __future__ import annotations

from converter.graph import Value

SIGMOID_ERROR = 2.0**-22
"""Measured against float64, onnxruntime 1.32's Sigmoid is off by up to 1.2e-7 anywhere: below -18 it is 0."""

_MOST = 4

_MOVES = {"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Gather", "Split", "Concat"}
_MOVES |= {"MaxPool", "ReduceMax", "ReduceMean", "Clip"}
"""Operators that bring numbers to another place, keep the largest or the mean."""


def sigmoid_error(value: Value) -> float:
    """How far from the truth onnxruntime may be in ``value``, as a number: 0 for what comes from no sigmoid."""
    return _error(value, {})


def _error(value: Value, known: dict[Value, float]) -> float:
    node = value.producer
    if node is None or node.domain not in ("", "ai.onnx"):
        return 0.0
    if node.op_type == "Sigmoid":
        return SIGMOID_ERROR
    if node.op_type != "Mul" and node.op_type not in _MOVES:
        return 0.0
    if value not in known:
        errors = [_error(each, known) for each in node.inputs if each is not None]
        # both factors of a product are below 1; of many, what one is off by is lost in the others
        product = min(sum(errors), _MOST * SIGMOID_ERROR) if all(errors) else 0.0
        known[value] = max(errors) if node.op_type in _MOVES else product
    return known[value]
