"""Functions that emitted PyTorch code copies where PyTorch itself has no equal. Images are (batch, channel, *spatial)."""

import functools
import operator

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812


def pad_same(x, kernel, strides, dilations):
    """Zeros around ``x`` so that a window gives ceil(size / stride) results; the odd one at the bottom and right."""
    rank = x.ndim - 2
    kernel, strides, dilations = ([n] * rank if isinstance(n, int) else n for n in (kernel, strides, dilations))
    sides = []
    for size, k, stride, dilation in zip(x.shape[2:], kernel, strides, dilations, strict=True):
        total = max((-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size, 0)
        sides = [total // 2, total - total // 2, *sides]
    return F.pad(x, sides)


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


def product(x, dim, keepdim):
    """The product over several axes."""
    for axis in sorted([dim] if isinstance(dim, int) else [axis % x.ndim for axis in dim], reverse=True):
        x = torch.prod(x, axis, keepdim=keepdim)
    return x


def extreme(reduce, x, dim, keepdim, initial):
    """An extreme over axes of which one may be empty: then ``initial``."""
    initial = initial > 0 if x.dtype == torch.bool else initial
    for axis in dim:
        first = torch.full([1 if i == axis % x.ndim else n for i, n in enumerate(x.shape)], initial, dtype=x.dtype)
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


def top_k(x, k, axis, largest):
    """The ``k`` largest or smallest elements in order and where they are; of equal ones the first."""
    values, indices = torch.sort(x, dim=axis, descending=largest, stable=True)
    return values.narrow(axis, 0, k), indices.narrow(axis, 0, k)


def sliced(x, starts, ends, axes=None, steps=None):
    """Slices that are computed; a negative step walks from the end."""
    axes = range(len(starts)) if axes is None else axes.tolist()
    steps = [1] * len(starts) if steps is None else steps.tolist()
    for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes, steps, strict=True):
        places = range(x.shape[axis])[start:end:step]
        x = x.index_select(axis, torch.tensor(places, dtype=torch.int64))
    return x


def gather_nd(x, indices, batch_dims):
    """Slices of ``x`` at the places that the last axis of ``indices`` tells, batch by batch."""
    batch = x.shape[:batch_dims]
    x, indices = x.flatten(0, batch_dims - 1), indices.flatten(0, batch_dims - 1)
    parts = [part[places.unbind(-1)] for part, places in zip(x, indices, strict=True)]
    return torch.stack(parts).unflatten(0, batch)


def scatter_nd(x, indices, updates, reduce):
    """``x`` with ``updates`` combined into the slices that the last axis of ``indices`` tells."""
    depth = indices.shape[-1]
    places = torch.arange(x.shape[:depth].numel()).reshape(x.shape[:depth])[indices.unbind(-1)].flatten()
    flat, updates = x.reshape(-1, x.shape[depth:].numel()), updates.reshape(len(places), -1)
    places = places[:, None].expand(updates.shape)
    return flat.scatter_reduce(0, places, updates, reduce).reshape(x.shape)


def one_hot(indices, depth, values, axis):
    """``values[1]`` at each index along a new axis, ``values[0]`` elsewhere."""
    places = torch.arange(depth).reshape(-1, *[1] * (indices.ndim - axis))
    indices = torch.where(indices < 0, indices + depth, indices)
    return torch.where(places == indices.unsqueeze(axis), values[1], values[0])


def unique(x, axis, sorted):
    """The distinct elements (or slices along ``axis``), where each is first, the inverse and the counts."""
    values, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True, dim=axis)
    places = torch.arange(inverse.numel()).flip(0)
    first = torch.empty_like(counts).scatter(0, inverse.flatten().flip(0), places)
    if not sorted:
        order = torch.argsort(first)
        values = values.index_select(0 if axis is None else axis, order)
        inverse, first, counts = torch.argsort(order)[inverse], first[order], counts[order]
    return values, first, inverse.flatten(), counts


def reverse_sequence(x, lengths, time_axis, batch_axis):
    """The first ``lengths[i]`` steps of each sequence in reverse order."""
    x = x.movedim((batch_axis, time_axis), (0, 1))
    steps, lengths = torch.arange(x.shape[1]), lengths[:, None]
    order = torch.where(steps < lengths, lengths - 1 - steps, steps)
    return x[torch.arange(x.shape[0])[:, None], order].movedim((0, 1), (batch_axis, time_axis))


def reshaped(x, shape, zero):
    """``x`` in a shape that is computed; a 0 there keeps the size, unless ``zero`` takes it as it is."""
    return x.reshape([x.shape[i] if size == 0 and not zero else size for i, size in enumerate(shape)])


def padded(x, pads, mode, fill, axes=None):
    """Padding of any axes by any mode; negative amounts crop. ``pads`` holds all beginnings, then all ends."""
    axes = range(x.ndim) if axes is None else axes
    for axis, begin, end in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        size = x.shape[axis]
        places = torch.arange(-begin, size + end)
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


def resize_places(size, new, scale, coordinates, start, end):
    """Where in an axis of ``size`` elements each of the ``new`` ones lies."""
    x = np.arange(new, dtype=np.float64)
    if coordinates == "align_corners":
        return x * (size - 1) / max(new - 1, 1)
    if coordinates == "asymmetric":
        return x / scale
    if coordinates == "tf_half_pixel_for_nn":
        return (x + 0.5) / scale
    if coordinates == "tf_crop_and_resize":
        if new == 1:
            return x + (start + end) * (size - 1) / 2
        return start * (size - 1) + x * (end - start) * (size - 1) / (new - 1)
    if coordinates == "pytorch_half_pixel" and new == 1:
        return x * 0
    x = (x + 0.5) / scale - 0.5
    if coordinates == "half_pixel_symmetric":
        x += size / 2 * (1 - new / (scale * size))
    return x


def resize_weights(size, x, scale, mode, a, exclude_outside, antialias):
    """A matrix: how much each old element of an axis counts for each new one, which lies at ``x``."""
    if mode in ("floor", "ceil"):
        places = np.floor(x) if mode == "floor" else np.ceil(x)
    elif mode.startswith("round"):
        places = np.ceil(x - 0.5) if mode == "round_prefer_floor" else np.floor(x + 0.5)
    if mode not in ("linear", "cubic"):
        return places.clip(0, size - 1).astype(int)
    scale = min(scale, 1) if antialias else 1
    reach = int(np.ceil((1 if mode == "linear" else 2) / scale))
    places = np.floor(x)[:, None] + np.arange(1 - reach, reach + 1)
    d = abs(places - x[:, None]) * scale
    if mode == "linear":
        weights = (1 - d).clip(0)
    else:
        near, far = ((a + 2) * d - (a + 3)) * d * d + 1, ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        weights = np.where(d <= 1, near, np.where(d < 2, far, 0))
    if exclude_outside:
        weights = np.where((places < 0) | (places >= size), 0, weights)
    weights /= weights.sum(1, keepdims=True)
    matrix = np.zeros((len(x), size))
    np.add.at(matrix, (np.arange(len(x))[:, None], places.clip(0, size - 1).astype(int)), weights)
    return matrix


def resize(
    x,
    sizes=None,
    scales=None,
    roi=None,
    axes=None,
    mode="nearest",
    coordinate_transformation_mode="half_pixel",
    nearest_mode="round_prefer_floor",
    cubic_coeff_a=-0.75,
    exclude_outside=0,
    extrapolation_value=0.0,
    antialias=0,
    keep_aspect_ratio_policy="stretch",
):
    """The image in other sizes, one axis after the other, as the ONNX operator Resize defines it."""
    axes = list(range(len(x.shape))) if axes is None else axes
    if sizes is not None:
        scales = [size / x.shape[axis] for axis, size in zip(axes, sizes, strict=True)]
        if keep_aspect_ratio_policy != "stretch":
            scales = [min(scales) if keep_aspect_ratio_policy == "not_larger" else max(scales)] * len(axes)
            sizes = [int(x.shape[axis] * scale + 0.5) for axis, scale in zip(axes, scales, strict=True)]
    else:
        sizes = [int(x.shape[axis] * scale) for axis, scale in zip(axes, scales, strict=True)]
    crops = coordinate_transformation_mode == "tf_crop_and_resize"
    for i, axis in enumerate(axes):
        size, (start, end) = x.shape[axis], (roi[i], roi[i + len(axes)]) if crops else (0, 1)
        if size == sizes[i] and scales[i] == 1 and not crops:
            continue
        places = resize_places(size, sizes[i], scales[i], coordinate_transformation_mode, start, end)
        how = nearest_mode if mode == "nearest" else mode
        weights = resize_weights(size, places, scales[i], how, cubic_coeff_a, exclude_outside, antialias)
        x = weigh(x, weights, axis)
        if crops:
            outside = ((places < 0) | (places > size - 1)).reshape(-1, *[1] * (len(x.shape) - 1 - axis))
            x = torch.where(torch.from_numpy(outside), extrapolation_value, x)
    return x


def weigh(x, weights, axis):
    """``x`` along an axis multiplied by a matrix, or the elements at the places that a vector tells."""
    weights = torch.from_numpy(weights).to(x.device)
    if weights.ndim == 1:
        return x.index_select(axis, weights)
    return (x.movedim(axis, -1) @ weights.T.to(x.dtype)).movedim(-1, axis)


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
