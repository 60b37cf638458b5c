"""Another operator of the same kind stands in place of the node's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from converter.graph import Node
from converter.verification.causes.hypothesis import Hypothesis

_ALTERNATIVES = [
    {
        "Relu",
        "Sigmoid",
        "Tanh",
        "Gelu",
        "Elu",
        "LeakyRelu",
        "Selu",
        "Softplus",
        "Softsign",
        "HardSigmoid",
        "HardSwish",
        "Mish",
        "ThresholdedRelu",
        "Erf",
        "Exp",
        "Softmax",
        "LogSoftmax",
        "Abs",
        "Neg",
        "Sqrt",
        "Reciprocal",
        "Log",
        "Sin",
        "Cos",
        "Floor",
        "Ceil",
        "Round",
        "Sign",
        "Silu",
        "Swish",
        "Clip",
    },
    {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean"},
    {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceProd", "ReduceSumSquare"},
    {"GlobalAveragePool", "GlobalMaxPool"},
    {"Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"},
    {"And", "Or", "Xor"},
    {"ArgMax", "ArgMin"},
    {"BatchNormalization", "InstanceNormalization"},
]

_KEPT = ("keepdims", "axis")
_UNARY = _ALTERNATIVES[0] - {"Softmax", "LogSoftmax"}


def operators(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """Another operator of the same kind on the same inputs."""
    own = [group for group in _ALTERNATIVES if node.op_type in group]
    for name in sorted(set().union(*own) - {node.op_type}):
        kept = {key: node.attributes[key] for key in _KEPT if key in node.attributes and name not in _UNARY}
        if name in ("Silu", "Swish"):
            yield Hypothesis(f"{name} stood in place of {node.op_type}", op_type="Sigmoid", after=_times(inputs[0]))
        else:
            yield Hypothesis(f"{name} stood in place of {node.op_type}", kept, op_type=name)
    if len(own) and "Relu" in own[0]:
        for name, attribute, values in (("LeakyRelu", "alpha", (0.1, 0.2, 0.3)), ("Gelu", "approximate", ("tanh",))):
            for value in values:
                yield Hypothesis(
                    f"{name} ({attribute} {value}) stood in place of {node.op_type}", {attribute: value}, op_type=name
                )


def _times(factor: Any) -> Callable[[np.ndarray], np.ndarray]:
    return lambda result: result * factor
