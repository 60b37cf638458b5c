"""Copied into emitted code of both targets: resizing and sampling images."""

import numpy as np


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
