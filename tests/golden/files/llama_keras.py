"""Llama in Keras 3, converted from llama.onnx (ONNX).

Input input_ids: int64 (batch, sequence)
Output linear_14: float32 (batch, sequence, 50)
"""

from pathlib import Path

import keras
from keras import layers, ops


def rotate_half(x):
    """The second half of the features turned negative, then the first."""
    first, second = ops.split(x, 2, axis=-1)
    return ops.concatenate([-second, first], axis=-1)


@keras.saving.register_keras_serializable()
class Weight(layers.Layer):
    """A weight that stands alone: called on any tensor of the model, it gives its own value."""

    def __init__(self, shape, start="zeros", holds="float32", **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.value = self.add_weight(
            shape, start, holds, trainable=self.trainable, autocast=False, name="value"
        )

    def call(self, x):
        return ops.convert_to_tensor(self.value)


@keras.saving.register_keras_serializable()
class Positions(layers.Layer):
    """The numbers 0, 1, 2 and so on, as many as there are along an axis of a tensor."""

    def __init__(self, axis=1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, x):
        return ops.arange(ops.shape(x)[self.axis], dtype="int64")


def llama_attention(x, cos, sin, name):
    query = layers.Dense(16, use_bias=False, name=f"{name}_q_proj")(x)
    query = layers.Reshape((-1, 4, 4), name=f"{name}_reshape")(query)
    key = layers.Dense(8, use_bias=False, name=f"{name}_k_proj")(x)
    key = layers.Reshape((-1, 2, 4), name=f"{name}_reshape_2")(key)
    value = layers.Dense(8, use_bias=False, name=f"{name}_v_proj")(x)
    value = layers.Reshape((-1, 2, 4), name=f"{name}_reshape_3")(value)
    query = query * cos + rotate_half(query) * sin
    key = key * cos + rotate_half(key) * sin
    x = ops.dot_product_attention(query, key, value, is_causal=True)
    x = layers.Reshape((-1, 16), name=f"{name}_reshape_4")(x)
    return layers.Dense(16, use_bias=False, name=f"{name}_o_proj")(x)


def llama_mlp(x, name):
    gate_proj = layers.Dense(
        24, use_bias=False, activation="silu", name=f"{name}_gate_proj"
    )(x)
    x = layers.Dense(24, use_bias=False, name=f"{name}_up_proj")(x)
    x = gate_proj * x
    return layers.Dense(16, use_bias=False, name=f"{name}_down_proj")(x)


def decoder_layer(x, cos, sin, name):
    out = layers.RMSNormalization(name=f"{name}_input_layernorm")(x)
    out = llama_attention(out, cos, sin, name=f"{name}_self_attn")
    x = x + out
    out = layers.RMSNormalization(name=f"{name}_post_attention_layernorm")(x)
    out = llama_mlp(out, name=f"{name}_mlp")
    return x + out


def build_model():
    """Llama, channels last, with fresh weights."""
    input_ids = keras.Input((None,), dtype="int64", name="input_ids")
    embed_tokens = layers.Embedding(50, 16, name="embed_tokens")(input_ids)
    x = Positions(name="positions")(input_ids)
    x = ops.cast(x, "float32")
    x = ops.reshape(x, (-1, 1))
    angles = x * Weight((2,), start="ones", trainable=False, name="inv_freq")(input_ids)
    angles = ops.concatenate([angles, angles], axis=-1)
    cos = ops.cos(angles)
    cos = ops.expand_dims(cos, (0, 2))
    sin = ops.sin(angles)
    sin = ops.expand_dims(sin, (0, 2))
    x = decoder_layer(embed_tokens, cos, sin, name="layers_0")
    x = decoder_layer(x, cos, sin, name="layers_1")
    x = layers.RMSNormalization(name="norm")(x)
    x = layers.Dense(50, use_bias=False, name="lm_head")(x)
    return keras.Model(input_ids, x, name="Llama")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
