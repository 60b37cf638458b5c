"""Resnet50 in Keras 3, converted from model.onnx (ONNX).

Input data_0: float32 (batch, 224, 224, 3)
Output softmax_1: float32 (batch, 1000)
"""

from pathlib import Path

import keras
from keras import layers, ops


def build_model():
    """Resnet50, channels last, with fresh weights."""
    data_0 = keras.Input((224, 224, 3), name="data_0")
    x = layers.ZeroPadding2D(3)(data_0)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res_conv1_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    max_pool = layers.MaxPooling2D(3, strides=2)(x)
    x = layers.Conv2D(64, 1, use_bias=False, name="res2_0_branch2a")(max_pool)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res2_0_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(64, 3, use_bias=False, name="res2_0_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res2_0_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(256, 1, use_bias=False, name="res2_0_branch2c")(x)
    res2_0_branch2c_bn = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res2_0_branch2c_bn"
    )(x)
    x = layers.Conv2D(256, 1, use_bias=False, name="res2_0_branch1")(max_pool)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res2_0_branch1_bn"
    )(x)
    relu = ops.relu(res2_0_branch2c_bn + x)
    x = layers.Conv2D(64, 1, use_bias=False, name="res2_1_branch2a")(relu)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res2_1_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(64, 3, use_bias=False, name="res2_1_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res2_1_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(256, 1, use_bias=False, name="res2_1_branch2c")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res2_1_branch2c_bn"
    )(x)
    relu_2 = ops.relu(x + relu)
    x = layers.Conv2D(64, 1, use_bias=False, name="res2_2_branch2a")(relu_2)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res2_2_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(64, 3, use_bias=False, name="res2_2_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res2_2_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(256, 1, use_bias=False, name="res2_2_branch2c")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res2_2_branch2c_bn"
    )(x)
    relu_3 = ops.relu(x + relu_2)
    x = layers.Conv2D(128, 1, use_bias=False, name="res3_0_branch2a")(relu_3)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res3_0_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(128, 3, strides=2, use_bias=False, name="res3_0_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res3_0_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(512, 1, use_bias=False, name="res3_0_branch2c")(x)
    res3_0_branch2c_bn = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res3_0_branch2c_bn"
    )(x)
    x = layers.Conv2D(512, 1, strides=2, use_bias=False, name="res3_0_branch1")(relu_3)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res3_0_branch1_bn"
    )(x)
    relu_4 = ops.relu(res3_0_branch2c_bn + x)
    x = layers.Conv2D(128, 1, use_bias=False, name="res3_1_branch2a")(relu_4)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res3_1_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(128, 3, use_bias=False, name="res3_1_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res3_1_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(512, 1, use_bias=False, name="res3_1_branch2c")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res3_1_branch2c_bn"
    )(x)
    relu_5 = ops.relu(x + relu_4)
    x = layers.Conv2D(128, 1, use_bias=False, name="res3_2_branch2a")(relu_5)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res3_2_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(128, 3, use_bias=False, name="res3_2_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res3_2_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(512, 1, use_bias=False, name="res3_2_branch2c")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res3_2_branch2c_bn"
    )(x)
    relu_6 = ops.relu(x + relu_5)
    x = layers.Conv2D(128, 1, use_bias=False, name="res3_3_branch2a")(relu_6)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res3_3_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(128, 3, use_bias=False, name="res3_3_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res3_3_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(512, 1, use_bias=False, name="res3_3_branch2c")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res3_3_branch2c_bn"
    )(x)
    relu_7 = ops.relu(x + relu_6)
    x = layers.Conv2D(256, 1, use_bias=False, name="res4_0_branch2a")(relu_7)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_0_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(256, 3, strides=2, use_bias=False, name="res4_0_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_0_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(1024, 1, use_bias=False, name="res4_0_branch2c")(x)
    res4_0_branch2c_bn = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_0_branch2c_bn"
    )(x)
    x = layers.Conv2D(1024, 1, strides=2, use_bias=False, name="res4_0_branch1")(relu_7)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_0_branch1_bn"
    )(x)
    relu_8 = ops.relu(res4_0_branch2c_bn + x)
    x = layers.Conv2D(256, 1, use_bias=False, name="res4_1_branch2a")(relu_8)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_1_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(256, 3, use_bias=False, name="res4_1_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_1_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(1024, 1, use_bias=False, name="res4_1_branch2c")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_1_branch2c_bn"
    )(x)
    relu_9 = ops.relu(x + relu_8)
    x = layers.Conv2D(256, 1, use_bias=False, name="res4_2_branch2a")(relu_9)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_2_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(256, 3, use_bias=False, name="res4_2_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_2_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(1024, 1, use_bias=False, name="res4_2_branch2c")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_2_branch2c_bn"
    )(x)
    relu_10 = ops.relu(x + relu_9)
    x = layers.Conv2D(256, 1, use_bias=False, name="res4_3_branch2a")(relu_10)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_3_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(256, 3, use_bias=False, name="res4_3_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_3_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(1024, 1, use_bias=False, name="res4_3_branch2c")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_3_branch2c_bn"
    )(x)
    relu_11 = ops.relu(x + relu_10)
    x = layers.Conv2D(256, 1, use_bias=False, name="res4_4_branch2a")(relu_11)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_4_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(256, 3, use_bias=False, name="res4_4_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_4_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(1024, 1, use_bias=False, name="res4_4_branch2c")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_4_branch2c_bn"
    )(x)
    relu_12 = ops.relu(x + relu_11)
    x = layers.Conv2D(256, 1, use_bias=False, name="res4_5_branch2a")(relu_12)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_5_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(256, 3, use_bias=False, name="res4_5_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_5_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(1024, 1, use_bias=False, name="res4_5_branch2c")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res4_5_branch2c_bn"
    )(x)
    relu_13 = ops.relu(x + relu_12)
    x = layers.Conv2D(512, 1, use_bias=False, name="res5_0_branch2a")(relu_13)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res5_0_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(512, 3, strides=2, use_bias=False, name="res5_0_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res5_0_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(2048, 1, use_bias=False, name="res5_0_branch2c")(x)
    res5_0_branch2c_bn = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res5_0_branch2c_bn"
    )(x)
    x = layers.Conv2D(2048, 1, strides=2, use_bias=False, name="res5_0_branch1")(
        relu_13
    )
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res5_0_branch1_bn"
    )(x)
    relu_14 = ops.relu(res5_0_branch2c_bn + x)
    x = layers.Conv2D(512, 1, use_bias=False, name="res5_1_branch2a")(relu_14)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res5_1_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(512, 3, use_bias=False, name="res5_1_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res5_1_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(2048, 1, use_bias=False, name="res5_1_branch2c")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res5_1_branch2c_bn"
    )(x)
    relu_15 = ops.relu(x + relu_14)
    x = layers.Conv2D(512, 1, use_bias=False, name="res5_2_branch2a")(relu_15)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res5_2_branch2a_bn"
    )(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(512, 3, use_bias=False, name="res5_2_branch2b")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res5_2_branch2b_bn"
    )(x)
    x = ops.relu(x)
    x = layers.Conv2D(2048, 1, use_bias=False, name="res5_2_branch2c")(x)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1.0000001e-05, name="res5_2_branch2c_bn"
    )(x)
    x = ops.relu(x + relu_15)
    x = layers.AveragePooling2D(7, strides=1)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(1000, activation="softmax", name="pred")(x)
    return keras.Model(data_0, x, name="Resnet50")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
