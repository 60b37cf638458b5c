"""Units that nothing asked wakes: where a rectifier gives zeros alone, no weight that reads them shows.

Noise has no direction, so that a channel may stay below zero for all of it, and for an image of another kind not. Samples of
other kinds are drawn until each channel has a number that its rectifier lets through, and those that wake one are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from converter.verification.compare import is_floating
from converter.verification.inputs import Question
from converter.verification.reference import Inside
from converter.verification.sessions import ERRORS

_MOST_NUMBERS = 200_000
"""Of all samples that are drawn, if these are not fewer than the least."""
_DRAWN = (4, 64)
_LARGE = 300_000
"""Numbers of a sample beyond which even that costs too much: a few more than an image of 299 by 299 has."""
_CHOSEN = 8

_RECTIFIERS = {
    "Relu": lambda y: y > 0,
    "ThresholdedRelu": lambda y: y != 0,
    "HardSwish": lambda y: y != 0,
    "HardSigmoid": lambda y: (y > 0) & (y < 1),
    "Clip": lambda y: (y > y.min(initial=0.0)) & (y < y.max(initial=0.0)),
}
"""Operators that give the same for all numbers on one side, and where in their results they do not."""

_CHANNELS_SECOND = {"Conv", "ConvTranspose", "BatchNormalization", "InstanceNormalization", "GroupNormalization"}

Draw = Callable[[np.random.Generator, np.ndarray], np.ndarray]

_KINDS: tuple[Draw, ...] = (
    lambda generator, x: x * 2.0 ** generator.integers(-13, 14, x.shape),
    lambda generator, x: np.where(generator.random(x.shape) < 0.1, 100 * x, 0.0),
    lambda generator, x: np.broadcast_to(32 * x[(slice(None), *[slice(1)] * (x.ndim - 1))], x.shape),
    lambda generator, x: 200 * generator.random(x.shape),
    lambda generator, x: 128 * np.abs(x),
    lambda generator, x: -64 * np.abs(x),
    lambda generator, x: 256 * x,
    lambda generator, x: x + generator.choice([-8, 8]),
)
"""A sample out of noise: of all magnitudes, sparse, flat, pixels; bright, dark, large, moved."""


def waking(model: onnx.ModelProto, inside: Inside, asked: Sequence[Question]) -> Iterator[Question]:
    """A question of samples that wake units which ``asked`` leave asleep, if there are such, and if the inputs are small.

    ``model`` is the judge's own, whose large weights need not be loaded; ``inside`` gives the results of its rectifiers and its
    outputs.
    """
    rectified = rectifiers(model)
    question = max(asked, key=lambda question: question.batch)  # the first of them
    count = _count(question) if rectified else 0
    if not count:
        return
    names = [*rectified, *(output.name for output in model.graph.output)]

    def awake(inputs: Mapping[str, Any]) -> np.ndarray:
        """Which units (columns) each sample wakes; none where it gives what is not finite."""
        found = inside(inputs)
        arrays = {name: found[name] for name in names if name in found}
        units = np.concatenate([_awake(arrays[name], *rectified[name]) for name in rectified if name in arrays], axis=1)
        return units & np.all([_finite(array, len(units)) for array in arrays.values()], axis=0)[:, None]

    try:
        counted = asked[-1:] if question.is_large else asked  # the last has samples of the most kinds
        asleep = ~np.concatenate([awake(each.inputs) for each in counted]).any(axis=0)
        if not asleep.any():
            return
        inputs = _drawn(question, count)
        found = awake(inputs) & asleep
    except (*ERRORS, ValueError):
        return  # it fixes its batch, or sizes inside are not those of the samples, or all is too much to hold
    chosen: list[int] = []
    while len(chosen) < _CHOSEN and found.any():
        chosen.append(int(found.sum(axis=1).argmax()))
        found = found & ~found[chosen[-1]]
    if chosen:
        rows = {name: array[chosen] for name, array in inputs.items()}
        how = "for units that sleep"
        yield replace(
            question, name=f"{question.name}, {how}", inputs=rows, values=f"{question.values}, {how}", batch=len(chosen)
        )


def rectifiers(model: onnx.ModelProto) -> dict[str, tuple[str, bool]]:
    """The results of rectifiers by name, each with the operator, and whether a tensor of three axes has its channels second."""
    makers = {name: node.op_type for node in model.graph.node for name in node.output}
    return {
        node.output[0]: (node.op_type, makers.get(node.input[0]) in _CHANNELS_SECOND)
        for node in model.graph.node
        if node.domain in ("", "ai.onnx") and node.op_type in _RECTIFIERS
    }


def _awake(array: np.ndarray, kind: str, second: bool) -> np.ndarray:
    """Whether each channel of each sample has a number that the rectifier lets through; last, whether one is beyond 6, where
    others of the kind end."""
    if array.ndim < 2:
        raise ValueError("it has no samples")
    channels = 2 if array.ndim == 3 and not second else 1
    units = _RECTIFIERS[kind](array).any(axis=tuple(axis for axis in range(1, array.ndim) if axis != channels))
    return np.column_stack([units, (array > 6).reshape(len(array), -1).any(axis=1)]) if kind == "Relu" else units


def _finite(array: np.ndarray, count: int) -> np.ndarray:
    """Which of so many samples have finite numbers alone in a tensor."""
    if array.dtype.kind != "f" or array.ndim == 0 or len(array) != count:
        return np.full(count, array.dtype.kind != "f" or np.isfinite(array).all())
    return np.isfinite(array).reshape(count, -1).all(axis=1)


def _count(question: Question) -> int:
    """How many samples like those of the question are drawn; 0 where it has no floating ones, or they are large."""
    arrays = [np.asarray(array) for array in question.inputs.values()]
    rows = all(array.ndim and len(array) == question.batch for array in arrays)
    if not rows or not any(is_floating(array.dtype) and array.dtype.itemsize >= 4 for array in arrays):
        return 0
    least, most = _DRAWN
    size = question.numbers / question.batch
    return 0 if size > _LARGE else int(min(max(_MOST_NUMBERS // max(size, 1), least), most))


def _drawn(question: Question, count: int) -> dict[str, np.ndarray]:
    """The inputs of so many samples, of one kind after the other; what is not floating is repeated."""
    generator, inputs = np.random.default_rng(count), {}
    for name, array in question.inputs.items():
        rows = np.resize(array, (count, *array.shape[1:]))
        if is_floating(array.dtype):
            noise = generator.standard_normal(rows.shape)
            rows = np.stack([_KINDS[row % len(_KINDS)](generator, noise[row]) for row in range(count)]).astype(array.dtype)
        inputs[name] = rows
    return inputs
