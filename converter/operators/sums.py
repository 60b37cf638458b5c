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
    """a + b, or b + a or a less -b where Keras would add the wrong numbers.

    ``keras.ops.add`` on TensorFlow takes a second term with a single axis longer than 1 for a bias per channel if that axis is
    as long as the first term's last or second one, wherever it stands: (4, 2, 2) + (2, 1) adds along the last axis. Source:
    ``add`` in keras/src/backend/tensorflow/numpy.py of Keras 3.15; seen with Keras 3.15.1.
    """
    if a_shape is None or b_shape is None or not _is_misread(a_shape, b_shape):
        return n.expr("a + b", a=a, b=b)
    if not _is_misread(b_shape, a_shape):
        return n.expr("b + a", a=a, b=b)
    return n.expr("ops.subtract(a, -b)" if n.node.output.dtype.kind != "u" else "ops.subtract(a, 0 - b)", a=a, b=b)


def _is_misread(shape, bias) -> bool:
    """Whether that may happen; a size that is unknown may be 1 when the model runs."""
    places = range(-len(bias), 0)
    wide = [place for place in places if isinstance(bias[place], int) and bias[place] != 1]
    unknown = [place for place in places if not isinstance(bias[place], int)]
    if len(wide) > 1 or len(shape) < 2:
        return False
    return any(_is_misplaced(place, shape, bias) for place in wide or unknown)


def _is_misplaced(place, shape, bias) -> bool:
    """Whether Keras may add along another axis, if ``bias`` is longer than 1 along this one alone: so a size that another of
    its axes has by name is 1."""
    ones = {size for each, size in enumerate(bias, -len(bias)) if each != place and not isinstance(size, int | None)}
    shape = [1 if size in ones else size for size in shape]

    def may_equal(size) -> bool:
        return not isinstance(size, int) or (size != 1 and not isinstance(bias[place], int)) or size == bias[place]

    last, second = may_equal(shape[-1]), may_equal(shape[1])
    along_another = (last and place != -1) or (second and place != 1 - len(shape) and shape[-1] != bias[place])
    return along_another or ((last or second) and len(bias) > len(shape))


def _broadcast(a, b):
    """The shape of a sum, None while unknown; a symbol wins over 1."""
    if a is None or b is None:
        return None
    rank = max(len(a), len(b))
    pairs = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
    return tuple(y if x == 1 else x for x, y in pairs)
