"""Functions of each element by itself."""

from __future__ import annotations

import numpy as np

from tests.random_networks.builder import Builder

_PLAIN = ["Relu", "HardSwish", "HardSigmoid", "Softplus", "Sigmoid", "Tanh", "Softsign", "Erf", "Abs", "Sin", "Selu"]
_OTHERS = ["LeakyRelu", "Elu", "Celu", "ThresholdedRelu", "Clip", "PRelu", "Mish", "Gelu", "silu", "gelu", "bell"]


def activation(net: Builder, x: str) -> str:
    """Any of them, on a tensor of any shape."""
    kind = net.one_of(*_PLAIN, *_OTHERS)
    if kind == "LeakyRelu":
        return net.add(kind, x, alpha=float(net.random.uniform(0.01, 0.3)))
    if kind in ("Elu", "Celu"):
        return net.add(kind, x, alpha=net.one_of(1.0, 0.5))
    if kind == "ThresholdedRelu":
        return net.add(kind, x, alpha=0.3)
    if kind == "Clip":
        return net.add(kind, x, net.number(net.one_of(0.0, -1.0)), net.number(net.one_of(6.0, 1.0)))
    if kind == "PRelu":
        return net.add(kind, x, net.number(0.2))
    if kind == "silu" or (kind == "Mish" and net.opset < 18):
        return net.add("Mul", x, net.add("Sigmoid", x))
    if kind == "gelu" or (kind == "Gelu" and net.opset < 20):
        error = net.add("Add", net.add("Erf", net.add("Div", x, net.number(np.sqrt(2)))), net.number(1.0))
        return net.add("Mul", net.add("Mul", x, error), net.number(0.5))
    if kind == "bell":
        return net.add("Exp", net.add("Neg", net.add("Abs", x)))
    return net.add(kind, x)
