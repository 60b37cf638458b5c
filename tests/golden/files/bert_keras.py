"""Bert in Keras 3, converted from bert.onnx (ONNX).

Input input_ids: int64 (batch, sequence)
Input attention_mask: int64 (batch, sequence)
Output linear_13: float32 (batch, 3)
"""

from pathlib import Path

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class PositionEmbedding(layers.Layer):
    """A learned vector for each step of a tensor (batch, steps, ...): (1, steps, features)."""

    def __init__(self, positions, features, **kwargs):
        super().__init__(**kwargs)
        self.embeddings = self.add_weight((positions, features), name="embeddings")

    def call(self, x):
        return ops.expand_dims(self.embeddings, 0)[:, : ops.shape(x)[1]]


def self_attention(x, mul, name):
    out = layers.Dense(16, name=f"{name}_query")(x)
    reshape = layers.Reshape((-1, 4, 4), name=f"{name}_reshape")(out)
    out = layers.Dense(16, name=f"{name}_key")(x)
    reshape_2 = layers.Reshape((-1, 4, 4), name=f"{name}_reshape_2")(out)
    x = layers.Dense(16, name=f"{name}_value")(x)
    reshape_3 = layers.Reshape((-1, 4, 4), name=f"{name}_reshape_3")(x)
    x = ops.transpose(reshape, (0, 2, 1, 3)) @ ops.transpose(reshape_2, (0, 2, 3, 1))
    x = ops.softmax(mul + x / 2.0) @ ops.transpose(reshape_3, (0, 2, 1, 3))
    x = ops.transpose(x, (0, 2, 1, 3))
    x = layers.Reshape((-1, 16), name=f"{name}_reshape_4")(x)
    return layers.Dense(16, name=f"{name}_output")(x)


def encoder_layer(x, mul, name):
    out = self_attention(x, mul, name=f"{name}_attention")
    x = x + out
    x = layers.LayerNormalization(epsilon=1e-12, name=f"{name}_norm1")(x)
    out = layers.Dense(32, activation="gelu", name=f"{name}_intermediate")(x)
    out = layers.Dense(16, name=f"{name}_output")(out)
    x = x + out
    return layers.LayerNormalization(epsilon=1e-12, name=f"{name}_norm2")(x)


def build_model():
    """Bert, channels last, with fresh weights."""
    input_ids = keras.Input((None,), dtype="int64", name="input_ids")
    attention_mask = keras.Input((None,), dtype="int64", name="attention_mask")
    x = 1.0 - ops.cast(ops.expand_dims(attention_mask, (1, 2)), "float32")
    mul = x * -3.4028234663852886e38
    word_embeddings = layers.Embedding(50, 16, name="embeddings_word_embeddings")(
        input_ids
    )
    x = PositionEmbedding(16, 16, name="embeddings_position_embeddings")(input_ids)
    x = word_embeddings + x
    x = layers.LayerNormalization(epsilon=1e-12, name="embeddings_LayerNorm")(x)
    x = encoder_layer(x, mul, name="layer_0")
    x = encoder_layer(x, mul, name="layer_1")
    x = ops.take(x, 0, axis=1)
    x = layers.Dense(16, activation="tanh", name="pooler")(x)
    x = layers.Dense(3, name="classifier")(x)
    return keras.Model([input_ids, attention_mask], x, name="Bert")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
