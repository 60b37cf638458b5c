"""Sums, in an order that the TensorFlow backend of Keras does not misread."""

from __future__ import annotations

import functools

from converter.emitters.layout import same
from converter.operators.registry import operator


@operator("Add")
class Add:
    layout = same

    def pytorch(n):
        return n.expr("A + B")

    def keras(n):
        return keras_sum(n, n.A, n.B, n.A.shape, n.B.shape)


@operator("Sum")
class Sum:
    layout = same

    def pytorch(n):
        return _torch_total(n)

    def keras(n):
        return _keras_total(n)


@operator("Mean")
class Mean:
    layout = same

    def pytorch(n):
        return _share(n, _torch_total(n))

    def keras(n):
        return _share(n, _keras_total(n))


def _share(n, total):
    return total if len(n.data_0) == 1 else n.expr("total / count", total=total, count=len(n.data_0))


def _torch_total(n):
    return functools.reduce(lambda a, b: n.expr("a + b", a=a, b=b), n.data_0)


def _keras_total(n):
    total, *others = n.data_0
    shape = total.shape
    for operand in others:
        total = keras_sum(n, total, operand, shape, operand.shape)
        shape = _broadcast(shape, operand.shape)
    return total


def keras_sum(n, a, b, a_shape, b_shape):
    """a + b, or b + a where Keras would add the wrong numbers.

    ``keras.ops.add`` on TensorFlow takes a second term with a single axis longer than 1 for a bias per channel if that axis is
    as long as the first term's last or second one, wherever it stands: (4, 2, 2) + (2, 1) adds along the last axis. Source:
    ``add`` in keras/src/backend/tensorflow/numpy.py of Keras 3.15; seen with Keras 3.15.1.
    """
    if a_shape is not None and b_shape is not None and _misread_as_bias(a_shape, b_shape):
        a, b = b, a
    return n.expr("a + b", a=a, b=b)


def _misread_as_bias(x, bias) -> bool:
    long = [axis - len(bias) for axis, size in enumerate(bias) if size != 1]
    if len(long) != 1 or len(x) < 2:
        return False
    if x[-1] == bias[long[0]]:
        return long[0] != -1
    return x[1] == bias[long[0]] and long[0] != 1 - len(x)


def _broadcast(a, b):
    """The shape of a sum, None while unknown; a symbol wins over 1."""
    if a is None or b is None:
        return None
    rank = max(len(a), len(b))
    pairs = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
    return tuple(y if x == 1 else x for x, y in pairs)
