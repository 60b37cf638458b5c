"""VGG in Keras 3, converted from vgg.onnx (ONNX).

Input inputs: float32 (batch, 32, 32, 3)
Output linear_2: float32 (batch, 10)
"""

from pathlib import Path

import keras
from keras import layers


def build_model():
    """VGG, channels last, with fresh weights."""
    inputs = keras.Input((32, 32, 3), name="inputs")
    x = layers.ZeroPadding2D(1)(inputs)
    x = layers.Conv2D(4, 3, activation="relu", name="features_0")(x)
    x = layers.MaxPooling2D(2, name="features_2")(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(8, 3, activation="relu", name="features_3")(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(8, 3, activation="relu", name="features_5")(x)
    x = layers.MaxPooling2D(2, name="features_7")(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(12, 3, activation="relu", name="features_8")(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(12, 3, activation="relu", name="features_10")(x)
    x = layers.MaxPooling2D(2, name="features_12")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(32, activation="relu", name="classifier_0")(x)
    x = layers.Dense(32, activation="relu", name="classifier_3")(x)
    x = layers.Dense(10, name="classifier_6")(x)
    return keras.Model(inputs, x, name="VGG")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
