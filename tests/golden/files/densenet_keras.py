"""DenseNet in Keras 3, converted from densenet.onnx (ONNX).

Input inputs: float32 (batch, 32, 32, 3)
Output linear: float32 (batch, 10)
"""

from pathlib import Path

import keras
from keras import layers, ops


def dense_layer(x, name):
    out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_norm1")(
        x
    )
    out = ops.relu(out)
    out = layers.Conv2D(16, 1, use_bias=False, name=f"{name}_conv1")(out)
    out = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name=f"{name}_norm2")(
        out
    )
    out = ops.relu(out)
    out = layers.ZeroPadding2D(1)(out)
    out = layers.Conv2D(4, 3, use_bias=False, name=f"{name}_conv2")(out)
    return ops.concatenate([x, out], axis=-1)


def build_model():
    """DenseNet, channels last, with fresh weights."""
    inputs = keras.Input((32, 32, 3), name="inputs")
    x = layers.ZeroPadding2D(1)(inputs)
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="conv0")(x)
    for i in range(1, 4):
        x = dense_layer(x, name=f"denseblock1_denselayer{i}")
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="transition1_norm")(
        x
    )
    x = ops.relu(x)
    x = layers.Conv2D(10, 1, use_bias=False, name="transition1_conv")(x)
    x = layers.AveragePooling2D(2, name="transition1_pool")(x)
    x = dense_layer(x, name="denseblock2_denselayer1")
    x = dense_layer(x, name="denseblock2_denselayer2")
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="norm5")(x)
    x = ops.relu(x)
    x = layers.GlobalAveragePooling2D(keepdims=True, name="global_average_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(10, name="classifier")(x)
    return keras.Model(inputs, x, name="DenseNet")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
