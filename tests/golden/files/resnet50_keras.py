"""Resnet50 in Keras 3, converted from model.onnx (ONNX).

Input data_0: float32 (batch, 224, 224, 3)
Output softmax_1: float32 (batch, 1000)
"""

from pathlib import Path

import keras
from keras import layers, ops


def residual_block(x, filters, name):
    out = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_branch2a")(x)
    out = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name=f"{name}_branch2a_bn"
    )(out)
    out = ops.relu(out)
    out = layers.ZeroPadding2D(1)(out)
    out = layers.Conv2D(filters, 3, use_bias=False, name=f"{name}_branch2b")(out)
    out = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name=f"{name}_branch2b_bn"
    )(out)
    out = ops.relu(out)
    out = layers.Conv2D(4 * filters, 1, use_bias=False, name=f"{name}_branch2c")(out)
    out = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name=f"{name}_branch2c_bn"
    )(out)
    return ops.relu(out + x)


def projection_block(x, filters, name, strides=1):
    out = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_branch2a")(x)
    out = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name=f"{name}_branch2a_bn"
    )(out)
    out = ops.relu(out)
    out = layers.ZeroPadding2D(1)(out)
    out = layers.Conv2D(
        filters, 3, strides=strides, use_bias=False, name=f"{name}_branch2b"
    )(out)
    out = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name=f"{name}_branch2b_bn"
    )(out)
    out = ops.relu(out)
    out = layers.Conv2D(4 * filters, 1, use_bias=False, name=f"{name}_branch2c")(out)
    branch2c_bn = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name=f"{name}_branch2c_bn"
    )(out)
    x = layers.Conv2D(
        4 * filters, 1, strides=strides, use_bias=False, name=f"{name}_branch1"
    )(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name=f"{name}_branch1_bn"
    )(x)
    return ops.relu(branch2c_bn + x)


def build_model():
    """Resnet50, channels last, with fresh weights."""
    data_0 = keras.Input((224, 224, 3), name="data_0")
    x = layers.ZeroPadding2D(3)(data_0)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res_conv1_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = projection_block(x, 64, name="res2_0")
    x = residual_block(x, 64, name="res2_1")
    x = residual_block(x, 64, name="res2_2")
    x = projection_block(x, 128, strides=2, name="res3_0")
    for i in range(1, 4):
        x = residual_block(x, 128, name=f"res3_{i}")
    x = projection_block(x, 256, strides=2, name="res4_0")
    for i in range(1, 6):
        x = residual_block(x, 256, name=f"res4_{i}")
    x = projection_block(x, 512, strides=2, name="res5_0")
    x = residual_block(x, 512, name="res5_1")
    x = residual_block(x, 512, name="res5_2")
    x = layers.AveragePooling2D(7, strides=1)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(1000, activation="softmax", name="pred")(x)
    return keras.Model(data_0, x, name="Resnet50")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
