"""Copied into emitted PyTorch code: boxes, and regions of images. Images are (batch, channel, *spatial)."""

import itertools
import math

import torch


def non_max_suppression(boxes, scores, count=None, overlap=None, least=None, center=False):
    """Rows (sample, class, box), best first, without boxes that overlap a better one of their class."""
    count, overlap = (0 if x is None else torch.as_tensor(x).item() for x in (count, overlap))
    if center:
        boxes = torch.cat([boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2], dim=-1)
    low, high = torch.minimum(boxes[..., :2], boxes[..., 2:]), torch.maximum(boxes[..., :2], boxes[..., 2:])
    areas, kept = (high - low).prod(dim=-1), []
    for sample, kind in itertools.product(*map(range, scores.shape[:2])):
        score, a, b, area = scores[sample, kind], low[sample], high[sample], areas[sample]
        order = torch.argsort(score, descending=True, stable=True)
        order = order if least is None else order[score[order] > least]
        chosen = []
        while len(order) and len(chosen) < count:
            best, order = order[0], order[1:]
            chosen.append([sample, kind, best.item()])
            inside = (torch.minimum(b[best], b[order]) - torch.maximum(a[best], a[order])).clamp(min=0).prod(dim=-1)
            order = order[inside <= overlap * (area[best] + area[order] - inside)]
        kept += chosen
    return torch.tensor(kept, dtype=torch.int64, device=boxes.device).reshape(-1, 3)


def bilinear(x, y_places, x_places, border, combine=torch.sum):
    """Values of images (n, channel, height, width) between their pixels, at places (n, *any).

    The shares of the four pixels around a place are combined, by default to their sum. Beyond ``border`` pixels outside the
    image there are zeros; with a border of 1 the edge pixels reach that far.
    """
    height, width = x.shape[-2:]
    inside = (y_places >= -border) & (y_places <= height - 1 + border)
    inside = inside & (x_places >= -border) & (x_places <= width - 1 + border)
    flat, batch = x.flatten(2), torch.arange(len(x), device=x.device).reshape(-1, *[1] * (y_places.ndim - 1))
    if border:
        y_places, x_places = y_places.clamp(0, height - 1), x_places.clamp(0, width - 1)
    shares = []
    for down, right in itertools.product((0, 1), repeat=2):
        row, column = y_places.floor() + down, x_places.floor() + right
        share = (1 - (y_places - row).abs()) * (1 - (x_places - column).abs())
        valid = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        place = (row.clamp(0, height - 1) * width + column.clamp(0, width - 1)).long()
        picked = flat.transpose(1, 2)[batch.expand(place.shape), place]
        shares.append(picked * (share * valid).unsqueeze(-1))
    return (combine(torch.stack(shares), dim=0) * inside.unsqueeze(-1)).movedim(-1, 1)


def roi_align(x, rois, batch, size=(1, 1), ratio=0, scale=1.0, half_pixel=True, maximum=False):
    """Averages of bilinear samples on a grid in each region (x1, y1, x2, y2), or the largest share of a pixel in them."""
    combine = torch.amax if maximum else torch.sum
    rois = rois * scale - (0.5 if half_pixel else 0)
    results = []
    for roi, sample in zip(rois, batch.tolist(), strict=True):
        places = []
        for start, end, count in ((roi[1], roi[3], size[0]), (roi[0], roi[2], size[1])):
            length = end - start if half_pixel else (end - start).clamp(min=1)
            samples = ratio if ratio > 0 else math.ceil(length.item() / count)
            step = length / count
            inner = (torch.arange(samples, device=x.device) + 0.5) / samples
            places.append(start + step * (torch.arange(count, device=x.device)[:, None] + inner))
        rows, columns = torch.meshgrid(places[0].flatten(), places[1].flatten(), indexing="ij")
        values = bilinear(x[sample : sample + 1], rows[None], columns[None], 1, combine)[0]
        values = values.unflatten(1, places[0].shape).unflatten(-1, places[1].shape)
        results.append(values.amax(dim=(2, 4)) if maximum else values.mean(dim=(2, 4)))
    return torch.stack(results)


def max_roi_pool(x, rois, size, scale=1.0):
    """The largest element of each cell of the regions (sample, x1, y1, x2, y2); an empty cell gives zero."""
    y = x.new_zeros(len(rois), x.shape[1], *size)
    for i, (sample, *box) in enumerate(rois.tolist()):
        x1, y1, x2, y2 = (math.floor(edge * scale + 0.5) for edge in box)
        for row, column in itertools.product(range(size[0]), range(size[1])):
            cuts = []
            for start, end, cell, count, limit in ((y1, y2, row, size[0], x.shape[2]), (x1, x2, column, size[1], x.shape[3])):
                step = max(end - start + 1, 1) / count
                edges = start + math.floor(cell * step), start + math.ceil((cell + 1) * step)
                cuts.append(slice(*(min(max(edge, 0), limit) for edge in edges)))
            cell = x[int(sample), :, cuts[0], cuts[1]]
            if cell.numel():
                y[i, :, row, column] = cell.amax(dim=(1, 2))
    return y
