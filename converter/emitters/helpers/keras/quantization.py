"""Copied into emitted Keras code: quantised numbers, and numbers of narrow types."""

import numpy as np
from keras import ops


def along(x, values, axis=1, block=0):
    """Values that run along one axis of ``x``, or one for each block there, shaped to broadcast."""
    values = ops.convert_to_tensor(values)
    if all(size == 1 for size in values.shape):
        return ops.reshape(values, ())
    axis %= x.ndim
    if block:
        return ops.repeat(values, block, axis=axis)[(slice(None),) * axis + (slice(x.shape[axis]),)]
    return ops.reshape(values, [-1 if i == axis else 1 for i in range(x.ndim)]) if values.ndim == 1 else values


def quantize(x, scale, zero_point, dtype, axis=1, block=0, limits=None):
    """round(x / scale) + zero point, within the range of ``dtype`` or narrower ``limits``."""
    y = ops.round(x / along(x, scale, axis, block))
    if zero_point is not None:
        y = y + ops.cast(along(x, zero_point, axis, block), y.dtype)
    low, high = (np.iinfo(dtype).min, np.iinfo(dtype).max) if limits is None else limits
    return ops.cast(ops.clip(y, low, high), dtype)


def dequantize(x, scale, zero_point=None, axis=1, block=0, dtype=None):
    """(x - zero point) * scale."""
    dtype = "float32" if dtype is None else dtype
    y = ops.cast(x, dtype)
    if zero_point is not None:
        y = y - ops.cast(along(x, zero_point, axis, block), dtype)
    return ops.cast(y * along(x, scale, axis, block), dtype)


def dynamic_quantize(x):
    """``x`` as uint8, with the scale and zero point that its range asks for."""
    low, high = ops.minimum(ops.min(x), 0.0), ops.maximum(ops.max(x), 0.0)
    scale = ops.where(high > low, (high - low) / 255, 1.0)
    zero_point = ops.cast(ops.clip(ops.round(-low / scale), 0, 255), "uint8")
    return quantize(x, scale, zero_point, "uint8"), scale, zero_point


def centered(x, zero_point=None, axis=1):
    """The integers less their zero point, in int32."""
    x = ops.cast(x, "int32")
    return x if zero_point is None else x - ops.cast(along(x, zero_point, axis), "int32")


def wrapped(x, bits, signed):
    """Integers of fewer than 8 bits: what exceeds them wraps round."""
    lowest = -(2 ** (bits - 1)) if signed else 0
    return ops.cast((ops.cast(x, "int32") - lowest) % 2**bits + lowest, "int8" if signed else "uint8")


def rounded(x, mantissa, lowest, largest, beyond):
    """The nearest number with so many bits of mantissa, the even one of two; what exceeds ``largest`` is ``beyond``."""
    x = ops.cast(x, "float32")
    size = ops.clip(ops.abs(x), 2.0**lowest, largest)
    power = ops.floor(ops.log2(size))
    power = ops.where(2.0**power > size, power - 1, ops.where(2.0 ** (power + 1) <= size, power + 1, power))
    unit = 2.0 ** (power - mantissa)
    x = ops.round(x / unit) * unit
    return ops.where(ops.abs(x) > largest, ops.sign(x) * beyond, x)


def power_of_two(x):
    """The next power of two, 2**-127 at least."""
    size = ops.maximum(ops.cast(x, "float32"), 2.0**-126)
    power = ops.ceil(ops.log2(size))
    power = ops.where(2.0 ** (power - 1) >= size, power - 1, ops.where(2.0**power < size, power + 1, power))
    return ops.where(x < 2.0**-126, 2.0**-127, 2.0 ** ops.minimum(power, 127))
