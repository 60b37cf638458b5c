"""Functions of one tensor, element by element, and along one axis."""

from __future__ import annotations

from converter import functions
from converter.emitters.layout import along_axes, same
from converter.emitters.vocabulary import Layer
from converter.operators.registry import elementwise, operator

elementwise(
    Relu=("F.relu(X)", "ops.relu(X)", "relu"),
    Sigmoid=("torch.sigmoid(X)", "ops.sigmoid(X)", "sigmoid"),
    Tanh=("torch.tanh(input)", "ops.tanh(input)", "tanh"),
    Softplus=("F.softplus(X)", "ops.softplus(X)", "softplus"),
    Softsign=("F.softsign(input)", "ops.softsign(input)", "softsign"),
    LeakyRelu=("F.leaky_relu(X, negative_slope=alpha)", "ops.leaky_relu(X, negative_slope=alpha)"),
    Elu=("F.elu(X, alpha=alpha)", "ops.elu(X, alpha=alpha)"),
    HardSwish=("F.hardswish(X)", "ops.hard_silu(X)", "hard_silu"),
    Celu=("F.celu(X, alpha=alpha)", "ops.celu(X, alpha=alpha)"),
    ThresholdedRelu=("F.threshold(X, alpha, 0.0)", "ops.threshold(X, alpha, 0.0)"),
    Mish=("F.mish(X)", "X * ops.tanh(ops.softplus(X))", "mish"),
)


@operator("Selu")
class Selu:
    layout = same

    def pytorch(n):
        return n.expr("F.selu(X)" if _is_standard_selu(n) else "gamma * F.elu(X, alpha=alpha)")

    def keras(n):
        return n.expr("ops.selu(X)" if _is_standard_selu(n) else "gamma * ops.elu(X, alpha=alpha)")


def _is_standard_selu(n) -> bool:
    return (n.alpha, n.gamma) == (1.6732632, 1.050701)


@operator("Swish")
class Swish:
    layout = same

    def pytorch(n):
        return n.expr("F.silu(X)" if n.alpha == 1 else "X * torch.sigmoid(alpha * X)")

    def keras(n):
        return n.expr("ops.silu(X)" if n.alpha == 1 else "X * ops.sigmoid(alpha * X)")


@operator("Silu", functions.DOMAIN)
class Silu:
    layout = same

    def activation(node):
        return "silu"

    def pytorch(n):
        return n.expr("F.silu(X)")

    def keras(n):
        return n.expr("ops.silu(X)")


@operator("SwiGLU")
class SwiGLU:
    layout = same

    def pytorch(n):
        return n.expr("F.silu(A) * B" if n.alpha == 1 else "A * torch.sigmoid(alpha * A) * B")

    def keras(n):
        return n.expr("ops.silu(A) * B" if n.alpha == 1 else "A * ops.sigmoid(alpha * A) * B")


@operator("Shrink")
class Shrink:
    layout = same

    def pytorch(n):
        if n.bias == n.lambd:
            return n.expr("F.softshrink(input, limit)", limit=n.lambd)
        text = "torch.where(input < -limit, input + bias, torch.where(input > limit, input - bias, 0.0))"
        return n.expr(text if n.bias else "F.hardshrink(input, limit)", limit=n.lambd)

    def keras(n):
        text = "ops.where(input < -limit, input + bias, ops.where(input > limit, input - bias, 0.0))"
        return n.expr(text, limit=n.lambd)


@operator("HardSigmoid")
class HardSigmoid:
    """clip(alpha * x + beta, 0, 1); both targets have the function with alpha 1/6 only."""

    layout = same

    def activation(node):
        return "hard_sigmoid" if _is_sixth(node) else None

    def pytorch(n):
        return n.expr("F.hardsigmoid(X)" if _is_sixth(n.node) else "torch.clamp(alpha * X + beta, 0, 1)")

    def keras(n):
        return n.expr("ops.hard_sigmoid(X)" if _is_sixth(n.node) else "ops.clip(alpha * X + beta, 0, 1)")


def _is_sixth(node) -> bool:
    return abs(node["alpha"] - 1 / 6) < 1e-7 and node["beta"] == 0.5


@operator("Gelu")
class Gelu:
    layout = same

    def activation(node):
        return "gelu" if node["approximate"] == "none" else None

    def pytorch(n):
        return n.expr("F.gelu(X, approximate=approximate)")

    def keras(n):
        return n.expr("ops.gelu(X, approximate=tanh)", tanh=n.approximate == "tanh")


@operator("PRelu")
class PRelu:
    layout = same

    def pytorch(n):
        return n.expr("torch.where(X < 0, X * slope, X)")

    def keras(n):
        return n.expr("ops.where(X < 0, X * slope, X)")


@operator("Clip")
class Clip:
    layout = same

    def pytorch(n):
        if _clips_to_six(n.node):
            return n.expr("F.relu6(input)")
        if n.min is None and n.max is None:
            return n.input
        return n.expr("torch.clamp(input, min=min, max=max)")

    def keras(n):
        if _clips_to_six(n.node):
            return n.expr("ops.relu6(input)")
        if all(bound is not None and bound.is_number for bound in (n.min, n.max)) and n.constant("min") <= n.constant("max"):
            return n.expr("ops.clip(input, min, max)")
        above = n.input if n.min is None else n.expr("ops.maximum(input, min)")
        return above if n.max is None else n.expr("ops.minimum(above, max)", above=above)

    def activation(node):
        return "relu6" if _clips_to_six(node) else None


def _clips_to_six(node) -> bool:
    bounds = [value.array for value in node.inputs[1:] if value is not None]
    return len(bounds) == 2 and bounds == [0, 6]


def wide_enough(n, dtype: str) -> str:
    """The type in which a softmax is computed: TensorFlow adds up numbers of 16 bits in 16 bits, and is off by two units."""
    return "float32" if n.framework == "keras" and dtype in ("float16", "bfloat16") else dtype


def _keras_softmax(n, function: str):
    dtype = n.input.dtype.name
    wide = wide_enough(n, dtype)
    if wide == dtype:
        return n.expr(f"ops.{function}(input, axis=axis)")
    return n.expr(f"ops.cast(ops.{function}(ops.cast(input, wide), axis=axis), dtype)", wide=wide, dtype=dtype)


@operator("Softmax")
class Softmax:
    layout = along_axes

    def activation(node):
        data = node.inputs[0]
        return "softmax" if data.rank == 2 and node["axis"] in (1, -1) and data.dtype in ("float32", "float64") else None

    def pytorch(n):
        return n.expr("F.softmax(input, dim=axis)")

    def keras(n):
        return _keras_softmax(n, "softmax")


@operator("Hardmax")
class Hardmax:
    """1 at the first maximum along an axis, 0 elsewhere."""

    layout = along_axes

    def pytorch(n):
        return n.expr("torch.zeros_like(input).scatter(axis, torch.argmax(input, dim=axis, keepdim=True), 1)")

    def keras(n):
        size = n.input.shape[n.axis]
        size = size if isinstance(size, int) else n.eager("input.shape[axis]")
        return n.expr(
            "ops.one_hot(ops.argmax(input, axis=axis), size, axis=axis, dtype=dtype)", size=size, dtype=n.input.dtype.name
        )


@operator("LogSoftmax")
class LogSoftmax:
    layout = along_axes

    def pytorch(n):
        return n.expr("F.log_softmax(input, dim=axis)")

    def keras(n):
        return _keras_softmax(n, "log_softmax")


@operator("Dropout")
class Dropout:
    """Nothing at inference, kept for training; the mask, all true at inference, is written where the source asks for it.

    Where the network itself says that it trains, elements are dropped by the framework's own random numbers.
    """

    layout = same

    def pytorch(n):
        if _may_train(n):
            return n.results("dropped(data, ratio, training_mode)", 2, ratio=_given_ratio(n))
        y = Layer("nn.Dropout", p=_ratio(n))(n.data)
        return y if len(n.node.outputs) < 2 else [y, n.expr("torch.ones_like(data, dtype=torch.bool)")]

    def keras(n):
        if _may_train(n):
            numbers = Layer("Random", "uniform", dtype=n.data.dtype.name)(n.data)
            return n.results("dropped(data, numbers, ratio, training_mode)", 2, ratio=_given_ratio(n), numbers=numbers)
        y = Layer("layers.Dropout", _ratio(n))(n.data)
        return y if len(n.node.outputs) < 2 else [y, n.expr('ops.ones_like(data, dtype="bool")')]


def _may_train(n) -> bool:
    mode = n.constant("training_mode")
    return n.training_mode is not None if mode is None else bool(mode.any())


def _given_ratio(n):
    return 0.5 if n.ratio is None else n.ratio


def _ratio(n) -> float:
    ratio = n.constant("ratio")
    return 0.5 if ratio is None else float(str(ratio.reshape(-1)[0]))
