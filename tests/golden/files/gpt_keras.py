"""GPT in Keras 3, converted from gpt.onnx (ONNX).

Input idx: int64 (batch, sequence)
Output linear_8: float32 (batch, sequence, 50)
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


@keras.saving.register_keras_serializable()
class ReversibleEmbedding(layers.Embedding):
    """A vector for each token and, with ``reverse``, a score for each token by its vector."""

    def call(self, inputs, reverse=False):
        if reverse:
            return ops.matmul(inputs, ops.transpose(self.embeddings))
        return super().call(inputs)

    def compute_output_spec(self, inputs, reverse=False):
        shape = (
            (*inputs.shape[:-1], self.input_dim)
            if reverse
            else (*inputs.shape, self.output_dim)
        )
        return keras.KerasTensor(shape, dtype=self.compute_dtype)


def gpt_block(x, name):
    out = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_ln_1")(x)
    out = layers.MultiHeadAttention(4, 4, name=f"{name}_attn")(
        out, out, use_causal_mask=True
    )
    x = x + out
    out = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_ln_2")(x)
    out = layers.Dense(64, name=f"{name}_mlp_c_fc")(out)
    out = ops.gelu(out)
    out = layers.Dense(16, name=f"{name}_mlp_c_proj")(out)
    return x + out


def build_model():
    """GPT, channels last, with fresh weights."""
    idx = keras.Input((None,), dtype="int64", name="idx")
    wte = ReversibleEmbedding(50, 16, name="wte")
    embedding = wte(idx)
    x = PositionEmbedding(16, 16, name="wpe")(idx)
    x = embedding + ops.squeeze(x, (0,))
    x = gpt_block(x, name="h_0")
    x = gpt_block(x, name="h_1")
    x = layers.LayerNormalization(epsilon=1e-05, name="ln_f")(x)
    x = wte(x, reverse=True)
    return keras.Model(idx, x, name="GPT")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
