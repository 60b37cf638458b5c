"""VisionTransformer in Keras 3, converted from vit.onnx (ONNX).

Input inputs: float32 (batch, 32, 32, 3)
Output linear_8: float32 (batch, 10)
"""

from pathlib import Path

import keras
from keras import layers, ops


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
class Token(layers.Layer):
    """A learned token, or several: called on any tensor of the model, it is repeated for each sample of the batch."""

    def __init__(self, shape, **kwargs):
        super().__init__(**kwargs)
        self.token = self.add_weight((1, *shape), "zeros", name="token")

    def call(self, x):
        return ops.repeat(self.token, ops.shape(x)[0], axis=0)


def block(x, name):
    out = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm1")(x)
    out = layers.MultiHeadAttention(4, 4, name=f"{name}_attn")(out, out)
    x = x + out
    out = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm2")(x)
    out = layers.Dense(32, activation="gelu", name=f"{name}_mlp_fc1")(out)
    out = layers.Dense(16, name=f"{name}_mlp_fc2")(out)
    return x + out


def build_model():
    """VisionTransformer, channels last, with fresh weights."""
    inputs = keras.Input((32, 32, 3), name="inputs")
    x = layers.Conv2D(16, 8, strides=8, name="patch_embed")(inputs)
    reshape = layers.Reshape((16, 16), name="reshape")(x)
    x = Token((1, 16), name="cls_token")(inputs)
    x = ops.concatenate([x, reshape], axis=1)
    x = x + Weight((1, 17, 16), name="pos_embed")(inputs)
    x = block(x, name="blocks_0")
    x = block(x, name="blocks_1")
    x = layers.LayerNormalization(epsilon=1e-05, name="norm")(x)
    x = ops.take(x, 0, axis=1)
    x = layers.Dense(10, name="head")(x)
    return keras.Model(inputs, x, name="VisionTransformer")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
