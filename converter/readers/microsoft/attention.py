"""Attention, with the masks, biases and caches that onnxruntime's forms of it take."""

from __future__ import annotations

from converter.graph import Value
from converter.readers.microsoft.lifting import Fused, RefusalError, lifted
from converter.readers.microsoft.quantized import to_float

_MASK_FILTER = -10000.0
_THREE = ("queries", "keys", "values")


@lifted("Attention")
def attention(n):
    """One projection to queries, keys and values, then self-attention; ``past`` holds keys and values, one on the other."""
    n.lacks("do_rotary", "past_present_share_buffer", "past_sequence_length")
    return _self_attention(n, n.input, n.weights, n.qkv_hidden_sizes, n.attention_bias)


@lifted("QAttention")
def quantized_attention(n):
    n.lacks("do_rotary", "past_present_share_buffer")
    data = to_float(n, n.input, n.input_scale, n.input_zero_point)
    weight = to_float(n, n.weight, n.weight_scale, n.weight_zero_point)
    return _self_attention(n, data, weight, None, None)


def _self_attention(n, data, weight, sizes, bias):
    source = n.node.input(1)
    sizes = sizes or (n.size(source, 1) // 3,) * 3
    projected = n.add("MatMul", data, weight)
    projected = projected if n.bias is None else n.add("Add", projected, n.bias)
    query, key, value = n.split("Split", _THREE, projected, n.constant(sizes), axis=-1)
    past = [None, None] if n.past is None else n.split("Split", ("past_keys", "past_values"), n.past, axis=0, num_outputs=2)
    past = [part and n.add("Squeeze", part, n.constant([0])) for part in past]
    mask = _added(n, _mask(n, n.mask_index, n.input, n.input, past[0], data), bias)
    y, *present = _attended(n, query, key, value, mask, *past)
    if not n.wants("present"):
        return y
    return y, n.add("Concat", *(n.add("Unsqueeze", part, n.constant([0])) for part in present[:2]), axis=0)


@lifted("MultiHeadAttention")
def multi_head_attention(n):
    """Queries on keys and values that were projected before, and may come in heads already."""
    n.lacks("past_sequence_length", "cache_indirection")
    if n.key is None or n.value is None or n.rank(n.query) != 3 or n.rank(n.key) == 5:
        raise RefusalError("packs keys and values into one input, which onnxruntime runs on GPUs only", "Export them apart.")
    query, key, value = n.query, n.key, n.value
    if n.bias is not None:
        size = n.size(query, 2)
        parts = [(0, size), (size, 2 * size), (2 * size, n.size(n.bias, 0))]
        query, key, value = (
            n.add("Add", x, _part(n, *ends), called=x.name) for x, ends in zip((query, key, value), parts, strict=True)
        )
    mask = _added(n, _mask(n, n.key_padding_mask, n.query, n.key, n.past_key, n.query), n.attention_bias)
    return _attended(n, query, key, value, mask, n.past_key, n.past_value)


def _part(n, start, end):
    """A part of the bias."""
    bounds = (n.constant([number]) for number in (start, end, 0))
    return n.add("Slice", n.bias, *bounds)


def _attended(n, query, key, value, mask, past_key, past_value):
    """The result, all keys and values in heads, and what the softmax gets."""
    stage = 2 if n.wants("qk") else None
    options = {"is_causal": n.unidirectional, "scale": n.scale or None, "qk_matmul_output_mode": stage}
    if n.node.op_type != "MultiHeadAttention" or n.rank(n.key) == 3:
        key, value = in_heads(n, key, n.num_heads), in_heads(n, value, n.num_heads)
    inputs = [in_heads(n, query, n.num_heads), key, value, mask, past_key, past_value]
    names = ("", "keys", "values", "scores")[: 4 if n.wants("qk") else 1 if past_key is None else 3]
    y, *more = n.split("Attention", names, *inputs, **options)
    if past_key is not None:
        key, value = more[:2]
    return [joined(n, y), key, value, *more[2:]]


def in_heads(n: Fused, x: Value, heads: int) -> Value:
    """(batch, time, features) as (batch, heads, time, features of a head)."""
    return n.add("Transpose", n.add("Reshape", x, n.constant([0, 0, heads, -1])), perm=(0, 2, 1, 3), called=x.name)


def joined(n: Fused, x: Value) -> Value:
    return n.add("Reshape", n.add("Transpose", x, perm=(0, 2, 1, 3)), n.constant([0, 0, -1]))


def _added(n, mask, bias):
    return n.add("Add", bias, mask) if mask is not None and bias is not None else mask if bias is None else bias


def _mask(n, mask, query, key, past_key, like):
    """Zero where a query may look, ``mask_filter_value`` elsewhere: a query that may look nowhere looks everywhere alike."""
    if mask is None:
        return None
    rank = n.rank(mask)
    if rank == 1:
        seen = _within_lengths(n, mask, query, key, past_key)
    elif rank == 2 and n.shape(mask)[1] == 1 and n.shape(query)[1] != 1:
        return None  # one number for all keys of a sample
    elif rank in (2, 3):
        seen = n.add("Unsqueeze", _is_positive(n, mask), n.constant([1, 2] if rank == 2 else [1]))
    else:
        raise RefusalError(
            f"takes a mask of {rank} axes, which onnxruntime does on GPUs only", "Export one of two or three axes."
        )
    hidden = _MASK_FILTER if n.mask_filter_value is None else n.mask_filter_value
    return n.add("Where", seen, n.number(0, like), n.number(hidden, like), called="mask")


def _is_positive(n, mask):
    return n.add("Greater", mask, n.number(0, mask))


def _within_lengths(n, mask, query, key, past_key):
    """Keys before each sample's end and, in the second half where there is one, not before its start."""
    batch, count = n.shape(query)[0], n.shape(mask)[0]
    twice = isinstance(batch, int) and count == 2 * batch
    if not twice and (count != batch or count is None):
        raise RefusalError(
            f"its mask has one axis of {count or 'unknown size'}, and the batch is {batch or 'of unknown size'}: it may hold "
            "lengths or places",
            "Export it with a mask of two axes, or with sizes that are known.",
        )
    keys = n.add("Shape", key, start=1 if n.rank(key) == 3 else 2, end=2 if n.rank(key) == 3 else 3)
    keys = keys if past_key is None else n.add("Add", keys, n.add("Shape", past_key, start=2, end=3))
    steps = n.add("Range", n.constant(0), n.add("Squeeze", keys, n.constant([0])), n.constant(1), called="places")
    mask = n.add("Cast", mask, to=7)
    ends, starts = n.split("Split", ("ends", "starts"), mask, axis=0, num_outputs=2) if twice else (mask, None)
    column = n.constant([-1, 1, 1, 1])
    seen = n.add("Less", steps, n.add("Reshape", ends, column))
    if starts is None:
        return seen
    return n.add("And", seen, n.add("GreaterOrEqual", steps, n.add("Reshape", starts, column)))


@lifted("RotaryEmbedding")
def rotary_embedding(n):
    """The standard's own; ``position_ids`` may be the position of the first token alone."""
    n.lacks("is_packed_batching")
    if n.scale not in (None, 1.0):
        raise RefusalError(
            f"its attribute 'scale' is {n.scale}, which onnxruntime reads and does not use", "Export it without."
        )
    positions = n.position_ids
    if n.rank(positions) == 1:
        time = 1 if n.rank(n.input) == 3 else 2
        length = n.add("Shape", n.input, start=time, end=time + 1)
        steps = n.add("Range", n.constant(0), n.add("Squeeze", length, n.constant([0])), n.constant(1))
        sizes = n.add("Concat", n.add("Shape", n.input, start=0, end=1), length, axis=0)
        positions = n.add("Expand", n.add("Add", positions, steps), sizes, called="positions")
    features = n.size(n.input, n.rank(n.input) - 1)
    if n.rank(n.input) == 4:
        return _rotated(n, n.input, positions, None, features)
    heads = n.num_heads or features // (2 * n.size(n.cos_cache, 1))
    return _rotated(n, n.input, positions, heads, features // heads)


def _rotated(n, x, positions, heads, size):
    """``size`` features a head; the tables have a column for each pair of them that turns."""
    turned = 2 * n.size(n.cos_cache, 1)
    interleaved = n.node.attributes.get("interleaved") or n.node.attributes.get("rotary_interleaved")
    options = {"num_heads": heads, "rotary_embedding_dim": None if turned == size else turned, "interleaved": interleaved}
    return n.add("RotaryEmbedding", x, n.cos_cache, n.sin_cache, positions, called=x.name, **options)


@lifted("GroupQueryAttention")
def group_query_attention(n):
    """Causal attention of several heads on one key, with a cache that takes each sample's new keys behind its old ones.

    ``seqlens_k`` is the number of tokens of each sample, new ones counted, less one. Rows of a query behind its end are
    unspecified.
    """
    n.lacks("k_scale", "v_scale", "q_norm_weight", "k_norm_weight", "query_seqlens", "head_sink", "sliding_window_cache")
    n.lacks("position_ids")
    if n.smooth_softmax == 1:
        raise RefusalError("its attribute 'smooth_softmax' is 1, which no standard form has", "Export it without.")
    if not n.causal:
        raise RefusalError("its attribute 'causal' is 0: only causal attention is supported", "Use MultiHeadAttention.")
    heads, groups = n.num_heads, n.kv_num_heads
    query, key, value = n.query, n.key, n.value
    size = n.size(query, 2) // (heads if key is not None else heads + 2 * groups)
    if key is None:
        query, key, value = n.split("Split", _THREE, query, n.constant([heads * size, groups * size, groups * size]), axis=-1)
    length = n.add("Shape", query, start=1, end=2)
    ends = n.add("Max", n.add("Add", n.add("Cast", n.seqlens_k, to=7), n.constant(1)), length, called="ends")
    starts = n.add("Sub", ends, length, called="starts")
    if n.do_rotary:
        steps = n.add("Range", n.constant(0), n.add("Squeeze", length, n.constant([0])), n.constant(1))
        positions = n.add("Add", n.add("Unsqueeze", starts, n.constant([1])), steps)
        if n.past_key is None:
            sizes = n.add("Concat", n.add("Shape", query, start=0, end=1), length, axis=0)
            positions = n.add("Expand", steps, sizes, called="positions")
        query, key = (_rotated(n, x, positions, count, size) for x, count in ((query, heads), (key, groups)))
    options = {"is_causal": 1, "scale": n.scale or None, "softcap": n.softcap or None}
    if n.local_window_size > 0:
        options["left_window_size"] = n.local_window_size - 1
    query = in_heads(n, query, heads)
    if n.past_key is None:
        key, value, ends = in_heads(n, key, groups), in_heads(n, value, groups), None
    else:
        key, value = (_cache(n, *pair, starts) for pair in ((n.past_key, key), (n.past_value, value)))
    y = n.add("Attention", query, key, value, n.attention_bias, None, None, ends, **options)
    return joined(n, y), key, value


def _cache(n, past, new, starts):
    """The past with new keys or values behind each sample's own last one. What then lies behind those is never read."""
    new = in_heads(n, new, n.kv_num_heads)
    return n.add("TensorScatter", n.add("Concat", past, new, axis=2), new, starts, axis=2, called=new.name)
