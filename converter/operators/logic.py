"""Comparison, logic and bits, element by element with broadcasting; conversion between types."""

from __future__ import annotations

import numpy as np

from converter.emitters.layout import same
from converter.operators.registry import elementwise, operator

elementwise(
    Equal=("A == B", "ops.equal(A, B)"),
    Greater=("A > B", "A > B"),
    GreaterOrEqual=("A >= B", "A >= B"),
    Less=("A < B", "A < B"),
    LessOrEqual=("A <= B", "A <= B"),
    And=("A & B", "ops.logical_and(A, B)"),
    Or=("A | B", "ops.logical_or(A, B)"),
    Xor=("A ^ B", "ops.logical_xor(A, B)"),
    Not=("~X", "ops.logical_not(X)"),
    BitwiseAnd=("A & B", "ops.bitwise_and(A, B)"),
    BitwiseOr=("A | B", "ops.bitwise_or(A, B)"),
    BitwiseXor=("A ^ B", "ops.bitwise_xor(A, B)"),
    BitwiseNot=("~X", "ops.bitwise_not(X)"),
    IsNaN=("torch.isnan(X)", "ops.isnan(X)"),
)


@operator("Where")
class Where:
    layout = same

    def pytorch(n):
        return n.expr("torch.where(condition, X, Y)")

    def keras(n):
        return n.expr("ops.where(condition, X, Y)")


@operator("BitShift")
class BitShift:
    layout = same

    def pytorch(n):
        return n.expr("X << Y" if n.direction == "LEFT" else "X >> Y")

    def keras(n):
        return n.expr("ops.left_shift(X, Y)" if n.direction == "LEFT" else "ops.right_shift(X, Y)")


@operator("IsInf")
class IsInf:
    layout = same

    def restrict(node, target):
        return None if node["detect_negative"] or node["detect_positive"] else "it detects neither sign"

    def pytorch(n):
        return n.expr(f"torch.{_infinity(n)}(X)")

    def keras(n):
        return n.expr(f"ops.{_infinity(n)}(X)")


def _infinity(n) -> str:
    if n.detect_negative and n.detect_positive:
        return "isinf"
    return "isneginf" if n.detect_negative else "isposinf"


_LARGEST = {"float8_e4m3fn": 448, "float8_e4m3fnuz": 240, "float8_e5m2": 57344, "float8_e5m2fnuz": 57344}


@operator("Cast")
class Cast:
    """What exceeds an 8-bit float becomes the largest one, unless ``saturate`` is 0."""

    layout = same
    any_type = True

    def pytorch(n):
        dtype = n.node.output.dtype.name
        if dtype in _LARGEST and n.saturate:
            limit = _LARGEST[dtype]
            return n.expr(f"torch.clamp(input, -limit, limit).to(torch.{dtype})", input=n.first, limit=limit)
        return n.expr(f"input.to(torch.{dtype})", input=n.first)

    def keras(n):
        dtype = n.node.output.dtype.name
        if dtype in _LARGEST and n.saturate:
            limit = _LARGEST[dtype]
            return n.expr("ops.cast(ops.clip(input, -limit, limit), dtype)", input=n.first, limit=limit, dtype=dtype)
        return n.expr("ops.cast(input, dtype)", input=n.first, dtype=dtype)


def _follows_first(node, have):
    need, give = same(_Alone(node), have[:1])
    return [*need, None], give


class _Alone:
    """The node with its first input alone: the second gives only its type."""

    def __init__(self, node):
        self.inputs, self.outputs = node.inputs[:1], node.outputs


@operator("CastLike")
class CastLike(Cast):
    layout = _follows_first
    any_type = True
    pytorch, keras = Cast.pytorch, Cast.keras


def _same_width(node, target):
    source, result = node.inputs[0].dtype, node.output.dtype
    return None if np.dtype(source).itemsize == np.dtype(result).itemsize else "the two types have different widths"


@operator("BitCast")
class BitCast:
    layout = same
    any_type = True
    restrict = _same_width

    def pytorch(n):
        return n.expr(f"input.view(torch.{n.node.output.dtype.name})", input=n.first)

    def keras(n):
        return n.expr("ops.view(input, dtype)", input=n.first, dtype=n.node.output.dtype.name)
