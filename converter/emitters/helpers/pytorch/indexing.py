"""Copied into emitted PyTorch code: picking, sorting and putting elements."""

import torch


def top_k(x, k, axis, largest):
    """The ``k`` largest or smallest elements in order and where they are; of equal ones the first."""
    values, indices = torch.sort(x, dim=axis, descending=largest, stable=True)
    return values.narrow(axis, 0, k), indices.narrow(axis, 0, k)


def sliced(x, starts, ends, axes=None, steps=None):
    """Slices that are computed; a negative step walks from the end."""
    axes = range(len(starts)) if axes is None else axes.tolist()
    steps = [1] * len(starts) if steps is None else steps.tolist()
    for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes, steps, strict=True):
        start = max(start, -x.shape[axis]) if step < 0 else start
        places = range(x.shape[axis])[start:end:step]
        x = x.index_select(axis, torch.tensor(places, dtype=torch.int64, device=x.device))
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
    places = torch.arange(x.shape[:depth].numel(), device=x.device).reshape(x.shape[:depth])
    places = places[indices.unbind(-1)].flatten()
    flat, updates = x.reshape(-1, x.shape[depth:].numel()), updates.reshape(len(places), -1)
    places = places[:, None].expand(updates.shape)
    return flat.scatter_reduce(0, places, updates, reduce).reshape(x.shape)


def one_hot(indices, depth, values, axis):
    """``values[1]`` at each index along a new axis, ``values[0]`` elsewhere."""
    places = torch.arange(depth, device=indices.device).reshape(-1, *[1] * (indices.ndim - axis))
    indices = torch.where(indices < 0, indices + depth, indices)
    return torch.where(places == indices.unsqueeze(axis), values[1], values[0])


def unique(x, axis, sorted):
    """The distinct elements (or slices along ``axis``), where each is first, the inverse and the counts."""
    values, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True, dim=axis)
    places = torch.arange(inverse.numel(), device=x.device).flip(0)
    first = torch.empty_like(counts).scatter(0, inverse.flatten().flip(0), places)
    if not sorted:
        order = torch.argsort(first)
        values = values.index_select(0 if axis is None else axis, order)
        inverse, first, counts = torch.argsort(order)[inverse], first[order], counts[order]
    return values, first, inverse.flatten(), counts


def reverse_sequence(x, lengths, time_axis, batch_axis):
    """The first ``lengths[i]`` steps of each sequence in reverse order."""
    x = x.movedim((batch_axis, time_axis), (0, 1))
    steps, lengths = torch.arange(x.shape[1], device=x.device), lengths[:, None]
    order = torch.where(steps < lengths, lengths - 1 - steps, steps)
    return x[torch.arange(len(x), device=x.device)[:, None], order].movedim((0, 1), (batch_axis, time_axis))
