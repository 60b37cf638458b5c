"""Copied into emitted Keras code: pooling and its inverse. Images are (batch, *spatial, channel)."""

import functools
import math

from keras import ops


def max_pool_with_indices(x, sizes, strides, dilations, sides, column_major=False):
    """The largest element of each window of a (batch, channel, *spatial) tensor, and its place in the whole tensor."""
    batch, *shape = x.shape
    order = list(range(x.ndim))
    order[2:] = order[:1:-1] if column_major else order[2:]
    size = math.prod(shape)
    places = ops.transpose(ops.reshape(ops.arange(size, dtype="int64"), (1, *(shape[i - 1] for i in order[1:]))), order)
    places = places + ops.reshape(ops.arange(batch, dtype="int64") * size, (-1, *(1 for _ in shape)))
    sides = [(0, 0), (0, 0), *sides]
    floating = "float" in ops.dtype(x)
    x = ops.pad(ops.cast(x, x.dtype if floating else "int32"), sides, constant_values=-float("inf") if floating else -(2**31))
    places = ops.pad(places, sides)
    for axis, (size, stride, dilation) in enumerate(zip(sizes, strides, dilations), start=2):
        last = (size - 1) * dilation
        cuts = [(slice(None),) * axis + (slice(i, i - last or None, stride),) for i in range(0, last + 1, dilation)]
        x, places = (ops.stack([t[cut] for cut in cuts], axis=-1) for t in (x, places))
    x, places = (ops.reshape(t, (*t.shape[: len(order)], -1)) for t in (x, places))
    best = ops.argmax(x, axis=-1, keepdims=True)
    return ops.max(x, axis=-1), ops.squeeze(ops.take_along_axis(places, best, axis=-1), -1)


def max_unpool(x, indices, sizes, full=None):
    """Each element where its index, counted in the whole tensor, tells; zeros elsewhere."""
    shape = (*x.shape[:2], *sizes)
    y = ops.zeros((math.prod(shape),), dtype=x.dtype)
    y = ops.reshape(ops.scatter_update(y, ops.reshape(indices, (-1, 1)), ops.reshape(x, (-1,))), shape)
    if full is not None:
        y = ops.pad(y, [(0, 0), (0, 0), *((0, b - a) for a, b in zip(sizes, full))])
    return y


def average_pool(x, size, strides, sides):
    """Average over the elements inside ``x``: padding (``sides`` of each spatial axis) is not counted."""
    sides = [(0, 0), *sides, (0, 0)]
    total = ops.average_pool(ops.pad(x, sides), size, strides)
    return total / ops.average_pool(ops.pad(ops.ones_like(x), sides), size, strides)


def average_pool_same(x, size, strides, padding_counts=False):
    """Average over windows that give ceil(size / stride) results, whatever the size of ``x``."""
    ones = ops.ones((*size, x.shape[-1], 1), x.dtype)
    total = ops.depthwise_conv(x, ones, strides, "same")
    return total / (math.prod(size) if padding_counts else ops.depthwise_conv(ops.ones_like(x), ones, strides, "same"))


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
