"""Copied into emitted Keras code: resizing and sampling images. Images are (batch, *spatial, channel)."""

import itertools

import numpy as np
from keras import ops

from converter.emitters.helpers.both.resizing import resize_places, resize_weights


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
        scales = [size / x.shape[axis] for axis, size in zip(axes, sizes)]
        if keep_aspect_ratio_policy != "stretch":
            scales = [min(scales) if keep_aspect_ratio_policy == "not_larger" else max(scales)] * len(axes)
            sizes = [int(x.shape[axis] * scale + 0.5) for axis, scale in zip(axes, scales)]
    else:
        sizes = [int(x.shape[axis] * scale) for axis, scale in zip(axes, scales)]
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
            x = ops.where(outside, ops.cast(extrapolation_value, x.dtype), x)
    return x


def weigh(x, weights, axis):
    """``x`` along an axis multiplied by a matrix, or the elements at the places that a vector tells."""
    if weights.ndim == 1:
        return ops.take(x, ops.convert_to_tensor(weights, "int32"), axis=axis)
    return ops.moveaxis(ops.matmul(ops.moveaxis(x, axis, -1), ops.convert_to_tensor(weights.T, x.dtype)), -1, axis)


def affine_grid(theta, sizes, align_corners):
    """Where each element of an image of ``sizes`` comes from under ``theta``: x, y (and z) between -1 and 1."""
    lines = [np.linspace(-1, 1, n) if align_corners else (2 * np.arange(n) + 1) / n - 1 for n in sizes]
    grid = np.stack([*np.meshgrid(*lines, indexing="ij")[::-1], np.ones(sizes)], axis=-1)
    flat = ops.convert_to_tensor(grid.reshape(-1, len(sizes) + 1), theta.dtype)
    return ops.reshape(ops.matmul(flat, ops.swapaxes(theta, 1, 2)), (-1, *sizes, len(sizes)))


def grid_sample(x, grid, mode, padding_mode, align_corners):
    """``x`` (batch, channel, *spatial) at the places that ``grid`` tells: x, y (and z) between -1 and 1."""
    (batch, channels, *sizes), places = ops.shape(x), []
    for axis, size in enumerate(sizes):
        place = grid[..., len(sizes) - 1 - axis]
        place = (place + 1) / 2 * (size - 1) if align_corners else ((place + 1) * size - 1) / 2
        places.append(place if mode == "cubic" else inside(place, size, padding_mode, align_corners))
    total = 0
    for corner in itertools.product(*[{"nearest": [0], "linear": [0, 1], "cubic": [-1, 0, 1, 2]}[mode]] * len(sizes)):
        index, weight, valid = 0, 1, True
        for place, size, step in zip(places, sizes, corner):
            near = ops.round(place) if mode == "nearest" else ops.floor(place) + step
            weight = weight * sampling_weight(place - near, mode)
            near = inside(near, size, padding_mode, align_corners) if mode == "cubic" else near
            valid = ops.logical_and(valid, ops.logical_and(near >= 0, near <= size - 1))
            index = index * size + ops.cast(ops.clip(ops.round(near), 0, size - 1), "int32")
        index = ops.reshape(index, (batch, 1, -1))
        flat = ops.reshape(x, (batch, channels, -1))
        found = ops.take_along_axis(flat, ops.broadcast_to(index, (batch, channels, ops.shape(index)[-1])), axis=2)
        total += found * ops.reshape(ops.cast(valid, x.dtype) * weight, (batch, 1, -1))
    return ops.reshape(total, (batch, channels, *ops.shape(grid)[1:-1]))


def inside(place, size, padding_mode, align_corners):
    """A place in an axis as padding tells: at the border, reflected there, or as it is."""
    if padding_mode == "reflection":
        low, span = (0, size - 1) if align_corners else (-0.5, size)
        if span == 0:
            return ops.zeros_like(place)
        away = ops.abs(place - low) % (2 * span)
        place = ops.minimum(away, 2 * span - away) + low
    return place if padding_mode == "zeros" else ops.clip(place, 0, size - 1)


def sampling_weight(distance, mode, a=-0.75):
    """How much an element at a distance counts."""
    d = ops.abs(distance)
    if mode == "cubic":
        near, far = ((a + 2) * d - (a + 3)) * d * d + 1, ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        return ops.where(d <= 1, near, far)
    return 1 - d if mode == "linear" else ops.ones_like(d)
