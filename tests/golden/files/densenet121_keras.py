"""Densenet121 in Keras 3, converted from model.onnx (ONNX).

Input data_0: float32 (batch, 224, 224, 3)
Output fc6_1: float32 (batch, 1, 1, 1000)
"""

from pathlib import Path

import keras
from keras import layers, ops


def dense_layer(x, name):
    out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_x1_bn")(
        x
    )
    out = ops.relu(out)
    out = layers.Conv2D(128, 1, use_bias=False, name=f"{name}_x1")(out)
    out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_x2_bn")(
        out
    )
    out = ops.relu(out)
    out = layers.ZeroPadding2D(1)(out)
    out = layers.Conv2D(32, 3, use_bias=False, name=f"{name}_x2")(out)
    return ops.concatenate([x, out], axis=-1)


def build_model():
    """Densenet121, channels last, with fresh weights."""
    data_0 = keras.Input((224, 224, 3), name="data_0")
    x = layers.ZeroPadding2D(3)(data_0)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv1_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    for i in range(1, 7):
        x = dense_layer(x, name=f"conv2_{i}")
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv2_blk_bn")(x)
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv2_blk")(x)
    x = layers.AveragePooling2D(2)(x)
    for i in range(1, 13):
        x = dense_layer(x, name=f"conv3_{i}")
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_blk_bn")(x)
    x = ops.relu(x)
    x = layers.Conv2D(256, 1, use_bias=False, name="conv3_blk")(x)
    x = layers.AveragePooling2D(2)(x)
    for i in range(1, 25):
        x = dense_layer(x, name=f"conv4_{i}")
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_blk_bn")(x)
    x = ops.relu(x)
    x = layers.Conv2D(512, 1, use_bias=False, name="conv4_blk")(x)
    x = layers.AveragePooling2D(2)(x)
    for i in range(1, 17):
        x = dense_layer(x, name=f"conv5_{i}")
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_blk_bn")(x)
    x = ops.relu(x)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(1000, 1, name="fc6")(x)
    return keras.Model(data_0, x, name="Densenet121")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
