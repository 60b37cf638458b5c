"""Branches in Keras 3, converted from branches.mat (MATLAB layer table).

Input image: float32 (batch, 11, 9, 3)
Output prob: float32 (batch, 5)
Note: Output classes of 'prob', in order: 'ant', 'bee', 'cat', 'dog', 'eel'.
"""

from pathlib import Path

import keras
from keras import layers, ops

CLASSES = ["ant", "bee", "cat", "dog", "eel"]


@keras.saving.register_keras_serializable()
class Weight(layers.Layer):
    """A weight that stands alone: called on any tensor of the model, it gives its own value."""

    def __init__(self, shape, start="zeros", holds="float32", **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.value = self.add_weight(
            shape, start, holds, trainable=self.trainable, autocast=False, name="value"
        )

    def call(self, x):
        return ops.convert_to_tensor(self.value)


@keras.saving.register_keras_serializable()
class LocalResponseNormalization(layers.Layer):
    """x / (bias + alpha / size * (sum of squares over ``size`` neighbouring channels)) ** beta."""

    def __init__(self, size, alpha=1e-4, beta=0.75, bias=1.0, **kwargs):
        super().__init__(**kwargs)
        self.size, self.alpha, self.beta, self.bias = size, alpha, beta, bias

    def compute_output_shape(self, shape):
        return shape

    def call(self, x):
        sides = [(0, 0)] * (len(x.shape) - 1) + [((self.size - 1) // 2, self.size // 2)]
        squares = ops.pad(ops.square(x), sides)
        total = sum(squares[..., i : i + x.shape[-1]] for i in range(self.size))
        return x / (self.bias + self.alpha / self.size * total) ** self.beta


def build_model():
    """Branches, channels last, with fresh weights."""
    image = keras.Input((11, 9, 3), name="image")
    x = image - Weight((3,), trainable=False, name="image_mean")(image)
    x = x / Weight((3,), start="ones", trainable=False, name="image_std")(image)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.Conv2D(6, (3, 2), strides=(2, 1), name="conv")(x)
    x = layers.BatchNormalization(momentum=0.9, name="norm")(x)
    x = ops.leaky_relu(x, negative_slope=0.1)
    out = layers.ZeroPadding2D(1)(x)
    out = layers.Conv2D(6, 3, groups=2, name="group")(out)
    x = out + x
    lrn = LocalResponseNormalization(3, alpha=0.5, bias=2.0, name="lrn")(x)
    x = layers.ZeroPadding2D(((1, 0), (0, 1)))(lrn)
    x = layers.AveragePooling2D((3, 2), strides=2, name="average")(x)
    x = layers.Conv2DTranspose(3, (5, 4), strides=3, name="up_explicit")(x)
    up_explicit = layers.Cropping2D(((1, 1), (0, 1)))(x)
    x = ops.pad(lrn, ((0, 0), (0, 1), (1, 1), (0, 0)), constant_values=float("-inf"))
    x = layers.MaxPooling2D((2, 3), strides=2, name="maximum")(x)
    x = layers.Conv2DTranspose(4, (3, 4), strides=(2, 3), name="up")(x)
    x = layers.Cropping2D(((0, 1), (0, 1)))(x)
    x = ops.clip(x, 0.0, 0.5)
    x = ops.concatenate([up_explicit, x], axis=-1)
    x = layers.Dropout(0.3, name="drop")(x)
    x = layers.Flatten(name="fc_flatten")(x)
    x = layers.Dense(5, activation="softmax", name="fc")(x)
    return keras.Model(image, x, name="Branches")


def load_model():
    """The model with its weights."""
    model = build_model()
    model.load_weights(Path(__file__).with_name("model.weights.h5"))
    return model


if __name__ == "__main__":
    load_model().summary()
