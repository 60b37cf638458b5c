"""More samples at a time, of numbers as they come in use and not in noise: nothing at all, far from zero, tiny, huge.

A batch of one and one of three do not show what goes wrong from the fourth sample on, noise does not show a formula that
divides by zero, overflows, or takes the difference of two large numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from converter.verification.compare import is_floating, magnitude
from converter.verification.inputs import Question

_COUNTS = (4, 64)
_NUMBERS = 100_000
"""How many samples there are, at least and at most, and how many numbers of those that are more than the least."""

_STEADY = 2.0**-12
"""Of the largest number, by how much an answer may move and be steady: what is rounded to integers mostly jumps by more."""

_LARGE = 200_000
"""Numbers of a question without a batch, beyond which a question for each kind would cost too much."""

KINDS: dict[str, Callable[[np.random.Generator, np.ndarray], np.ndarray]] = {
    "zeros": lambda generator, x: np.zeros(x.shape),
    "huge": lambda generator, x: 256 * x,
    "dark": lambda generator, x: -16 * np.abs(x) - 16,
    "tiny": lambda generator, x: 1e-4 * x / max(np.abs(x).max(initial=0.0) / 8, 1.0),
    "bright": lambda generator, x: 128 * np.abs(x) + 16,
    "moved": lambda generator, x: x + 500 * max(np.abs(x).max(initial=0.0), 1e-30) / 4,
    "of all magnitudes": lambda generator, x: x * 2.0 ** generator.integers(-13, 14, x.shape),
    "halves": lambda generator, x: np.rint(2 * x) / 2,
}
"""A sample out of noise."""
SMALL = {"zeros", "tiny"}
"""Kinds beside which the numbers inside, biases say, are large: they are rounded by more than these differ."""
NOISE, MASKED = "noise", "masked"
"""Other samples: noise as it is, and one of which a mask hides every token."""

_ALONE = 6
"""Of the kinds, so many are asked one by one."""


def crowded(asked: Sequence[Question]) -> Iterator[tuple[Question, Question, list[str]]]:
    """(the largest question with more samples, each of one of ``KINDS``, then noise; the same with samples that it has; the
    kind of each). Without a batch a question for each of some kinds, and the question itself."""
    if not asked:
        return
    question = max(asked, key=lambda question: question.batch)  # the first of them
    arrays = [np.asarray(array) for array in question.inputs.values()]
    size, generator = question.numbers, np.random.default_rng(len(arrays))
    largest = {name: magnitude(array) for name, array in question.inputs.items() if is_floating(np.asarray(array).dtype)}
    if not has_samples(question):
        floats = any(is_floating(array.dtype) for array in arrays)
        for kind in list(KINDS)[:_ALONE] if floats and size <= _LARGE else ():
            inputs = {name: _of_kind(array, kind, generator) for name, array in question.inputs.items()}
            words = f"{question.values}, {kind}"
            alone = replace(question, name=f"{question.name}, {kind}", values=words, batch=1, unusual=True, usual=largest)
            yield replace(alone, inputs=inputs), alone, [kind]
        return
    least, most = _COUNTS
    count = min(max(_NUMBERS * question.batch // max(size, 1) // 2 * 2, least), most)
    kinds = [*KINDS, *[NOISE] * count][:count]
    how = "more samples"
    name, values = (f"{each}, {how}" for each in (question.name, question.values))
    many = replace(question, name=name, values=values, batch=count, unusual=True, usual=largest)
    settings = {name: array for name, array in question.inputs.items() if is_setting(array)}
    sampled = {name: array for name, array in question.inputs.items() if name not in settings}
    usual = {name: np.resize(array, (count, *array.shape[1:])) for name, array in sampled.items()}
    rows = {
        name: _each_in_turn(array, question.batch, *question.whole[name], generator)
        if name in question.whole
        else _rows(array, question.batch, kinds, generator)
        for name, array in usual.items()
    }
    if masks := [name for name, array in rows.items() if "mask" in name.lower() and array.dtype.kind in "iub"]:
        rows |= {name: np.concatenate([rows[name][:-1], np.zeros_like(rows[name][-1:])]) for name in masks}
        kinds[-1] = MASKED
    yield replace(many, inputs=settings | rows), replace(many, inputs=settings | usual), kinds


def is_setting(array: Any) -> bool:
    """Whether an input is one number for all samples."""
    return isinstance(array, np.ndarray | np.generic) and array.ndim == 0


def has_samples(question: Question) -> bool:
    """Whether the first axis of each input counts samples, of which there are several; settings aside."""
    arrays = [np.asarray(array) for array in question.inputs.values() if not is_setting(array)]
    return question.batch > 1 and bool(arrays) and all(array.ndim and len(array) == question.batch for array in arrays)


def finite(question: Question, answers: dict[str, Any]) -> np.ndarray:
    """Of which samples the answers are finite; where an output has no samples it is one for all."""
    kept = np.ones(question.batch, bool)
    for array in answers.values():
        if isinstance(array, np.ndarray) and is_floating(array.dtype):
            kept &= np.isfinite(_by_sample(array, question.batch)).all(axis=1)
    return kept


def steady(question: Question, answers: dict[str, Any], others: Iterable[dict[str, Any]]) -> np.ndarray:
    """In which samples answers that are as right lie where ``answers`` do, so that no last bit decides."""
    kept = np.ones(question.batch, bool)
    for other in others:
        for name, array in answers.items():
            if not isinstance(array, np.ndarray) or array.dtype.kind == "O":
                continue
            if other[name].shape != array.shape:
                return np.zeros(question.batch, bool)
            first, second = (_by_sample(each, question.batch).astype(np.float64) for each in (array, other[name]))
            allowed = _STEADY * np.abs(first).max(axis=1, initial=0.0) if is_floating(array.dtype) else 0.0
            kept &= np.abs(first - second).max(axis=1, initial=0.0) <= allowed
    return kept


def _by_sample(array: np.ndarray, batch: int) -> np.ndarray:
    """The numbers of each sample, or one row of all."""
    return array.reshape(batch if array.ndim and len(array) == batch else 1, -1)


def of_rows(question: Question, rows: np.ndarray) -> Question:
    """The question with some of its samples."""
    if question.batch == 1:
        return question
    inputs = {name: array if is_setting(array) else array[rows] for name, array in question.inputs.items()}
    return replace(question, inputs=inputs, batch=int(rows.sum()))


def with_usual(question: Question, usual: Question, rows: np.ndarray) -> Question:
    """The question with those samples of the ``usual`` one in their places."""
    inputs = {}
    for name, array in question.inputs.items():
        inputs[name] = np.array(array)
        if not is_setting(array):
            inputs[name][rows] = usual.inputs[name][rows]
    return replace(question, inputs=inputs)


def _rows(usual: np.ndarray, period: int, kinds: Sequence[str], generator: np.random.Generator) -> np.ndarray:
    """A sample for each kind: of floating numbers, of others those that there are, after each ``period`` rolled by one more."""
    if not is_floating(usual.dtype):
        return np.stack([np.roll(row, number // period, axis=-1) if row.ndim else row for number, row in enumerate(usual)])
    own = generator.choice(usual[usual != 0], usual.shape) if usual.any() else generator.standard_normal(usual.shape)
    return np.stack([_of_kind(row, kind, generator) for row, kind in zip(own, kinds, strict=True)]).astype(usual.dtype)


def _each_in_turn(usual: np.ndarray, period: int, low: int, high: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The first samples as they are, then in each place, from one to the next, as many of the whole numbers that it takes as
    there are places: each may be a row of a table."""
    result = np.array(usual)
    rows, limits = result[period:], high[0].astype(np.int64)
    for limit in np.unique(limits):
        places = np.broadcast_to(limits == limit, rows.shape)
        count = int(places.sum())
        if limit - low <= count:
            numbers = np.resize(generator.permutation(limit - low), count)
        else:
            numbers = generator.permutation(np.linspace(0, limit - low - 1, count).astype(np.int64))
        rows[places] = (low + numbers).astype(usual.dtype)
    return result


def _of_kind(array: np.ndarray, kind: str, generator: np.random.Generator) -> np.ndarray:
    if kind not in KINDS or not isinstance(array, np.ndarray) or not is_floating(array.dtype) or not array.ndim:
        return array
    return np.asarray(KINDS[kind](generator, array.astype(np.float64))).astype(array.dtype)
