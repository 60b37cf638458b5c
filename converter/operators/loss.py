"""Losses over classes, which stand on axis 1."""

from __future__ import annotations

from converter.emitters.vocabulary import Local
from converter.operators.registry import operator


@operator("NegativeLogLikelihoodLoss")
class NegativeLogLikelihoodLoss:
    def pytorch(n):
        return n.expr(
            "F.nll_loss(input, target, weight=weight, ignore_index=ignore, reduction=reduction)", **_torch(n, "target")
        )

    def keras(n):
        text = "negative_log_likelihood(input, target, weight, ignore_index=ignore_index, reduction=reduction)"
        return n.expr(text, input=n.input)


@operator("SoftmaxCrossEntropyLoss")
class SoftmaxCrossEntropyLoss:
    """The second output is the logarithm of the softmax."""

    def pytorch(n):
        text = "F.cross_entropy(scores, target, weight=weights, ignore_index=ignore, reduction=reduction)"
        return [n.expr(text, **_torch(n, "labels")), n.expr("F.log_softmax(scores, dim=1)")]

    def keras(n):
        text = "negative_log_likelihood(input, labels, weights, ignore_index=ignore_index, reduction=reduction)"
        log_prob = Local(n.expr("ops.log_softmax(scores, axis=1)"), "log_prob")
        return [n.expr(text, input=log_prob), log_prob]


def _torch(n, name: str) -> dict:
    """PyTorch takes classes as int64, and -100 for a class that is left out."""
    target = n.named(name)
    target = target if target.dtype == "int64" else n.expr("target.long()", target=target)
    return {"target": target, "ignore": -100 if n.ignore_index is None else n.ignore_index}
