"""Normalisations that exporters write as arithmetic: by the root of the mean square, over the last axes, and by groups."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Value
from converter.passes.recover.pattern import Match, Pattern, replace
from converter.passes.trained import computed_of_weights

_BY_ROOT = (
    "{x} * Reciprocal(Sqrt({square} + epsilon))",
    "{x} * (1 / Sqrt({square} + epsilon))",
    "{x} / Sqrt({square} + epsilon)",
    "{x} / ({square} + epsilon) ** 0.5",
    "{x} * ({square} + epsilon) ** -0.5",
)
_SQUARES = ("ReduceMean({x} ** 2, axes, keepdims=1)", "ReduceMean({x} * {x}, axes, keepdims=1)")
_CENTRED = "(x - ReduceMean(x, axes, keepdims=1))"


def _normalised(x: str) -> list[str]:
    return [f"({text.format(x=x, square=square.format(x=x))}) * scale" for text in _BY_ROOT for square in _SQUARES]


_RMS = [Pattern(text) for text in _normalised("x")]
_LAYER = [Pattern(f"{text} + bias") for text in _normalised(_CENTRED)] + [Pattern(text) for text in _normalised(_CENTRED)]
_BATCH = [
    Pattern(f"BatchNormalization(x, scale, bias, ReduceMean(x, axes, keepdims=0), ReduceMean({square}, axes, keepdims=0))")
    for square in (f"{_CENTRED} * {_CENTRED}", f"{_CENTRED} ** 2")
]
_GROUP = Pattern("Reshape(InstanceNormalization(Reshape(x, before), one, zero), after) * scale + bias")


def normalisations(graph: Graph) -> None:
    """The formulas of RMSNormalization, LayerNormalization, GroupNormalization and that of a batch become one operator each.

    Only in float32, in which all of them compute, and where scale and bias are weights, or computed of weights, of the shape
    that the layer has.
    Source: the function bodies on the pages of the operators.
    """
    for patterns, op_type in ((_LAYER, "LayerNormalization"), (_RMS, "RMSNormalization")):
        for pattern in patterns:
            for match in pattern.matches(graph):
                axis, epsilon = _axis(match), _number(match["epsilon"])
                weights = [match.values[name] for name in ("scale", "bias") if name in match.values]
                if (
                    axis is not None
                    and epsilon is not None
                    and all(_is_own(value, match["x"].shape[axis:]) for value in weights)
                ):
                    replace(graph, match, op_type, [match["x"], *weights], {"axis": axis, "epsilon": epsilon})
    for pattern in _BATCH:
        for match in pattern.matches(graph):
            _recover_batch(graph, match)
    for match in _GROUP.matches(graph):
        _recover_groups(graph, match)


def _axis(match: Match) -> int | None:
    """The first of the axes, counted from the end, where they are the last ones and in float32."""
    x, axes = match["x"], match["axes"].array
    if axes is None or not x.rank or x.dtype != np.float32 or not axes.size:
        return None
    found = sorted(axis % x.rank for axis in axes.reshape(-1).tolist())
    return -len(found) if found == list(range(x.rank - len(found), x.rank)) else None


def _number(value: Value) -> float | None:
    """The one number of a constant, as the shortest decimal that is the same float32."""
    weight = value.weight
    return float(str(value.array.reshape(-1)[0])) if weight is not None and weight.size == 1 and weight.has_data else None


def _is_own(value: Value, shape: tuple) -> bool:
    return (
        (value.weight is not None or computed_of_weights(value))
        and value.shape == shape
        and all(isinstance(size, int) for size in shape)
    )


def _recover_batch(graph: Graph, match: Match) -> None:
    """A normalisation by the statistics of the batch itself, without running ones."""
    x, axes, norm = match["x"], match["axes"].array, match.nodes[0]
    if x.rank is None or axes is None or norm["training_mode"] or len(norm.outputs) != 1:
        return
    if sorted(axis % x.rank for axis in axes.reshape(-1).tolist()) != [axis for axis in range(x.rank) if axis != 1]:
        return
    if not isinstance(x.shape[1], int) or x.dtype != np.float32:
        return
    statistics = [Value.constant(np.full(x.shape[1], number, np.float32)) for number in (0, 1)]
    inputs = [x, match["scale"], match["bias"], *statistics]
    attributes = {"epsilon": norm["epsilon"], "momentum": 0.9, "training_mode": 1}
    node = replace(graph, match, "BatchNormalization", inputs, attributes)
    for name in ("mean", "variance"):
        node.outputs.append(Value(f"{node.output.name}_{name}", np.float32, x.shape[1:2]))
        node.outputs[-1].producer = node


def _recover_groups(graph: Graph, match: Match) -> None:
    x, rows, result = match["x"], match.nodes[-1].output, match.nodes[0].output
    norm = next(node for node in match.nodes if node.op_type == "InstanceNormalization")
    reshaped = next(node.output for node in match.nodes if node.op_type == "Reshape")
    if x.dtype != np.float32 or not x.shape or x.rank < 3 or None in x.shape or not reshaped.shape == x.shape == result.shape:
        return
    channels = x.shape[1]
    if rows.rank != 3 or rows.shape[0] != x.shape[0] or not isinstance(rows.shape[1], int) or not isinstance(channels, int):
        return
    one, zero = match["one"].array, match["zero"].array
    weights = [_per_channel(match[name], channels, x.rank) for name in ("scale", "bias")]
    if one is None or zero is None or (one != 1).any() or zero.any() or None in weights or channels % rows.shape[1]:
        return
    attributes = {"num_groups": rows.shape[1], "epsilon": norm["epsilon"]}
    replace(graph, match, "GroupNormalization", [x, *weights], attributes)


def _per_channel(value: Value, channels: int, rank: int) -> Value | None:
    shape = (1,) * (rank - len(value.shape or ())) + (value.shape or ())
    if value.weight is None or shape != (1, channels, *(1,) * (rank - 2)):
        return None
    return Value.of_weight(value.weight.reshape(channels), value.name)
