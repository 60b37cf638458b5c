"""Detector in Keras 3, converted from detector.onnx (ONNX).

Input inputs: float32 (batch, 32, 32, 3)
Output transpose: float32 (batch, 80, 4)
Output sigmoid: float32 (batch, 80, 3)
"""

from pathlib import Path

import keras
from keras import layers, ops


def conv(x, filters, kernel_size, name, strides=1):
    if kernel_size != 1:
        x = layers.ZeroPadding2D(kernel_size // 2)(x)
    out = layers.Conv2D(
        filters, kernel_size, strides=strides, use_bias=False, name=f"{name}_conv"
    )(x)
    out = layers.BatchNormalization(momentum=0.97, name=f"{name}_bn")(out)
    return ops.silu(out)


def build_model():
    """Detector, channels last, with fresh weights."""
    inputs = keras.Input((32, 32, 3), name="inputs")
    x = conv(inputs, 8, 3, strides=2, name="stem")
    x = conv(x, 16, 3, strides=2, name="stage1_0")
    x = conv(x, 16, 1, name="stage1_1_cv1")
    first, second = ops.split(x, 2, axis=-1)
    m = conv(second, 8, 3, name="stage1_1_m_0")
    x = conv(m, 8, 3, name="stage1_1_m_1")
    x = ops.concatenate([first, second, m, x], axis=-1)
    cv2 = conv(x, 16, 1, name="stage1_1_cv2")
    x = conv(cv2, 16, 3, strides=2, name="stage2_0")
    x = conv(x, 16, 1, name="stage2_1_cv1")
    first, second = ops.split(x, 2, axis=-1)
    x = conv(second, 8, 3, name="stage2_1_m_0")
    x = ops.concatenate([first, second, x], axis=-1)
    cv2_2 = conv(x, 16, 1, name="stage2_1_cv2")
    x = layers.UpSampling2D(2, name="resize")(cv2_2)
    x = ops.concatenate([x, cv2], axis=-1)
    lateral = conv(x, 16, 1, name="lateral")
    x = layers.Conv2D(4, 1, name="detect_box_0")(lateral)
    reshape = layers.Reshape((64, 4), name="detect_reshape")(x)
    x = layers.Conv2D(4, 1, name="detect_box_1")(cv2_2)
    reshape_2 = layers.Reshape((16, 4), name="detect_reshape_2")(x)
    x = layers.Conv2D(3, 1, name="detect_cls_0")(lateral)
    reshape_3 = layers.Reshape((64, 3), name="detect_reshape_3")(x)
    x = layers.Conv2D(3, 1, name="detect_cls_1")(cv2_2)
    reshape_4 = layers.Reshape((16, 3), name="detect_reshape_4")(x)
    x = ops.concatenate([reshape, reshape_2], axis=1)
    out = ops.concatenate([reshape_3, reshape_4], axis=1)
    out = ops.sigmoid(out)
    return keras.Model(inputs, [x, out], name="Detector")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
