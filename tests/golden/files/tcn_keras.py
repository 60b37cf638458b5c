"""TemporalConvNet in Keras 3, converted from tcn.onnx (ONNX).

Input inputs: float32 (batch, 24, 4)
Output linear: float32 (batch, 3)
"""

from pathlib import Path

import keras
from keras import layers, ops


def temporal_block(x, padding, name, dilation_rate=1):
    out = layers.ZeroPadding1D(padding)(x)
    out = layers.Conv1D(
        8, 3, dilation_rate=dilation_rate, activation="relu", name=f"{name}_conv1"
    )(out)
    out = layers.ZeroPadding1D(padding)(out)
    conv2 = layers.Conv1D(
        8, 3, dilation_rate=dilation_rate, activation="relu", name=f"{name}_conv2"
    )(out)
    if x.shape[-1] != 8:
        x = layers.Conv1D(8, 1, name=f"{name}_downsample")(x)
    return ops.relu(conv2 + x)


def build_model():
    """TemporalConvNet, channels last, with fresh weights."""
    inputs = keras.Input((24, 4), name="inputs")
    x = temporal_block(inputs, (2, 0), name="network_0")
    x = temporal_block(x, (4, 0), dilation_rate=2, name="network_1")
    x = temporal_block(x, (8, 0), dilation_rate=4, name="network_2")
    x = ops.take(x, -1, axis=1)
    x = layers.Dense(3, name="linear")(x)
    return keras.Model(inputs, x, name="TemporalConvNet")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
