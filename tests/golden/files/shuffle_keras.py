"""ShuffleNet in Keras 3, converted from shuffle.onnx (ONNX).

Input inputs: float32 (batch, 16, 16, 3)
Output linear: float32 (batch, 10)
"""

from pathlib import Path

import keras
from keras import layers, ops


def channel_shuffle(x, groups):
    """The channels of all groups in turn: the first of each, the second of each, and so on."""
    *size, channels = ops.shape(x)[1:]
    x = ops.reshape(x, (-1, *size, groups, channels // groups))
    return ops.reshape(ops.swapaxes(x, -2, -1), (-1, *size, channels))


def shuffle_unit(x, name):
    first, second = ops.split(x, 2, axis=-1)
    x = layers.Conv2D(8, 1, use_bias=False, name=f"{name}_branch2_0")(second)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_branch2_1"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.DepthwiseConv2D(3, use_bias=False, name=f"{name}_branch2_3")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_branch2_4"
    )(x)
    x = layers.Conv2D(8, 1, use_bias=False, name=f"{name}_branch2_5")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name=f"{name}_branch2_6"
    )(x)
    x = ops.relu(x)
    x = ops.concatenate([first, x], axis=-1)
    return channel_shuffle(x, 2)


def build_model():
    """ShuffleNet, channels last, with fresh weights."""
    inputs = keras.Input((16, 16, 3), name="inputs")
    x = layers.ZeroPadding2D(1)(inputs)
    x = layers.Conv2D(8, 3, use_bias=False, name="conv1_0")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv1_1")(x)
    relu = ops.relu(x)
    x = layers.ZeroPadding2D(1)(relu)
    x = layers.DepthwiseConv2D(3, strides=2, use_bias=False, name="stage2_0_branch1_0")(
        x
    )
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name="stage2_0_branch1_1"
    )(x)
    x = layers.Conv2D(8, 1, use_bias=False, name="stage2_0_branch1_2")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name="stage2_0_branch1_3"
    )(x)
    relu_2 = ops.relu(x)
    x = layers.Conv2D(8, 1, use_bias=False, name="stage2_0_branch2_0")(relu)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name="stage2_0_branch2_1"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.DepthwiseConv2D(3, strides=2, use_bias=False, name="stage2_0_branch2_3")(
        x
    )
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name="stage2_0_branch2_4"
    )(x)
    x = layers.Conv2D(8, 1, use_bias=False, name="stage2_0_branch2_5")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-05, name="stage2_0_branch2_6"
    )(x)
    x = ops.relu(x)
    x = ops.concatenate([relu_2, x], axis=-1)
    x = channel_shuffle(x, 2)
    x = shuffle_unit(x, name="stage2_1")
    x = shuffle_unit(x, name="stage2_2")
    x = ops.mean(x, axis=(1, 2))
    x = layers.Dense(10, name="fc")(x)
    return keras.Model(inputs, x, name="ShuffleNet")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
