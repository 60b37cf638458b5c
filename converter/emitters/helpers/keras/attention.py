"""Copied into emitted Keras code: attention, and what stands around it."""

from keras import ops


def attention(
    q, k, v, mask=None, past_key=None, past_value=None, lengths=None,
    heads=None, causal=False, window=(-1, -1), scale=None, softcap=0.0, precision=None, stage=0,
):  # fmt: skip
    """Attention with a cache: the result, keys and values with the past ones, and the scores after a ``stage``.

    Stage 0 is the product of queries and keys, 1 comes after the soft cap, 2 after the mask, 3 after the softmax.
    """
    if heads is not None:
        q, k, v = split_heads(q, heads[0]), split_heads(k, heads[1]), split_heads(v, heads[1])
    if past_key is not None:
        k, v = ops.concatenate([past_key, k], axis=2), ops.concatenate([past_value, v], axis=2)
    groups, queries, keys = q.shape[1] // k.shape[1], ops.shape(q)[2], ops.shape(k)[2]
    root = (scale or q.shape[-1] ** -0.5) ** 0.5
    scores = ops.matmul(q * root, ops.swapaxes(ops.repeat(k, groups, axis=1) * root, 2, 3))
    stages = [scores]
    if softcap:
        scores = softcap * ops.tanh(scores / softcap)
    stages.append(scores)
    offset = 0 if past_key is None else ops.shape(past_key)[2]
    if lengths is not None:
        lengths = ops.reshape(ops.cast(lengths, "int32"), (-1, 1, 1, 1))
        offset = lengths - queries
    place, key = offset + ops.expand_dims(ops.arange(queries, dtype="int32"), 1), ops.arange(keys, dtype="int32")
    seen = ops.ones_like(scores, dtype="bool")
    if lengths is not None:
        seen = ops.logical_and(seen, lengths > key)
    if causal:
        seen = ops.logical_and(seen, place >= key)
    if window[0] >= 0:
        seen = ops.logical_and(seen, place - window[0] <= key)
    if window[1] >= 0:
        seen = ops.logical_and(seen, place + window[1] >= key)
    if mask is not None:
        sides = [(0, 0)] * (mask.ndim - 1) + [(0, keys - ops.shape(mask)[-1])]
        if mask.dtype == "bool":
            seen = ops.logical_and(seen, ops.pad(mask, sides))
        else:
            scores = scores + ops.pad(mask, sides, constant_values=-float("inf"))
    scores = ops.where(seen, scores, ops.cast(-float("inf"), scores.dtype))
    stages.append(scores)
    weights = ops.softmax(ops.cast(scores, precision or scores.dtype), axis=-1)
    weights = ops.cast(ops.where(ops.isnan(weights), ops.zeros_like(weights), weights), q.dtype)
    stages.append(weights)
    y = ops.matmul(weights, ops.repeat(v, groups, axis=1))
    return (y if heads is None else join_heads(y)), k, v, stages[stage]


def split_heads(x, count):
    """(batch, time, features) as (batch, head, time, features of the head)."""
    x = ops.reshape(x, (-1, x.shape[1], count, x.shape[2] // count))
    return ops.transpose(x, (0, 2, 1, 3))


def join_heads(x):
    """(batch, head, time, features) as (batch, time, features of all heads)."""
    x = ops.transpose(x, (0, 2, 1, 3))
    return ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))


def rotate_half(x):
    """The second half of the features turned negative, then the first."""
    first, second = ops.split(x, 2, axis=-1)
    return ops.concatenate([-second, first], axis=-1)


def rotary_embedding(x, cos, sin, positions=None, heads=None, size=None, interleaved=False):
    """Turn pairs of the first ``size`` features by the angle of their position."""
    y = split_heads(x, heads) if heads is not None else x
    turned, rest = (y, None) if size is None else (y[..., :size], y[..., size:])
    if positions is not None:
        cos, sin = ops.take(cos, positions, axis=0), ops.take(sin, positions, axis=0)
    cos, sin = ops.expand_dims(cos, 1), ops.expand_dims(sin, 1)
    a, b = (turned[..., ::2], turned[..., 1::2]) if interleaved else ops.split(turned, 2, axis=-1)
    pair = [cos * a - sin * b, sin * a + cos * b]
    whole = (-1, *turned.shape[1:])
    turned = ops.reshape(ops.stack(pair, axis=-1), whole) if interleaved else ops.concatenate(pair, axis=-1)
    y = turned if rest is None else ops.concatenate([turned, rest], axis=-1)
    return join_heads(y) if heads is not None else y


def write_into_cache(cache, update, starts=None, axis=-2, circular=False):
    """The cache with ``update`` written along ``axis`` from each sample's start on."""
    axis %= cache.ndim
    size, length = ops.shape(cache)[axis], ops.shape(update)[axis]
    starts = ops.zeros_like(cache[(slice(None), *(0,) * (cache.ndim - 1))], dtype="int32") if starts is None else starts
    step = ops.arange(size, dtype="int32") - ops.expand_dims(ops.cast(starts, "int32"), 1)
    step = ops.mod(step, size) if circular else step
    shape = [-1, *(size if i == axis else 1 for i in range(1, cache.ndim))]
    step = ops.reshape(step, shape)
    written = ops.logical_and(step >= 0, step < length)
    source = ops.broadcast_to(ops.clip(step, 0, length - 1), ops.shape(cache))
    return ops.where(written, ops.take_along_axis(update, source, axis=axis), cache)


def linear_attention(q, k, v, state=None, decay=None, beta=None, heads=1, kv_heads=1, scale=None, delta=False):
    """Attention without softmax: each head's state is updated token by token and read by the query."""
    dtype = q.dtype
    q, k, v = (ops.cast(split_heads(x, n), "float32") for x, n in ((q, heads), (k, kv_heads), (v, kv_heads)))
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    state_dtype = dtype if state is None else state.dtype
    kept = 0 * ops.expand_dims(k[:, :, 0], -1) * v[:, :, :1] if state is None else ops.cast(state, "float32")
    outputs = []
    for t in range(q.shape[2]):
        key, value = ops.expand_dims(k[:, :, t], -1), v[:, :, t : t + 1]
        if decay is not None:
            gate = ops.exp(ops.cast(decay[:, t], "float32"))
            kept = kept * ops.reshape(gate, (-1, kv_heads, gate.shape[-1] // kv_heads, 1))
        if delta:
            rate = ops.reshape(ops.cast(beta[:, t], "float32"), (-1, beta.shape[-1], 1, 1))
            value = (value - ops.matmul(ops.swapaxes(key, 2, 3), kept)) * rate
        kept = kept + key * value
        outputs.append(scale * ops.matmul(q[:, :, t : t + 1], ops.repeat(kept, heads // kv_heads, axis=1)))
    return ops.cast(join_heads(ops.concatenate(outputs, axis=2)), dtype), ops.cast(kept, state_dtype)


def window_partition(x, size):
    """(batch, height, width, channels) as (batch * windows, size, size, channels)."""
    height, width, channels = x.shape[1:]
    x = ops.reshape(x, (-1, height // size, size, width // size, size, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, size, size, channels))


def window_reverse(windows, size, height, width):
    """(batch * windows, ..., channels) put back as (batch, height, width, channels)."""
    shape = (-1, height // size, width // size, size, size, windows.shape[-1])
    x = ops.transpose(ops.reshape(windows, shape), (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, height, width, windows.shape[-1]))
