"""Copied into emitted Keras code: normalisations. Images are (batch, *spatial, channel)."""

import keras
from keras import layers, ops


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


def batch_norm_training(x, scale, bias, mean, variance, axis, momentum=0.9, epsilon=1e-5):
    """Normalise by the batch's own statistics; also the running mean and variance with these taken in."""
    axes = [i for i in range(x.ndim) if i != axis % x.ndim]
    batch_mean, batch_variance = ops.moments(x, axes)
    y = ops.batch_normalization(x, batch_mean, batch_variance, axis, offset=bias, scale=scale, epsilon=epsilon)
    kept, new = momentum, 1 - momentum
    return y, kept * mean + new * batch_mean, kept * variance + new * batch_variance


def group_normalization(x, scale, bias, groups, axis=-1, epsilon=1e-5):
    """Each group of channels of each sample by its own statistics; -1 groups are as many as channels."""
    axis %= x.ndim
    channels = x.shape[axis]
    groups = channels if groups == -1 else groups
    grouped = ops.reshape(x, (-1, *x.shape[1:axis], groups, channels // groups, *x.shape[axis + 1 :]))
    mean, variance = ops.moments(grouped, [i for i in range(1, grouped.ndim) if i != axis], keepdims=True)
    y = ops.reshape((grouped - mean) * ops.rsqrt(variance + epsilon), (-1, *x.shape[1:]))
    each = [channels if i == axis else 1 for i in range(x.ndim)]
    return y * ops.reshape(scale, each) + ops.reshape(bias, each)


def layer_normalization(x, scale, bias=None, axis=-1, epsilon=1e-5):
    """Layer normalisation over the axes from ``axis`` on, with the mean and the inverse of the deviation."""
    axes = list(range(axis % x.ndim, x.ndim))
    mean, variance = ops.moments(x, axes, keepdims=True)
    inverse = ops.rsqrt(variance + epsilon)
    y = (x - mean) * inverse * scale
    return (y if bias is None else y + bias), mean, inverse
