"""Copied into emitted Keras code: boxes, and regions of images. Images are (batch, *spatial, channel)."""

import itertools
import math

import numpy as np
from keras import ops


def non_max_suppression(boxes, scores, count=None, overlap=None, least=None, center=False):
    """Rows (sample, class, box), best first, without boxes that overlap a better one of their class."""
    boxes, scores = ops.convert_to_numpy(boxes), ops.convert_to_numpy(scores)
    count, overlap = (0 if x is None else ops.convert_to_numpy(x).item() for x in (count, overlap))
    least = -np.inf if least is None else ops.convert_to_numpy(least).item()
    if center:
        boxes = np.concatenate([boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2], axis=-1)
    low, high = np.minimum(boxes[..., :2], boxes[..., 2:]), np.maximum(boxes[..., :2], boxes[..., 2:])
    areas, kept = np.prod(high - low, axis=-1), []
    for sample, kind in np.ndindex(*scores.shape[:2]):
        a, b, area = low[sample], high[sample], areas[sample]
        order = np.argsort(-scores[sample, kind], kind="stable")
        order = order[scores[sample, kind][order] > least]
        chosen = []
        while len(order) and len(chosen) < count:
            best, order = order[0], order[1:]
            chosen.append((sample, kind, best))
            inside = np.prod(np.maximum(np.minimum(b[best], b[order]) - np.maximum(a[best], a[order]), 0), axis=-1)
            order = order[inside <= overlap * (area[best] + area[order] - inside)]
        kept += chosen
    return ops.convert_to_tensor(np.array(kept, "int64").reshape(-1, 3))


def bilinear(x, y_places, x_places, border, combine=ops.sum):
    """Values of images (n, channel, height, width) between their pixels, at places (n, *any).

    The shares of the four pixels around a place are combined, by default to their sum. Beyond ``border`` pixels outside the
    image there are zeros; with a border of 1 the edge pixels reach that far.
    """
    _, channels, height, width = x.shape
    flat = ops.reshape(ops.transpose(x, (0, 2, 3, 1)), (-1, height * width, channels))
    shape = y_places.shape[1:]
    y_places, x_places = (ops.reshape(places, (-1, math.prod(shape))) for places in (y_places, x_places))
    inside = ops.logical_and(
        ops.abs(y_places - (height - 1) / 2) <= (height - 1) / 2 + border,
        ops.abs(x_places - (width - 1) / 2) <= (width - 1) / 2 + border,
    )
    if border:
        y_places, x_places = ops.clip(y_places, 0, height - 1), ops.clip(x_places, 0, width - 1)
    shares = []
    for down, right in itertools.product((0, 1), repeat=2):
        row, column = ops.floor(y_places) + down, ops.floor(x_places) + right
        share = (1 - ops.abs(y_places - row)) * (1 - ops.abs(x_places - column))
        near_row, near_column = ops.clip(row, 0, height - 1), ops.clip(column, 0, width - 1)
        valid = ops.logical_and(ops.equal(row, near_row), ops.equal(column, near_column))
        place = ops.cast(near_row * width + near_column, "int32")
        picked = ops.take_along_axis(flat, ops.expand_dims(place, -1), axis=1)
        shares.append(picked * ops.expand_dims(share * ops.cast(valid, x.dtype), -1))
    y = combine(ops.stack(shares), axis=0) * ops.expand_dims(ops.cast(inside, x.dtype), -1)
    return ops.reshape(ops.swapaxes(y, 1, 2), (-1, channels, *shape))


def roi_align(x, rois, batch, size=(1, 1), ratio=0, scale=1.0, half_pixel=True, maximum=False):
    """Averages of bilinear samples on a grid in each region (x1, y1, x2, y2), or the largest share of a pixel in them."""
    if not ratio:  # as many samples as pixels, which differs between regions: these run one by one
        options = {"size": size, "scale": scale, "half_pixel": half_pixel, "maximum": maximum}
        steps = ops.convert_to_numpy((rois[:, 2:] - rois[:, :2]) * scale)
        steps = np.ceil((steps if half_pixel else np.maximum(steps, 1)) / size[::-1]).astype(int)
        parts = [roi_align(x, rois[i : i + 1], batch[i : i + 1], ratio=tuple(n[::-1]), **options) for i, n in enumerate(steps)]
        return ops.concatenate(parts)
    ratio = (ratio, ratio) if isinstance(ratio, int) else ratio
    rois, places = rois * scale - (0.5 if half_pixel else 0), []
    for axis, count, samples in ((1, size[0], ratio[0]), (0, size[1], ratio[1])):
        start, length = rois[:, axis : axis + 1], rois[:, axis + 2 : axis + 3] - rois[:, axis : axis + 1]
        length = length if half_pixel else ops.maximum(length, 1.0)
        inner = np.arange(count)[:, None] + (np.arange(samples) + 0.5) / samples
        places.append(start + length / count * ops.convert_to_tensor(inner.reshape(1, -1), x.dtype))
    rows, columns = ops.expand_dims(places[0], 2), ops.expand_dims(places[1], 1)
    rows, columns = rows + ops.zeros_like(columns), columns + ops.zeros_like(rows)
    values = bilinear(ops.take(x, batch, axis=0), rows, columns, 1, ops.max if maximum else ops.sum)
    values = ops.reshape(values, (-1, x.shape[1], size[0], ratio[0], size[1], ratio[1]))
    return ops.max(values, axis=(3, 5)) if maximum else ops.mean(values, axis=(3, 5))


def max_roi_pool(x, rois, size, scale=1.0):
    """The largest element of each cell of the regions (sample, x1, y1, x2, y2); an empty cell gives zero."""
    x = ops.convert_to_numpy(x)
    y = np.zeros((rois.shape[0], x.shape[1], *size), x.dtype)
    for i, (sample, *box) in enumerate(ops.convert_to_numpy(rois).tolist()):
        x1, y1, x2, y2 = (math.floor(edge * scale + 0.5) for edge in box)
        for row, column in np.ndindex(*size):
            cuts = []
            for start, end, cell, count, limit in ((y1, y2, row, size[0], x.shape[2]), (x1, x2, column, size[1], x.shape[3])):
                step = max(end - start + 1, 1) / count
                edges = start + math.floor(cell * step), start + math.ceil((cell + 1) * step)
                cuts.append(slice(*(min(max(edge, 0), limit) for edge in edges)))
            y[i, :, row, column] = x[int(sample), :, cuts[0], cuts[1]].max(axis=(1, 2), initial=-np.inf)
    return ops.convert_to_tensor(np.where(np.isneginf(y), 0, y).astype(x.dtype))
