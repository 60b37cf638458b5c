"""Attention and what language models put around it."""

from __future__ import annotations

import numpy as np
import onnx.helper

from converter import functions
from converter.emitters.layout import Layout, last_axis, logical, sequential
from converter.emitters.vocabulary import Layer, Operand
from converter.graph import Value, Weight
from converter.operators.activation import wide_enough
from converter.operators.registry import operator

_ATTENTION = (
    "attention(Q, K, V, attn_mask, past_key, past_value, nonpad_kv_seqlen, heads=heads, causal=is_causal, "
    "window=window, scale=scale, softcap=softcap, precision=precision, stage=qk_matmul_output_mode)"
)


@operator("Attention")
class Attention:
    """softmax(scale * Q @ K.T + mask) @ V; the framework's own function where there is neither cache nor soft cap.

    In Keras that is what ``converter/passes/keras/dot_product.py`` makes of it.
    """

    def pytorch(n):
        if _is_plain(n):
            options = "attn_mask=attn_mask, is_causal=causal, scale=scale, enable_gqa=grouped"
            return n.expr(
                f"F.scaled_dot_product_attention(Q, K, V, {options})",
                causal=bool(n.is_causal),
                scale=n.scale,
                grouped=n.Q.shape[1] != n.K.shape[1],
            )
        return n.results(_ATTENTION, 4, **_options(n, "torch.{}"))

    def keras(n):
        n.needs_sizes(n.Q, n.K, n.V, axes=range(1, n.Q.rank))
        n.needs_sizes(n.attn_mask, n.past_key, axes=(-2, -1))  # it counts queries and keys
        return n.results(_ATTENTION, 4, **_options(n, "{!r}"))


def _is_plain(n) -> bool:
    cached = n.past_key or n.nonpad_kv_seqlen or n.softcap or len(n.node.outputs) > 1
    restricted = n.left_window_size != -1 or n.right_window_size != -1 or (n.is_causal and n.attn_mask)
    short_mask = n.attn_mask and n.attn_mask.shape[-1] != n.K.shape[-2]
    return n.Q.rank == 4 and not cached and not restricted and not short_mask


def _options(n, dtype: str) -> dict:
    name = onnx.helper.tensor_dtype_to_np_dtype(n.softmax_precision).name if n.softmax_precision else n.Q.dtype.name
    name = wide_enough(n, name)
    precision = None if name == n.Q.dtype else n.expr(dtype.format(name))
    heads = (n.q_num_heads, n.kv_num_heads) if n.Q.rank == 3 else None
    window = (n.left_window_size, n.right_window_size)
    return {"heads": heads, "window": window, "precision": precision, "is_causal": bool(n.is_causal)}


@operator("RotaryEmbedding")
class RotaryEmbedding:
    """Pairs of features turned by an angle that grows with the position."""

    def pytorch(n):
        return _rotary(n)

    def keras(n):
        n.needs_sizes(n.X, axes=range(1, n.X.rank) if n.interleaved or n.X.rank == 3 else (3,))
        return _rotary(n)


def _rotary(n):
    text = "rotary_embedding(X, cos_cache, sin_cache, position_ids, heads=heads, size=size, interleaved=interleaved)"
    heads = n.num_heads if n.X.rank == 3 else None
    return n.expr(text, heads=heads, size=n.rotary_embedding_dim or None, interleaved=bool(n.interleaved))


@operator("RotateHalf", functions.DOMAIN)
class RotateHalf:
    """The second half of the features turned negative, before the first: what sines are multiplied with in rotary positions."""

    layout = last_axis

    def pytorch(n):
        return n.expr("rotate_half(X)")

    def keras(n):
        return n.expr("rotate_half(X)")


def steps_first(node, have):
    """Keras reads and gives (batch, steps, features)."""
    turned = Layout((1, 0, 2))
    need, give = logical(node, have)
    return [*[turned] * 3, *need[3:]], [turned for _ in give]


def _torch_attention(n, *, batch_first: bool):
    names = {"in_proj_weight": "W", "in_proj_bias": "B", "out_proj.weight": "V", "out_proj.bias": "C"}
    weights = {name: n.weight(formal) for name, formal in names.items()}
    width, has_bias = weights["out_proj.weight"].shape[0], n.weight("B").trainable
    if not has_bias:
        weights |= {"in_proj_bias": None, "out_proj.bias": None}
    options = {"bias": has_bias, "batch_first": batch_first}
    layer = Layer("nn.MultiheadAttention", width, n.heads, **options, weights=weights)
    given = {"need_weights": n.expr("False")}
    if n.seen is not None:
        seen = n.weight("seen")
        hidden = Weight.of(~seen.array(), seen.name, trainable=False)
        given = {"attn_mask": Operand(Value.of_weight(hidden), 7), **given}
    return n.expr("result[0]", result=layer(*map(n.operand, range(3)), **given))


def _keras_attention(n):
    """In Keras each product has a weight of its own, (features, heads, size)."""
    w, b, last, c = (n.weight(formal) for formal in "WBVC")
    width, heads = last.shape[0], n.heads
    stem = w.name.rpartition(".")[0]
    weights = {}
    for place, name in enumerate(("query", "key", "value")):
        weights[f"{name}/kernel"] = w.map(_third(place, heads, matrix=True), (width, heads, width // heads))
        if b.trainable:
            weights[f"{name}/bias"] = b.map(_third(place, heads, matrix=False), (heads, width // heads))
    weights["attention_output/kernel"] = last.transpose(1, 0).reshape(heads, width // heads, width)
    if b.trainable:
        weights["attention_output/bias"] = c.map(lambda array: array, c.shape)
    for name, weight in weights.items():
        weight.name = f"{stem}.{name.rpartition('/')[2]}" if stem else weight.name
    query, key, value = map(n.operand, range(3))
    given = [query, value] if n.node.inputs[1] is n.node.inputs[2] else [query, value, key]
    layer = Layer("layers.MultiHeadAttention", heads, width // heads, use_bias=b.trainable, weights=weights)
    if n.seen is None:
        return layer(*given)
    if np.array_equal(n.weight("seen").array(), np.tri(*n.seen.shape, dtype=bool)):
        return layer(*given, use_causal_mask=n.expr("True"))
    return layer(*given, attention_mask=n.seen)


def _third(place: int, heads: int, *, matrix: bool):
    def cut(array):
        part = np.split(array, 3)[place]
        part = part.T if matrix else part
        return np.ascontiguousarray(part.reshape(*part.shape[:-1], heads, -1))

    return cut


@operator("MultiheadAttention", functions.DOMAIN)
class MultiheadAttention:
    """torch's layer of that name, batch first."""

    layout = sequential
    keras = _keras_attention

    def pytorch(n):
        return _torch_attention(n, batch_first=True)


@operator("MultiheadAttentionOfSteps", functions.DOMAIN)
class MultiheadAttentionOfSteps:
    """torch's layer of that name, steps first."""

    layout = steps_first
    keras = _keras_attention

    def pytorch(n):
        return _torch_attention(n, batch_first=False)


@operator("TensorScatter")
class TensorScatter:
    """Writes new keys or values into a cache, at a place of its own for each sample."""

    def pytorch(n):
        return n.expr(
            "write_into_cache(past_cache, update, write_indices, axis=axis, circular=circular)", circular=_circular(n)
        )

    def keras(n):
        return n.sized(
            "write_into_cache(past_cache, update, write_indices, axis=axis, circular=circular)", circular=_circular(n)
        )


def _circular(n) -> bool:
    return n.mode == "circular"


@operator("CausalConvWithState")
class CausalConvWithState:
    """Depthwise convolution that looks back only; the second output is what the next call looks back at."""

    def pytorch(n):
        return n.results(_CAUSAL, 2, silu=n.activation != "none")

    def keras(n):
        n.needs_sizes(n.input, n.named("weight"), n.past_state, axes=(2,))
        return n.results(_CAUSAL, 2, silu=n.activation != "none")


_CAUSAL = "causal_convolution(input, weight, bias, past_state, silu=silu)"


@operator("LinearAttention")
class LinearAttention:
    """A state of d_k by d_v for each head, updated token by token and read by the query."""

    def pytorch(n):
        return n.results(_LINEAR, 2, **_linear(n))

    def keras(n):
        n.needs_sizes(n.query, n.key, n.value, n.decay, n.beta, axes=(1, 2))
        return n.results(_LINEAR, 2, **_linear(n))


_LINEAR = (
    "linear_attention(query, key, value, past_state, decay, beta, heads=heads, kv_heads=kv_num_heads, scale=scale, delta=delta)"
)


def _linear(n) -> dict:
    """The recurrence "gated" is "linear" with a decay."""
    gated = n.decay if "gated" in n.update_rule else None
    return {"heads": n.q_num_heads, "scale": n.scale or None, "decay": gated, "delta": "delta" in n.update_rule}
