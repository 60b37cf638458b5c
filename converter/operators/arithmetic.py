"""Arithmetic and rounding, element by element with broadcasting."""

from __future__ import annotations

import functools

from converter.emitters.layout import same
from converter.operators.registry import elementwise, operator

elementwise(
    Sub=("A - B", "A - B"),
    Mul=("A * B", "A * B"),
    Neg=("-X", "-X"),
    Abs=("torch.abs(X)", "ops.abs(X)"),
    Sign=("torch.sign(input)", "ops.sign(input)"),
    Exp=("torch.exp(input)", "ops.exp(input)"),
    Log=("torch.log(input)", "ops.log(input)"),
    Sqrt=("torch.sqrt(X)", "ops.sqrt(X)"),
    Reciprocal=("1 / X", "1 / X"),
    Floor=("torch.floor(X)", "ops.floor(X)"),
    Ceil=("torch.ceil(X)", "ops.ceil(X)"),
    Round=("torch.round(X)", "ops.round(X)"),
    Erf=("torch.erf(input)", "ops.erf(input)"),
    Sin=("torch.sin(input)", "ops.sin(input)"),
    Cos=("torch.cos(input)", "ops.cos(input)"),
    Tan=("torch.tan(input)", "ops.tan(input)"),
    Asin=("torch.asin(input)", "ops.arcsin(input)"),
    Acos=("torch.acos(input)", "ops.arccos(input)"),
    Atan=("torch.atan(input)", "ops.arctan(input)"),
    Sinh=("torch.sinh(input)", "ops.sinh(input)"),
    Cosh=("torch.cosh(input)", "ops.cosh(input)"),
    Asinh=("torch.asinh(input)", "ops.arcsinh(input)"),
    Acosh=("torch.acosh(input)", "ops.arccosh(input)"),
    Atanh=("torch.atanh(input)", "ops.arctanh(input)"),
)


@operator("Add")
class Add:
    layout = same

    def pytorch(n):
        return n.expr("A + B")

    def keras(n):
        return _sum(n, n.A, n.B, _stored_shape(n, n.A))


@operator("Sum")
class Sum:
    layout = same

    def pytorch(n):
        return functools.reduce(lambda a, b: n.expr("a + b", a=a, b=b), n.data_0)

    def keras(n):
        first, *rest = n.data_0
        total, shape = first, _stored_shape(n, first)
        for operand in rest:
            total, shape = _sum(n, total, operand, shape), _broadcast(shape, _stored_shape(n, operand))
        return total


def _sum(n, a, b, shape):
    """a + b, or a - -b where Keras would take ``b`` for a bias along another axis than broadcasting puts it.

    Keras on TensorFlow adds a vector, or what can be squeezed to one, along the last axis or axis 1, whichever has its size.
    Source: ``add`` in keras/src/backend/tensorflow/numpy.py (Keras 3.15).
    """
    other = _stored_shape(n, b)
    if shape is None or other is None or not _is_misplaced(shape, other):
        return n.expr("a + b", a=a, b=b)
    return n.expr("b + a", a=a, b=b) if not _is_misplaced(other, shape) else n.expr("a - -b", a=a, b=b)


def _is_misplaced(shape, bias) -> bool:
    """Whether that may happen; a size that is unknown may be 1 when the model runs."""
    wide = [place for place in range(-len(bias), 0) if isinstance(bias[place], int) and bias[place] != 1]
    unknown = [place for place in range(-len(bias), 0) if not isinstance(bias[place], int)]
    if len(wide) > 1 or len(shape) < 2:
        return False
    return any(_is_misplaced_at(place, shape, bias) for place in wide or unknown)


def _is_misplaced_at(place, shape, bias) -> bool:
    size = bias[place]
    at_last, at_first = (
        not isinstance(size, int) or not isinstance(found, int) or found == size for found in (shape[-1], shape[1])
    )
    misplaced = (at_last and place != -1) or (at_first and place != 1 - len(shape) and shape[-1] != size)
    return misplaced or ((at_last or at_first) and len(bias) > len(shape))


def _stored_shape(n, operand):
    """The operand's shape as the code holds it, axes of size 1 put where the layout wants them."""
    layout, shape = n.layout(operand.index), operand.value.shape
    order = layout.order
    if shape is None or layout.is_logical or len(order) < len(shape):
        return shape
    return tuple(((1,) * (len(order) - len(shape)) + shape)[axis] for axis in order)


def _broadcast(a, b):
    if a is None or b is None:
        return None
    rank = max(len(a), len(b))
    pairs = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
    return tuple(y if x == 1 else x for x, y in pairs)


def _extreme(op_type: str, function: str, bound: str) -> None:
    """Enter the room of Max or Min; in PyTorch a number is a bound of ``torch.clamp``."""

    def combine(a, b, n):
        if getattr(a, "is_number", False):
            a, b = b, a
        number = getattr(b, "is_number", False)
        return n.expr(f"torch.clamp(a, {bound}=b)" if number else f"torch.{function}(a, b)", a=a, b=b)

    def pytorch(n):
        return functools.reduce(lambda a, b: combine(a, b, n), n.data_0)

    def keras(n):
        return functools.reduce(lambda a, b: n.expr(f"ops.{function}(a, b)", a=a, b=b), n.data_0)

    operator(op_type)(type(op_type, (), {"layout": same, "pytorch": pytorch, "keras": keras}))


_extreme("Max", "maximum", "min")
_extreme("Min", "minimum", "max")


@operator("Mean")
class Mean:
    layout = same

    def pytorch(n):
        total = functools.reduce(lambda a, b: n.expr("a + b", a=a, b=b), n.data_0)
        return n.expr("total / count", total=total, count=len(n.data_0)) if len(n.data_0) > 1 else total

    keras = pytorch


@operator("Div")
class Div:
    """Of integers the quotient without its fraction: -7 / 2 is -3."""

    layout = same

    def pytorch(n):
        return n.expr('torch.div(A, B, rounding_mode="trunc")' if _is_integer(n.A) else "A / B")

    def keras(n):
        return n.expr("truncated_division(A, B)" if _is_integer(n.A) else "A / B")


@operator("Mod")
class Mod:
    """The sign is that of the divisor, with ``fmod`` that of the dividend."""

    layout = same

    def pytorch(n):
        return n.expr("torch.fmod(A, B)" if n.fmod else "torch.remainder(A, B)")

    def keras(n):
        if n.fmod and _is_integer(n.A):
            return n.expr("A - truncated_division(A, B) * B")
        return n.expr("ops.fmod(A, B)" if n.fmod else "ops.mod(A, B)")


@operator("Pow")
class Pow:
    """The result has the type of the base."""

    layout = same

    def pytorch(n):
        return n.expr("X**Y") if _is_plain_power(n) else n.expr(f"(X**Y).to(torch.{n.X.dtype.name})")

    def keras(n):
        return n.expr("X**Y") if _is_plain_power(n) else n.expr("ops.cast(X**Y, dtype)", dtype=n.X.dtype.name)


def _is_plain_power(n) -> bool:
    return n.X.dtype == n.Y.dtype or (n.X.dtype is not None and n.X.dtype.kind == "f" and n.Y.is_number)


def _is_integer(operand) -> bool:
    return operand.dtype is not None and operand.dtype.kind in "iu"
