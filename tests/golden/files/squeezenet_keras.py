"""SqueezenetOld in Keras 3, converted from model.onnx (ONNX).

Input data_0: float32 (batch, 224, 224, 3)
Output softmaxout_1: float32 (batch, 1, 1, 1000)
"""

from pathlib import Path

import keras
from keras import layers, ops


def block(x, filters, name):
    squeeze1x1 = layers.Conv2D(
        filters, 1, activation="relu", name=f"{name}_squeeze1x1"
    )(x)
    expand1x1 = layers.Conv2D(
        4 * filters, 1, activation="relu", name=f"{name}_expand1x1"
    )(squeeze1x1)
    x = layers.ZeroPadding2D(1)(squeeze1x1)
    x = layers.Conv2D(4 * filters, 3, activation="relu", name=f"{name}_expand3x3")(x)
    return ops.concatenate([expand1x1, x], axis=-1)


def build_model():
    """SqueezenetOld, channels last, with fresh weights."""
    data_0 = keras.Input((224, 224, 3), name="data_0")
    x = layers.Conv2D(64, 3, strides=2, activation="relu", name="conv1")(data_0)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = block(x, 16, name="fire2")
    x = block(x, 16, name="fire3")
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = block(x, 32, name="fire4")
    x = block(x, 32, name="fire5")
    x = layers.MaxPooling2D(3, strides=2)(x)
    for i, filters in enumerate([48, 48, 64, 64], 6):
        x = block(x, filters, name=f"fire{i}")
    x = layers.Dropout(0.5)(x)
    x = layers.Conv2D(1000, 1, activation="relu", name="conv10")(x)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = ops.softmax(x)
    return keras.Model(data_0, x, name="SqueezenetOld")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
