"""Functions of one tensor, element by element, and along one axis."""

from __future__ import annotations

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
    Mish=("F.mish(X)", "X * ops.tanh(ops.softplus(X))"),
)


@operator("Selu")
class Selu:
    layout = same
    restrictions = "the standard's own alpha and gamma"

    def restrict(node, target):
        standard = (node["alpha"], node["gamma"]) == (1.6732632, 1.050701)
        return None if standard else f"alpha {node['alpha']} and gamma {node['gamma']} are not those of SELU"

    def pytorch(n):
        return n.expr("F.selu(X)")

    def keras(n):
        return n.expr("ops.selu(X)")


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
        bounds = (n.constant("min"), n.constant("max"))
        if bounds == (0, 6):
            return n.expr("F.relu6(input)")
        return n.expr("torch.clamp(input, min=min, max=max)")

    def keras(n):
        if _clips_to_six(n.node):
            return n.expr("ops.relu6(input)")
        low, high = (-float("inf") if n.min is None else n.min), (float("inf") if n.max is None else n.max)
        return n.expr("ops.clip(input, low, high)", low=low, high=high)

    def activation(node):
        return "relu6" if _clips_to_six(node) else None


def _clips_to_six(node) -> bool:
    bounds = [value.array for value in node.inputs[1:] if value is not None]
    return len(bounds) == 2 and bounds == [0, 6]


def _softmax_rule(node, have):
    return along_axes(node, have)


@operator("Softmax")
class Softmax:
    layout = _softmax_rule

    def activation(node):
        rank = node.inputs[0].rank
        return "softmax" if rank == 2 and node["axis"] in (1, -1) else None

    def pytorch(n):
        return n.expr("F.softmax(input, dim=axis)")

    def keras(n):
        return n.expr("ops.softmax(input, axis=axis)")


@operator("LogSoftmax")
class LogSoftmax:
    layout = along_axes

    def pytorch(n):
        return n.expr("F.log_softmax(input, dim=axis)")

    def keras(n):
        return n.expr("ops.log_softmax(input, axis=axis)")


@operator("Dropout")
class Dropout:
    """Nothing at inference, kept for training."""

    layout = same
    restrictions = "inference mode, without the mask"

    def restrict(node, target):
        if len(node.outputs) > 1 and node.outputs[1] is not None and node.outputs[1].users:
            return "its second output, the mask, is read"
        mode = node.input(2)
        return "training_mode is set" if mode is not None and (mode.array is None or mode.array.any()) else None

    def pytorch(n):
        return Layer("nn.Dropout", p=_ratio(n))(n.data)

    def keras(n):
        return Layer("layers.Dropout", _ratio(n))(n.data)


def _ratio(n) -> float:
    ratio = n.constant("ratio")
    return 0.5 if ratio is None else float(str(ratio.reshape(-1)[0]))
