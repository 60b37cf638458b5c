"""Copied into emitted PyTorch code: convolutions, and the steps that make them up. Images are (batch, channel, *spatial)."""

import math

import torch
import torch.nn.functional as F  # noqa: N812

from converter.emitters.helpers.pytorch.detection import bilinear


def same_sides(x, kernel, strides, dilations=1, upper=True):
    """The padding for ``F.pad`` with which windows give ceil(size / stride) results; the odd one at the end where ``upper``."""
    rank = x.ndim - 2
    kernel, strides, dilations = ([n] * rank if isinstance(n, int) else n for n in (kernel, strides, dilations))
    sides = []
    for size, k, stride, dilation in zip(x.shape[2:], kernel, strides, dilations, strict=True):
        total = max((-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size, 0)
        small, large = total // 2, total - total // 2
        sides = [small, large, *sides] if upper else [large, small, *sides]
    return sides


def causal_convolution(x, weight, bias=None, past=None, silu=False):
    """Depthwise convolution that looks back only, and the last inputs for the next call."""
    size = weight.shape[-1] - 1
    x = F.pad(x, (size, 0)) if past is None else torch.cat([past, x], dim=-1)
    y = F.conv1d(x, weight, bias, groups=weight.shape[0])
    return (F.silu(y) if silu else y), x[..., x.shape[-1] - size :]


def blocks_to_image(x, image, block, strides, dilations, sides):
    """Sums of overlapping blocks, one a column of (batch, channel * block, place)."""
    image, block = (tuple(torch.as_tensor(sizes).tolist()) for sizes in (image, block))
    padded = [size + sum(side) for size, side in zip(image, sides, strict=True)]
    places = torch.zeros((1, 1), dtype=torch.int64, device=x.device)
    for size, k, stride, dilation in zip(padded, block, strides, dilations, strict=True):
        count = (size - (k - 1) * dilation - 1) // stride + 1
        steps, inside = (torch.arange(number, device=x.device) for number in (count, k))
        along = inside[:, None] * dilation + steps * stride
        places = (places[:, None, :, None] * size + along[None, :, None]).flatten(2).flatten(0, 1)
    x = x.unflatten(1, (-1, math.prod(block))).flatten(2)
    y = x.new_zeros(*x.shape[:2], math.prod(padded)).index_add(2, places.flatten(), x).unflatten(2, padded)
    for axis, (size, (begin, _)) in enumerate(zip(image, sides, strict=True), start=2):
        y = y.narrow(axis, begin, size)
    return y


def deformable_convolution(x, w, offset, bias, mask, strides, dilations, sides, groups=1, offset_groups=1):
    """A convolution that reads each element where ``offset`` moves it, between the pixels, times ``mask``."""
    kernel, (height, width) = w.shape[2:], offset.shape[2:]
    offset = offset.unflatten(1, (offset_groups, *kernel, 2))
    grid = []
    for axis, (count, k) in enumerate(zip((height, width), kernel, strict=True)):
        steps, inside = (torch.arange(number, device=x.device) for number in (count, k))
        place = steps * strides[axis] - sides[axis][0] + inside[:, None] * dilations[axis]
        grid.append(place[:, None, :, None] if axis == 0 else place[None, :, None, :])
    rows, columns = (base + offset[:, :, :, :, i] for i, base in enumerate(grid))
    parts = x.unflatten(1, (offset_groups, -1)).flatten(0, 1)
    values = bilinear(parts, rows.flatten(0, 1), columns.flatten(0, 1), 0)
    if mask is not None:
        values = values * mask.unflatten(1, (offset_groups, *kernel)).flatten(0, 1).unsqueeze(1)
    values = values.unflatten(0, (len(x), offset_groups)).flatten(1, 2).unflatten(1, (groups, -1))
    y = torch.einsum("ngcijhw,gocij->ngohw", values, w.unflatten(0, (groups, -1))).flatten(1, 2)
    return y if bias is None else y + bias[:, None, None]
