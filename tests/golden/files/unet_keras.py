"""UNet in Keras 3, converted from unet.onnx (ONNX).

Input inputs: float32 (batch, 32, 32, 3)
Output conv2d_10: float32 (batch, 32, 32, 2)
"""

from pathlib import Path

import keras
from keras import layers, ops


def double_conv(x, filters, name):
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(filters, 3, use_bias=False, name=f"{name}_double_conv_0")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_double_conv_1"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(filters, 3, use_bias=False, name=f"{name}_double_conv_3")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_double_conv_4"
    )(x)
    return ops.relu(x)


def build_model():
    """UNet, channels last, with fresh weights."""
    inputs = keras.Input((32, 32, 3), name="inputs")
    inc = double_conv(inputs, 4, name="inc")
    x = layers.MaxPooling2D(2, name="down1_0")(inc)
    down1 = double_conv(x, 8, name="down1_1")
    x = layers.MaxPooling2D(2, name="down2_0")(down1)
    x = double_conv(x, 16, name="down2_1")
    x = layers.Conv2DTranspose(8, 2, strides=2, name="up1_up")(x)
    x = ops.concatenate([down1, x], axis=-1)
    x = double_conv(x, 8, name="up1_conv")
    x = layers.Conv2DTranspose(4, 2, strides=2, name="up2_up")(x)
    x = ops.concatenate([inc, x], axis=-1)
    x = double_conv(x, 4, name="up2_conv")
    x = layers.Conv2D(2, 1, name="outc")(x)
    return keras.Model(inputs, x, name="UNet")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
