"""A weight, or another input behind the first, is missing, transposed, reversed or scaled."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from converter.graph import Node
from converter.verification.alignment import numeric
from converter.verification.causes.hypothesis import Hypothesis, input_word, were


def without_optional(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """An input that may be left out, as a bias, missing."""
    for place in range(1, len(inputs)):
        if inputs[place] is not None and place > 1:
            yield Hypothesis(f"{input_word(node, place)} were missing", inputs={place: None})


def bounds(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """A bound of a Clip missing, or another that is usual."""
    for place in range(1, len(inputs)):
        if numeric(inputs[place]):
            yield Hypothesis(f"{input_word(node, place)} were missing", inputs={place: None})
            for value in (0, 1, 6, -1):
                yield Hypothesis(f"{input_word(node, place)} were {value}", inputs={place: inputs[place] * 0 + value})


def weights(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """One of the inputs missing, transposed, reversed, scaled, or a whole number in it more or less by one."""
    for place, array in enumerate(inputs):
        if not numeric(array) or (place == 0 and node.inputs[0] is not None and node.inputs[0].weight is None):
            continue
        what = input_word(node, place)
        if array.dtype.kind == "f":
            yield Hypothesis(f"{what} were missing", inputs={place: np.zeros_like(array)})
            yield Hypothesis(f"{what} were 1", inputs={place: np.ones_like(array)})
            yield Hypothesis(f"{what} were negated", inputs={place: -array})
            if (array > 0).all():
                yield Hypothesis(f"{what} were its square", inputs={place: array * array})
                yield Hypothesis(f"{what} were its square root", inputs={place: np.sqrt(array)})
        if array.ndim == 0 or array.size == 1:
            for factor in (10, 0.1, 2, 0.5, -1):
                if array.dtype.kind == "f":
                    yield Hypothesis(f"{what} were {factor:g} times as large", inputs={place: array * array.dtype.type(factor)})
        if array.dtype.kind in "iu" and array.size <= 8:
            for step, at in itertools.product((1, -1), range(array.size)):
                changed = array.astype(np.int64).reshape(-1)
                changed[at] += step
                own, said = array.reshape(-1).tolist(), changed.tolist()
                yield Hypothesis(were(what, own, said), inputs={place: changed.reshape(array.shape).astype(array.dtype)})
            yield Hypothesis(f"{what} were 0", inputs={place: np.zeros_like(array)})
            yield Hypothesis(f"{what} were reversed", inputs={place: array.reshape(-1)[::-1].reshape(array.shape).copy()})
        for a, b in itertools.combinations(range(array.ndim), 2):
            if array.shape[a] == array.shape[b] > 1:
                turned = np.ascontiguousarray(array.swapaxes(a, b))
                yield Hypothesis(f"axes {a} and {b} of {what} were transposed", inputs={place: turned})
        for axis in range(array.ndim):
            if array.shape[axis] > 1 and array.dtype.kind == "f":
                yield Hypothesis(
                    f"{what} were reversed along axis {axis}", inputs={place: np.ascontiguousarray(np.flip(array, axis))}
                )
        if array.ndim > 1 and array.size > 1:
            rest = array.shape[::-1]
            if rest != array.shape:
                yield Hypothesis(
                    f"{what} had its numbers in the order of its transpose",
                    inputs={place: np.ascontiguousarray(array.T).reshape(array.shape)},
                )
