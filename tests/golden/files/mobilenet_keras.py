"""MobileNet in Keras 3, converted from mobilenet.onnx (ONNX).

Input inputs: float32 (batch, 32, 32, 3)
Output linear_1: float32 (batch, 10)
"""

from pathlib import Path

import keras
from keras import layers, ops


def conv_norm_activation(x, filters, name):
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_0")(x)
    return layers.BatchNormalization(name=f"{name}_1")(x)


def conv_norm_activation_2(x, name, strides=1):
    x = layers.ZeroPadding2D(1)(x)
    x = layers.DepthwiseConv2D(3, strides=strides, use_bias=False, name=f"{name}_0")(x)
    x = layers.BatchNormalization(name=f"{name}_1")(x)
    return ops.relu(x)


def squeeze_excitation(x, filters, name):
    out = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_avgpool")(x)
    out = layers.Conv2D(filters, 1, activation="relu", name=f"{name}_fc1")(out)
    out = layers.Conv2D(4 * filters, 1, activation="hard_sigmoid", name=f"{name}_fc2")(
        out
    )
    return x * out


def conv_norm_activation_3(x, filters, name):
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_0")(x)
    x = layers.BatchNormalization(name=f"{name}_1")(x)
    return ops.hard_silu(x)


def conv_norm_activation_4(x, name, strides=1):
    x = layers.ZeroPadding2D(1)(x)
    x = layers.DepthwiseConv2D(3, strides=strides, use_bias=False, name=f"{name}_0")(x)
    x = layers.BatchNormalization(name=f"{name}_1")(x)
    return ops.hard_silu(x)


def build_model():
    """MobileNet, channels last, with fresh weights."""
    inputs = keras.Input((32, 32, 3), name="inputs")
    x = layers.ZeroPadding2D(1)(inputs)
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="features_0_0")(x)
    x = layers.BatchNormalization(name="features_0_1")(x)
    hardswish = ops.hard_silu(x)
    x = conv_norm_activation_2(hardswish, name="features_1_block_0")
    x = squeeze_excitation(x, 2, name="features_1_block_1")
    x = conv_norm_activation(x, 8, name="features_1_block_2")
    x = hardswish + x
    x = layers.Conv2D(24, 1, use_bias=False, name="features_2_block_0_0")(x)
    x = layers.BatchNormalization(name="features_2_block_0_1")(x)
    x = ops.relu(x)
    x = conv_norm_activation_2(x, strides=2, name="features_2_block_1")
    getitem = conv_norm_activation(x, 12, name="features_2_block_2")
    x = layers.Conv2D(32, 1, use_bias=False, name="features_3_block_0_0")(getitem)
    x = layers.BatchNormalization(name="features_3_block_0_1")(x)
    x = ops.relu(x)
    x = conv_norm_activation_2(x, name="features_3_block_1")
    x = conv_norm_activation(x, 12, name="features_3_block_2")
    x = getitem + x
    x = conv_norm_activation_3(x, 32, name="features_4_block_0")
    x = conv_norm_activation_4(x, strides=2, name="features_4_block_1")
    x = squeeze_excitation(x, 8, name="features_4_block_2")
    getitem_2 = conv_norm_activation(x, 16, name="features_4_block_3")
    x = conv_norm_activation_3(getitem_2, 48, name="features_5_block_0")
    x = conv_norm_activation_4(x, name="features_5_block_1")
    x = squeeze_excitation(x, 12, name="features_5_block_2")
    x = conv_norm_activation(x, 16, name="features_5_block_3")
    x = getitem_2 + x
    x = conv_norm_activation_3(x, 32, name="features_6")
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
