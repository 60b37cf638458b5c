"""How padding before (and cropping after) an operator is said in each target."""

from __future__ import annotations

import math

import numpy as np

from converter.emitters.site import Site
from converter.emitters.vocabulary import Expression, Layer
from converter.graph import Node, Value
from converter.padding import Padding

_NON_NEGATIVE = {"Relu", "Sigmoid", "Softmax", "Exp", "Abs", "Softplus", "HardSigmoid", "Sqrt", "GlobalMaxPool"}
_KEEPS_SIGN = {
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "LRN",
    "Dropout",
    "Concat",
    "Reshape",
    "Flatten",
    "Transpose",
    "Squeeze",
}


def torch_pad(n: Site, x: Expression, padding: Padding, value: float = 0.0) -> Expression:
    """``F.pad``, or ``x`` itself where there is nothing to pad; negative padding crops."""
    return x if padding.is_zero else n.expr("F.pad(x, sides, value=value)", x=x, sides=padding.torch, value=value or None)


def torch_pad_same(n: Site, value: float = 0.0) -> Expression:
    """``F.pad`` of the first input for ``auto_pad`` SAME, with sides that depend on its size."""
    return n.expr("F.pad(x, sides, value=value)", x=n.first, sides=torch_same_sides(n), value=value or None)


def torch_same_sides(n: Site) -> Expression:
    """The sides for ``F.pad`` that ``auto_pad`` SAME asks for, where they depend on the size of the first input."""
    dilated, lower = ", dilations" if n.dilations != 1 else "", ", upper=False" if n.auto_pad == "SAME_LOWER" else ""
    return n.expr(f"same_sides(x, kernel_shape, strides{dilated}{lower})", x=n.first)


def keras_pad(n: Site, x: Expression, padding: Padding) -> Expression:
    """Padding with zeros by a layer; negative padding crops."""
    added, cropped = padding.parts()
    if not cropped.is_zero:
        x = Layer(f"layers.Cropping{n.rank}D", cropped.keras)(x)
    return x if added.is_zero else Layer(f"layers.ZeroPadding{n.rank}D", added.keras)(x)


def keras_pad_lowest(n: Site, padding: Padding) -> Expression:
    """Padding before max pooling, which must never win: zeros only where no input is below zero, minus infinity elsewhere."""
    if padding.is_zero or is_non_negative(n.node.inputs[0]):
        return keras_pad(n, n.first, padding)
    sides = ((0, 0), *zip(padding.begin, padding.end, strict=True), (0, 0))
    return n.expr("ops.pad(x, sides, constant_values=lowest)", x=n.first, sides=sides, lowest=lowest(n.first.dtype))


def lowest(dtype: np.dtype) -> float:
    """The number that never is the largest of a window."""
    return -math.inf if dtype.kind not in "iu" else int(np.iinfo(dtype).min)


def is_non_negative(value: Value | None) -> bool:
    """Whether no element can be below zero, whatever the network's input."""
    if value is None or value.producer is None:
        return False
    node: Node = value.producer
    if node.op_type in _NON_NEGATIVE:
        return True
    if node.op_type == "Clip":
        low = node.input(1)
        return low is not None and low.array is not None and bool(low.array >= 0)
    return node.op_type in _KEEPS_SIGN and all(
        is_non_negative(read) for read in node.inputs if read is not None and read.weight is None
    )
