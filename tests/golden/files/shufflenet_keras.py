"""Shufflenet in Keras 3, converted from model.onnx (ONNX).

Input data_0: float32 (batch, 224, 224, 3)
Output softmax_1: float32 (batch, 1000)
"""

from pathlib import Path

import keras
from keras import layers, ops


def average_pool(x, size, strides, sides):
    """Average over the elements inside ``x``: padding (``sides`` of each spatial axis) is not counted."""
    sides = [(0, 0), *sides, (0, 0)]
    total = ops.average_pool(ops.pad(x, sides), size, strides)
    return total / ops.average_pool(ops.pad(ops.ones_like(x), sides), size, strides)


def channel_shuffle(x, groups):
    """The channels of all groups in turn: the first of each, the second of each, and so on."""
    *size, channels = ops.shape(x)[1:]
    x = ops.reshape(x, (-1, *size, groups, channels // groups))
    return ops.reshape(ops.swapaxes(x, -2, -1), (-1, *size, channels))


def residual_block(x, filters, name):
    out = layers.Conv2D(filters, 1, groups=4, use_bias=False, name=f"{name}_gconv1")(x)
    out = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_gconv1_bn"
    )(out)
    out = ops.relu(out)
    out = channel_shuffle(out, 4)
    out = layers.ZeroPadding2D(1)(out)
    out = layers.DepthwiseConv2D(3, use_bias=False, name=f"{name}_gconv3")(out)
    out = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_gconv3_bn"
    )(out)
    out = layers.Conv2D(filters, 1, groups=4, use_bias=False, name=f"{name}_gconv1_2")(
        out
    )
    out = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_gconv1_2_bn"
    )(out)
    return ops.relu(out + x)


def block(x, filters, name):
    out = layers.Conv2D(filters, 1, groups=4, use_bias=False, name=f"{name}_gconv1")(x)
    out = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_gconv1_bn"
    )(out)
    out = ops.relu(out)
    out = channel_shuffle(out, 4)
    out = layers.ZeroPadding2D(1)(out)
    out = layers.DepthwiseConv2D(3, strides=2, use_bias=False, name=f"{name}_gconv3")(
        out
    )
    out = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_gconv3_bn"
    )(out)
    out = layers.Conv2D(filters, 1, groups=4, use_bias=False, name=f"{name}_gconv1_2")(
        out
    )
    gconv1_2_bn = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_gconv1_2_bn"
    )(out)
    x = average_pool(x, 3, 2, ((1, 1), (1, 1)))
    x = ops.concatenate([gconv1_2_bn, x], axis=-1)
    return ops.relu(x)


def build_model():
    """Shufflenet, channels last, with fresh weights."""
    data_0 = keras.Input((224, 224, 3), name="data_0")
    x = layers.ZeroPadding2D(1)(data_0)
    x = layers.Conv2D(24, 3, strides=2, name="conv3_0")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_0_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = block(x, 112, name="blocks_0")
    for i in range(1, 4):
        x = residual_block(x, 136, name=f"blocks_{i}")
    x = block(x, 136, name="blocks_4")
    for i in range(5, 12):
        x = residual_block(x, 272, name=f"blocks_{i}")
    x = block(x, 272, name="blocks_12")
    for i in range(13, 16):
        x = residual_block(x, 544, name=f"blocks_{i}")
    x = layers.AveragePooling2D(7, strides=1)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(1000, activation="softmax", name="pred")(x)
    return keras.Model(data_0, x, name="Shufflenet")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
