"""GoogLeNet in Keras 3, converted from inception.onnx (ONNX).

Input inputs: float32 (batch, 32, 32, 3)
Output linear: float32 (batch, 10)
"""

from pathlib import Path

import keras
from keras import layers, ops


def basic_conv2d(x, filters, kernel_size, name, strides=1):
    if kernel_size != 1:
        x = layers.ZeroPadding2D(kernel_size // 2)(x)
    out = layers.Conv2D(
        filters, kernel_size, strides=strides, use_bias=False, name=f"{name}_conv"
    )(x)
    out = layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(out)
    return ops.relu(out)


def inception(x, hidden_filters, filters, name):
    branch1 = basic_conv2d(x, hidden_filters, 1, name=f"{name}_branch1")
    out = basic_conv2d(x, 4, 1, name=f"{name}_branch2_0")
    branch2 = basic_conv2d(out, filters, 3, name=f"{name}_branch2_1")
    out = basic_conv2d(x, 2, 1, name=f"{name}_branch3_0")
    branch3 = basic_conv2d(out, 4, 5, name=f"{name}_branch3_1")
    x = layers.ZeroPadding2D(1)(x)
    x = layers.MaxPooling2D(3, strides=1, name=f"{name}_branch4_0")(x)
    x = basic_conv2d(x, 4, 1, name=f"{name}_branch4_1")
    return ops.concatenate([branch1, branch2, branch3, x], axis=-1)


def build_model():
    """GoogLeNet, channels last, with fresh weights."""
    inputs = keras.Input((32, 32, 3), name="inputs")
    x = basic_conv2d(inputs, 8, 7, strides=2, name="conv1")
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.MaxPooling2D(3, strides=2, name="maxpool1")(x)
    x = inception(x, 4, 8, name="inception3a")
    x = inception(x, 8, 6, name="inception3b")
    x = layers.GlobalAveragePooling2D(keepdims=True, name="global_average_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(10, name="fc")(x)
    return keras.Model(inputs, x, name="GoogLeNet")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
