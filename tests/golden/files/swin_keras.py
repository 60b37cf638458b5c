"""SwinTransformer in Keras 3, converted from swin.onnx (ONNX).

Input inputs: float32 (batch, 32, 32, 3)
Output linear_13: float32 (batch, 10)
"""

from pathlib import Path

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable()
class Weight(layers.Layer):
    """A weight that stands alone: called on any tensor of the model, it gives its own value."""

    def __init__(self, shape, start="zeros", dtype="float32", **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.value = self.add_weight(
            shape, start, dtype, trainable=self.trainable, autocast=False, name="value"
        )

    def call(self, x):
        return ops.convert_to_tensor(self.value)


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


def window_attention(x, units, size, size_2, name):
    x = layers.Dense(3 * units, name=f"{name}_qkv")(x)
    view = layers.Reshape((16, 3, size, 4), name=f"{name}_reshape")(x)
    select = ops.take(view, 0, axis=2)
    select_2 = ops.take(view, 1, axis=2)
    select_3 = ops.take(view, 2, axis=2)
    select_4 = ops.transpose(select, (0, 2, 1, 3))
    select_5 = ops.transpose(select_2, (0, 2, 1, 3))
    x = ops.transpose(select_3, (0, 2, 1, 3))
    x = attention(
        select_4,
        select_5,
        x,
        Weight(size_2, name=f"{name}_relative_position_bias")(x),
        None,
        None,
        None,
    )[0]
    x = ops.transpose(x, (0, 2, 1, 3))
    x = layers.Reshape((16, units), name=f"{name}_reshape_2")(x)
    return layers.Dense(units, name=f"{name}_proj")(x)


def build_model():
    """SwinTransformer, channels last, with fresh weights."""
    inputs = keras.Input((32, 32, 3), name="inputs")
    conv2d = layers.Conv2D(8, 4, strides=4, name="patch_embed")(inputs)
    x = layers.LayerNormalization(epsilon=1e-05, name="stage1_0_norm1")(conv2d)
    x = layers.Reshape((2, 4, 2, 4, 8), name="stage1_0_reshape")(x)
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    x = ops.reshape(x, (-1, 16, 8))
    x = window_attention(x, 8, 2, (2, 16, 16), name="stage1_0_attn")
    x = ops.reshape(x, (-1, 2, 2, 4, 4, 8))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    x = layers.Reshape((8, 8, 8), name="stage1_0_reshape_2")(x)
    x = conv2d + x
    out = layers.LayerNormalization(epsilon=1e-05, name="stage1_0_norm2")(x)
    out = layers.Dense(16, activation="gelu", name="stage1_0_mlp_fc1")(out)
    out = layers.Dense(8, name="stage1_0_mlp_fc2")(out)
    x = x + out
    layer_norm = layers.LayerNormalization(epsilon=1e-05, name="stage1_1_norm1")(x)
    val = layer_norm[:, :2]
    out = layer_norm[:, 2:]
    val_2 = ops.concatenate([out, val], axis=1)
    val_3 = val_2[:, :, :2]
    out = val_2[:, :, 2:]
    out = ops.concatenate([out, val_3], axis=2)
    out = layers.Reshape((2, 4, 2, 4, 8), name="stage1_1_reshape")(out)
    out = ops.transpose(out, (0, 1, 3, 2, 4, 5))
    out = ops.reshape(out, (-1, 16, 8))
    out = window_attention(out, 8, 2, (2, 16, 16), name="stage1_1_attn")
    out = ops.reshape(out, (-1, 2, 2, 4, 4, 8))
    out = ops.transpose(out, (0, 1, 3, 2, 4, 5))
    unsafe_view = layers.Reshape((8, 8, 8), name="stage1_1_reshape_2")(out)
    val_4 = unsafe_view[:, :6]
    out = unsafe_view[:, 6:]
    val_5 = ops.concatenate([out, val_4], axis=1)
    val_6 = val_5[:, :, :6]
    out = val_5[:, :, 6:]
    out = ops.concatenate([out, val_6], axis=2)
    x = x + out
    out = layers.LayerNormalization(epsilon=1e-05, name="stage1_1_norm2")(x)
    out = layers.Dense(16, activation="gelu", name="stage1_1_mlp_fc1")(out)
    out = layers.Dense(8, name="stage1_1_mlp_fc2")(out)
    x = x + out
    out = x[:, ::2]
    slice_2 = out[:, :, ::2]
    out = x[:, 1::2]
    slice_3 = out[:, :, ::2]
    out = x[:, ::2]
    slice_4 = out[:, :, 1::2]
    x = x[:, 1::2]
    x = x[:, :, 1::2]
    x = ops.concatenate([slice_2, slice_3, slice_4, x], axis=-1)
    x = layers.LayerNormalization(epsilon=1e-05, name="merge_norm")(x)
    linear = layers.Dense(16, use_bias=False, name="merge_reduction")(x)
    x = layers.LayerNormalization(epsilon=1e-05, name="stage2_0_norm1")(linear)
    x = layers.Reshape((1, 4, 1, 4, 16), name="stage2_0_reshape")(x)
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    x = layers.Reshape((16, 16), name="stage2_0_reshape_2")(x)
    x = window_attention(x, 16, 4, (4, 16, 16), name="stage2_0_attn")
    x = layers.Reshape((1, 1, 4, 4, 16), name="stage2_0_reshape_3")(x)
    x = layers.Reshape((4, 4, 16), name="stage2_0_reshape_4")(x)
    x = linear + x
    out = layers.LayerNormalization(epsilon=1e-05, name="stage2_0_norm2")(x)
    out = layers.Dense(32, activation="gelu", name="stage2_0_mlp_fc1")(out)
    out = layers.Dense(16, name="stage2_0_mlp_fc2")(out)
    x = x + out
    x = layers.LayerNormalization(epsilon=1e-05, name="norm")(x)
    x = ops.mean(x, axis=(1, 2))
    x = layers.Dense(10, name="head")(x)
    return keras.Model(inputs, x, name="SwinTransformer")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
