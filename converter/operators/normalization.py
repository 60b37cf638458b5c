"""Normalisation over batches and channels."""

from __future__ import annotations

from converter.emitters.layout import along_axes, spatial
from converter.emitters.vocabulary import Layer
from converter.graph import shortest
from converter.operators.registry import operator


def _channels_first_input(node, have):
    """Keeps the order of its first input; the others are one number per channel."""
    need, give = along_axes(node, have)
    return [need[0], None, None, None, None][: len(node.inputs)], give[:1] + [None] * (len(node.outputs) - 1)


@operator("BatchNormalization")
class BatchNormalization:
    """``momentum`` is the share of the old statistics kept in ONNX and Keras, of the new ones taken in PyTorch."""

    layout = _channels_first_input
    restrictions = "scale, bias, mean and variance held by the file; inference mode"

    def restrict(node, target):
        if node["training_mode"]:
            return "training_mode is 1; export the model in inference mode"
        if any(value is None or value.weight is None for value in node.inputs[1:5]):
            return "its statistics are computed by the network; expected weights that the file holds"
        return None

    def pytorch(n):
        scale, bias, mean, variance = (n.weight(name) for name in ("scale", "B", "input_mean", "input_var"))
        return Layer(
            f"nn.BatchNorm{max(n.rank, 1)}d", scale.shape[0], eps=n.epsilon, momentum=shortest(1 - n.momentum),
            weights={"weight": scale, "bias": bias, "running_mean": mean, "running_var": variance},
        )(n.X)  # fmt: skip

    def keras(n):
        scale, bias, mean, variance = (n.weight(name) for name in ("scale", "B", "input_mean", "input_var"))
        return Layer(
            "layers.BatchNormalization", axis=n.axis_of(1), momentum=n.momentum, epsilon=n.epsilon,
            weights={"gamma": scale, "beta": bias, "moving_mean": mean, "moving_variance": variance},
        )(n.X)  # fmt: skip


@operator("LRN")
class LRN:
    """x / (bias + alpha / size * sum of squares over ``size`` channels) ** beta.

    ``alpha`` is divided by ``size`` here, in MATLAB and in PyTorch; TensorFlow and MatConvNet do not divide it.
    """

    layout = spatial
    restrictions = "odd size (onnxruntime, the judge, runs no other)"

    def restrict(node, target):
        return None if node["size"] % 2 else f"size {node['size']} is even, which onnxruntime cannot run and prove"

    def pytorch(n):
        return Layer("nn.LocalResponseNorm", n.size, alpha=n.alpha, beta=n.beta, k=n.bias)

    def keras(n):
        return Layer("LocalResponseNormalization", n.size, alpha=n.alpha, beta=n.beta, bias=n.bias)
