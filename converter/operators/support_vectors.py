"""Support vector machines of ai.onnx.ml: kernels between the samples and the support vectors, weighted.

Source: https://onnx.ai/onnx/operators/onnx_aionnxml_SVMClassifier.html, and the behaviour of onnxruntime.
"""

from __future__ import annotations

import itertools

import numpy as np

from converter.emitters.vocabulary import Local
from converter.operators.ml import classified, held, known_transform, labelled, said, samples, transformed
from converter.operators.registry import operator

_ML = "ai.onnx.ml"


def _kernel(n, vectors, kind=None):
    """The kernel between each sample and each row of ``vectors``."""
    kind = kind or n.kernel_type
    gamma, constant, degree = (*(n.kernel_params or ()), 0.0, 0.0, 0.0)[:3]
    v = held(vectors, np.float32, "support_vectors")
    if kind == "RBF":
        return said(
            n,
            "torch.exp(-gamma * torch.cdist(x, v, compute_mode='donot_use_mm_for_euclid_dist') ** 2)",
            "ops.exp(-gamma * ops.sum((ops.expand_dims(x, 1) - v) ** 2, axis=-1))",
            x=samples(n), v=v, gamma=gamma,
        )  # fmt: skip
    y = said(n, "x @ v.T", "ops.matmul(x, ops.transpose(v))", x=samples(n), v=v)
    if kind == "LINEAR":
        return y
    y = n.expr("gamma * y + constant", y=y, gamma=gamma, constant=constant)
    if kind == "SIGMOID":
        return said(n, "torch.tanh(y)", "ops.tanh(y)", y=y)
    return n.expr("y ** degree", y=y, degree=int(degree) if degree == int(degree) else degree)


def _plain(node, target):
    return None if node["post_transform"] == "NONE" else "onnxruntime does not apply its post_transform"


@operator("SVMRegressor", _ML)
class SVMRegressor:
    restrict = _plain

    def both(n):
        """Without support vectors the coefficients are the weights themselves."""
        coefficients = np.reshape(n.coefficients, (1, -1))
        if n.n_supports:
            y = _kernel(n, np.reshape(n.node["support_vectors"], (n.n_supports, -1)))
            coefficients = held(coefficients, np.float32, "coefficients")
            y = said(n, "y @ w.T", "ops.matmul(y, ops.transpose(w))", y=y, w=coefficients)
        else:
            y = _kernel(n, coefficients, "LINEAR")
        y = n.expr("y + rho", y=y, rho=n.rho[0])
        return said(n, "torch.where(y > 0, 1.0, -1.0)", "ops.where(y > 0, 1.0, -1.0)", y=y) if n.one_class else y


def _pair_scores(n):
    """For each pair of classes the weighted kernels of both classes' support vectors; above zero the first class wins.

    Large weights of both signs nearly cancel each other: they are summed in float64, as onnxruntime does.
    """
    counts, pairs = n.vectors_per_class, list(itertools.combinations(range(len(n.vectors_per_class)), 2))
    ends = np.cumsum(counts)
    rows = np.reshape(n.coefficients, (-1, sum(counts)))
    weights = np.zeros((len(pairs), sum(counts)))
    for weight, (i, j) in zip(weights, pairs, strict=True):
        for own, other in ((i, j - 1), (j, i)):
            part = slice(ends[own] - counts[own], ends[own])
            weight[part] = rows[other, part]
    y = _kernel(n, np.reshape(n.node["support_vectors"], (sum(counts), -1)))
    w, rho = held(weights.T, np.float64, "coefficients"), held(n.rho, np.float64, "rho")
    keras = "ops.cast(ops.matmul(ops.cast(y, 'float64'), w) + rho, 'float32')"
    return said(n, "(y.double() @ w + rho).float()", keras, y=y, w=w, rho=rho)


@operator("SVMClassifier", _ML, strings=None)
class SVMClassifier:
    """Classes vote in pairs; scores are those of the pairs, or probabilities."""

    restrict = known_transform
    restrictions = "any post_transform but PROBIT"

    def both(n):
        labels = n.classlabels_strings or n.classlabels_ints
        if not n.vectors_per_class:
            y = _kernel(n, np.reshape(n.coefficients, (len(labels), -1)), "LINEAR")
            return classified(n, n.expr("y + rho", y=y, rho=n.rho[0]), labels, False, False)
        y = Local(_pair_scores(n), "pair_scores")
        first, second = (np.array(places) for places in zip(*itertools.combinations(range(len(labels)), 2), strict=True))
        votes = np.eye(len(labels), dtype=np.float32)
        won, lost = held(votes[first], np.float32, "won"), held(votes[second], np.float32, "lost")
        text = "torch.where((y > 0)[..., None], won, lost).sum(1).argmax(1)"
        keras = "ops.argmax(ops.sum(ops.where(ops.expand_dims(y > 0, -1), won, lost), axis=1), axis=1)"
        label = labelled(n, labels, said(n, text, keras, y=y, won=won, lost=lost))
        if n.prob_a:
            numbers = {"y": n.to_array(y), "a": n.prob_a, "b": n.prob_b, "count": len(labels)}
            return [label, transformed(n, n.eager("p", p=n.from_array("couple(y, a, b, count)", **numbers)))]
        return [label, classified(n, y, labels, len(labels) == 2, n.post_transform != "NONE")[1]]
