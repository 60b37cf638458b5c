"""Copied into emitted PyTorch code: classic machine learning: trees, labels, vectors, n-grams."""

import torch


def map_labels(x, keys, values, default):
    """The value at each element's key, ``default`` where it has none."""
    found = (x.unsqueeze(-1) == keys) | (x.unsqueeze(-1).isnan() & keys.isnan())
    return torch.where(found.any(-1), values[found.int().argmax(-1)], default)


def leaves(x, roots, feature, split, yes, no, missing=None, depth=1):
    """The leaf that each sample reaches in each tree; a leaf is its own child."""
    node = roots.expand(len(x), -1)
    for _ in range(depth):
        value = x.gather(1, feature[node])
        goes = value <= split[node]
        goes = goes if missing is None else goes | (value.isnan() & missing[node])
        node = torch.where(goes, yes[node], no[node])
    return node


def count_ngrams(x, grams, columns, size, skips):
    """How often each n-gram stands in each row, its elements side by side or up to ``skips`` places apart."""
    counts = x.new_zeros((*x.shape[:-1], size), dtype=torch.float32)
    for same, places in zip(grams, columns, strict=True):
        last = len(same[0]) - 1
        for step in range(1, skips + 2 if last else 2):
            stop = max(x.shape[-1] - last * step, 0)
            windows = torch.stack([x[..., i * step : i * step + stop] for i in range(last + 1)], dim=-1)
            found = (windows.unsqueeze(-2) == torch.tensor(same, device=x.device)).all(-1).sum(-2)
            counts[..., places] += found.float()
    return counts
