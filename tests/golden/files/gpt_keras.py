"""GPT in Keras 3, converted from gpt.onnx (ONNX).

Input idx: int64 (batch, sequence)
Output linear_8: float32 (batch, sequence, 50)
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


def parts_of(x, sizes, axis, keep=True):
    """Parts along an axis, of one size but for the last one, or of a list of sizes; with or without the axis."""
    if not keep:
        return ops.unstack(x, axis=axis)
    sizes = [sizes] * -(-x.shape[axis] // sizes) if isinstance(sizes, int) else sizes
    return ops.split(x, list(itertools.accumulate(sizes))[:-1], axis=axis)


@keras.saving.register_keras_serializable()
class GPT(keras.Model):
    """GPT, channels last. What it does depends on the numbers it gets, so that it runs eagerly."""

    def __init__(self, name="GPT", **kwargs):
        super().__init__(name=name, autocast=False, **kwargs)
        self.wte = layers.Embedding(50, 16, name="wte")
        self.wte.build((None, None))
        self.wpe = layers.Embedding(16, 16, name="wpe")
        self.wpe.build((None,))
        self.h_0_ln_1 = layers.LayerNormalization(epsilon=1e-05, name="h_0_ln_1")
        self.h_0_ln_1.build((None, None, 16))
        self.h_0_attn_c_attn = layers.Dense(48, name="h_0_attn_c_attn")
        self.h_0_attn_c_attn.build((None, 16))
        self.h_0_attn_reshape = layers.Reshape((-1, 4, 4), name="h_0_attn_reshape")
        self.h_0_attn_reshape_2 = layers.Reshape((-1, 4, 4), name="h_0_attn_reshape_2")
        self.h_0_attn_reshape_3 = layers.Reshape((-1, 4, 4), name="h_0_attn_reshape_3")
        self.h_0_attn_reshape_4 = layers.Reshape((-1, 16), name="h_0_attn_reshape_4")
        self.h_0_attn_c_proj = layers.Dense(16, name="h_0_attn_c_proj")
        self.h_0_attn_c_proj.build((None, 16))
        self.h_0_ln_2 = layers.LayerNormalization(epsilon=1e-05, name="h_0_ln_2")
        self.h_0_ln_2.build((None, None, 16))
        self.h_0_mlp_c_fc = layers.Dense(64, name="h_0_mlp_c_fc")
        self.h_0_mlp_c_fc.build((None, 16))
        self.h_0_mlp_c_proj = layers.Dense(16, name="h_0_mlp_c_proj")
        self.h_0_mlp_c_proj.build((None, 64))
        self.h_1_ln_1 = layers.LayerNormalization(epsilon=1e-05, name="h_1_ln_1")
        self.h_1_ln_1.build((None, None, 16))
        self.h_1_attn_c_attn = layers.Dense(48, name="h_1_attn_c_attn")
        self.h_1_attn_c_attn.build((None, 16))
        self.h_1_attn_reshape = layers.Reshape((-1, 16), name="h_1_attn_reshape")
        self.h_1_attn_c_proj = layers.Dense(16, name="h_1_attn_c_proj")
        self.h_1_attn_c_proj.build((None, 16))
        self.h_1_ln_2 = layers.LayerNormalization(epsilon=1e-05, name="h_1_ln_2")
        self.h_1_ln_2.build((None, None, 16))
        self.h_1_mlp_c_fc = layers.Dense(64, name="h_1_mlp_c_fc")
        self.h_1_mlp_c_fc.build((None, 16))
        self.h_1_mlp_c_proj = layers.Dense(16, name="h_1_mlp_c_proj")
        self.h_1_mlp_c_proj.build((None, 64))
        self.ln_f = layers.LayerNormalization(epsilon=1e-05, name="ln_f")
        self.ln_f.build((None, None, 16))
        self.lm_head = layers.Dense(50, use_bias=False, name="lm_head")
        self.lm_head.build((None, 16))
        self.built = self.run_eagerly = True

    def call(self, idx):
        arange = ops.arange(ops.shape(idx)[1], dtype="int64")
        embedding = self.wte(idx)
        x = self.wpe(arange)
        x = embedding + x
        out = self.h_0_ln_1(x)
        out = self.h_0_attn_c_attn(out)
        split = parts_of(out, 16, 2)
        getitem = split[0]
        getitem_2 = split[1]
        getitem_3 = split[2]
        view = self.h_0_attn_reshape(getitem)
        view_2 = self.h_0_attn_reshape_2(getitem_2)
        view_3 = self.h_0_attn_reshape_3(getitem_3)
        out = ops.broadcast_to(
            ops.convert_to_tensor(1.0, "float32"),
            (ops.shape(idx)[1], ops.shape(idx)[1]),
        )
        out = ops.tril(out, 0)
        out = ops.equal(out, 0.0)
        val = ops.where(out, -3.4028234663852886e38, 0.0)
        transpose = ops.transpose(view, (0, 2, 1, 3))
        transpose_2 = ops.transpose(view_2, (0, 2, 1, 3))
        out = ops.transpose(view_3, (0, 2, 1, 3))
        out = attention(transpose, transpose_2, out, val, None, None, None)[0]
        out = ops.transpose(out, (0, 2, 1, 3))
        out = self.h_0_attn_reshape_4(out)
        out = self.h_0_attn_c_proj(out)
        x = x + out
        out = self.h_0_ln_2(x)
        out = self.h_0_mlp_c_fc(out)
        out = ops.gelu(out)
        out = self.h_0_mlp_c_proj(out)
        x = x + out
        out = self.h_1_ln_1(x)
        out = self.h_1_attn_c_attn(out)
        split_2 = parts_of(out, 16, 2)
        getitem_4 = split_2[0]
        getitem_5 = split_2[1]
        getitem_6 = split_2[2]
        view_4 = ops.reshape(getitem_4, (ops.shape(idx)[0], -1, 4, 4))
        view_5 = ops.reshape(getitem_5, (ops.shape(idx)[0], -1, 4, 4))
        view_6 = ops.reshape(getitem_6, (ops.shape(idx)[0], -1, 4, 4))
        out = ops.broadcast_to(
            ops.convert_to_tensor(1.0, "float32"),
            (ops.shape(idx)[1], ops.shape(idx)[1]),
        )
        out = ops.tril(out, 0)
        out = ops.equal(out, 0.0)
        val_2 = ops.where(out, -3.4028234663852886e38, 0.0)
        transpose_3 = ops.transpose(view_4, (0, 2, 1, 3))
        transpose_4 = ops.transpose(view_5, (0, 2, 1, 3))
        out = ops.transpose(view_6, (0, 2, 1, 3))
        out = attention(transpose_3, transpose_4, out, val_2, None, None, None)[0]
        out = ops.transpose(out, (0, 2, 1, 3))
        out = self.h_1_attn_reshape(out)
        out = self.h_1_attn_c_proj(out)
        x = x + out
        out = self.h_1_ln_2(x)
        out = self.h_1_mlp_c_fc(out)
        out = ops.gelu(out)
        out = self.h_1_mlp_c_proj(out)
        x = x + out
        x = self.ln_f(x)
        return self.lm_head(x)


def build_model():
    """GPT with fresh weights."""
    return GPT()


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
