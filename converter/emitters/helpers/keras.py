"""Layers and functions that emitted Keras code copies where Keras itself has no equal.

Images are (batch, *spatial, channel).
"""

import functools

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class Weight(layers.Layer):
    """A weight that stands alone: called on any tensor of the model, it gives its own value."""

    def __init__(self, shape, start="zeros", **kwargs):
        super().__init__(**kwargs)
        self.value = self.add_weight(shape, start, name="value")

    def call(self, x):
        return ops.convert_to_tensor(self.value)


@keras.saving.register_keras_serializable()
class LocalResponseNormalization(layers.Layer):
    """x / (bias + alpha / size * (sum of squares over ``size`` neighbouring channels)) ** beta."""

    def __init__(self, size, alpha=1e-4, beta=0.75, bias=1.0, **kwargs):
        super().__init__(**kwargs)
        self.size, self.alpha, self.beta, self.bias = size, alpha, beta, bias

    def call(self, x):
        sides = [(0, 0)] * (x.ndim - 1) + [((self.size - 1) // 2, self.size // 2)]
        squares = ops.pad(ops.square(x), sides)
        total = sum(squares[..., i : i + x.shape[-1]] for i in range(self.size))
        return x / (self.bias + self.alpha / self.size * total) ** self.beta


def average_pool(x, size, strides, sides):
    """Average over the elements inside ``x``: padding (``sides`` of each spatial axis) is not counted."""
    sides = [(0, 0), *sides, (0, 0)]
    total = ops.average_pool(ops.pad(x, sides), size, strides)
    return total / ops.average_pool(ops.pad(ops.ones_like(x), sides), size, strides)


def dilated_pool(combine, x, sizes, strides, dilations):
    """Combine the elements of windows with gaps between them, one axis after the other."""
    for axis, (size, stride, dilation) in enumerate(zip(sizes, strides, dilations), start=1):
        last = (size - 1) * dilation
        parts = [
            (slice(None),) * axis + (slice(start, (start - last) or None, stride),) for start in range(0, last + 1, dilation)
        ]
        x = functools.reduce(combine, [x[part] for part in parts])
    return x


def dilated_average_pool(x, sizes, strides, dilations, sides):
    """Average pooling with gaps in the window; padding (``sides`` of each spatial axis) is not counted."""
    sides = [(0, 0), *sides, (0, 0)]
    total = dilated_pool(ops.add, ops.pad(x, sides), sizes, strides, dilations)
    return total / dilated_pool(ops.add, ops.pad(ops.ones_like(x), sides), sizes, strides, dilations)


def every(x, strides):
    """Every ``strides``-th element along each spatial axis."""
    return x[(slice(None), *(slice(None, None, stride) for stride in strides))]


def spread(x, strides):
    """``x`` with ``strides - 1`` zeros between neighbours along each spatial axis."""
    for axis, stride in enumerate(strides, start=1):
        shape, rank = x.shape, x.ndim
        gaps = [(0, 0)] * (axis + 1) + [(0, stride - 1)] + [(0, 0)] * (rank - axis - 1)
        x = ops.pad(ops.expand_dims(x, axis + 1), gaps)
        x = ops.reshape(x, (-1, *shape[1:axis], shape[axis] * stride, *shape[axis + 1 :]))
        x = x[(slice(None),) * axis + (slice(0, (shape[axis] - 1) * stride + 1),)]
    return x
