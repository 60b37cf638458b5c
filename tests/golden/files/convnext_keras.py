"""ConvNeXt in Keras 3, converted from convnext.onnx (ONNX).

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


def conv_ne_xt_block(x, units, name):
    out = layers.ZeroPadding2D(3)(x)
    out = layers.DepthwiseConv2D(7, name=f"{name}_dwconv")(out)
    out = layers.LayerNormalization(epsilon=1e-06, name=f"{name}_norm")(out)
    out = layers.Dense(4 * units, activation="gelu", name=f"{name}_pwconv1")(out)
    out = layers.Dense(units, name=f"{name}_pwconv2")(out)
    out = Weight((units,), start="ones", name=f"{name}_gamma")(x) * out
    return x + out


def build_model():
    """ConvNeXt, channels last, with fresh weights."""
    inputs = keras.Input((32, 32, 3), name="inputs")
    x = layers.Conv2D(8, 4, strides=4, name="downsample_layers_0_0")(inputs)
    x = layers.LayerNormalization(epsilon=1e-06, name="downsample_layers_0_1")(x)
    x = conv_ne_xt_block(x, 8, name="stages_0_0")
    x = conv_ne_xt_block(x, 8, name="stages_0_1")
    x = layers.LayerNormalization(epsilon=1e-06, name="downsample_layers_1_0")(x)
    x = layers.Conv2D(16, 2, strides=2, name="downsample_layers_1_1")(x)
    x = conv_ne_xt_block(x, 16, name="stages_1_0")
    x = conv_ne_xt_block(x, 16, name="stages_1_1")
    x = ops.mean(x, axis=(1, 2))
    x = layers.LayerNormalization(epsilon=1e-06, name="norm")(x)
    x = layers.Dense(10, name="head")(x)
    return keras.Model(inputs, x, name="ConvNeXt")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
