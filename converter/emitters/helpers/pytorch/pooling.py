"""Copied into emitted PyTorch code: pooling and its inverse. Images are (batch, channel, *spatial)."""

import functools
import math
import operator

import torch
import torch.nn.functional as F  # noqa: N812


def max_pool_with_indices(x, sizes, strides, dilations, sides, column_major=False):
    """The largest element of each window, and its place in the whole tensor."""
    places = torch.arange(x.numel(), device=x.device).reshape(x.shape)
    if column_major:
        flat = (*x.shape[:2], *x.shape[:1:-1])
        places = torch.arange(x.numel(), device=x.device).reshape(flat).permute(0, 1, *range(x.ndim - 1, 1, -1))
    lowest = -torch.inf if x.is_floating_point() else torch.iinfo(x.dtype).min
    x, places = F.pad(x, sides, value=lowest), F.pad(places, sides)
    for axis, (size, stride, dilation) in enumerate(zip(sizes, strides, dilations, strict=True), start=2):
        x, places = (
            t.unfold(axis, (size - 1) * dilation + 1, stride)[..., ::dilation].movedim(-1, x.ndim) for t in (x, places)
        )
    count = x.ndim // 2 + 1
    x, places = x.flatten(count), places.flatten(count)
    y, index = x.max(dim=-1)
    return y, places.gather(-1, index.unsqueeze(-1)).squeeze(-1)


def max_unpool(x, indices, sizes, full=None):
    """Each element where its index, counted in the whole tensor, tells; zeros elsewhere."""
    y = x.new_zeros(math.prod([*x.shape[:2], *sizes])).scatter(0, indices.flatten(), x.flatten())
    y = y.reshape(*x.shape[:2], *sizes)
    if full is not None:
        y = F.pad(y, [n for a, b in zip(sizes[::-1], full[::-1], strict=True) for n in (0, b - a)])
    return y


def average_pool(pool, x, size, strides, sides):
    """Average over the elements inside ``x``: padding (``sides``, last axis first) is not counted."""
    ones = torch.ones_like(x)
    return pool(F.pad(x, sides), size, strides) / pool(F.pad(ones, sides), size, strides)


def dilated_pool(combine, x, sizes, strides, dilations):
    """Combine the elements of windows with gaps between them, one axis after the other."""
    for axis, (size, stride, dilation) in enumerate(zip(sizes, strides, dilations, strict=True), start=2):
        last = (size - 1) * dilation
        stop = x.shape[axis] - last
        parts = [(slice(None),) * axis + (slice(i, i + stop, stride),) for i in range(0, last + 1, dilation)]
        x = functools.reduce(combine, [x[part] for part in parts])
    return x


def dilated_average_pool(x, sizes, strides, dilations, sides):
    """Average pooling with gaps in the window; padding (``sides``, last axis first) is not counted."""
    total = dilated_pool(operator.add, F.pad(x, sides), sizes, strides, dilations)
    count = dilated_pool(operator.add, F.pad(torch.ones_like(x), sides), sizes, strides, dilations)
    return total / count
