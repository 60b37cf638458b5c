"""Copied into emitted Keras code: random numbers."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class Random(layers.Layer):
    """New random numbers at each call: standard ones in the shape of its input, or classes drawn by their log odds."""

    def __init__(self, distribution, num_samples=None, dtype="float32", **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.distribution, self.num_samples, self.result = distribution, num_samples, dtype
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, x):
        draw = getattr(keras.random, self.distribution)
        what = (ops.shape(x),) if self.num_samples is None else (x, self.num_samples)
        return draw(*what, dtype=self.result, seed=self.seed_generator)


def dropped(x, numbers, ratio=0.5, training=True):
    """Dropout where the network itself says whether it trains, by random numbers: the result, and which elements are kept."""
    ratio = ops.where(training, ratio, 0.0)
    kept = numbers >= ratio
    return ops.where(kept, x / (1 - ratio), 0), kept
