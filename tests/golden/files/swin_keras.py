"""SwinTransformer in Keras 3, converted from swin.onnx (ONNX).

Input inputs: float32 (batch, 32, 32, 3)
Output linear_13: float32 (batch, 10)
"""

from pathlib import Path

import keras
from keras import layers, ops


def window_partition(x, size):
    """(batch, height, width, channels) as (batch * windows, size, size, channels)."""
    height, width, channels = x.shape[1:]
    x = ops.reshape(x, (-1, height // size, size, width // size, size, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, size, size, channels))


def window_reverse(windows, size, height, width):
    """(batch * windows, ..., channels) put back as (batch, height, width, channels)."""
    shape = (-1, height // size, width // size, size, size, windows.shape[-1])
    x = ops.transpose(ops.reshape(windows, shape), (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, height, width, windows.shape[-1]))


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


def window_attention(x, units, num_heads, name):
    x = layers.Dense(3 * units, name=f"{name}_qkv")(x)
    x = layers.Reshape((16, 3, num_heads, 4), name=f"{name}_reshape")(x)
    query, key, value = ops.unstack(x, axis=2)
    x = ops.dot_product_attention(
        query,
        key,
        value,
        bias=Weight((1, num_heads, 16, 16), name=f"{name}_relative_position_bias")(x),
    )
    x = layers.Reshape((16, units), name=f"{name}_reshape_2")(x)
    return layers.Dense(units, name=f"{name}_proj")(x)


def swin_block(x, units, num_heads, name, shift=0):
    height, width = x.shape[1:3]
    out = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm1")(x)
    out = ops.roll(out, (-shift, -shift), axis=(1, 2))
    out = window_partition(out, 4)
    out = layers.Reshape((16, units), name=f"{name}_reshape")(out)
    out = window_attention(out, units, num_heads, name=f"{name}_attn")
    out = window_reverse(out, 4, height, width)
    x = x + ops.roll(out, (shift, shift), axis=(1, 2))
    out = layers.LayerNormalization(epsilon=1e-05, name=f"{name}_norm2")(x)
    out = layers.Dense(2 * units, activation="gelu", name=f"{name}_mlp_fc1")(out)
    out = layers.Dense(units, name=f"{name}_mlp_fc2")(out)
    return x + out


def build_model():
    """SwinTransformer, channels last, with fresh weights."""
    inputs = keras.Input((32, 32, 3), name="inputs")
    x = layers.Conv2D(8, 4, strides=4, name="patch_embed")(inputs)
    x = swin_block(x, 8, 2, name="stage1_0")
    x = swin_block(x, 8, 2, shift=2, name="stage1_1")
    x = ops.concatenate(
        [x[:, ::2, ::2], x[:, 1::2, ::2], x[:, ::2, 1::2], x[:, 1::2, 1::2]], axis=-1
    )
    x = layers.LayerNormalization(epsilon=1e-05, name="merge_norm")(x)
    x = layers.Dense(16, use_bias=False, name="merge_reduction")(x)
    x = swin_block(x, 16, 4, name="stage2_0")
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
