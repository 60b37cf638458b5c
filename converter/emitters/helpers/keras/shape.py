"""Copied into emitted Keras code: shapes, and moving elements. Images are (batch, *spatial, channel)."""

import itertools
import math

import numpy as np
from keras import ops


def numbers(x):
    """A tensor's numbers as Python numbers; None stays None."""
    if x is None or not hasattr(x, "dtype"):
        return x
    x = ops.cast(x, "float32") if ops.dtype(x) == "bfloat16" else x  # which NumPy lacks
    return ops.convert_to_numpy(x).tolist()


def reshaped(x, shape, zero):
    """``x`` in a shape that is computed; a 0 there keeps the size, unless ``zero`` takes it as it is."""
    return ops.reshape(x, [x.shape[i] if size == 0 and not zero else size for i, size in enumerate(numbers(shape))])


def padded(x, sides, mode, fill):
    """Padding of any axes by any mode; negative amounts crop, before the rest is padded."""
    x = x[tuple(slice(max(-begin, 0), min(end, 0) or None) for begin, end in sides)]
    for axis, (begin, end) in enumerate((max(begin, 0), max(end, 0)) for begin, end in sides):
        if not begin and not end:
            continue
        size = ops.shape(x)[axis]
        places = ops.arange(-begin, size + end, dtype="int32")
        if mode == "edge":
            inside = ops.clip(places, 0, size - 1)
        elif mode == "reflect":
            inside = ops.abs((places + size - 1) % ops.maximum(2 * size - 2, 1) - size + 1)
        else:
            inside = places % size
        part = ops.take(x, inside, axis=axis)
        if mode == "constant":
            outside = ops.reshape((places < 0) | (places >= size), (-1, *[1] * (len(x.shape) - 1 - axis)))
            part = ops.where(outside, ops.cast(fill, x.dtype), part)
        x = part
    return x


def padded_by(x, pads, mode, fill=0, axes=None):
    """``padded`` by amounts that are computed: all beginnings, then all ends."""
    pads, axes = numbers(pads), numbers(axes) or range(len(x.shape))
    sides = [(0, 0)] * len(x.shape)
    for axis, begin, end in zip(axes, pads[: len(axes)], pads[len(axes) :]):
        sides[axis] = begin, end
    return padded(x, sides, mode, fill)


def triangle(x, k, upper):
    """The upper or lower triangle from a diagonal that is computed."""
    k = max(-x.shape[-2], min(int(numbers(k)), x.shape[-1]))
    return ops.triu(x, k) if upper else ops.tril(x, k)


def count(start, limit, delta, dtype):
    """The numbers from ``start`` on, by ``delta``, that come before ``limit``."""
    return ops.convert_to_tensor(np.arange(*map(numbers, (start, limit, delta))), dtype)


def shape_of(x, start, end):
    """The sizes of some axes as a tensor."""
    return ops.convert_to_tensor(ops.shape(x)[start:end], "int64")


def size_of(x):
    """The number of elements as a tensor."""
    return ops.convert_to_tensor(math.prod(x.shape), "int64")


def expanded(x, shape):
    """``x`` broadcast to a shape that is computed."""
    return ops.broadcast_to(x, np.broadcast_shapes(tuple(x.shape), tuple(numbers(shape))))


def middle(x, sizes, axes=None):
    """The middle of ``x`` in other sizes, zeros around it where they are larger; the smaller half comes first."""
    sides = [(0, 0)] * x.ndim
    for axis, size in zip(range(len(sizes)) if axes is None else axes, sizes):
        more = size - x.shape[axis]
        begin = more // 2 if more > 0 else -(-more // 2)
        sides[axis] = begin, more - begin
    return padded(x, sides, "constant", 0)


def depth_to_space(x, block, channels_first=False):
    """Channels as blocks of an image, the channel before the place in the block, or after it."""
    batch, channels, height, width = ops.shape(x)
    split = (-1, block, block) if channels_first else (block, block, -1)
    x = ops.reshape(x, (batch, *split, height, width))
    x = ops.transpose(x, (0, 1, 4, 2, 5, 3) if channels_first else (0, 3, 4, 1, 5, 2))
    return ops.reshape(x, (batch, channels // block**2, height * block, width * block))


def space_to_depth(x, block, channels_first=False):
    """Blocks of an image as channels, the channel before the place in the block, or after it."""
    batch, channels, height, width = ops.shape(x)
    x = ops.reshape(x, (batch, channels, height // block, block, width // block, block))
    x = ops.transpose(x, (0, 1, 3, 5, 2, 4) if channels_first else (0, 3, 5, 1, 2, 4))
    return ops.reshape(x, (batch, channels * block**2, height // block, width // block))


def stacked(parts, axis, sizes, dtype):
    """What the rounds of a loop gave, on an axis of their own; an empty tensor where there was no round."""
    return ops.stack(parts, axis) if parts else ops.zeros((*sizes[:axis], 0, *sizes[axis + 1 :]), dtype=dtype)


def parts_of(x, sizes, axis, keep=True):
    """Parts along an axis, of one size but for the last one, or of a list of sizes; with or without the axis."""
    if not keep:
        return ops.unstack(x, axis=axis)
    sizes = [sizes] * -(-x.shape[axis] // sizes) if isinstance(sizes, int) else sizes
    return ops.split(x, list(itertools.accumulate(sizes))[:-1], axis=axis)


def parts_alike(x, count, axis):
    """So many parts along an axis, of one size but for the last one."""
    size = -(-ops.shape(x)[axis] // count)
    before = (slice(None),) * (axis % len(x.shape))
    return [x[(*before, slice(i * size, (i + 1) * size))] for i in range(count)]


def channel_shuffle(x, groups):
    """The channels of all groups in turn: the first of each, the second of each, and so on."""
    *size, channels = ops.shape(x)[1:]
    x = ops.reshape(x, (-1, *size, groups, channels // groups))
    return ops.reshape(ops.swapaxes(x, -2, -1), (-1, *size, channels))
