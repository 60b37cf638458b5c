"""Numbers for the weights that a source describes without giving them, chosen so that an equality proves something.

Weights that are all alike, or signals that vanish, overflow or saturate, would make wrong code look right. Each weight gets
values by its role, scaled to the size of the signals that reach it. How large those are is estimated along the graph: the
second moment, mean(x²), of every value.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np

from converter.graph import Graph, Node, Value, Weight

IMAGE_RANGE = 255.0
"""Images of MATLAB networks hold numbers from 0 to this."""

_LINEAR = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_RECTIFIERS = {"Relu", "LeakyRelu", "PRelu", "Elu", "Gelu", "Swish", "Silu", "HardSwish"}
_SATURATING = {"Softmax", "LogSoftmax", "Sigmoid", "Tanh", "HardSigmoid"}
_NORMALISATIONS = {"BatchNormalization", "InstanceNormalization", "GroupNormalization", "LayerNormalization"}
_RECURRENT = {"LSTM", "GRU", "RNN"}
_TRANSPARENT = {"Add", "Dropout", "Flatten", "Reshape", "Squeeze", "Identity", "Transpose"}
_LOGIT = 1.0  # standard deviation before a function that saturates


@contextmanager
def seeded(graph: Graph, seed: int = 0) -> Iterator[bool]:
    """Within the block every weight of ``graph`` without data, and all that was derived from it, has seeded numbers.

    Yields whether there was such a weight.
    """
    rows = _roles(graph)
    with ExitStack() as stack:
        for number, (weight, law) in enumerate(rows.items()):
            draw = functools.partial(_draw, np.random.default_rng([seed, number]), weight, *law)
            stack.enter_context(weight.filled(functools.cache(draw)))  # drawn once for all sides
        yield bool(rows)


def _draw(generator: np.random.Generator, weight: Weight, kind: str, centre: float, width: float) -> np.ndarray:
    """``kind`` "normal": mean and standard deviation; "uniform": the middle and the distance to both ends."""
    if kind == "normal":
        array = generator.standard_normal(weight.shape, dtype=np.float32)
    else:
        array = generator.random(weight.shape, dtype=np.float32) * 2 - 1
    return (array * np.float32(width) + np.float32(centre)).astype(weight.dtype)


def image_inputs(graph: Graph) -> set[Value]:
    """The inputs that a MATLAB network declares as images."""
    names = {layer.name for layer in graph.layers if layer.type.endswith("Image Input")}
    return {value for value in graph.inputs if value.name in names}


def _roles(graph: Graph) -> dict[Weight, tuple[str, float, float]]:
    """The law of each weight without data, found at its first reader on a walk that estimates every signal."""
    images = image_inputs(graph)
    moments = {value: IMAGE_RANGE**2 / 3 if value in images else 1.0 for value in graph.inputs}
    rows: dict[Weight, tuple[str, float, float]] = {}
    for node in graph.nodes:
        moment = max((moments.get(value, 0.0) for value in node.inputs if value is not None), default=0.0) or 1.0
        after = _moment_after(node, moment, moments)
        for index, value in enumerate(node.inputs):
            if value is not None and value.weight is not None and not value.weight.has_data:
                rows.setdefault(value.weight, _role(node, index, value.weight, moment, after))
        moments |= {value: after for value in node.outputs if value is not None}
    return rows


def _moment_after(node: Node, moment: float, moments: dict[Value, float]) -> float:
    operator = node.op_type
    if operator in _LINEAR and _following(node) in _SATURATING:
        return _LOGIT**2
    if operator in _LINEAR:
        return 2 * moment  # He et al. 2015: what a rectifier then takes away
    if operator in _RECTIFIERS:
        return moment / 2
    if operator in _SATURATING or operator in _RECURRENT:
        return 0.25
    if operator in _NORMALISATIONS:
        return 1.0
    if operator == "LRN":
        return moment / (node["bias"] + node["alpha"] * moment) ** (2 * node["beta"])
    if operator == "Sub" and _reads_undescribed(node):
        return moment / 2  # a mean is taken away
    if operator == "Div" and _reads_undescribed(node):
        return 1.0
    if operator in ("Add", "Sum"):
        return sum(moments.get(value, 0.0) for value in node.inputs if value is not None) or moment
    return moment


def _reads_undescribed(node: Node) -> bool:
    return any(value is not None and value.weight is not None and not value.weight.has_data for value in node.inputs[1:])


def _following(node: Node) -> str:
    """The operator that reads the result, looking through those that only add a bias or rearrange."""
    while users := node.output.users:
        node = users[0][0]
        if node.op_type not in _TRANSPARENT:
            return node.op_type
    return ""


def _role(node: Node, index: int, weight: Weight, moment: float, after: float) -> tuple[str, float, float]:
    operator, size = node.op_type, math.sqrt(moment)
    if operator in _LINEAR and index < 2:
        return "normal", 0.0, math.sqrt(after / (moment * _fan_in(node, index, weight.shape)))
    if operator in _LINEAR:
        return "normal", 0.0, 0.1 * math.sqrt(after)
    if operator in _NORMALISATIONS:
        if operator == "BatchNormalization" and index == 3:
            return "normal", 0.0, 0.5 * size
        if operator == "BatchNormalization" and index == 4:
            return "uniform", moment, 0.5 * moment  # a variance is positive
        return ("uniform", 1.0, 0.5) if index == 1 else ("normal", 0.0, 0.3)
    if operator in _RECURRENT:
        return "normal", 0.0, 1 / math.sqrt(weight.shape[-1]) if index < 3 else 0.1
    if operator == "PRelu":
        return "uniform", 0.25, 0.15
    if operator == "Sub" and index == 1:
        return "uniform", 0.85 * size, 0.3 * size  # for an image: from 80 to 170
    if operator == "Div" and index == 1:
        return "uniform", size, 0.5 * size
    return "normal", 0.0, 0.5 * size


def _fan_in(node: Node, index: int, shape: tuple[int, ...]) -> float:
    """How many products are summed in one number of the result."""
    if node.op_type == "Conv":
        return math.prod(shape[1:])
    if node.op_type == "ConvTranspose":
        strides = node["strides"] or (1,)
        return max(shape[0] / node["group"] * math.prod(shape[2:]) / math.prod(strides), 1.0)
    if node.op_type == "Gemm":
        return shape[1] if bool(node["transB"]) == (index == 1) else shape[0]
    return shape[-1] if index == 0 or len(shape) == 1 else shape[-2]
