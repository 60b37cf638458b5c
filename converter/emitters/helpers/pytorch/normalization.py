"""Copied into emitted PyTorch code: normalisations. Images are (batch, channel, *spatial)."""

import torch
import torch.nn.functional as F  # noqa: N812


def batch_norm_training(x, scale, bias, mean, variance, momentum=0.9, eps=1e-5):
    """Normalise by the batch's own statistics; also the running mean and variance with these taken in."""
    axes = [0, *range(2, x.ndim)]
    batch_mean, batch_variance = x.mean(axes), x.var(axes, correction=0)
    y = F.batch_norm(x, batch_mean, batch_variance, scale, bias, eps=eps)
    kept, new = momentum, 1 - momentum
    return y, kept * mean + new * batch_mean, kept * variance + new * batch_variance


def layer_norm(x, scale, bias=None, axis=-1, eps=1e-5):
    """Layer normalisation over the axes from ``axis`` on, with the mean and the inverse of the deviation."""
    axes = list(range(axis % x.ndim, x.ndim))
    mean = x.mean(axes, keepdim=True)
    inverse = torch.rsqrt(x.var(axes, correction=0, keepdim=True) + eps)
    y = (x - mean) * inverse * scale
    return (y if bias is None else y + bias), mean, inverse
