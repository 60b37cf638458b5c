"""Copied into emitted PyTorch code: quantised numbers, and numbers of narrow types."""

import torch


def along(x, values, axis=1, block=0):
    """Values that run along one axis of ``x``, or one for each block there, shaped to broadcast."""
    values = torch.as_tensor(values)
    if values.numel() == 1:
        return values.reshape(())
    if block:
        return values.repeat_interleave(block, dim=axis).narrow(axis, 0, x.shape[axis])
    return values.reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)]) if values.ndim == 1 else values


def quantize(x, scale, zero_point, dtype, axis=1, block=0, limits=None):
    """round(x / scale) + zero point, within the range of ``dtype`` or narrower ``limits``."""
    y = torch.round(x / along(x, scale, axis, block))
    if zero_point is not None:
        y = y + along(x, zero_point, axis, block).to(y.dtype)
    low, high = (torch.iinfo(dtype).min, torch.iinfo(dtype).max) if limits is None else limits
    return y.clamp(low, high).to(dtype)


def dequantize(x, scale, zero_point=None, axis=1, block=0, dtype=None):
    """(x - zero point) * scale."""
    dtype = torch.float32 if dtype is None else dtype
    y = x.to(dtype)
    if zero_point is not None:
        y = y - along(x, zero_point, axis, block).to(dtype)
    return (y * along(x, scale, axis, block)).to(dtype)


def dynamic_quantize(x):
    """``x`` as uint8, with the scale and zero point that its range asks for."""
    low, high = x.amin().clamp(max=0), x.amax().clamp(min=0)
    scale = torch.where(high > low, (high - low) / 255, 1)
    zero_point = torch.round(-low / scale).clamp(0, 255).to(torch.uint8)
    return quantize(x, scale, zero_point, torch.uint8), scale, zero_point


def centered(x, zero_point=None, axis=1):
    """The integers less their zero point, in int32."""
    return x.int() if zero_point is None else x.int() - along(x, zero_point, axis).int()


def wrapped(x, bits, signed):
    """Integers of fewer than 8 bits: what exceeds them wraps round."""
    lowest = -(2 ** (bits - 1)) if signed else 0
    return ((x.to(torch.int64) - lowest) % 2**bits + lowest).to(torch.int8 if signed else torch.uint8)


def rounded(x, mantissa, lowest, largest, beyond):
    """The nearest number with so many bits of mantissa, the even one of two; what exceeds ``largest`` is ``beyond``."""
    x = x.float()
    exponent = torch.clamp(torch.frexp(x).exponent - 1, min=lowest) - mantissa
    x = torch.ldexp(torch.round(torch.ldexp(x, -exponent)), exponent)
    return torch.where(x.abs() > largest, torch.copysign(torch.full_like(x, beyond), x), x)


def power_of_two(x):
    """The next power of two, 2**-127 at least."""
    number, exponent = torch.frexp(x.float())
    return torch.ldexp(
        torch.ones_like(number),
        torch.where(number > 0, torch.where(number == 0.5, exponent - 1, exponent), -127).clamp(-127, 127),
    )
