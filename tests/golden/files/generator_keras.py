"""Generator in Keras 3, converted from generator.onnx (ONNX).

Input z: float32 (batch, 12)
Output tanh: float32 (batch, 16, 16, 3)
"""

from pathlib import Path

import keras
from keras import layers, ops


def build_model():
    """Generator, channels last, with fresh weights."""
    z = keras.Input((12,), name="z")
    x = layers.Dense(256, name="project")(z)
    x = layers.Reshape((16, 4, 4), name="reshape")(x)
    x = layers.BatchNormalization(axis=1, momentum=0.9, epsilon=1e-05, name="main_0")(x)
    x = ops.relu(x)
    x = ops.transpose(x, (0, 2, 3, 1))
    x = layers.Conv2DTranspose(8, 4, strides=2, use_bias=False, name="main_2")(x)
    x = layers.Cropping2D(1)(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="main_3")(x)
    x = ops.relu(x)
    x = layers.Conv2DTranspose(3, 4, strides=2, name="main_5")(x)
    x = layers.Cropping2D(1)(x)
    x = ops.tanh(x)
    return keras.Model(z, x, name="Generator")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
