"""Copied into emitted Keras code: activations."""

from keras import ops


def softmax_of_others(x):
    """The softmax in which numbers next to zero stay what they are in proportion."""
    top = ops.max(x, axis=-1, keepdims=True)
    powers = ops.where(ops.abs(x) > 1e-7, ops.exp(x - top), 0.0)
    total = ops.sum(powers, axis=-1, keepdims=True)
    return ops.where(ops.abs(x) > 1e-7, powers, x * ops.exp(-top)) / total
