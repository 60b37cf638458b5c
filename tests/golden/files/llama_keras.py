"""Llama in Keras 3, converted from llama.onnx (ONNX).

Input input_ids: int64 (batch, sequence)
Output linear_14: float32 (batch, sequence, 50)
"""

import itertools
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops


def attention(
    q, k, v, mask=None, past_key=None, past_value=None, lengths=None,
    heads=None, causal=False, window=(-1, -1), scale=None, softcap=0.0, precision=None, stage=0,
):  # fmt: skip
    """Attention with a cache: the result, keys and values with the past ones, and the scores after a ``stage``.

    Stage 0 is the product of queries and keys, 1 comes after the soft cap, 2 after the mask, 3 after the softmax.
    """
    if heads is not None:
        q, k, v = (
            split_heads(q, heads[0]),
            split_heads(k, heads[1]),
            split_heads(v, heads[1]),
        )
    if past_key is not None:
        k, v = (
            ops.concatenate([past_key, k], axis=2),
            ops.concatenate([past_value, v], axis=2),
        )
    groups, queries, keys = q.shape[1] // k.shape[1], ops.shape(q)[2], ops.shape(k)[2]
    root = (scale or q.shape[-1] ** -0.5) ** 0.5
    scores = ops.matmul(
        q * root, ops.swapaxes(ops.repeat(k, groups, axis=1) * root, 2, 3)
    )
    stages = [scores]
    if softcap:
        scores = softcap * ops.tanh(scores / softcap)
    stages.append(scores)
    offset = 0 if past_key is None else ops.shape(past_key)[2]
    if lengths is not None:
        lengths = ops.reshape(ops.cast(lengths, "int32"), (-1, 1, 1, 1))
        offset = lengths - queries
    place, key = (
        offset + ops.expand_dims(ops.arange(queries, dtype="int32"), 1),
        ops.arange(keys, dtype="int32"),
    )
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
    weights = ops.cast(
        ops.where(ops.isnan(weights), ops.zeros_like(weights), weights), q.dtype
    )
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


def numbers(x):
    """A tensor's numbers as Python numbers; None stays None."""
    if x is None or not hasattr(x, "dtype"):
        return x
    x = ops.cast(x, "float32") if ops.dtype(x) == "bfloat16" else x  # which NumPy lacks
    return ops.convert_to_numpy(x).tolist()


def count(start, limit, delta, dtype):
    """The numbers from ``start`` on, by ``delta``, that come before ``limit``."""
    return ops.convert_to_tensor(np.arange(*map(numbers, (start, limit, delta))), dtype)


def expanded(x, shape):
    """``x`` broadcast to a shape that is computed."""
    return ops.broadcast_to(
        x, np.broadcast_shapes(tuple(x.shape), tuple(numbers(shape)))
    )


def parts_of(x, sizes, axis, keep=True):
    """Parts along an axis, of one size but for the last one, or of a list of sizes; with or without the axis."""
    if not keep:
        return ops.unstack(x, axis=axis)
    sizes = [sizes] * -(-x.shape[axis] // sizes) if isinstance(sizes, int) else sizes
    return ops.split(x, list(itertools.accumulate(sizes))[:-1], axis=axis)


@keras.saving.register_keras_serializable()
class Llama(keras.Model):
    """Llama, channels last. What it does depends on the numbers it gets, so that it runs eagerly."""

    def __init__(self, name="Llama", **kwargs):
        super().__init__(name=name, autocast=False, **kwargs)
        self.embed_tokens = layers.Embedding(50, 16, name="embed_tokens")
        self.embed_tokens.build((None, None))
        self.inv_freq = self.add_weight((2,), "ones", name="inv_freq")
        self.layers_0_input_layernorm = layers.RMSNormalization(
            name="layers_0_input_layernorm"
        )
        self.layers_0_input_layernorm.build((None, None, 16))
        self.layers_0_self_attn_q_proj = layers.Dense(
            16, use_bias=False, name="layers_0_self_attn_q_proj"
        )
        self.layers_0_self_attn_q_proj.build((None, 16))
        self.layers_0_self_attn_reshape = layers.Reshape(
            (-1, 4, 4), name="layers_0_self_attn_reshape"
        )
        self.layers_0_self_attn_k_proj = layers.Dense(
            8, use_bias=False, name="layers_0_self_attn_k_proj"
        )
        self.layers_0_self_attn_k_proj.build((None, 16))
        self.layers_0_self_attn_reshape_2 = layers.Reshape(
            (-1, 2, 4), name="layers_0_self_attn_reshape_2"
        )
        self.layers_0_self_attn_v_proj = layers.Dense(
            8, use_bias=False, name="layers_0_self_attn_v_proj"
        )
        self.layers_0_self_attn_v_proj.build((None, 16))
        self.layers_0_self_attn_reshape_3 = layers.Reshape(
            (-1, 2, 4), name="layers_0_self_attn_reshape_3"
        )
        self.layers_0_self_attn_o_proj = layers.Dense(
            16, use_bias=False, name="layers_0_self_attn_o_proj"
        )
        self.layers_0_self_attn_o_proj.build((None, 16))
        self.layers_0_post_attention_layernorm = layers.RMSNormalization(
            name="layers_0_post_attention_layernorm"
        )
        self.layers_0_post_attention_layernorm.build((None, None, 16))
        self.layers_0_mlp_gate_proj = layers.Dense(
            24, use_bias=False, activation="silu", name="layers_0_mlp_gate_proj"
        )
        self.layers_0_mlp_gate_proj.build((None, 16))
        self.layers_0_mlp_up_proj = layers.Dense(
            24, use_bias=False, name="layers_0_mlp_up_proj"
        )
        self.layers_0_mlp_up_proj.build((None, 16))
        self.layers_0_mlp_down_proj = layers.Dense(
            16, use_bias=False, name="layers_0_mlp_down_proj"
        )
        self.layers_0_mlp_down_proj.build((None, 24))
        self.layers_1_input_layernorm = layers.RMSNormalization(
            name="layers_1_input_layernorm"
        )
        self.layers_1_input_layernorm.build((None, None, 16))
        self.layers_1_self_attn_q_proj = layers.Dense(
            16, use_bias=False, name="layers_1_self_attn_q_proj"
        )
        self.layers_1_self_attn_q_proj.build((None, 16))
        self.layers_1_self_attn_reshape = layers.Reshape(
            (-1, 4, 4), name="layers_1_self_attn_reshape"
        )
        self.layers_1_self_attn_k_proj = layers.Dense(
            8, use_bias=False, name="layers_1_self_attn_k_proj"
        )
        self.layers_1_self_attn_k_proj.build((None, 16))
        self.layers_1_self_attn_reshape_2 = layers.Reshape(
            (-1, 2, 4), name="layers_1_self_attn_reshape_2"
        )
        self.layers_1_self_attn_v_proj = layers.Dense(
            8, use_bias=False, name="layers_1_self_attn_v_proj"
        )
        self.layers_1_self_attn_v_proj.build((None, 16))
        self.layers_1_self_attn_reshape_3 = layers.Reshape(
            (-1, 2, 4), name="layers_1_self_attn_reshape_3"
        )
        self.layers_1_self_attn_o_proj = layers.Dense(
            16, use_bias=False, name="layers_1_self_attn_o_proj"
        )
        self.layers_1_self_attn_o_proj.build((None, 16))
        self.layers_1_post_attention_layernorm = layers.RMSNormalization(
            name="layers_1_post_attention_layernorm"
        )
        self.layers_1_post_attention_layernorm.build((None, None, 16))
        self.layers_1_mlp_gate_proj = layers.Dense(
            24, use_bias=False, activation="silu", name="layers_1_mlp_gate_proj"
        )
        self.layers_1_mlp_gate_proj.build((None, 16))
        self.layers_1_mlp_up_proj = layers.Dense(
            24, use_bias=False, name="layers_1_mlp_up_proj"
        )
        self.layers_1_mlp_up_proj.build((None, 16))
        self.layers_1_mlp_down_proj = layers.Dense(
            16, use_bias=False, name="layers_1_mlp_down_proj"
        )
        self.layers_1_mlp_down_proj.build((None, 24))
        self.norm = layers.RMSNormalization(name="norm")
        self.norm.build((None, None, 16))
        self.lm_head = layers.Dense(50, use_bias=False, name="lm_head")
        self.lm_head.build((None, 16))
        self.built = self.run_eagerly = True

    def call(self, input_ids):
        embedding = self.embed_tokens(input_ids)
        x = ops.arange(ops.shape(input_ids)[1], dtype="int64")
        x = ops.cast(x, "float32")
        x = ops.reshape(x, (-1, 1))
        x = x * self.inv_freq
        x = ops.concatenate([x, x], axis=-1)
        cos = ops.cos(x)
        sin = ops.sin(x)
        mul = self.layers_0_input_layernorm(embedding)
        x = self.layers_0_self_attn_q_proj(mul)
        view = self.layers_0_self_attn_reshape(x)
        x = self.layers_0_self_attn_k_proj(mul)
        view_2 = self.layers_0_self_attn_reshape_2(x)
        x = self.layers_0_self_attn_v_proj(mul)
        view_3 = self.layers_0_self_attn_reshape_3(x)
        cos_2 = ops.expand_dims(cos, (0, 2))
        mul_2 = view * cos_2
        x = ops.transpose(view, (0, 2, 1, 3))
        split = parts_of(x, 2, -1)
        getitem = split[0]
        x = split[1]
        x = -x
        x = ops.concatenate([x, getitem], axis=-1)
        x = x * sin
        x = ops.transpose(x, (0, 2, 1, 3))
        x = mul_2 + x
        mul_3 = view_2 * cos_2
        out = ops.transpose(view_2, (0, 2, 1, 3))
        split_2 = parts_of(out, 2, -1)
        getitem_2 = split_2[0]
        out = split_2[1]
        out = -out
        out = ops.concatenate([out, getitem_2], axis=-1)
        out = out * sin
        out = ops.transpose(out, (0, 2, 1, 3))
        add = mul_3 + out
        out = ops.broadcast_to(
            ops.convert_to_tensor(1.0, "float32"), (ops.shape(x)[1], ops.shape(add)[1])
        )
        out = ops.tril(out, 0)
        out = ops.equal(out, 0.0)
        val = ops.where(out, -3.4028234663852886e38, 0.0)
        out = ops.transpose(add, (0, 2, 1, 3))
        val_2 = ops.expand_dims(out, (2,))
        out = ops.transpose(view_3, (0, 2, 1, 3))
        val_3 = ops.expand_dims(out, (2,))
        val_4 = expanded(val_2, (ops.shape(x)[0], 2, 2, ops.shape(val_2)[3], 4))
        val_5 = expanded(val_3, (ops.shape(x)[0], 2, 2, ops.shape(val_4)[3], 4))
        val_6 = ops.reshape(val_4, (-1, 4, ops.shape(val_4)[3], 4))
        val_7 = ops.reshape(val_5, (ops.shape(val_6)[0], 4, -1, 4))
        x = ops.transpose(x, (0, 2, 1, 3))
        x = attention(x, val_6, val_7, val, None, None, None)[0]
        x = ops.transpose(x, (0, 2, 1, 3))
        x = ops.reshape(x, (ops.shape(input_ids)[0], -1, 16))
        x = self.layers_0_self_attn_o_proj(x)
        x = embedding + x
        mul_4 = self.layers_0_post_attention_layernorm(x)
        silu = self.layers_0_mlp_gate_proj(mul_4)
        out = self.layers_0_mlp_up_proj(mul_4)
        out = silu * out
        out = self.layers_0_mlp_down_proj(out)
        x = x + out
        mul_5 = self.layers_1_input_layernorm(x)
        out = self.layers_1_self_attn_q_proj(mul_5)
        view_4 = self.layers_1_self_attn_reshape(out)
        out = self.layers_1_self_attn_k_proj(mul_5)
        view_5 = self.layers_1_self_attn_reshape_2(out)
        out = self.layers_1_self_attn_v_proj(mul_5)
        view_6 = self.layers_1_self_attn_reshape_3(out)
        mul_6 = view_4 * cos_2
        out = ops.transpose(view_4, (0, 2, 1, 3))
        split_3 = parts_of(out, 2, -1)
        getitem_3 = split_3[0]
        out = split_3[1]
        out = -out
        out = ops.concatenate([out, getitem_3], axis=-1)
        out = out * sin
        out = ops.transpose(out, (0, 2, 1, 3))
        add_2 = mul_6 + out
        mul_7 = view_5 * cos_2
        out = ops.transpose(view_5, (0, 2, 1, 3))
        split_4 = parts_of(out, 2, -1)
        getitem_4 = split_4[0]
        out = split_4[1]
        out = -out
        out = ops.concatenate([out, getitem_4], axis=-1)
        out = out * sin
        out = ops.transpose(out, (0, 2, 1, 3))
        add_3 = mul_7 + out
        out = ops.broadcast_to(
            ops.convert_to_tensor(1.0, "float32"),
            (ops.shape(add_2)[1], ops.shape(add_3)[1]),
        )
        out = ops.tril(out, 0)
        out = ops.equal(out, 0.0)
        val_8 = ops.where(out, -3.4028234663852886e38, 0.0)
        out = ops.transpose(add_3, (0, 2, 1, 3))
        val_9 = ops.expand_dims(out, (2,))
        out = ops.transpose(view_6, (0, 2, 1, 3))
        val_10 = ops.expand_dims(out, (2,))
        val_11 = expanded(val_9, (ops.shape(add_2)[0], 2, 2, ops.shape(val_9)[3], 4))
        val_12 = expanded(val_10, (ops.shape(add_2)[0], 2, 2, ops.shape(val_11)[3], 4))
        val_13 = ops.reshape(val_11, (-1, 4, ops.shape(val_11)[3], 4))
        val_14 = ops.reshape(val_12, (ops.shape(val_13)[0], 4, -1, 4))
        out = ops.transpose(add_2, (0, 2, 1, 3))
        out = attention(out, val_13, val_14, val_8, None, None, None)[0]
        out = ops.transpose(out, (0, 2, 1, 3))
        out = ops.reshape(out, (ops.shape(input_ids)[0], -1, 16))
        out = self.layers_1_self_attn_o_proj(out)
        x = x + out
        mul_8 = self.layers_1_post_attention_layernorm(x)
        silu_2 = self.layers_1_mlp_gate_proj(mul_8)
        out = self.layers_1_mlp_up_proj(mul_8)
        out = silu_2 * out
        out = self.layers_1_mlp_down_proj(out)
        x = x + out
        x = self.norm(x)
        return self.lm_head(x)


def build_model():
    """Llama with fresh weights."""
    return Llama()


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
