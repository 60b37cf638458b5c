"""SqueezenetOld in Keras 3, converted from model.onnx (ONNX).

Input data_0: float32 (batch, 224, 224, 3)
Output softmaxout_1: float32 (batch, 1, 1, 1000)
"""

from pathlib import Path

import keras
from keras import layers, ops


def build_model():
    """SqueezenetOld, channels last, with fresh weights."""
    data_0 = keras.Input((224, 224, 3), name="data_0")
    x = layers.Conv2D(64, 3, strides=2, activation="relu", name="conv1")(data_0)
    x = layers.MaxPooling2D(3, strides=2)(x)
    fire2_squeeze1x1 = layers.Conv2D(16, 1, activation="relu", name="fire2_squeeze1x1")(
        x
    )
    fire2_expand1x1 = layers.Conv2D(64, 1, activation="relu", name="fire2_expand1x1")(
        fire2_squeeze1x1
    )
    x = layers.ZeroPadding2D(1)(fire2_squeeze1x1)
    x = layers.Conv2D(64, 3, activation="relu", name="fire2_expand3x3")(x)
    x = ops.concatenate([fire2_expand1x1, x], axis=-1)
    fire3_squeeze1x1 = layers.Conv2D(16, 1, activation="relu", name="fire3_squeeze1x1")(
        x
    )
    fire3_expand1x1 = layers.Conv2D(64, 1, activation="relu", name="fire3_expand1x1")(
        fire3_squeeze1x1
    )
    x = layers.ZeroPadding2D(1)(fire3_squeeze1x1)
    x = layers.Conv2D(64, 3, activation="relu", name="fire3_expand3x3")(x)
    x = ops.concatenate([fire3_expand1x1, x], axis=-1)
    x = layers.MaxPooling2D(3, strides=2)(x)
    fire4_squeeze1x1 = layers.Conv2D(32, 1, activation="relu", name="fire4_squeeze1x1")(
        x
    )
    fire4_expand1x1 = layers.Conv2D(128, 1, activation="relu", name="fire4_expand1x1")(
        fire4_squeeze1x1
    )
    x = layers.ZeroPadding2D(1)(fire4_squeeze1x1)
    x = layers.Conv2D(128, 3, activation="relu", name="fire4_expand3x3")(x)
    x = ops.concatenate([fire4_expand1x1, x], axis=-1)
    fire5_squeeze1x1 = layers.Conv2D(32, 1, activation="relu", name="fire5_squeeze1x1")(
        x
    )
    fire5_expand1x1 = layers.Conv2D(128, 1, activation="relu", name="fire5_expand1x1")(
        fire5_squeeze1x1
    )
    x = layers.ZeroPadding2D(1)(fire5_squeeze1x1)
    x = layers.Conv2D(128, 3, activation="relu", name="fire5_expand3x3")(x)
    x = ops.concatenate([fire5_expand1x1, x], axis=-1)
    x = layers.MaxPooling2D(3, strides=2)(x)
    fire6_squeeze1x1 = layers.Conv2D(48, 1, activation="relu", name="fire6_squeeze1x1")(
        x
    )
    fire6_expand1x1 = layers.Conv2D(192, 1, activation="relu", name="fire6_expand1x1")(
        fire6_squeeze1x1
    )
    x = layers.ZeroPadding2D(1)(fire6_squeeze1x1)
    x = layers.Conv2D(192, 3, activation="relu", name="fire6_expand3x3")(x)
    x = ops.concatenate([fire6_expand1x1, x], axis=-1)
    fire7_squeeze1x1 = layers.Conv2D(48, 1, activation="relu", name="fire7_squeeze1x1")(
        x
    )
    fire7_expand1x1 = layers.Conv2D(192, 1, activation="relu", name="fire7_expand1x1")(
        fire7_squeeze1x1
    )
    x = layers.ZeroPadding2D(1)(fire7_squeeze1x1)
    x = layers.Conv2D(192, 3, activation="relu", name="fire7_expand3x3")(x)
    x = ops.concatenate([fire7_expand1x1, x], axis=-1)
    fire8_squeeze1x1 = layers.Conv2D(64, 1, activation="relu", name="fire8_squeeze1x1")(
        x
    )
    fire8_expand1x1 = layers.Conv2D(256, 1, activation="relu", name="fire8_expand1x1")(
        fire8_squeeze1x1
    )
    x = layers.ZeroPadding2D(1)(fire8_squeeze1x1)
    x = layers.Conv2D(256, 3, activation="relu", name="fire8_expand3x3")(x)
    x = ops.concatenate([fire8_expand1x1, x], axis=-1)
    fire9_squeeze1x1 = layers.Conv2D(64, 1, activation="relu", name="fire9_squeeze1x1")(
        x
    )
    fire9_expand1x1 = layers.Conv2D(256, 1, activation="relu", name="fire9_expand1x1")(
        fire9_squeeze1x1
    )
    x = layers.ZeroPadding2D(1)(fire9_squeeze1x1)
    x = layers.Conv2D(256, 3, activation="relu", name="fire9_expand3x3")(x)
    x = ops.concatenate([fire9_expand1x1, x], axis=-1)
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
