"""More samples at a time, of numbers as they come in use and not in noise: nothing at all, far from zero, tiny, huge.

A batch of one and one of three do not show what goes wrong from the fourth sample on, noise does not show a formula that
divides by zero, overflows, or takes the difference of two large numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from converter.verification.compare import is_floating
from converter.verification.inputs import Question

_COUNTS = (4, 24)
_NUMBERS = 100_000
"""How many samples there are, at least and at most, and how many numbers of those that are more than the least."""

_LARGE = 200_000
"""Numbers of a question without a batch, beyond which a question for each kind would cost too much."""

KINDS: dict[str, Callable[[np.random.Generator, np.ndarray], np.ndarray]] = {
    "zeros": lambda generator, x: np.zeros(x.shape),
    "huge": lambda generator, x: 256 * x,
    "dark": lambda generator, x: -16 * np.abs(x) - 16,
    "tiny": lambda generator, x: 1e-4 * x,
    "bright": lambda generator, x: 128 * np.abs(x) + 16,
    "moved": lambda generator, x: x + 50 * max(np.abs(x).max(initial=0.0), 1e-30) / 4,
    "of all magnitudes": lambda generator, x: x * 2.0 ** generator.integers(-13, 14, x.shape),
    "halves": lambda generator, x: np.rint(2 * x) / 2,
}
"""A sample out of noise."""
_ALONE = 5
"""Of the kinds, so many are asked one by one."""


def crowded(asked: Sequence[Question], kinds: Collection[str]) -> Iterator[Question]:
    """The largest question with more samples, each of one of ``kinds``, then noise; with none, those that it has. Without a
    batch a question for each of some."""
    if not asked:
        return
    question = max(asked, key=lambda question: question.batch)  # the first of them
    arrays = [np.asarray(array) for array in question.inputs.values()]
    size, generator = sum(array.size for array in arrays), np.random.default_rng(len(arrays))
    if question.batch == 1 or not all(array.ndim and len(array) == question.batch for array in arrays):
        floats = any(is_floating(array.dtype) for array in arrays)
        for kind in [kind for kind in KINDS if kind in kinds][:_ALONE] if floats and size <= _LARGE else ():
            inputs = {name: _of_kind(array, kind, generator) for name, array in question.inputs.items()}
            words = f"{question.values}, {kind}"
            yield replace(question, name=f"{question.name}, {kind}", inputs=inputs, values=words, batch=1, unusual=True)
        return
    least, most = _COUNTS
    count = min(max(_NUMBERS * question.batch // max(size, 1) // 2 * 2, least), most)
    names = [kind for kind in KINDS if kind in kinds][:count]
    inputs = {name: _rows(array, count, names, generator) for name, array in question.inputs.items()}
    how = "more samples"
    yield replace(
        question, name=f"{question.name}, {how}", inputs=inputs, values=f"{question.values}, {how}", batch=count, unusual=True
    )


def finite(question: Question, answers: dict[str, Any]) -> Question | None:
    """The question without the samples whose answers are not finite, None where too few are left to be asked."""
    arrays = [array for array in answers.values() if isinstance(array, np.ndarray) and is_floating(array.dtype)]
    kept = np.ones(question.batch, bool)
    for array in arrays:
        good = np.isfinite(array)
        if array.ndim and len(array) == question.batch > 1:
            kept &= good.reshape(len(array), -1).all(axis=1)
        elif not good.all():
            return None
    if kept.all():
        return question
    kept[np.flatnonzero(kept)[kept.sum() // 2 * 2 :]] = False  # an even number
    if kept.sum() < _COUNTS[0]:
        return None
    return replace(question, inputs={name: array[kept] for name, array in question.inputs.items()}, batch=int(kept.sum()))


def _rows(array: np.ndarray, count: int, kinds: Sequence[str], generator: np.random.Generator) -> np.ndarray:
    """So many samples: of floating numbers one of each kind and noise, of others those that there are, in turn rolled."""
    rows = np.resize(array, (count, *array.shape[1:]))
    if not is_floating(array.dtype):
        return np.stack([np.roll(row, number // len(array), axis=-1) if row.ndim else row for number, row in enumerate(rows)])
    if not kinds:
        return rows
    own = generator.choice(array[array != 0], rows.shape) if array.any() else generator.standard_normal(rows.shape)
    for number, kind in enumerate(kinds):
        rows[number] = _of_kind(own[number], kind, generator)
    rows[len(kinds) :] = own[len(kinds) :]
    return rows


def _of_kind(array: np.ndarray, kind: str, generator: np.random.Generator) -> np.ndarray:
    if not isinstance(array, np.ndarray) or not is_floating(array.dtype) or not array.ndim:
        return array
    return np.asarray(KINDS[kind](generator, array.astype(np.float64))).astype(array.dtype)
