"""ResNet in Keras 3, converted from resnet.onnx (ONNX).

Input inputs: float32 (batch, 32, 32, 3)
Output linear: float32 (batch, 10)
"""

from pathlib import Path

import keras
from keras import layers, ops


def basic_block(x, filters, name, strides=1):
    shortcut = x
    if strides != 1:
        shortcut = layers.Conv2D(
            16, 1, strides=strides, use_bias=False, name=f"{name}_downsample_0"
        )(shortcut)
        shortcut = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name=f"{name}_downsample_1"
        )(shortcut)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(
        filters, 3, strides=strides, use_bias=False, name=f"{name}_conv1"
    )(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn1")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(filters, 3, use_bias=False, name=f"{name}_conv2")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn2")(x)
    return ops.relu(x + shortcut)


def build_model():
    """ResNet, channels last, with fresh weights."""
    inputs = keras.Input((32, 32, 3), name="inputs")
    x = layers.ZeroPadding2D(3)(inputs)
    x = layers.Conv2D(8, 7, strides=2, use_bias=False, name="conv1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="bn1")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.MaxPooling2D(3, strides=2, name="maxpool")(x)
    x = basic_block(x, 8, name="layer1_0")
    x = basic_block(x, 8, name="layer1_1")
    x = basic_block(x, 16, strides=2, name="layer2_0")
    x = basic_block(x, 16, name="layer2_1")
    x = layers.GlobalAveragePooling2D(keepdims=True, name="avgpool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(10, name="fc")(x)
    return keras.Model(inputs, x, name="ResNet")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
