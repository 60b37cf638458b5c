"""Copied into emitted PyTorch code: arithmetic."""

import torch


def product(x, dim, keepdim=False):
    """The product over several axes."""
    for axis in sorted([dim] if isinstance(dim, int) else [axis % x.ndim for axis in dim], reverse=True):
        x = torch.prod(x, axis, keepdim=keepdim)
    return x


def extreme(reduce, x, dim, keepdim, initial):
    """An extreme over axes of which one may be empty: then ``initial``."""
    initial = initial > 0 if x.dtype == torch.bool else initial
    for axis in dim:
        first = x.new_full([1 if i == axis % x.ndim else n for i, n in enumerate(x.shape)], initial)
        x = torch.cat([x, first], dim=axis)
    return reduce(x, dim=dim, keepdim=keepdim)


def running(function, x, axis, start, exclusive, reverse):
    """A running sum or product, without the element itself, or from the end."""
    if reverse:
        x = torch.flip(x, [axis])
    if exclusive:
        first = torch.full_like(x.narrow(axis, 0, 1), start)
        x = torch.cat([first, x.narrow(axis, 0, x.shape[axis] - 1)], dim=axis)
    x = function(x, dim=axis, dtype=x.dtype)
    return torch.flip(x, [axis]) if reverse else x


def ordered(x):
    """uint64 numbers as int64 numbers in the same order."""
    return x.to(torch.int64) + torch.iinfo(torch.int64).min


def unordered(x):
    """The uint64 numbers that ``ordered`` was given."""
    return (x + torch.iinfo(torch.int64).min).to(torch.uint64)
