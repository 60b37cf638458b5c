"""AlexNet in Keras 3, converted from alexnet.mat (MATLAB layer table).

Input data: float32 (batch, 227, 227, 3)
Output prob: float32 (batch, 1000)
Note: The source describes the layers without their weights: the converted model
  starts freshly initialised.
Note: The input is normalised with 'data_mean' (227×227×3), which the source does
  not hold: set it before use.
"""

import keras
from keras import layers, ops


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
    """AlexNet, channels last, with fresh weights."""
    data = keras.Input((227, 227, 3), name="data")
    x = data - Weight((227, 227, 3), trainable=False, name="data_mean")(data)
    x = layers.Conv2D(96, 11, strides=4, activation="relu", name="conv1")(x)
    x = LocalResponseNormalization(5, name="norm1")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    x = layers.Conv2D(
        256, 5, groups=2, padding="same", activation="relu", name="conv2"
    )(x)
    x = LocalResponseNormalization(5, name="norm2")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool2")(x)
    x = layers.Conv2D(384, 3, padding="same", activation="relu", name="conv3")(x)
    x = layers.Conv2D(
        384, 3, groups=2, padding="same", activation="relu", name="conv4"
    )(x)
    x = layers.Conv2D(
        256, 3, groups=2, padding="same", activation="relu", name="conv5"
    )(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool5")(x)
    x = layers.Flatten(name="fc6_flatten")(x)
    x = layers.Dense(4096, activation="relu", name="fc6")(x)
    x = layers.Dropout(0.5, name="drop6")(x)
    x = layers.Dense(4096, activation="relu", name="fc7")(x)
    x = layers.Dropout(0.5, name="drop7")(x)
    x = layers.Dense(1000, activation="softmax", name="fc8")(x)
    return keras.Model(data, x, name="AlexNet")


def load_model():
    """The model with fresh weights: the source holds none."""
    return build_model()


if __name__ == "__main__":
    load_model().summary()
