"""Copied into emitted Keras code: picking, sorting and putting elements."""

import math

import numpy as np
from keras import ops

from converter.emitters.helpers.keras.shape import numbers


def top_k(x, k, axis, largest):
    """The ``k`` largest or smallest elements in order and where they are; of equal ones the first."""
    key = x if not largest else ops.bitwise_not(x) if "int" in str(x.dtype) else -x
    order = ops.take(ops.argsort(key, axis=axis), list(range(k)), axis=axis)
    return ops.take_along_axis(x, order, axis=axis), ops.cast(order, "int64")


def sliced(x, starts, ends, axes=None, steps=None):
    """Slices that are computed. A negative step walks from the end."""
    starts, ends, axes, steps = map(numbers, (starts, ends, axes, steps))
    axes, steps = axes or range(len(starts)), steps or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps):
        start = max(start, -x.shape[axis]) if step < 0 else start
        places = list(range(x.shape[axis])[start:end:step])
        x = ops.take(x, ops.convert_to_tensor(places, "int32"), axis=axis)
    return x


def gather_elements(x, indices, axis):
    """The elements of ``x`` at ``indices`` along an axis, and of other axes as many places as ``indices`` has."""
    parts = [slice(None) if i == axis % x.ndim else slice(size) for i, size in enumerate(ops.shape(indices))]
    return ops.take_along_axis(x[tuple(parts)], indices, axis=axis)


def gather_nd(x, indices, batch_dims):
    """Slices of ``x`` at the places that the last axis of ``indices`` tells, batch by batch."""
    shape, depth = ops.shape(x), indices.shape[-1]
    sizes, rest = shape[batch_dims : batch_dims + depth], shape[batch_dims + depth :]
    batch = math.prod(shape[:batch_dims])
    steps = [math.prod(sizes[i + 1 :]) for i in range(depth)]
    places = sum(ops.multiply(ops.mod(indices[..., i], sizes[i]), steps[i]) for i in range(depth))
    first = ops.multiply(ops.arange(batch, dtype=places.dtype), math.prod(sizes))
    places = ops.reshape(places, (batch, -1)) + ops.expand_dims(first, 1)
    flat = ops.take(ops.reshape(x, (-1, *rest)), ops.reshape(places, (-1,)), axis=0)
    return ops.reshape(flat, (*ops.shape(indices)[:-1], *rest))


def scatter_elements(x, indices, updates, axis, reduction):
    """``x`` with each of ``updates`` put, or combined, at its index along ``axis``."""
    places = list(ops.meshgrid(*[ops.arange(size, dtype=indices.dtype) for size in ops.shape(indices)], indexing="ij"))
    places[axis] = ops.mod(indices, ops.shape(x)[axis])
    places = ops.reshape(ops.stack(places, axis=-1), (-1, len(places)))
    return ops.scatter_update(x, places, ops.reshape(updates, (-1,)), reduction=reduction)


def one_hot(indices, depth, values, axis):
    """``values[1]`` at each index along a new axis, ``values[0]`` elsewhere."""
    places = ops.reshape(ops.arange(depth, dtype=indices.dtype), (-1, *[1] * (len(indices.shape) - axis)))
    indices = ops.where(indices < 0, indices + depth, indices)
    return ops.where(ops.equal(places, ops.expand_dims(indices, axis)), values[1], values[0])


def nonzero(x):
    """The places of what is not zero, a column each."""
    return ops.cast(ops.stack(ops.nonzero(x)), "int64")


def unique(x, axis, sorted):
    """The distinct elements (or slices along ``axis``), where each is first, the inverse and the counts."""
    x = ops.convert_to_numpy(x)
    values, first, inverse, counts = np.unique(x, True, True, True, axis=axis)
    if not sorted:
        order = np.argsort(first)
        values, first, counts = np.take(values, order, axis=axis or 0), first[order], counts[order]
        inverse = np.argsort(order)[inverse]
    return tuple(ops.convert_to_tensor(part) for part in (values, first, inverse.reshape(-1), counts))


def compress(x, condition, axis):
    """What stands where ``condition`` holds."""
    places = ops.convert_to_tensor(np.flatnonzero(ops.convert_to_numpy(condition)), "int32")
    return ops.take(ops.reshape(x, (-1,)) if axis is None else x, places, axis=axis or 0)


def reverse_sequence(x, lengths, time_axis, batch_axis):
    """The first ``lengths[i]`` steps of each sequence in reverse order."""
    steps = ops.arange(ops.shape(x)[time_axis], dtype=lengths.dtype)
    lengths = ops.expand_dims(lengths, 1)
    order = ops.where(ops.less(steps, lengths), lengths - 1 - steps, steps)
    order = order if batch_axis < time_axis else ops.transpose(order)
    order = ops.reshape(order, (*ops.shape(order), *[1] * (len(x.shape) - 2)))
    return ops.take_along_axis(x, ops.broadcast_to(order, ops.shape(x)), axis=time_axis)
