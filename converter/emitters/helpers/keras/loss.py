"""Copied into emitted Keras code: losses."""

from keras import ops


def negative_log_likelihood(log_prob, target, weight=None, ignore_index=None, reduction="mean"):
    """Minus the logarithm that axis 1 holds for the target's class, weighted by class."""
    kept = ops.ones_like(target) if ignore_index is None else ops.cast(target != ignore_index, target.dtype)
    target = target * kept
    loss = -ops.squeeze(ops.take_along_axis(log_prob, ops.expand_dims(target, 1), axis=1), 1)
    share = ops.cast(kept, log_prob.dtype)
    if weight is not None:
        share = share * ops.take(weight, target, axis=0)
    if reduction == "none":
        return loss * share
    total = ops.sum(loss * share)
    return total / ops.sum(share) if reduction == "mean" else total
