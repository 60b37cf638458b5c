"""Operators between quantised tensors: their numbers, the operator itself in float, and back."""

from __future__ import annotations

import numpy as np

from converter.graph import Value
from converter.readers.microsoft.lifting import Fused, lifted


def scalar(n: Fused, value: Value | None) -> Value | None:
    """A scale or zero point that belongs to the whole tensor; some files give it an axis of one number."""
    if value is None or n.shape(value) == ():
        return value
    if n.shape(value) != (1,):
        return value
    return n.add("Reshape", value, n.constant([]))


def to_float(n: Fused, x: Value, scale: Value, zero_point: Value | None, axis: int = -1) -> Value:
    return n.add("DequantizeLinear", x, scalar(n, scale), scalar(n, zero_point), axis=axis)


def to_integer(n: Fused, x: Value, scale: Value, zero_point: Value | None, like: Value) -> Value:
    """Back to the type of ``like``, which is that of the zero point where there is one."""
    zero_point = n.number(0, like) if zero_point is None else scalar(n, zero_point)
    return n.add("QuantizeLinear", x, scalar(n, scale), zero_point)


@lifted("QuantizeLinear")
def quantize(n):
    """The standard's own, with more types than it had then."""
    return n.add("QuantizeLinear", n.x, scalar(n, n.y_scale), scalar(n, n.y_zero_point), axis=_axis(n))


@lifted("DequantizeLinear")
def dequantize(n):
    return n.add("DequantizeLinear", n.x, scalar(n, n.x_scale), scalar(n, n.x_zero_point), axis=_axis(n))


def _axis(n):
    return 1 if n.axis is None else n.axis


@lifted("QLinearAdd")
def add(n):
    return _binary(n, "Add")


@lifted("QLinearMul")
def multiply(n):
    return _binary(n, "Mul")


def _binary(n, op_type):
    a, b = to_float(n, n.A, n.A_scale, n.A_zero_point), to_float(n, n.B, n.B_scale, n.B_zero_point)
    return to_integer(n, n.add(op_type, a, b), n.C_scale, n.C_zero_point, n.A)


@lifted("QLinearConcat")
def concat(n):
    """The inputs after the output's scale and zero point come in threes."""
    scale, zero_point, *rest = n.node.inputs
    parts = [to_float(n, *rest[index : index + 3]) for index in range(0, len(rest), 3)]
    return to_integer(n, n.add("Concat", *parts, axis=n.axis), scale, zero_point, rest[0])


@lifted("QLinearSigmoid")
def sigmoid(n):
    return to_integer(n, n.add("Sigmoid", to_float(n, n.X, n.X_scale, n.X_zero_point)), n.Y_scale, n.Y_zero_point, n.X)


@lifted("QLinearLeakyRelu")
def leaky_relu(n):
    y = n.add("LeakyRelu", to_float(n, n.X, n.X_scale, n.X_zero_point), alpha=n.alpha)
    return to_integer(n, y, n.Y_scale, n.Y_zero_point, n.X)


@lifted("QLinearReduceMean")
def mean(n):
    x = to_float(n, n.data, n.data_scale, n.data_zero_point)
    y = n.add("ReduceMean", x, n.constant(n.axes), keepdims=n.keepdims)
    return to_integer(n, y, n.reduced_scale, n.reduced_zero_point, n.data)


@lifted("QLinearWhere")
def where(n):
    x, y = to_float(n, n.X, n.x_scale, n.x_zero_point), to_float(n, n.Y, n.y_scale, n.y_zero_point)
    return to_integer(n, n.add("Where", n.condition, x, y), n.z_scale, n.z_zero_point, n.X)


@lifted("QLinearSoftmax")
def softmax(n):
    """``opset`` tells which Softmax is meant: before 13 it ran over all axes from ``axis`` on."""
    x, rank = to_float(n, n.X, n.X_scale, n.x_zero_point), n.rank(n.X)
    if n.opset >= 13 or n.axis % rank == rank - 1:
        y = n.add("Softmax", x, axis=n.axis)
    else:
        flat = n.add("Softmax", n.add("Flatten", x, axis=n.axis), axis=-1)
        y = n.add("Reshape", flat, n.add("Shape", n.X))
    steps = np.floor(np.float32(1) / n.array(n.y_scale, "its scale 'y_scale'"))  # as onnxruntime counts: 254 for 1 / 255
    return to_integer(n, y, n.constant(1 / steps.reshape(()), np.float32), n.y_zero_point, n.X)


@lifted("QLinearAveragePool")
def average_pool(n):
    names = ("auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides")
    return _pool(n, "AveragePool", len(n.kernel_shape) + 2, {name: n.node[name] for name in names})


@lifted("QLinearGlobalAveragePool")
def global_average_pool(n):
    return _pool(n, "GlobalAveragePool", n.rank(n.X) if n.channels_last else 0, {})


def _pool(n, op_type, rank, attributes):
    x = to_float(n, n.X, n.x_scale, n.x_zero_point)
    y = (
        channels_first(n, x, rank, lambda x: n.add(op_type, x, **attributes))
        if n.channels_last
        else n.add(op_type, x, **attributes)
    )
    return to_integer(n, y, n.y_scale, n.y_zero_point, n.X)


def channels_first(n, x, rank, operation):
    """What ``operation`` makes of ``x``, whose channels stand last before and after."""
    y = operation(n.add("Transpose", x, perm=(0, rank - 1, *range(1, rank - 1))))
    return n.add("Transpose", y, perm=(0, *range(2, rank), 1))


@lifted("QLinearConv")
def convolution(n):
    """The standard's own but for ``channels_last``."""
    names = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")
    rest = [scalar(n, value) if index in (1, 2, 6, 7) else value for index, value in enumerate(n.node.inputs)][1:]
    attributes = {name: n.node[name] for name in names}
    if not n.channels_last:
        return n.add("QLinearConv", n.x, *rest, **attributes)
    return channels_first(n, n.x, n.rank(n.w), lambda x: n.add("QLinearConv", x, *rest, **attributes))


@lifted("NhwcMaxPool")
def max_pool(n):
    names = ("auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "strides")
    attributes = {name: n.node[name] for name in names}
    return channels_first(n, n.x, len(n.kernel_shape) + 2, lambda x: n.add("MaxPool", x, **attributes))


@lifted("DynamicQuantizeMatMul")
def dynamic_matmul(n):
    """The first factor is rounded to 8 bits by its own range, the products are those of the rounded numbers."""
    a = n.add("DequantizeLinear", *n.split("DynamicQuantizeLinear", ("quantized", "scale", "zero_point"), n.A))
    return _product(n, a, to_float(n, n.B, n.b_scale, n.b_zero_point))


@lifted("MatMulIntegerToFloat")
def integer_matmul(n):
    a, b = to_float(n, n.A, n.a_scale, n.a_zero_point), to_float(n, n.B, n.b_scale, n.b_zero_point)
    return _product(n, a, b)


@lifted("QGemm")
def gemm(n):
    """``C`` has the scale of the products, which ``alpha`` scales with it. Without a scale the output stays float."""
    a, b = to_float(n, n.A, n.a_scale, n.a_zero_point), to_float(n, n.B, n.b_scale, n.b_zero_point, axis=0 if n.transB else 1)
    c = None
    if n.C is not None:
        c = n.add("Mul", n.add("Cast", n.C, to=1), n.add("Mul", scalar(n, n.a_scale), scalar(n, n.b_scale)))
    y = n.add("Gemm", a, b, c, alpha=n.alpha, beta=n.alpha, transA=n.transA, transB=n.transB)
    return y if n.y_scale is None else to_integer(n, y, n.y_scale, n.y_zero_point, n.A)


def _product(n, a, b):
    y = n.add("MatMul", a, b)
    return y if n.bias is None else n.add("Add", y, n.bias)
