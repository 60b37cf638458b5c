"""MobileNet in Keras 3, converted from mobilenet.onnx (ONNX).

Input inputs: float32 (batch, 32, 32, 3)
Output linear_1: float32 (batch, 10)
"""

from pathlib import Path

import keras
from keras import layers, ops


def depthwise_conv_norm_activation(x, activation, name, strides=1):
    x = layers.ZeroPadding2D(1)(x)
    x = layers.DepthwiseConv2D(3, strides=strides, use_bias=False, name=f"{name}_0")(x)
    x = layers.BatchNormalization(name=f"{name}_1")(x)
    return activation(x)


def conv_norm_activation(x, filters, kernel_size, name, strides=1, activation=None):
    if kernel_size != 1:
        x = layers.ZeroPadding2D(kernel_size // 2)(x)
    out = layers.Conv2D(
        filters, kernel_size, strides=strides, use_bias=False, name=f"{name}_0"
    )(x)
    out = layers.BatchNormalization(name=f"{name}_1")(out)
    if activation is not None:
        out = activation(out)
    return out


def squeeze_excitation(x, filters, name):
    out = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_avgpool")(x)
    out = layers.Conv2D(filters, 1, activation="relu", name=f"{name}_fc1")(out)
    out = layers.Conv2D(4 * filters, 1, activation="hard_sigmoid", name=f"{name}_fc2")(
        out
    )
    return x * out


def inverted_residual_with_squeeze_excitation(x, filters, name, strides=1):
    out = conv_norm_activation(
        x, 4 * filters, 1, activation=ops.hard_silu, name=f"{name}_block_0"
    )
    out = depthwise_conv_norm_activation(
        out, ops.hard_silu, strides=strides, name=f"{name}_block_1"
    )
    out = squeeze_excitation(out, filters, name=f"{name}_block_2")
    out = conv_norm_activation(out, 16, 1, name=f"{name}_block_3")
    if strides == 1 and x.shape[-1] == 16:
        out = x + out
    return out


def inverted_residual(x, filters, name, strides=1):
    out = conv_norm_activation(
        x, filters, 1, activation=ops.relu, name=f"{name}_block_0"
    )
    out = depthwise_conv_norm_activation(
        out, ops.relu, strides=strides, name=f"{name}_block_1"
    )
    out = conv_norm_activation(out, 12, 1, name=f"{name}_block_2")
    if strides == 1 and x.shape[-1] == 12:
        out = x + out
    return out


def build_model():
    """MobileNet, channels last, with fresh weights."""
    inputs = keras.Input((32, 32, 3), name="inputs")
    x = conv_norm_activation(
        inputs, 8, 3, strides=2, activation=ops.hard_silu, name="features_0"
    )
    out = depthwise_conv_norm_activation(x, ops.relu, name="features_1_block_0")
    out = squeeze_excitation(out, 2, name="features_1_block_1")
    out = conv_norm_activation(out, 8, 1, name="features_1_block_2")
    x = x + out
    x = inverted_residual(x, 24, strides=2, name="features_2")
    x = inverted_residual(x, 32, name="features_3")
    x = inverted_residual_with_squeeze_excitation(x, 8, strides=2, name="features_4")
    x = inverted_residual_with_squeeze_excitation(x, 12, name="features_5")
    x = conv_norm_activation(x, 32, 1, activation=ops.hard_silu, name="features_6")
    x = layers.GlobalAveragePooling2D(keepdims=True, name="global_average_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(24, activation="hard_silu", name="classifier_0")(x)
    x = layers.Dense(10, name="classifier_3")(x)
    return keras.Model(inputs, x, name="MobileNet")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
