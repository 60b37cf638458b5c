"""Densenet121 in Keras 3, converted from model.onnx (ONNX).

Input data_0: float32 (batch, 224, 224, 3)
Output fc6_1: float32 (batch, 1, 1, 1000)
"""

from pathlib import Path

import keras
from keras import layers, ops


def build_model():
    """Densenet121, channels last, with fresh weights."""
    data_0 = keras.Input((224, 224, 3), name="data_0")
    x = layers.ZeroPadding2D(3)(data_0)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv1_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    max_pool = layers.MaxPooling2D(3, strides=2)(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv2_1_x1_bn")(
        max_pool
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv2_1_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv2_1_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv2_1_x2")(x)
    concat = ops.concatenate([max_pool, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv2_2_x1_bn")(
        concat
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv2_2_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv2_2_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv2_2_x2")(x)
    concat_2 = ops.concatenate([concat, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv2_3_x1_bn")(
        concat_2
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv2_3_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv2_3_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv2_3_x2")(x)
    concat_3 = ops.concatenate([concat_2, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv2_4_x1_bn")(
        concat_3
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv2_4_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv2_4_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv2_4_x2")(x)
    concat_4 = ops.concatenate([concat_3, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv2_5_x1_bn")(
        concat_4
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv2_5_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv2_5_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv2_5_x2")(x)
    concat_5 = ops.concatenate([concat_4, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv2_6_x1_bn")(
        concat_5
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv2_6_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv2_6_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv2_6_x2")(x)
    x = ops.concatenate([concat_5, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv2_blk_bn")(x)
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv2_blk")(x)
    average_pool_2 = layers.AveragePooling2D(2)(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_1_x1_bn")(
        average_pool_2
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv3_1_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_1_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv3_1_x2")(x)
    concat_6 = ops.concatenate([average_pool_2, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_2_x1_bn")(
        concat_6
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv3_2_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_2_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv3_2_x2")(x)
    concat_7 = ops.concatenate([concat_6, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_3_x1_bn")(
        concat_7
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv3_3_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_3_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv3_3_x2")(x)
    concat_8 = ops.concatenate([concat_7, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_4_x1_bn")(
        concat_8
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv3_4_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_4_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv3_4_x2")(x)
    concat_9 = ops.concatenate([concat_8, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_5_x1_bn")(
        concat_9
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv3_5_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_5_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv3_5_x2")(x)
    concat_10 = ops.concatenate([concat_9, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_6_x1_bn")(
        concat_10
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv3_6_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_6_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv3_6_x2")(x)
    concat_11 = ops.concatenate([concat_10, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_7_x1_bn")(
        concat_11
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv3_7_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_7_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv3_7_x2")(x)
    concat_12 = ops.concatenate([concat_11, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_8_x1_bn")(
        concat_12
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv3_8_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_8_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv3_8_x2")(x)
    concat_13 = ops.concatenate([concat_12, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_9_x1_bn")(
        concat_13
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv3_9_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_9_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv3_9_x2")(x)
    concat_14 = ops.concatenate([concat_13, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_10_x1_bn")(
        concat_14
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv3_10_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_10_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv3_10_x2")(x)
    concat_15 = ops.concatenate([concat_14, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_11_x1_bn")(
        concat_15
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv3_11_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_11_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv3_11_x2")(x)
    concat_16 = ops.concatenate([concat_15, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_12_x1_bn")(
        concat_16
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv3_12_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_12_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv3_12_x2")(x)
    x = ops.concatenate([concat_16, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv3_blk_bn")(x)
    x = ops.relu(x)
    x = layers.Conv2D(256, 1, use_bias=False, name="conv3_blk")(x)
    average_pool_3 = layers.AveragePooling2D(2)(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_1_x1_bn")(
        average_pool_3
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_1_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_1_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_1_x2")(x)
    concat_17 = ops.concatenate([average_pool_3, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_2_x1_bn")(
        concat_17
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_2_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_2_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_2_x2")(x)
    concat_18 = ops.concatenate([concat_17, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_3_x1_bn")(
        concat_18
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_3_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_3_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_3_x2")(x)
    concat_19 = ops.concatenate([concat_18, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_4_x1_bn")(
        concat_19
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_4_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_4_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_4_x2")(x)
    concat_20 = ops.concatenate([concat_19, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_5_x1_bn")(
        concat_20
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_5_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_5_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_5_x2")(x)
    concat_21 = ops.concatenate([concat_20, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_6_x1_bn")(
        concat_21
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_6_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_6_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_6_x2")(x)
    concat_22 = ops.concatenate([concat_21, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_7_x1_bn")(
        concat_22
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_7_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_7_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_7_x2")(x)
    concat_23 = ops.concatenate([concat_22, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_8_x1_bn")(
        concat_23
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_8_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_8_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_8_x2")(x)
    concat_24 = ops.concatenate([concat_23, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_9_x1_bn")(
        concat_24
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_9_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_9_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_9_x2")(x)
    concat_25 = ops.concatenate([concat_24, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_10_x1_bn")(
        concat_25
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_10_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_10_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_10_x2")(x)
    concat_26 = ops.concatenate([concat_25, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_11_x1_bn")(
        concat_26
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_11_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_11_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_11_x2")(x)
    concat_27 = ops.concatenate([concat_26, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_12_x1_bn")(
        concat_27
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_12_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_12_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_12_x2")(x)
    concat_28 = ops.concatenate([concat_27, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_13_x1_bn")(
        concat_28
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_13_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_13_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_13_x2")(x)
    concat_29 = ops.concatenate([concat_28, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_14_x1_bn")(
        concat_29
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_14_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_14_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_14_x2")(x)
    concat_30 = ops.concatenate([concat_29, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_15_x1_bn")(
        concat_30
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_15_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_15_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_15_x2")(x)
    concat_31 = ops.concatenate([concat_30, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_16_x1_bn")(
        concat_31
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_16_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_16_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_16_x2")(x)
    concat_32 = ops.concatenate([concat_31, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_17_x1_bn")(
        concat_32
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_17_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_17_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_17_x2")(x)
    concat_33 = ops.concatenate([concat_32, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_18_x1_bn")(
        concat_33
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_18_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_18_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_18_x2")(x)
    concat_34 = ops.concatenate([concat_33, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_19_x1_bn")(
        concat_34
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_19_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_19_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_19_x2")(x)
    concat_35 = ops.concatenate([concat_34, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_20_x1_bn")(
        concat_35
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_20_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_20_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_20_x2")(x)
    concat_36 = ops.concatenate([concat_35, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_21_x1_bn")(
        concat_36
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_21_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_21_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_21_x2")(x)
    concat_37 = ops.concatenate([concat_36, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_22_x1_bn")(
        concat_37
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_22_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_22_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_22_x2")(x)
    concat_38 = ops.concatenate([concat_37, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_23_x1_bn")(
        concat_38
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_23_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_23_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_23_x2")(x)
    concat_39 = ops.concatenate([concat_38, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_24_x1_bn")(
        concat_39
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv4_24_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_24_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv4_24_x2")(x)
    x = ops.concatenate([concat_39, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv4_blk_bn")(x)
    x = ops.relu(x)
    x = layers.Conv2D(512, 1, use_bias=False, name="conv4_blk")(x)
    average_pool_4 = layers.AveragePooling2D(2)(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_1_x1_bn")(
        average_pool_4
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_1_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_1_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_1_x2")(x)
    concat_40 = ops.concatenate([average_pool_4, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_2_x1_bn")(
        concat_40
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_2_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_2_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_2_x2")(x)
    concat_41 = ops.concatenate([concat_40, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_3_x1_bn")(
        concat_41
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_3_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_3_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_3_x2")(x)
    concat_42 = ops.concatenate([concat_41, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_4_x1_bn")(
        concat_42
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_4_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_4_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_4_x2")(x)
    concat_43 = ops.concatenate([concat_42, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_5_x1_bn")(
        concat_43
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_5_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_5_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_5_x2")(x)
    concat_44 = ops.concatenate([concat_43, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_6_x1_bn")(
        concat_44
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_6_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_6_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_6_x2")(x)
    concat_45 = ops.concatenate([concat_44, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_7_x1_bn")(
        concat_45
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_7_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_7_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_7_x2")(x)
    concat_46 = ops.concatenate([concat_45, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_8_x1_bn")(
        concat_46
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_8_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_8_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_8_x2")(x)
    concat_47 = ops.concatenate([concat_46, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_9_x1_bn")(
        concat_47
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_9_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_9_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_9_x2")(x)
    concat_48 = ops.concatenate([concat_47, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_10_x1_bn")(
        concat_48
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_10_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_10_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_10_x2")(x)
    concat_49 = ops.concatenate([concat_48, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_11_x1_bn")(
        concat_49
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_11_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_11_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_11_x2")(x)
    concat_50 = ops.concatenate([concat_49, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_12_x1_bn")(
        concat_50
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_12_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_12_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_12_x2")(x)
    concat_51 = ops.concatenate([concat_50, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_13_x1_bn")(
        concat_51
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_13_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_13_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_13_x2")(x)
    concat_52 = ops.concatenate([concat_51, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_14_x1_bn")(
        concat_52
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_14_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_14_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_14_x2")(x)
    concat_53 = ops.concatenate([concat_52, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_15_x1_bn")(
        concat_53
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_15_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_15_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_15_x2")(x)
    concat_54 = ops.concatenate([concat_53, x], axis=-1)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_16_x1_bn")(
        concat_54
    )
    x = ops.relu(x)
    x = layers.Conv2D(128, 1, use_bias=False, name="conv5_16_x1")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="conv5_16_x2_bn")(x)
    x = ops.relu(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(32, 3, use_bias=False, name="conv5_16_x2")(x)
    x = ops.concatenate([concat_54, x], axis=-1)
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
