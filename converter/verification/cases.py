"""Which of all cases is asked once more, and which is looked into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from converter.verification.asking import Asked
from converter.verification.inputs import Question

_SMALL = 10_000
"""Numbers of all inputs, up to which more samples are looked into rather than fewer."""


def again(asked: Asked) -> tuple[Question, dict[str, Any]]:
    """The question that is asked a second time, in another way: the smallest of several samples, or the smallest."""
    question, answers = min(asked, key=lambda pair: (pair[0].batch == 1, pair[0].answer is not None, _size(pair[0])))
    return replace(question, name=f"{question.name}, again", answer=None, unusual=True), answers


def watched(questions: Sequence[Question], *, loops: bool = False) -> Question | None:
    """The question for which what the code computes inside is recorded: of usual numbers, small and with the most samples,
    otherwise the smallest.

    ``loops``: the network has some, which may run once for each sample; then, of several samples, the smallest.
    """
    usual = [question for question in questions if not question.unusual and question.answer is None]
    small = [question for question in usual if question.numbers <= _SMALL]
    if small and not loops:
        return max(small, key=lambda question: question.batch)
    return min(usual, key=lambda question: (loops and question.batch == 1, _size(question)), default=None)


def plainest(questions: Sequence[Question], errors: Mapping[int, float]) -> Question:
    """Of the cases in ``errors`` the smallest of usual numbers, of several as small the one with the largest error; where axes
    are 1 long, too many numbers are the same."""

    def order(case: int) -> tuple[float, ...]:
        question = questions[case]
        return question.unusual, _ones(question), _size(question), -errors[case]

    return questions[min(errors, key=order)]


def of_each_shape(questions: Sequence[Question]) -> Iterator[int]:
    """The plainest case of each shape of the inputs, the plainest first: what fails may do so for three samples and not for
    one."""
    seen = set()

    def order(case: int) -> tuple[float, ...]:
        return questions[case].unusual, _ones(questions[case]), _size(questions[case])

    for case in sorted(range(len(questions)), key=order):
        shapes = tuple(np.shape(array) for array in questions[case].inputs.values() if isinstance(array, np.ndarray))
        if shapes not in seen:
            seen.add(shapes)
            yield case


def _size(question: Question) -> int:
    return sum(getattr(array, "nbytes", 0) for array in question.inputs.values())


def _ones(question: Question) -> int:
    """How many axes but the first are 1 long."""
    return sum(size == 1 for array in question.inputs.values() for size in getattr(array, "shape", ())[1:])
