"""Copied into emitted PyTorch code: shapes, and moving elements. Images are (batch, channel, *spatial)."""

import torch
import torch.nn.functional as F  # noqa: N812


def reshaped(x, shape, zero):
    """``x`` in a shape that is computed; a 0 there keeps the size, unless ``zero`` takes it as it is."""
    return x.reshape([x.shape[i] if size == 0 and not zero else size for i, size in enumerate(shape)])


def padded(x, pads, mode, fill, axes=None):
    """Padding of any axes by any mode; negative amounts crop, before the rest is padded. ``pads`` holds all beginnings, then
    all ends."""
    axes = range(x.ndim) if axes is None else axes
    for axis, begin, end in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        x = x.narrow(axis, max(-begin, 0), x.shape[axis] + min(begin, 0) + min(end, 0))
        size = x.shape[axis]
        places = torch.arange(min(-begin, 0), size + max(end, 0), device=x.device)
        if mode == "edge":
            inside = places.clamp(0, size - 1)
        elif mode == "reflect":
            inside = (places + size - 1) % max(2 * size - 2, 1) - size + 1
        else:
            inside = places % size
        part = x.index_select(axis, inside.abs())
        if mode == "constant":
            outside = ((places < 0) | (places >= size)).reshape(-1, *[1] * (x.ndim - 1 - axis % x.ndim))
            part = torch.where(outside, fill, part)
        x = part
    return x


def unsqueezed(x, axes):
    """``x`` with axes of size 1, at places of the result."""
    for axis in sorted(axis % (x.ndim + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


def middle(x, sizes, axes=None):
    """The middle of ``x`` in other sizes, zeros around it where they are larger; the smaller half comes first."""
    sides = [0] * (2 * x.ndim)
    for axis, size in zip(range(len(sizes)) if axes is None else axes, sizes, strict=True):
        more = size - x.shape[axis]
        place = 2 * (x.ndim - 1 - axis % x.ndim)
        sides[place] = more // 2 if more > 0 else -(-more // 2)
        sides[place + 1] = more - sides[place]
    return F.pad(x, sides)


def depth_to_space(x, block):
    """Channels as blocks of an image, the place in the block before the channel."""
    x = x.unflatten(1, (block, block, -1)).permute(0, 3, 4, 1, 5, 2)
    return x.flatten(4, 5).flatten(2, 3)


def space_to_depth(x, block):
    """Blocks of an image as channels, the place in the block before the channel."""
    x = x.unflatten(3, (-1, block)).unflatten(2, (-1, block)).permute(0, 3, 5, 1, 2, 4)
    return x.flatten(1, 3)


def stacked(parts, axis, sizes, dtype):
    """What the rounds of a loop gave, on an axis of their own; an empty tensor where there was no round."""
    return torch.stack(parts, axis) if parts else torch.empty(*sizes[:axis], 0, *sizes[axis + 1 :], dtype=dtype)


def parts_of(x, sizes, axis, keep=True):
    """Parts along an axis, of one size but for the last one, or of a list of sizes; with or without the axis."""
    return list(torch.split(x, sizes, axis) if keep else torch.unbind(x, axis))
