"""Copied into emitted PyTorch code: attention, and what stands around it."""

import torch
import torch.nn.functional as F  # noqa: N812


def attention(
    q, k, v, mask=None, past_key=None, past_value=None, lengths=None,
    heads=None, causal=False, window=(-1, -1), scale=None, softcap=0.0, precision=None, stage=0,
):  # fmt: skip
    """Attention with a cache: the result, keys and values with the past ones, and the scores after a ``stage``.

    Stage 0 is the product of queries and keys, 1 comes after the soft cap, 2 after the mask, 3 after the softmax.
    """
    if heads is not None:
        q, k, v = (x.unflatten(-1, (count, -1)).transpose(1, 2) for x, count in ((q, heads[0]), (k, heads[1]), (v, heads[1])))
    if past_key is not None:
        k, v = torch.cat([past_key, k], dim=2), torch.cat([past_value, v], dim=2)
    groups, queries, keys = q.shape[1] // k.shape[1], q.shape[2], k.shape[2]
    root = (scale or q.shape[-1] ** -0.5) ** 0.5
    scores = (q * root) @ (k.repeat_interleave(groups, dim=1) * root).transpose(2, 3)
    stages = [scores]
    if softcap:
        scores = softcap * torch.tanh(scores / softcap)
    stages.append(scores)
    offset = 0 if past_key is None else past_key.shape[2]
    if lengths is not None:
        offset = (lengths - queries).reshape(-1, 1, 1, 1)
    place, key = offset + torch.arange(queries, device=q.device)[:, None], torch.arange(keys, device=q.device)
    seen = torch.ones_like(scores, dtype=torch.bool)
    if lengths is not None:
        seen = seen & (key < lengths.reshape(-1, 1, 1, 1))
    if causal:
        seen = seen & (key <= place)
    if window[0] >= 0:
        seen = seen & (key >= place - window[0])
    if window[1] >= 0:
        seen = seen & (key <= place + window[1])
    if mask is not None:
        missing = keys - mask.shape[-1]
        if mask.dtype == torch.bool:
            seen = seen & F.pad(mask, (0, missing))
        else:
            scores = scores + F.pad(mask, (0, missing), value=-torch.inf)
    scores = scores.masked_fill(~seen, -torch.inf)
    stages.append(scores)
    weights = torch.softmax(scores.to(precision or scores.dtype), dim=-1).nan_to_num(0.0).to(q.dtype)
    stages.append(weights)
    y = weights @ v.repeat_interleave(groups, dim=1)
    return (y if heads is None else y.transpose(1, 2).flatten(2)), k, v, stages[stage]


def rotate_half(x):
    """The second half of the features turned negative, then the first."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([-second, first], dim=-1)


def rotary_embedding(x, cos, sin, positions=None, heads=None, size=None, interleaved=False):
    """Turn pairs of the first ``size`` features by the angle of their position."""
    y = x.unflatten(-1, (heads, -1)) if heads is not None else x.transpose(1, 2)
    turned, rest = (y, y[..., :0]) if size is None else (y[..., :size], y[..., size:])
    if positions is not None:
        cos, sin = cos[positions], sin[positions]
    cos, sin = cos.unsqueeze(2), sin.unsqueeze(2)
    a, b = (turned[..., ::2], turned[..., 1::2]) if interleaved else turned.chunk(2, dim=-1)
    pair = cos * a - sin * b, sin * a + cos * b
    turned = torch.stack(pair, dim=-1).flatten(-2) if interleaved else torch.cat(pair, dim=-1)
    y = torch.cat([turned, rest], dim=-1)
    return y.flatten(2) if heads is not None else y.transpose(1, 2)


def write_into_cache(cache, update, starts=None, axis=-2, circular=False):
    """The cache with ``update`` written along ``axis`` from each sample's start on."""
    axis %= cache.ndim
    starts = cache.new_zeros(len(cache), dtype=torch.int64) if starts is None else starts
    places = starts[:, None] + torch.arange(update.shape[axis], device=cache.device)
    if circular:
        places = places % cache.shape[axis]
    places = places.reshape([len(cache), *(update.shape[i] if i == axis else 1 for i in range(1, cache.ndim))])
    return cache.scatter(axis, places.expand_as(update), update)


def linear_attention(q, k, v, state=None, decay=None, beta=None, heads=1, kv_heads=1, scale=None, delta=False):
    """Attention without softmax: each head's state is updated token by token and read by the query."""
    dtype = q.dtype
    q, k, v = (x.float().unflatten(-1, (n, -1)) for x, n in ((q, heads), (k, kv_heads), (v, kv_heads)))
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    if state is None:
        state = q.new_zeros(len(q), kv_heads, k.shape[-1], v.shape[-1], dtype=dtype)
    kept, outputs = state.float(), []
    for t in range(q.shape[1]):
        key, value = k[:, t, :, :, None], v[:, t, :, None]
        if decay is not None:
            kept = kept * decay[:, t].float().unflatten(-1, (kv_heads, -1)).exp().unsqueeze(-1)
        if delta:
            value = (value - key.transpose(2, 3) @ kept) * beta[:, t].float().reshape(len(q), -1, 1, 1)
        kept = kept + key * value
        read = kept.repeat_interleave(heads // kv_heads, dim=1)
        outputs.append((scale * q[:, t, :, None] @ read).flatten(1))
    return torch.stack(outputs, dim=1).to(dtype), kept.to(state.dtype)


def window_partition(x, size):
    """(batch, height, width, channels) as (batch * windows, size, size, channels)."""
    _, height, width, channels = x.shape
    x = x.reshape(-1, height // size, size, width // size, size, channels)
    return x.transpose(2, 3).reshape(-1, size, size, channels)


def window_reverse(windows, size, height, width):
    """(batch * windows, ..., channels) put back as (batch, height, width, channels)."""
    channels = windows.shape[-1]
    x = windows.reshape(-1, height // size, width // size, size, size, channels)
    return x.transpose(2, 3).reshape(-1, height, width, channels)
