"""Llama in Keras 3, converted from llama.onnx (ONNX).

Input input_ids: int64 (batch, sequence)
Output linear_14: float32 (batch, sequence, 50)
"""

from pathlib import Path

import keras
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


@keras.saving.register_keras_serializable()
class Positions(layers.Layer):
    """The numbers 0, 1, 2 and so on, as many as there are along an axis of a tensor."""

    def __init__(self, axis=1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, x):
        return ops.arange(ops.shape(x)[self.axis], dtype="int64")


def rotate_half(x):
    """The second half of the features turned negative, then the first."""
    first, second = ops.split(x, 2, axis=-1)
    return ops.concatenate([-second, first], axis=-1)


def llama_mlp(x, name):
    gate_proj = layers.Dense(
        24, use_bias=False, activation="silu", name=f"{name}_gate_proj"
    )(x)
    x = layers.Dense(24, use_bias=False, name=f"{name}_up_proj")(x)
    x = gate_proj * x
    return layers.Dense(16, use_bias=False, name=f"{name}_down_proj")(x)


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
    sin = ops.sin(angles)
    input_layernorm = layers.RMSNormalization(name="layers_0_input_layernorm")(
        embed_tokens
    )
    query = layers.Dense(16, use_bias=False, name="layers_0_self_attn_q_proj")(
        input_layernorm
    )
    query = layers.Reshape((-1, 4, 4), name="layers_0_self_attn_reshape")(query)
    key = layers.Dense(8, use_bias=False, name="layers_0_self_attn_k_proj")(
        input_layernorm
    )
    key = layers.Reshape((-1, 2, 4), name="layers_0_self_attn_reshape_2")(key)
    value = layers.Dense(8, use_bias=False, name="layers_0_self_attn_v_proj")(
        input_layernorm
    )
    value = layers.Reshape((-1, 2, 4), name="layers_0_self_attn_reshape_3")(value)
    cos = ops.expand_dims(cos, (0, 2))
    mul = query * cos
    cat = rotate_half(query)
    sin = ops.expand_dims(sin, (0, 2))
    query = mul + cat * sin
    key = key * cos + rotate_half(key) * sin
    x = ops.dot_product_attention(query, key, value, is_causal=True)
    x = layers.Reshape((-1, 16), name="layers_0_self_attn_reshape_4")(x)
    x = layers.Dense(16, use_bias=False, name="layers_0_self_attn_o_proj")(x)
    x = embed_tokens + x
    out = layers.RMSNormalization(name="layers_0_post_attention_layernorm")(x)
    out = llama_mlp(out, name="layers_0_mlp")
    x = x + out
    input_layernorm = layers.RMSNormalization(name="layers_1_input_layernorm")(x)
    query = layers.Dense(16, use_bias=False, name="layers_1_self_attn_q_proj")(
        input_layernorm
    )
    query = layers.Reshape((-1, 4, 4), name="layers_1_self_attn_reshape")(query)
    key = layers.Dense(8, use_bias=False, name="layers_1_self_attn_k_proj")(
        input_layernorm
    )
    key = layers.Reshape((-1, 2, 4), name="layers_1_self_attn_reshape_2")(key)
    value = layers.Dense(8, use_bias=False, name="layers_1_self_attn_v_proj")(
        input_layernorm
    )
    value = layers.Reshape((-1, 2, 4), name="layers_1_self_attn_reshape_3")(value)
    query = query * cos + rotate_half(query) * sin
    key = key * cos + rotate_half(key) * sin
    out = ops.dot_product_attention(query, key, value, is_causal=True)
    out = layers.Reshape((-1, 16), name="layers_1_self_attn_reshape_4")(out)
    out = layers.Dense(16, use_bias=False, name="layers_1_self_attn_o_proj")(out)
    x = x + out
    out = layers.RMSNormalization(name="layers_1_post_attention_layernorm")(x)
    out = llama_mlp(out, name="layers_1_mlp")
    x = x + out
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
