"""Copied into emitted Keras code: arithmetic."""

import numpy as np
from keras import ops


def truncated_division(a, b):
    """Integer division, rounded towards zero."""
    quotient = a // b
    wrong = ops.logical_and(ops.not_equal(quotient * b, a), quotient < 0)
    return quotient + ops.cast(wrong, quotient.dtype)


def running(function, x, axis, start, exclusive, reverse):
    """A running sum or product, without the element itself, or from the end."""
    if reverse:
        x = ops.flip(x, axis)
    if exclusive:
        axis = axis % len(x.shape)
        sides = [(1, 0) if place == axis else (0, 0) for place in range(len(x.shape))]
        x = ops.pad(x, sides, constant_values=start)[(slice(None),) * axis + (slice(-1),)]
    x = function(x, axis=axis, dtype=ops.dtype(x))
    return ops.flip(x, axis) if reverse else x


def shifted(shift, x, bits, width):
    """A shift by any number of bits: by ``width`` or more nothing is left but the sign of what goes right."""
    wide = ops.logical_or(bits < 0, ops.greater_equal(bits, ops.cast(width, bits.dtype)))
    y = shift(x, ops.where(wide, ops.cast(width - 1, bits.dtype), bits))
    return ops.where(wide, shift(y, ops.ones_like(bits)), y)


def ordered(x):
    """uint64 numbers as int64 numbers in the same order."""
    return ops.cast(x, "int64") + ops.convert_to_tensor(np.int64(-(2**63)))


def unordered(x):
    """The uint64 numbers that ``ordered`` was given."""
    return ops.cast(x + ops.convert_to_tensor(np.int64(-(2**63))), "uint64")
