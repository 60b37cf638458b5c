"""Quantised tensors: integer * scale, computed in float between explicit conversions."""

from __future__ import annotations

from converter.emitters.layout import along_axes, spatial
from converter.emitters.types import held_as
from converter.operators.convolution import _unresolved
from converter.operators.logic import FLOATS, INTEGERS
from converter.operators.padding_layers import keras_pad, torch_pad
from converter.operators.registry import operator


def _keeps_order(node, have):
    """Keeps the order of its first input; scale and zero point are numbers along ``axis``, or blocks in logical order."""
    need, give = along_axes(node, have)
    return [need[0], *(None for _ in node.inputs[1:])], give


def _dtype(n):
    """The output's type as the target holds it."""
    name = held_as(n.node.output.dtype.name, n.framework)
    return n.expr(f"torch.{name}" if n.framework == "pytorch" else repr(name))


@operator("QuantizeLinear")
class QuantizeLinear:
    """round(x / scale) + zero point, within the range of the type; halves go to the even number."""

    layout = _keeps_order

    def pytorch(n):
        return _quantize(n)

    def keras(n):
        return _quantize(n)


def _quantize(n):
    name, dtype = n.node.output.dtype.name, _dtype(n)
    if name in FLOATS:
        mantissa, lowest, largest, beyond = FLOATS[name]
        y = n.expr("x / along(x, y_scale, axis, block_size)", **_axis(n))
        y = n.expr(
            "rounded(y, mantissa, lowest, largest, beyond)",
            y=y, mantissa=mantissa, lowest=lowest, largest=largest, beyond=largest if n.saturate else beyond,
        )  # fmt: skip
        return n.expr("y.to(dtype)" if n.framework == "pytorch" else "ops.cast(y, dtype)", y=y, dtype=dtype)
    bits, signed = INTEGERS.get(name, (8, False))
    limits = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    text = "quantize(x, y_scale, y_zero_point, dtype, axis=axis, block=block_size, limits=limits)"
    return n.expr(text, dtype=dtype, limits=limits if name in INTEGERS else None, **_axis(n))


def _axis(n) -> dict[str, int]:
    """The axis that the scale runs along; none where it is one number."""
    scale = n.node.inputs[1]
    return {"axis": n.axis if scale.rank and n.node.inputs[0].rank else 1}


@operator("DequantizeLinear")
class DequantizeLinear:
    """(x - zero point) * scale."""

    layout = _keeps_order

    def pytorch(n):
        return _dequantize(n)

    def keras(n):
        return _dequantize(n)


def _dequantize(n):
    name = n.node.output.dtype.name
    text = "dequantize(x, x_scale, x_zero_point, axis=axis, block=block_size, dtype=dtype)"
    return n.expr(text, dtype=None if name == "float32" else _dtype(n), **_axis(n))


@operator("DynamicQuantizeLinear")
class DynamicQuantizeLinear:
    """To uint8, with the scale and zero point that the numbers themselves ask for."""

    def pytorch(n):
        return n.results("dynamic_quantize(x)", 3)

    def keras(n):
        return n.results("dynamic_quantize(x)", 3)


@operator("QLinearMatMul")
class QLinearMatMul:
    def pytorch(n):
        return _qlinear_matmul(n)

    def keras(n):
        return _qlinear_matmul(n)


def _qlinear_matmul(n):
    a = n.expr("dequantize(a, a_scale, a_zero_point, axis=-2)")
    b = n.expr("dequantize(b, b_scale, b_zero_point, axis=-1)")
    return n.expr("quantize(p @ q, y_scale, y_zero_point, dtype)", p=a, q=b, dtype=_dtype(n))


@operator("MatMulInteger")
class MatMulInteger:
    """A product of integers, exact in int32."""

    def pytorch(n):
        a, b = _centered(n, "A", "a_zero_point", -2), _centered(n, "B", "b_zero_point", -1)
        return n.expr("a @ b", a=a, b=b)

    def keras(n):
        a, b = _centered(n, "A", "a_zero_point", -2), _centered(n, "B", "b_zero_point", -1)
        return n.expr("ops.matmul(a, b)", a=a, b=b)


def _centered(n, name, zero_point, axis):
    """The integers less their zero point, in int32."""
    return n.expr("centered(x, zero, axis=axis)", x=n.named(name), zero=n.named(zero_point), axis=axis)


@operator("QLinearConv")
class QLinearConv:
    """The bias has the scale of the products, x_scale * w_scale, and no zero point."""

    layout = spatial
    restrict = _unresolved

    def pytorch(n):
        w = n.expr("dequantize(w, w_scale, w_zero_point, axis=0)")
        y = _torch_conv(n, n.expr("dequantize(x, x_scale, x_zero_point)"), w)
        if n.B is not None:
            bias = n.expr("dequantize(B, x_scale * w_scale).reshape(shape)", shape=(-1, *(1,) * n.rank))
            y = n.expr("y + bias", y=y, bias=bias)
        return n.expr("quantize(y, y_scale, y_zero_point, dtype)", y=y, dtype=_dtype(n))

    def keras(n):
        w = n.expr("dequantize(w, w_scale, w_zero_point, axis=0)")
        y = _keras_conv(n, keras_pad(n, n.expr("dequantize(x, x_scale, x_zero_point)"), n.padding), w)
        if n.B is not None:
            y = n.expr("y + dequantize(B, x_scale * w_scale)", y=y)
        return n.expr("quantize(y, y_scale, y_zero_point, dtype)", y=y, dtype=_dtype(n))


@operator("ConvInteger")
class ConvInteger:
    """A convolution of integers, exact in float64."""

    layout = spatial
    restrict = _unresolved

    def pytorch(n):
        x, w = _centered(n, "x", "x_zero_point", 1), _centered(n, "w", "w_zero_point", 0)
        return n.expr("y.int()", y=_torch_conv(n, n.expr("x.double()", x=x), n.expr("w.double()", w=w)))

    def keras(n):
        x, w = _centered(n, "x", "x_zero_point", -1), _centered(n, "w", "w_zero_point", 0)
        x = n.expr("ops.cast(x, 'float64')", x=keras_pad(n, x, n.padding))  # a layer would make it float32
        return n.expr("ops.cast(y, 'int32')", y=_keras_conv(n, x, n.expr("ops.cast(w, 'float64')", w=w)))


def _torch_conv(n, x, w):
    pads = n.padding
    x = x if pads.is_symmetric else torch_pad(n, x, pads)
    padding = pads.shortest if pads.is_symmetric else 0
    text = f"F.conv{n.rank}d(x, w, stride=strides, padding=padding, dilation=dilations, groups=group)"
    return n.expr(text, x=x, w=w, padding=padding)


def _keras_conv(n, x, w):
    call = "ops.conv(x, kernel, " if n.group == 1 else "grouped_conv(x, kernel, group, "
    kernel = n.expr("ops.transpose(w, axes)", w=w, axes=(*range(2, n.rank + 2), 1, 0))
    return n.expr(f"{call}strides=strides, dilation_rate=dilations)", x=x, kernel=kernel)
