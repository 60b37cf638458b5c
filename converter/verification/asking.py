"""Asks the judge: the usual questions, those at the borders that the network has, and others where answers prove little."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx

from converter.graph import Graph, Value
from converter.verification.borders import Border, Borders, borders, drawn_anew, large_numbers, near_borders, with_special
from converter.verification.compare import is_floating
from converter.verification.crowd import (
    KINDS,
    MASKED,
    NOISE,
    SMALL,
    crowded,
    finite,
    has_samples,
    is_setting,
    of_rows,
    steady,
    with_usual,
)
from converter.verification.evidence import otherwise, says_little, scaled, unseen
from converter.verification.inputs import Question, lengths, many, questions
from converter.verification.judge import Judge, JudgeError
from converter.verification.reference import Inside
from converter.verification.sessions import ERRORS
from converter.verification.units import rectifiers, waking
from converter.verification.windows import Windows

Asked = list[tuple[Question, dict[str, Any]]]
"""Questions, each with the judge's answers by output name."""

_OTHER_BATCH_SIZES = (2, 4)

_FACTORS = (16, 256, 1 / 16)
"""By how much numbers are made larger, or smaller, so that those inside of the network come to its bounds."""

_BUDGET = 2**30

_UNITS, _DRAWS = 8, 6
"""In the last place, by which a number is moved further than rounding moves it, and how often: one at a border between two
integers stays on its side every second time."""

_MOST_ALONE = 6
"""Of the numbers at which the network changes with an input of one number, so many are asked."""

_LESS = 1 / 16
"""Of the numbers of a sample whose answer is not finite, before another takes its place."""

_MOST_NUMBERS = 10_000
_MOST_TIMES = 8
"""Of a question that is asked with more samples, and how many times more."""

_MANY = (24, 1024)
_MOST_PRODUCTS = 10**8
"""Samples of noise, at least and at most, and what they may cost: the numbers of all inputs times those of all weights."""


def ask(
    judge: Judge, graph: Graph, seeds: Sequence[int], batch_sizes: Sequence[int]
) -> tuple[Asked, dict[Value, str], list[str]]:
    """All that is asked about ``graph``, with the answers; the outputs of which these prove little, each with the reason; and
    what the reader of the report is to be warned of. Raises JudgeError and ValueError."""
    warnings: list[str] = []
    model = judge.structure()
    known, windows = borders(model), Windows(judge, graph, model)
    asked = _ask(judge, graph, seeds, batch_sizes, windows, warnings)
    others = _ask_more(judge, graph, asked, seeds, windows, known)
    at_borders = _ask_at_borders(judge, graph, model, known, asked, others)
    more, unproven = _ask_otherwise(judge, graph, asked)
    hidden = unseen(asked, lambda inputs: _answered(judge, inputs))
    read = _read(model.graph) if hidden else set()
    warnings += [
        f"no output depends on the input {name!r} in what was asked: equality proves nothing about it"
        for name in hidden
        if name in read  # exporters leave inputs that nothing reads, of which there is nothing to prove
    ]
    return asked + others + at_borders + more, unproven, warnings


def _ask(
    judge: Judge, graph: Graph, seeds: Sequence[int], batch_sizes: Sequence[int], windows: Windows, warnings: list[str]
) -> Asked:
    """Each question in the first way that the judge can answer with something left in each window.

    An open batch size may stand for another, as where the exporter wrote a batch of 1 into the network: then what the judge
    cannot run is left out, and the report says so. Where it can run none of ``batch_sizes``, others are tried.
    """
    failed: dict[str, JudgeError] = {}
    for sizes in (batch_sizes, _OTHER_BATCH_SIZES):
        asked: Asked = []
        for ways in questions(graph, seeds, sizes):
            first: Asked = []
            for question in ways:
                try:
                    answered = [(question, judge.answer(question.inputs))]
                except JudgeError as error:
                    failed.setdefault(question.name, error)
                    continue
                if not windows.have_no_place(question):
                    first = answered
                    break
                first = first or answered
            asked += first
            for question, _ in first:
                failed.pop(question.name, None)
        if asked:
            warnings += [f"{name}: onnxruntime cannot run the source so, it was not asked ({failed[name]})" for name in failed]
            return asked
    raise next(iter(failed.values()), JudgeError("there is no input to run it on"))


def _ask_more(judge: Judge, graph: Graph, asked: Asked, seeds: Sequence[int], windows: Windows, known: Borders) -> Asked:
    """A short and a long question, and one with more samples."""
    found: Asked = []
    for ways in lengths(graph, seeds[0]):
        for question in ways:
            if (answers := _answered(judge, question.inputs)) is not None:
                if not windows.have_no_place(question):
                    found.append((question, answers))
                break
    crowds = list(crowded([question for question, _ in asked if question.answer is None]))
    doubtful, own = _doubtful(judge, graph, known), _has_own_numbers(graph)
    told = (_told(judge, *each, doubtful, own) for each in crowds)
    found += [each for each in told if each is not None]
    if all(question.batch == 1 for question, *_ in crowds):  # their first axis is not that of samples
        for question in many(graph, seeds[0]):
            answers = _answered(judge, question.inputs)
            if answers is not None and finite(question, answers).all():
                found.append((question, answers))
                break
    return found


def _told(
    judge: Judge, question: Question, usual: Question, kinds: Sequence[str], doubtful: Collection[str], own: bool
) -> tuple[Question, dict[str, Any]] | None:
    """The question with the judge's answers, and samples of the ``usual`` one in the places of those whose answers are not
    finite, or whose kind is ``doubtful`` and whose answers move far. None where there is nothing new to ask, or no answer.
    ``own``: the network has numbers of its own inside, beside which small ones are rounded."""
    in_doubt = np.array([kind in doubtful for kind in kinds])
    for number in range(4):  # a sample may be rounded by the range of all
        answers = _answered(judge, question.inputs)
        if answers is None:
            return None
        bad = ~finite(question, answers)
        asked = in_doubt & ~bad
        if asked.any():
            bad[asked] = ~_steady(judge, of_rows(question, asked), own)
        if not bad.any():
            return question, answers
        if number == 0 and not asked[bad].any():  # an exponential of 256 times as much overflows
            less = scaled(question, _LESS, 0.0)
            question = with_usual(question, less, bad) if question.batch > 1 else replace(question, inputs=less.inputs)
            continue
        if question.batch == 1:
            return None
        question = with_usual(question, usual, bad)
        in_doubt &= ~bad
    return None


def _steady(judge: Judge, question: Question, own: bool) -> np.ndarray:
    """In which samples no answer moves far that rounding leaves open."""
    try:
        answers = judge.answer(question.inputs)
        others = judge.answers_near(question.inputs, question.usual if own else {}, _UNITS, _DRAWS, weights=True)
    except JudgeError:
        return np.zeros(question.batch, bool)
    return steady(question, answers, others)


def _doubtful(judge: Judge, graph: Graph, known: Borders) -> set[str]:
    """The kinds of samples of which the network may tell its rounding alone."""
    operators = {node.op_type for each in graph.nested() for node in each.nodes}
    if known.rounds or operators & {"MaxUnpool", "NonMaxSuppression"}:
        return {*KINDS, NOISE, MASKED}  # last bits decide in one sample or another
    found = {MASKED}
    if not judge.continuous:
        found |= SMALL  # beside a 1 that is added they are rounding
    return found


def _has_own_numbers(graph: Graph) -> bool:
    """Whether there are weights, and not only a floating constant here and there."""
    weights = (value for each in graph.nested() for value in each.weights())
    return any(is_floating(value.dtype) and value.shape not in ((), (1,)) for value in weights)


def _answered(judge: Judge, inputs: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return judge.answer(inputs)
    except JudgeError:
        return None


def _ask_at_borders(judge: Judge, graph: Graph, model: onnx.ModelProto, known: Borders, asked: Asked, others: Asked) -> Asked:
    """Many samples of noise; where the network has bounds, thresholds or ties: one of the questions with numbers at them, one
    with large whole numbers, and those scaled so that numbers inside come to both sides of what neither they nor ``others``
    passed yet."""
    free = [question for question, _ in asked if question.answer is None]
    every = [*free, *(question for question, _ in others)]
    if not free:
        return []
    largest = max(free, key=lambda question: question.batch)  # the first of them
    outputs = (output.name for output in model.graph.output)
    inside = Inside(judge.model, [*known.inside, *rectifiers(model), *outputs], _BUDGET)
    found = []
    for question in [
        *_many(graph, free),
        *_at(known, largest),
        *_beyond(inside, known, free, every),
        *waking(model, inside, every),
    ]:
        answers = _answered(judge, question.inputs)
        if answers is not None:
            found.append((question, answers))
    for question, usual in _special(known, largest):
        told = _told(judge, question, usual, [NOISE] * question.batch, (), True)
        found += [] if told is None else [told]
    return found


def _special(known: Borders, question: Question) -> Iterator[tuple[Question, Question]]:
    """The question with NaN or infinities where the network asks for such, and as it is."""
    generator, asked = np.random.default_rng(question.batch), _often(question)
    special = {
        name: with_special(asked.inputs[name], border, generator)
        for name, border in known.inputs.items()
        if border.special and isinstance(asked.inputs.get(name), np.ndarray)
    }
    if special:
        how = "not all numbers"
        names = {"name": f"{asked.name}, {how}", "values": f"{asked.values}, {how}", "unusual": True}
        yield replace(asked, inputs=asked.inputs | special, **names), replace(asked, **names)


def _read(graph: onnx.GraphProto) -> set[str]:
    """The names that nodes read, those in subgraphs too, and those of the outputs."""
    names = {value.name for value in graph.output} | {name for node in graph.node for name in node.input}
    return names.union(*(_read(attribute.g) for node in graph.node for attribute in node.attribute if attribute.HasField("g")))


def _many(graph: Graph, usual: Sequence[Question]) -> Iterator[Question]:
    """The first sample that is noise, drawn anew as often as is cheap: of many numbers some come near to any place."""
    question = next((each for each in usual if has_samples(each)), None)
    if question is None or not any(array.dtype.kind == "f" for array in question.inputs.values()):
        return
    first = of_rows(question, np.arange(question.batch) == 0)
    weights = sum(math.prod(value.shape) for each in graph.nested() for value in each.weights())
    least, most = _MANY
    affordable = max(_MOST_PRODUCTS // max(weights * first.numbers, 1), least)
    count = min(_MOST_NUMBERS // max(first.numbers, 1), affordable, most)
    if count > question.batch:
        generator = np.random.default_rng(count)
        inputs = {n: a if is_setting(a) else np.concatenate([a] * count) for n, a in first.inputs.items()}
        drawn = {n: drawn_anew(a, generator) for n, a in inputs.items() if a.dtype.kind == "f" and not is_setting(a)}
        for name, (low, high) in first.whole.items():
            if not is_setting(inputs[name]):
                drawn[name] = generator.integers(low, high[:1], inputs[name].shape).astype(inputs[name].dtype)
        name = f"{question.name.split(',')[0]}, batch {count}, many"
        yield replace(first, name=name, inputs=inputs | drawn, values=f"{first.values}, many", batch=count)


def _at(known: Borders, question: Question) -> Iterator[Question]:
    """The question with more samples, with numbers at the borders of its inputs, and with large ones."""
    generator, question = np.random.default_rng(question.batch), _often(question)
    taken = {
        name: _taken(border, question.inputs[name], name in known.whole)
        for name, border in known.inputs.items()
        if isinstance(question.inputs.get(name), np.ndarray)
    }
    near = {name: near_borders(question.inputs[name], border, generator) for name, border in taken.items()}
    alone = {name: border.numbers for name, border in taken.items() if border.numbers and question.inputs[name].size == 1}
    for number in range(1, min(max(map(len, alone.values()), default=0), _MOST_ALONE)):
        chosen = {name: numbers[number % len(numbers)] for name, numbers in alone.items()}
        inputs = {name: np.full_like(question.inputs[name], each) for name, each in chosen.items()}
        values = ", ".join(f"{name} {each:g}" for name, each in chosen.items())
        yield replace(question, name=f"{question.name}, {values}", inputs=question.inputs | inputs)
    near |= {name: np.full_like(question.inputs[name], numbers[0]) for name, numbers in alone.items()}
    large = {name: large_numbers(question.inputs[name], generator) for name in known.whole if name in question.inputs}
    for how, changed in (("at borders", near), ("large whole numbers", large)):
        if changed:
            inputs = question.inputs | changed
            yield replace(question, name=f"{question.name}, {how}", inputs=inputs, values=f"{question.values}, {how}")


def _taken(border: Border, array: np.ndarray, number: bool) -> Border:
    """The numbers of a border that the input takes: one that may be an index, those between what it was asked with."""
    if number or array.dtype.kind not in "iu" or not array.size:
        return border
    return replace(border, numbers=[each for each in border.numbers if array.min() <= each <= array.max()])


def _often(question: Question) -> Question:
    """A small question with more samples: what comes to a border is often seen only where other numbers come to theirs."""
    times = min(_MOST_NUMBERS // max(question.numbers, 1), _MOST_TIMES) if has_samples(question) else 1
    if times < 2:
        return question
    inputs = {n: array if is_setting(array) else np.concatenate([array] * times) for n, array in question.inputs.items()}
    return replace(question, inputs=inputs, batch=question.batch * times)


def _beyond(inside: Inside, known: Borders, usual: Sequence[Question], asked: Sequence[Question]) -> Iterator[Question]:
    """Of the smallest of the ``usual`` questions, scaled, those that bring numbers inside to bounds which none of ``asked``
    passed."""
    if not known.inside:
        return
    try:
        left = {
            (name, number, above) for name, numbers in known.inside.items() for number in numbers for above in (False, True)
        }
        # the largest and the smallest numbers first: what they pass need not be looked for again; of large samples they alone
        for question in sorted(asked, key=lambda question: question.batch, reverse=True)[: 1 if asked[0].is_large else None]:
            left -= _passed(left, inside(question.inputs))
            if not left:
                return
        smallest = min(usual, key=lambda question: question.batch)
        for factor in _FACTORS:
            question = scaled(smallest, factor, 0.0)
            passed = _passed(left, inside(question.inputs))
            if passed:
                yield question
                left -= passed
            if not left:
                return
    except ERRORS:  # it fixes a batch of one that was freed, say
        return


_Side = tuple[str, float, bool]
"""A tensor, a bound of its numbers, and whether above it or below."""


def _passed(sides: set[_Side], arrays: dict[str, Any]) -> set[_Side]:
    """Those sides on which there are numbers."""
    looked = {name: arrays[name] for name, *_ in sides if name in arrays}
    ranges = {name: (array.min(), array.max()) for name, array in looked.items() if array.size and array.dtype.kind in "iuf"}
    return {
        (name, number, above)
        for name, number, above in sides
        if name in ranges and (ranges[name][1] > number if above else ranges[name][0] < number)
    }


def _ask_otherwise(judge: Judge, graph: Graph, asked: Asked) -> tuple[Asked, dict[Value, str]]:
    """More questions where the answers to those asked prove little of some output, with numbers that get more out of it; and
    the outputs for which there are none, each with the reason."""
    unproven = {value: says_little(value, [answers[value.name] for _, answers in asked]) for value in graph.outputs}
    unproven = {value: reason for value, reason in unproven.items() if reason}
    more: Asked = []
    for again in otherwise([question for question, _ in asked]) if unproven else ():
        try:
            answered = [(question, judge.answer(question.inputs)) for question in again]
        except JudgeError:
            continue
        proven = [value for value in unproven if not says_little(value, [answers[value.name] for _, answers in answered])]
        if proven:
            more += answered
            unproven = {value: reason for value, reason in unproven.items() if value not in proven}
        if not unproven:
            break
    return more, unproven
