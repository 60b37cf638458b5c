"""Copied into emitted PyTorch code: resizing and sampling images. Images are (batch, channel, *spatial)."""

import torch

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
