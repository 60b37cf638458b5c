"""Copied into emitted PyTorch code: random numbers."""

import torch


def dropped(x, ratio=0.5, training=True):
    """Dropout where the network itself says whether it trains: the result, and which elements are kept."""
    ratio = ratio if training else 0.0
    kept = torch.rand_like(x) >= ratio
    return torch.where(kept, x / (1 - ratio), 0), kept
