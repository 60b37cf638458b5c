"""ResNeXt in Keras 3, converted from resnext.onnx (ONNX).

Input inputs: float32 (batch, 32, 32, 3)
Output linear: float32 (batch, 10)
"""

from pathlib import Path

import keras
from keras import layers, ops


def bottleneck(x, filters, name, strides=1):
    out = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_conv1")(x)
    out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn1")(
        out
    )
    out = ops.relu(out)
    out = layers.ZeroPadding2D(1)(out)
    out = layers.Conv2D(
        filters, 3, groups=2, strides=strides, use_bias=False, name=f"{name}_conv2"
    )(out)
    out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn2")(
        out
    )
    out = ops.relu(out)
    out = layers.Conv2D(4 * filters, 1, use_bias=False, name=f"{name}_conv3")(out)
    bn3 = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_bn3")(
        out
    )
    if strides != 1 or x.shape[-1] != 4 * filters:
        x = layers.Conv2D(
            4 * filters, 1, strides=strides, use_bias=False, name=f"{name}_shortcut_0"
        )(x)
        x = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-05, name=f"{name}_shortcut_1"
        )(x)
    return ops.relu(bn3 + x)


def build_model():
    """ResNeXt, channels last, with fresh weights."""
    inputs = keras.Input((32, 32, 3), name="inputs")
    x = layers.ZeroPadding2D(1)(inputs)
    x = layers.Conv2D(8, 3, use_bias=False, name="stem_0")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="stem_1")(x)
    x = ops.relu(x)
    x = bottleneck(x, 4, name="stages_0_0")
    x = bottleneck(x, 8, strides=2, name="stages_1_0")
    x = bottleneck(x, 8, name="stages_1_1")
    x = bottleneck(x, 8, strides=2, name="stages_2_0")
    x = ops.mean(x, axis=(1, 2))
    x = layers.Dense(10, name="classifier")(x)
    return keras.Model(inputs, x, name="ResNeXt")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
