"""Whether answers tell anything about a network, and questions that get more out of it.

A trained classifier is certain of noise: its softmax gives one 1 and zeros, whatever the layers before it computed. An
exponential of large numbers overflows, and beside 1e30 no other number counts. Equal answers of that kind prove little.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from converter.graph import Value
from converter.verification.compare import difference, is_floating, spread
from converter.verification.inputs import Question
from converter.verification.samples import photographs

_CONSTANT = 1e-3
"""Of an output's scale; below it, the output says next to nothing about its input."""

_HUGE = 1e9

_CERTAIN = 1e-6
"""A number nearer than this to -1, 0 or 1 is saturated."""

_MOST = 0.9
"""The share of saturated numbers beyond which an output says next to nothing."""

_SATURATING = {"Softmax", "Sigmoid", "HardSigmoid", "Tanh"}
_MOVES = {"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Gather", "Split"}

_UNSEEN = 1e-6
"""The share of an output's scale by which it must change for an input to count."""

_MOST_INPUTS = 8

_FACTORS = (1 / 16, 1 / 256, 1 / 4, 1 / 64, 1 / 1024, 16, 256)

_PHOTOGRAPHS = (("photographs", 1, 0), ("photographs around 0", 4, -2), ("photographs times 255", 255, 0))
"""As networks take them: from 0 to 1, with mean and deviation taken off, in the numbers of a file."""


def says_little(value: Value, answers: Sequence[Any]) -> str:
    """Why equal ``answers`` for the output ``value`` prove little, empty where they prove what they should."""
    changes = spread(list(answers))
    if changes is not None and changes < _CONSTANT:
        return "hardly depends on the input"
    arrays = [array for array in answers if isinstance(array, np.ndarray) and is_floating(array.dtype) and array.size]
    if not arrays:
        return ""
    if _saturates(value) and float(np.concatenate([_saturated(array).ravel() for array in arrays]).mean()) > _MOST:
        return "is saturated, one or zero nearly everywhere"
    largest = max(float(np.abs(array[np.isfinite(array)]).max(initial=0.0)) for array in arrays)
    return f"reaches {largest:.1e}, beside which no other number counts" if largest > _HUGE else ""


def unseen(
    asked: Sequence[tuple[Question, Mapping[str, Any]]], answer: Callable[[dict[str, Any]], Mapping[str, Any]]
) -> list[str]:
    """Those of several inputs on which no output depends, in the smallest question ``asked``, which is asked again with another
    value of each. ``answer`` gives None where there is no answer."""
    question, plain = min(asked, key=lambda pair: pair[0].numbers)
    found = []
    for name, array in list(question.inputs.items())[:_MOST_INPUTS] if len(question.inputs) > 1 else ():
        changed = [
            each for each in map(answer, ({**question.inputs, name: other} for other in _others(array))) if each is not None
        ]
        moved = (difference(answers[each], plain[each]).relative >= _UNSEEN for answers in changed for each in plain)
        if changed and not any(moved):
            found.append(name)
    return found


def _others(array: Any) -> Iterator[np.ndarray]:
    """Other numbers of the same kind, nothing where none are known."""
    if not isinstance(array, np.ndarray) or not array.size:
        return
    if is_floating(array.dtype):
        yield np.asarray(-0.5 * array.astype(np.float64) if array.any() else np.ones(array.shape)).astype(array.dtype)
    elif array.dtype.kind == "b":
        yield np.asarray(~array)
    elif array.dtype.kind in "iu" and (array == array.flat[0]).all() and np.isin(array, (0, 1)).all():
        # a mask: a causal network that answers by one token sees the masks of those before it alone
        for place in (array.shape[-1] // 2, 0) if array.ndim else (...,):
            other = array.copy()
            other[..., place] = 1 - array.flat[0]
            yield other
    elif ((other := np.roll(array.ravel(), 1).reshape(array.shape)) != array).any():
        yield other
        yield np.full_like(array, array.flat[0])  # a network without positions sees no order


def otherwise(asked: Sequence[Question]) -> Iterator[list[Question]]:
    """Two of the questions asked again with photographs in place of images of noise, and with smaller and with larger numbers;
    pixels also with smaller and larger contrast. Of large samples one question."""
    free = [question for question in asked if question.answer is None]
    largest = sorted(free, key=lambda question: question.numbers)[-2:]
    if largest and largest[-1].batch > 1 and largest[-1].is_large:
        largest = largest[-1:]
    for how, factor, offset in _PHOTOGRAPHS:
        shown = [_with_photographs(question, how, factor, offset) for question in largest]
        if None not in shown:
            yield shown
    arrays = [array for question in largest for array in question.inputs.values() if _is_float(array)]
    ways = [0.0, 1.0] if any(_middle(array) for array in arrays) else [0.0]
    for factor, contrast in itertools.product(_FACTORS if arrays else (), ways):
        if factor < 1 or not contrast:
            yield [scaled(question, factor, contrast) for question in largest]


def _with_photographs(question: Question, how: str, factor: float, offset: float) -> Question | None:
    """The question with photographs for its images; None where it has none."""
    generator, images = np.random.default_rng(question.batch), {}
    for name, array in question.inputs.items():
        shown = photographs(array.shape, generator) if _is_float(array) and array.ndim > 3 else None
        if shown is not None:
            images[name] = (factor * shown + offset).astype(array.dtype)
    if not images:
        return None
    return replace(question, name=f"{question.name}, {how}", inputs=question.inputs | images, values=how)


def scaled(question: Question, factor: float, contrast: float) -> Question:
    """Each number ``factor`` times as far from 0, or, with a ``contrast`` of 1, from the middle of the pixels."""
    inputs = dict(question.inputs)
    for name, array in inputs.items():
        if _is_float(array):
            middle = contrast * _middle(array)
            inputs[name] = (middle + factor * (array.astype(np.float64) - middle)).astype(array.dtype)
    how = f"{'contrast ' if contrast else ''}times {factor:g}"
    return Question(f"{question.name}, {how}", inputs, f"{question.values}, {how}", batch=question.batch)


def _middle(array: np.ndarray) -> float:
    """The mean of pixels; 0 of numbers of both signs."""
    wide = array.astype(np.float64)
    return float(wide.mean()) if array.size > 1 and wide.min() >= 0 else 0.0


def _is_float(array: Any) -> bool:
    return isinstance(array, np.ndarray) and is_floating(array.dtype)


def _saturates(value: Value) -> bool:
    node = value.producer
    while node is not None and node.op_type in _MOVES and node.inputs[0] is not None:
        node = node.inputs[0].producer
    return node is not None and node.domain in ("", "ai.onnx") and node.op_type in _SATURATING


def _saturated(array: np.ndarray) -> np.ndarray:
    size = np.abs(array.astype(np.float64))
    return (size < _CERTAIN) | (np.abs(size - 1) < _CERTAIN)
