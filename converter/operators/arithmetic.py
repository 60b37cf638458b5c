"""Arithmetic, comparison and logic, element by element with broadcasting."""

from __future__ import annotations

from converter.emitters.layout import same
from converter.operators.registry import elementwise, operator, variadic

elementwise(
    Sub=("A - B", "A - B"),
    Mul=("A * B", "A * B"),
    Neg=("-X", "-X"),
    Abs=("torch.abs(X)", "ops.abs(X)"),
    Exp=("torch.exp(input)", "ops.exp(input)"),
    Log=("torch.log(input)", "ops.log(input)"),
    Sqrt=("torch.sqrt(X)", "ops.sqrt(X)"),
    Reciprocal=("1 / X", "1 / X"),
    Floor=("torch.floor(X)", "ops.floor(X)"),
    Ceil=("torch.ceil(X)", "ops.ceil(X)"),
    Sin=("torch.sin(input)", "ops.sin(input)"),
    Cos=("torch.cos(input)", "ops.cos(input)"),
    Erf=("torch.erf(input)", "ops.erf(input)"),
)


def _is_integer(node) -> bool:
    return node.inputs[0].dtype is not None and node.inputs[0].dtype.kind in "iu"


@operator("Div")
class Div:
    layout = same
    restrictions = "floating-point numbers"

    def restrict(node, target):
        return "integer division truncates in ONNX and is not supported yet" if _is_integer(node) else None

    def pytorch(n):
        return n.expr("A / B")

    def keras(n):
        return n.expr("A / B")


@operator("Pow")
class Pow:
    layout = same

    def pytorch(n):
        return n.expr("X**Y")

    def keras(n):
        return n.expr("X**Y")


variadic(
    Max=("torch.maximum(a, b)", "ops.maximum(a, b)"),
    Min=("torch.minimum(a, b)", "ops.minimum(a, b)"),
)
