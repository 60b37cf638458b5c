"""Bert in Keras 3, converted from bert.onnx (ONNX).

Input input_ids: int64 (batch, sequence)
Input attention_mask: int64 (batch, sequence)
Output linear_13: float32 (batch, 3)
"""

from pathlib import Path

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class Bert(keras.Model):
    """Bert, channels last."""

    def __init__(self, name="Bert", **kwargs):
        super().__init__(name=name, autocast=False, **kwargs)
        self.embeddings_position_ids = self.add_weight(
            (1, 16),
            "zeros",
            dtype="int64",
            trainable=False,
            name="embeddings_position_ids",
        )
        self.embeddings_word_embeddings = layers.Embedding(
            50, 16, name="embeddings_word_embeddings"
        )
        self.embeddings_word_embeddings.build((None, None))
        self.embeddings_position_embeddings = layers.Embedding(
            16, 16, name="embeddings_position_embeddings"
        )
        self.embeddings_position_embeddings.build((1, None))
        self.embeddings_LayerNorm = layers.LayerNormalization(
            epsilon=1e-12, name="embeddings_LayerNorm"
        )
        self.embeddings_LayerNorm.build((None, None, 16))
        self.layer_0_attention_query = layers.Dense(16, name="layer_0_attention_query")
        self.layer_0_attention_query.build((None, 16))
        self.layer_0_attention_reshape = layers.Reshape(
            (-1, 4, 4), name="layer_0_attention_reshape"
        )
        self.layer_0_attention_key = layers.Dense(16, name="layer_0_attention_key")
        self.layer_0_attention_key.build((None, 16))
        self.layer_0_attention_reshape_2 = layers.Reshape(
            (-1, 4, 4), name="layer_0_attention_reshape_2"
        )
        self.layer_0_attention_value = layers.Dense(16, name="layer_0_attention_value")
        self.layer_0_attention_value.build((None, 16))
        self.layer_0_attention_reshape_3 = layers.Reshape(
            (-1, 4, 4), name="layer_0_attention_reshape_3"
        )
        self.layer_0_attention_reshape_4 = layers.Reshape(
            (-1, 16), name="layer_0_attention_reshape_4"
        )
        self.layer_0_attention_output = layers.Dense(
            16, name="layer_0_attention_output"
        )
        self.layer_0_attention_output.build((None, 16))
        self.layer_0_norm1 = layers.LayerNormalization(
            epsilon=1e-12, name="layer_0_norm1"
        )
        self.layer_0_norm1.build((None, None, 16))
        self.layer_0_intermediate = layers.Dense(
            32, activation="gelu", name="layer_0_intermediate"
        )
        self.layer_0_intermediate.build((None, 16))
        self.layer_0_output = layers.Dense(16, name="layer_0_output")
        self.layer_0_output.build((None, 32))
        self.layer_0_norm2 = layers.LayerNormalization(
            epsilon=1e-12, name="layer_0_norm2"
        )
        self.layer_0_norm2.build((None, None, 16))
        self.layer_1_attention_query = layers.Dense(16, name="layer_1_attention_query")
        self.layer_1_attention_query.build((None, 16))
        self.layer_1_attention_reshape = layers.Reshape(
            (-1, 4, 4), name="layer_1_attention_reshape"
        )
        self.layer_1_attention_key = layers.Dense(16, name="layer_1_attention_key")
        self.layer_1_attention_key.build((None, 16))
        self.layer_1_attention_reshape_2 = layers.Reshape(
            (-1, 4, 4), name="layer_1_attention_reshape_2"
        )
        self.layer_1_attention_value = layers.Dense(16, name="layer_1_attention_value")
        self.layer_1_attention_value.build((None, 16))
        self.layer_1_attention_reshape_3 = layers.Reshape(
            (-1, 4, 4), name="layer_1_attention_reshape_3"
        )
        self.layer_1_attention_reshape_4 = layers.Reshape(
            (-1, 16), name="layer_1_attention_reshape_4"
        )
        self.layer_1_attention_output = layers.Dense(
            16, name="layer_1_attention_output"
        )
        self.layer_1_attention_output.build((None, 16))
        self.layer_1_norm1 = layers.LayerNormalization(
            epsilon=1e-12, name="layer_1_norm1"
        )
        self.layer_1_norm1.build((None, None, 16))
        self.layer_1_intermediate = layers.Dense(
            32, activation="gelu", name="layer_1_intermediate"
        )
        self.layer_1_intermediate.build((None, 16))
        self.layer_1_output = layers.Dense(16, name="layer_1_output")
        self.layer_1_output.build((None, 32))
        self.layer_1_norm2 = layers.LayerNormalization(
            epsilon=1e-12, name="layer_1_norm2"
        )
        self.layer_1_norm2.build((None, None, 16))
        self.pooler = layers.Dense(16, activation="tanh", name="pooler")
        self.pooler.build((None, 16))
        self.classifier = layers.Dense(3, name="classifier")
        self.classifier.build((None, 16))
        self.built = True

    def call(self, inputs):
        input_ids, attention_mask = inputs
        x = ops.expand_dims(attention_mask, (1, 2))
        x = ops.cast(x, "float32")
        mul = (1.0 - x) * -3.4028234663852886e38
        slice_2 = self.embeddings_position_ids[:, : ops.shape(input_ids)[1]]
        embedding = self.embeddings_word_embeddings(input_ids)
        x = self.embeddings_position_embeddings(slice_2)
        x = embedding + x
        layer_norm = self.embeddings_LayerNorm(x)
        x = self.layer_0_attention_query(layer_norm)
        view = self.layer_0_attention_reshape(x)
        x = self.layer_0_attention_key(layer_norm)
        view_2 = self.layer_0_attention_reshape_2(x)
        x = self.layer_0_attention_value(layer_norm)
        view_3 = self.layer_0_attention_reshape_3(x)
        transpose = ops.transpose(view, (0, 2, 1, 3))
        x = ops.transpose(view_2, (0, 2, 3, 1))
        x = transpose @ x / 2.0 - -mul
        softmax = ops.softmax(x)
        x = ops.transpose(view_3, (0, 2, 1, 3))
        x = softmax @ x
        x = ops.transpose(x, (0, 2, 1, 3))
        x = self.layer_0_attention_reshape_4(x)
        x = self.layer_0_attention_output(x)
        x = layer_norm + x
        layer_norm_2 = self.layer_0_norm1(x)
        x = self.layer_0_intermediate(layer_norm_2)
        x = self.layer_0_output(x)
        x = layer_norm_2 + x
        layer_norm_3 = self.layer_0_norm2(x)
        x = self.layer_1_attention_query(layer_norm_3)
        view_4 = self.layer_1_attention_reshape(x)
        x = self.layer_1_attention_key(layer_norm_3)
        view_5 = self.layer_1_attention_reshape_2(x)
        x = self.layer_1_attention_value(layer_norm_3)
        view_6 = self.layer_1_attention_reshape_3(x)
        transpose_2 = ops.transpose(view_4, (0, 2, 1, 3))
        x = ops.transpose(view_5, (0, 2, 3, 1))
        x = transpose_2 @ x / 2.0 - -mul
        softmax_2 = ops.softmax(x)
        x = ops.transpose(view_6, (0, 2, 1, 3))
        x = softmax_2 @ x
        x = ops.transpose(x, (0, 2, 1, 3))
        x = self.layer_1_attention_reshape_4(x)
        x = self.layer_1_attention_output(x)
        x = layer_norm_3 + x
        layer_norm_4 = self.layer_1_norm1(x)
        x = self.layer_1_intermediate(layer_norm_4)
        x = self.layer_1_output(x)
        x = layer_norm_4 + x
        x = self.layer_1_norm2(x)
        x = ops.take(x, 0, axis=1)
        x = self.pooler(x)
        return self.classifier(x)


def build_model():
    """Bert with fresh weights."""
    return Bert()


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
