"""Comparison, logic and bits, element by element with broadcasting; conversion between types."""

from __future__ import annotations

import numpy as np

from converter.emitters.layout import same
from converter.emitters.types import held_as
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
        """Backends differ where the shift is as wide as the number or wider."""
        bits, function = 8 * n.X.dtype.itemsize, f"{n.direction.lower()}_shift"
        known = n.constant("Y")
        if known is not None and known.min(initial=0) >= 0 and known.max(initial=0) < bits:
            return n.expr(f"ops.{function}(X, Y)")
        return n.expr(f"shifted(ops.{function}, X, Y, bits)", bits=bits)


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


INTEGERS = {"int2": (2, True), "int4": (4, True), "uint2": (2, False), "uint4": (4, False)}
"""Bits, and whether one is the sign."""

FLOATS = {
    "float8_e4m3fn": (3, -6, 448.0, float("nan")),
    "float8_e4m3fnuz": (3, -7, 240.0, float("nan")),
    "float8_e5m2": (2, -14, 57344.0, float("inf")),
    "float8_e5m2fnuz": (2, -15, 57344.0, float("nan")),
    "float4_e2m1fn": (1, 0, 6.0, 6.0),
}
"""Bits of the mantissa, the lowest exponent, the largest number, what is beyond it unless ``saturate`` is set.

Source: https://onnx.ai/onnx/technical/float8.html and float4.html."""


def _small(n, target):
    """The call that brings numbers to a type of fewer than 8 bits or an 8-bit float, None for other types."""
    dtype, x = n.node.output.dtype.name, n.first
    if dtype in INTEGERS:
        bits, signed = INTEGERS[dtype]
        return n.expr("wrapped(x, bits, signed=signed)", x=x, bits=bits, signed=signed)
    if dtype == "float8_e8m0fnu":
        return n.expr("power_of_two(x)", x=x)
    if dtype not in FLOATS:
        return None
    mantissa, lowest, largest, beyond = FLOATS[dtype]
    if dtype == "float4_e2m1fn":
        x = n.expr(f"{'torch' if target == 'pytorch' else 'ops'}.nan_to_num(x, nan=-0.0)", x=x)  # as ml_dtypes does
    text = "rounded(x, mantissa, lowest, largest, beyond)"
    return n.expr(text, x=x, mantissa=mantissa, lowest=lowest, largest=largest, beyond=largest if n.saturate else beyond)


def _castable(node, target):
    types = [None if value.dtype is None else value.dtype.name for value in (node.inputs[0], node.output)]
    if None in types or "object" in types:
        return "it converts to or from text, or a type that is unknown"
    if types[1] == "float8_e8m0fnu" and node.attributes.get("round_mode", "up") != "up":
        return f"it rounds powers of two by {node['round_mode']}; only up is supported"
    return None


@operator("Cast")
class Cast:
    """What exceeds an 8-bit float becomes the largest one, unless ``saturate`` is 0."""

    layout = same
    any_type = True
    restrict = _castable

    def pytorch(n):
        dtype = n.node.output.dtype.name
        if dtype in FLOATS and held_as(dtype, "pytorch") == dtype and n.saturate and n.first.dtype.kind == "f":
            limit = FLOATS[dtype][2]
            return n.expr(f"torch.clamp(x, -limit, limit).to(torch.{dtype})", x=n.first, limit=limit)
        small = _small(n, "pytorch")
        held = held_as(dtype, "pytorch")
        if small is None or held == dtype:
            return n.expr(f"x.to(torch.{dtype})", x=small or n.first)
        return small

    def keras(n):
        dtype = n.node.output.dtype.name
        small = _small(n, "keras")
        if small is None or held_as(dtype, "keras") == dtype:
            return n.expr("ops.cast(x, dtype)", x=small or n.first, dtype=dtype)
        return small


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
    restrict = _castable
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
        if n.first.dtype == "bool" or n.node.output.dtype == "bool":
            return n.expr("ops.cast(input, dtype)", input=n.first, dtype=n.node.output.dtype.name)
        return n.expr("ops.view(input, dtype)", input=n.first, dtype=n.node.output.dtype.name)
