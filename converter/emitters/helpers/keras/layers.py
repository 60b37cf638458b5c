"""Copied into emitted Keras code: layers that hold weights, positions or tokens."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class Weight(layers.Layer):
    """A weight that stands alone: called on any tensor of the model, it gives its own value."""

    def __init__(self, shape, start="zeros", holds="float32", **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.value = self.add_weight(shape, start, holds, trainable=self.trainable, autocast=False, name="value")

    def call(self, x):
        return ops.convert_to_tensor(self.value)


@keras.saving.register_keras_serializable()
class Token(layers.Layer):
    """A learned token, or several: called on any tensor of the model, it is repeated for each sample of the batch."""

    def __init__(self, shape, **kwargs):
        super().__init__(**kwargs)
        self.token = self.add_weight((1, *shape), "zeros", name="token")

    def call(self, x):
        return ops.repeat(self.token, ops.shape(x)[0], axis=0)


@keras.saving.register_keras_serializable()
class RepeatLike(layers.Layer):
    """What each window of an image has, repeated for every image: called on tensors that begin with windows."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def call(self, x, mask):
        return ops.tile(mask, (ops.shape(x)[0] // mask.shape[0], *[1] * (mask.ndim - 1)))


@keras.saving.register_keras_serializable()
class Positions(layers.Layer):
    """The numbers 0, 1, 2 and so on, as many as there are along an axis of a tensor."""

    def __init__(self, axis=1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, x):
        return ops.arange(ops.shape(x)[self.axis], dtype="int64")


@keras.saving.register_keras_serializable()
class PositionEmbedding(layers.Layer):
    """A learned vector for each step of a tensor (batch, steps, ...): (1, steps, features)."""

    def __init__(self, positions, features, **kwargs):
        super().__init__(**kwargs)
        self.embeddings = self.add_weight((positions, features), name="embeddings")

    def call(self, x):
        return ops.expand_dims(self.embeddings, 0)[:, : ops.shape(x)[1]]


@keras.saving.register_keras_serializable()
class ReversibleEmbedding(layers.Embedding):
    """A vector for each token and, with ``reverse``, a score for each token by its vector."""

    def call(self, inputs, reverse=False):
        if reverse:
            return ops.matmul(inputs, ops.transpose(self.embeddings))
        return super().call(inputs)

    def compute_output_spec(self, inputs, reverse=False):
        shape = (*inputs.shape[:-1], self.input_dim) if reverse else (*inputs.shape, self.output_dim)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)
