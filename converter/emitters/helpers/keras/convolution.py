"""Copied into emitted Keras code: convolutions, and the steps that make them up. Images are (batch, *spatial, channel)."""

import math

import numpy as np
from keras import ops

from converter.emitters.helpers.keras.detection import bilinear


def causal_convolution(x, weight, bias=None, past=None, silu=False):
    """Depthwise convolution that looks back only, and the last inputs for the next call."""
    size = weight.shape[-1] - 1
    x = ops.pad(x, [(0, 0), (0, 0), (size, 0)]) if past is None else ops.concatenate([past, x], axis=-1)
    length, dtype = x.shape[-1] - size, "float64" if x.dtype == "float64" else "float32"
    weight = ops.cast(weight[:, 0], dtype)
    y = sum(ops.cast(x[..., i : i + length], dtype) * weight[:, i : i + 1] for i in range(size + 1))
    y = y if bias is None else y + ops.expand_dims(ops.cast(bias, dtype), 1)
    return ops.cast(ops.silu(y) if silu else y, x.dtype), x[..., length:]


def grouped_conv(x, kernel, groups, **options):
    """Convolution of each group of channels with its own part of the kernel."""
    parts = zip(ops.split(x, groups, axis=-1), ops.split(kernel, groups, axis=-1))
    return ops.concatenate([ops.conv(channels, part, **options) for channels, part in parts], axis=-1)


def mirrored_kernel(kernel, groups):
    """The kernel, (in, out / groups, *sizes), of a transposed convolution as that of a convolution."""
    inside, outside, *sizes = kernel.shape[0] // groups, *kernel.shape[1:]
    kernel = ops.reshape(kernel, (groups, inside, outside, *sizes))
    kernel = ops.flip(kernel, axis=tuple(range(3, kernel.ndim)))
    kernel = ops.transpose(kernel, (*range(3, kernel.ndim), 1, 0, 2))
    return ops.reshape(kernel, (*sizes, inside, groups * outside))


def blocks_to_image(x, image, block, strides, dilations, sides):
    """Sums of overlapping blocks, one a column of (batch, channel * block, place)."""
    image, block = (tuple(ops.convert_to_numpy(sizes).tolist()) for sizes in (image, block))
    padded = [size + sum(side) for size, side in zip(image, sides)]
    places = np.zeros((1, 1), int)
    for size, k, stride, dilation in zip(padded, block, strides, dilations):
        count = (size - (k - 1) * dilation - 1) // stride + 1
        along = np.arange(k)[:, None] * dilation + np.arange(count) * stride
        places = (places[:, None, :, None] * size + along[None, :, None]).reshape(len(places) * k, -1)
    channels = x.shape[1] // math.prod(block)
    x = ops.reshape(x, (-1, places.size))
    y = ops.segment_sum(ops.transpose(x), places.reshape(-1), math.prod(padded))
    y = ops.reshape(ops.transpose(y), (-1, channels, *padded))
    return y[(slice(None), slice(None), *(slice(begin, begin + size) for size, (begin, _) in zip(image, sides)))]


def deformable_convolution(x, w, offset, bias, mask, strides, dilations, sides, groups=1, offset_groups=1):
    """A convolution that reads each element where ``offset`` moves it, between the pixels, times ``mask``."""
    kernel, sizes, channels = w.shape[2:], offset.shape[2:], x.shape[1]
    offset = ops.reshape(offset, (-1, *kernel, 2, *sizes))
    grid = []
    for axis in (0, 1):
        place = np.arange(sizes[axis]) * strides[axis] - sides[axis][0] + np.arange(kernel[axis])[:, None] * dilations[axis]
        place = place[:, None, :, None] if axis == 0 else place[None, :, None, :]
        grid.append(offset[:, :, :, axis] + ops.convert_to_tensor(place, x.dtype))
    values = bilinear(ops.reshape(x, (-1, channels // offset_groups, *x.shape[2:])), *grid, 0)
    if mask is not None:
        values = values * ops.reshape(mask, (-1, 1, *kernel, *sizes))
    values = ops.reshape(values, (-1, groups, channels // groups, *kernel, *sizes))
    w = ops.reshape(w, (groups, w.shape[0] // groups, *w.shape[1:]))
    y = ops.reshape(ops.einsum("ngcijhw,gocij->ngohw", values, w), (-1, w.shape[0] * w.shape[1], *sizes))
    return y if bias is None else y + ops.reshape(bias, (-1, 1, 1))


def every(x, strides):
    """Every ``strides``-th element along each spatial axis."""
    return x[(slice(None), *(slice(None, None, stride) for stride in strides))]


def spread(x, strides):
    """``x`` with ``strides - 1`` zeros between neighbours along each spatial axis."""
    for axis, stride in enumerate(strides, start=1):
        shape, rank = ops.shape(x), len(x.shape)
        gaps = [(0, 0)] * (axis + 1) + [(0, stride - 1)] + [(0, 0)] * (rank - axis - 1)
        x = ops.pad(ops.expand_dims(x, axis + 1), gaps)
        x = ops.reshape(x, (-1, *shape[1:axis], shape[axis] * stride, *shape[axis + 1 :]))
        x = x[(slice(None),) * axis + (slice(0, (shape[axis] - 1) * stride + 1),)]
    return x
