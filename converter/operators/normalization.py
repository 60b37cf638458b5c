"""Normalisation over batches, channels and features."""

from __future__ import annotations

from converter.emitters.layout import along_axes, spatial
from converter.emitters.site import short
from converter.emitters.vocabulary import Layer
from converter.graph import shortest
from converter.operators.registry import like_first, operator


def _keeps_order(node, have):
    """Keeps the order of its first input; the others are one number per channel."""
    need, give = along_axes(node, have)
    return [need[0], *(None for _ in node.inputs[1:])], give[:1] + [None] * (len(node.outputs) - 1)


def _has_rank(node, target):
    return "the number of axes of its input is unknown" if node.inputs[0].rank is None else None


def _held(n, *names: str) -> bool:
    """Whether the file holds these inputs, so that they are weights of a layer."""
    return all(getattr(n, name) is None or n.weight(name) is not None for name in names)


def _is_neutral(scale, bias) -> bool:
    """Whether a layer has neither: constants, not weights that train, of ones and zeros, as exporters supply."""
    held = not scale.trainable and not bias.trainable and scale.has_data and bias.has_data
    return held and bool((scale.array() == 1).all()) and not bias.array().any()


def _gives_batch_alone(n) -> bool:
    return n.training_mode and not (n.used("running_mean") or n.used("running_var"))


@operator("BatchNormalization")
class BatchNormalization:
    """``momentum`` is the share of the old statistics kept in ONNX and Keras, of the new ones taken in PyTorch.

    In training mode the batch's own statistics (the variance not corrected for its size) normalise it; running ones that
    nobody reads are left out.
    """

    layout = _keeps_order

    def pytorch(n):
        if _gives_batch_alone(n):
            zero = n.B.value.array is not None and not n.weight("B").trainable and not n.B.value.array.any()
            offset = "" if zero else ", B"
            return n.expr(f"F.batch_norm(X, None, None, scale{offset}, training=True, eps=epsilon)")
        if n.training_mode:
            text = "batch_norm_training(X, scale, B, input_mean, input_var, momentum=momentum, eps=epsilon)"
            return n.results(text, 3)
        if not _held(n, *_STATISTICS):
            return n.expr("F.batch_norm(X, input_mean, input_var, scale, B, eps=epsilon)")
        scale, bias, mean, variance = map(n.weight, _STATISTICS)
        return Layer(
            f"nn.BatchNorm{max(n.rank, 1)}d", scale.shape[0], eps=n.epsilon, momentum=shortest(1 - n.momentum),
            weights={"weight": scale, "bias": bias, "running_mean": mean, "running_var": variance},
        )(n.X)  # fmt: skip

    def keras(n):
        axis = n.axis_of(1)
        if _gives_batch_alone(n):
            text = (
                "ops.batch_normalization(X, ops.mean(X, axes), ops.var(X, axes), axis, offset=B, scale=scale, epsilon=epsilon)"
            )
            return n.expr(text, axis=axis, axes=tuple(each for each in range(n.X.rank) if each != axis % n.X.rank))
        if n.training_mode:
            text = "batch_norm_training(X, scale, B, input_mean, input_var, axis, momentum=momentum, epsilon=epsilon)"
            return n.results(text, 3, axis=axis)
        if not _held(n, *_STATISTICS):
            text = "ops.batch_normalization(X, input_mean, input_var, axis, offset=B, scale=scale, epsilon=epsilon)"
            return n.expr(text, axis=axis)
        scale, bias, mean, variance = map(n.weight, _STATISTICS)
        return Layer(
            "layers.BatchNormalization", axis=axis, momentum=n.momentum, epsilon=n.epsilon,
            weights={"gamma": scale, "beta": bias, "moving_mean": mean, "moving_variance": variance},
        )(n.X)  # fmt: skip


_STATISTICS = ("scale", "B", "input_mean", "input_var")


@operator("InstanceNormalization")
class InstanceNormalization:
    """Each channel of each sample by its own statistics."""

    layout = _keeps_order
    restrict = _has_rank

    def pytorch(n):
        if not _held(n, "scale", "B"):
            return n.expr("F.instance_norm(input, weight=scale, bias=B, eps=epsilon)")
        scale, bias = n.weight("scale"), n.weight("B")
        weights = {} if _is_neutral(scale, bias) else {"weight": scale, "bias": bias}
        affine = bool(weights)
        return Layer(f"nn.InstanceNorm{n.rank}d", scale.shape[0], eps=n.epsilon, affine=affine, weights=weights)(n.input)

    def keras(n):
        return _keras_groups(n, n.input, -1, "B")


@operator("GroupNormalization")
class GroupNormalization:
    """Each group of channels of each sample by its own statistics; scale and bias are per channel since opset 21."""

    layout = _keeps_order
    restrict = _has_rank
    infer = like_first

    def pytorch(n):
        if not _held(n, "scale", "bias"):
            return n.expr("F.group_norm(X, num_groups, scale, bias, eps=epsilon)")
        scale, bias = n.weight("scale"), n.weight("bias")
        weights = {"weight": scale, "bias": bias}
        return Layer("nn.GroupNorm", n.num_groups, scale.shape[0], eps=n.epsilon, weights=weights)(n.X)

    def keras(n):
        return _keras_groups(n, n.X, n.num_groups, "bias")


def _keras_groups(n, x, groups, bias):
    axis = n.axis_of(1)
    if not _held(n, "scale", bias):
        n.needs_sizes(x, axes=range(1, x.rank or 0))
        text = "group_normalization(x, scale, bias, groups, axis=axis, epsilon=epsilon)"
        return n.expr(text, x=x, groups=groups, axis=axis, bias=getattr(n, bias))
    weights = {"gamma": n.weight("scale"), "beta": n.weight(bias)}
    options = {}
    if _is_neutral(*weights.values()):
        weights, options = {}, {"center": False, "scale": False}
    return Layer("layers.GroupNormalization", groups=groups, axis=axis, epsilon=n.epsilon, **options, weights=weights)(x)


def _normalized(n) -> tuple:
    """Sizes of the axes from ``axis`` on."""
    return n.X.shape[n.axis % n.X.rank :]


def _sizes(n):
    """The same as the code says it."""
    sizes = _normalized(n)
    return sizes if all(isinstance(size, int) for size in sizes) else n.expr("X.shape[axis:]")


def _fits(n, *names: str) -> bool:
    """Whether these inputs have the shape of the normalised axes and are held by the file."""
    return _held(n, *names) and all(getattr(n, name) is None or getattr(n, name).shape == _normalized(n) for name in names)


@operator("LayerNormalization")
class LayerNormalization:
    """Over the axes from ``axis`` on; further outputs are the mean and the inverse of the deviation."""

    def pytorch(n):
        sizes = _normalized(n)
        if len(n.node.outputs) > 1 or n.Scale.shape != sizes:
            return n.results("layer_norm(X, Scale, B, axis=axis, eps=epsilon)", 3)
        if not _fits(n, "Scale", "B"):
            return n.expr("F.layer_norm(X, sizes, weight=Scale, bias=B, eps=epsilon)", sizes=_sizes(n))
        weights = {"weight": n.weight("Scale"), "bias": n.weight("B")}
        return Layer("nn.LayerNorm", short(sizes), eps=n.epsilon, bias=n.B is not None, weights=weights)(n.X)

    def keras(n):
        if len(n.node.outputs) > 1 or not _fits(n, "Scale", "B"):
            return n.results("layer_normalization(X, Scale, B, axis=axis, epsilon=epsilon)", 3)
        weights = {"gamma": n.weight("Scale"), "beta": n.weight("B")}
        axis = _trailing(n)
        return Layer("layers.LayerNormalization", axis=axis, epsilon=n.epsilon, center=n.B is not None, weights=weights)(n.X)


def _trailing(n) -> int | tuple[int, ...]:
    count = len(_normalized(n))
    return -1 if count == 1 else tuple(range(-count, 0))


@operator("RMSNormalization")
class RMSNormalization:
    def pytorch(n):
        sizes = _normalized(n)
        if n.scale.shape != sizes:
            return n.expr("F.rms_norm(X, sizes, eps=epsilon) * scale", sizes=_sizes(n))
        if not _held(n, "scale"):
            return n.expr("F.rms_norm(X, sizes, weight=scale, eps=epsilon)", sizes=_sizes(n))
        return Layer("nn.RMSNorm", short(sizes), eps=n.epsilon, weights={"weight": n.weight("scale")})(n.X)

    def keras(n):
        if not _fits(n, "scale"):
            return n.expr("ops.rms_normalization(X, axis=axes, epsilon=epsilon) * scale", axes=_trailing(n))
        return Layer("layers.RMSNormalization", axis=_trailing(n), epsilon=n.epsilon, weights={"scale": n.weight("scale")})(n.X)


@operator("MeanVarianceNormalization")
class MeanVarianceNormalization:
    """(X - mean) / (deviation + 1e-9). Source: the function body on the ONNX page of the operator."""

    layout = along_axes

    def pytorch(n):
        return n.expr("(X - X.mean(axes, keepdim=True)) / (X.std(axes, correction=0, keepdim=True) + 1e-9)")

    def keras(n):
        return n.expr("(X - ops.mean(X, axes, keepdims=True)) / (ops.std(X, axes, keepdims=True) + 1e-9)")


@operator("LpNormalization")
class LpNormalization:
    layout = along_axes

    def pytorch(n):
        return n.expr("F.normalize(input, p=p, dim=axis, eps=1e-30)", p=float(n.p))  # of what underflows too

    def keras(n):
        return n.expr("ops.normalize(input, axis=axis, order=p, epsilon=1e-30)")


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
        n.needs_sizes(n.X, axes=(1,))
        return Layer("LocalResponseNormalization", n.size, alpha=n.alpha, beta=n.beta, bias=n.bias)
