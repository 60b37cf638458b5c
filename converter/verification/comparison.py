"""The comparison of an output over all questions, and what is asked more where its answers lie further apart than usual.

Each step costs, so each is taken for the questions that need it alone, and only where it can change the verdict.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from converter.graph import Node, Value
from converter.verification.cancelled import SMALL, added, summing, with_cancelled
from converter.verification.compare import Tolerance, class_scores, is_floating, magnitude, share_beyond
from converter.verification.inputs import Question
from converter.verification.judge import WAYS, Judge, JudgeError
from converter.verification.report import OutputReport, Where
from converter.verification.rounding import (
    MOST,
    Sample,
    allowances,
    excess,
    is_within,
    lost,
    most_of_own,
    movement,
    own_rounding,
    samples,
)
from converter.verification.ties import NEAR, comparing, naming, unpooled, with_tied_numbers, with_tied_scores, with_ties

Wide = Callable[[Sequence[int]], Sequence[Sequence[Any]] | None]
"""What the emitted code gives in float64 for some cases, by output; None where it cannot compute so."""

_NONE: Mapping[int, Sequence[float]] = {}


class Comparison:
    """Compares the outputs of the emitted code with the judge's answers to all questions ``asked``."""

    def __init__(self, judge: Judge, asked: Sequence[tuple[Question, dict[str, Any]]], wide: Wide):
        self._judge, self._wide = judge, wide
        self._questions = [question for question, _ in asked]
        self._answers = [answers for _, answers in asked]
        self._others: dict[int, dict[str, dict[str, Any]]] = {}  # by case and way
        self._near: dict[int, list[dict[str, Any]]] = {}
        self._exact: dict[int, dict[str, Any]] = {}
        self._sequential: dict[int, dict[str, Any]] = {}
        self._coarsely: dict[tuple[int, Value], list[float]] = {}  # how far those are from the exact ones, by sample
        self._own: dict[int, Sequence[Any] | None] = {}
        self.differing: dict[int, float] = {}
        """The cases in which an output is not as it should be, each with by how many times what is allowed."""

    def of(self, value: Value, position: int, actual: Sequence[Any], usual: Tolerance) -> OutputReport:
        """The report of the output ``value``, of which the emitted code gave ``actual``, one answer to each question."""
        report, held = self._decided(value, position, actual, usual)
        if not report.ok:
            for sample, tolerance in held:
                if (beyond := excess(sample, tolerance)) > 1:
                    self.differing[sample.case] = max(beyond, self.differing.get(sample.case, 0.0))
        return report

    def _decided(
        self, value: Value, position: int, actual: Sequence[Any], usual: Tolerance
    ) -> tuple[OutputReport, list[tuple[Sample, Tolerance]]]:
        reference = [answers[value.name] for answers in self._answers]
        report, held = self._held(value, actual, reference, usual, {})
        if report.ok or report.problem:
            return report, held
        if (node := naming(value)) is not None:
            self._with_tied_scores(node, value, actual, reference, held, report)
        elif (node := comparing(value)) is not None:
            self._with_tied_numbers(node, value, actual, reference, held, report)
        if usual.relative and self._judge.is_coarse:
            self._ask_by_definition(_beyond(held))
            reference = [self._answer(case)[value.name] for case in range(len(reference))]
            report, held = self._held(value, actual, reference, usual, {})
        if not usual.most:
            return report, held
        apart = sum(lost(*each, 0) and lost(*each, self._coarse(value, each[0])) for each in held)
        if not report.ok and apart <= (MOST * len(held) if self._judge.continuous else 0):
            for way in WAYS:  # each costs a run of the network
                self._ask_others(held, [way])
                report, held = self._held(value, actual, reference, usual, self._moved(value))
                if report.ok:
                    break
            if not report.ok:
                self._ask_near(_beyond(held))
                report, held = self._held(value, actual, reference, usual, self._moved(value), self._moved_inside(value))
        if not report.ok and all(is_within(*each, 0) or is_within(*each, self._coarse(value, each[0])) for each in held):
            report, held = self._with_own_rounding(value, position, actual, reference, held)
        if not report.ok and (node := summing(value)) is not None:
            report, held = self._with_cancelled(node, value, actual, reference, held, report)
        if not report.ok and unpooled(value):
            self._ask_others(held)
            self._with_ties(value, actual, reference, usual, report)
        return report, held

    def _held(
        self,
        value: Value,
        actual: Sequence[Any],
        reference: Sequence[Any],
        usual: Tolerance,
        moved: Mapping[int, Sequence[float]],
        inside: Mapping[int, Sequence[float]] = _NONE,
    ) -> tuple[OutputReport, list[tuple[Sample, Tolerance]]]:
        unusual = {case for case, question in enumerate(self._questions) if question.unusual}
        found = samples(actual, reference, [question.batch for question in self._questions], unusual)
        held = list(zip(found, allowances(found, usual, moved, inside, continuous=self._judge.continuous), strict=True))
        return reported(actual, reference, self._questions, held), held

    def _ask_others(self, held: Sequence[tuple[Sample, Tolerance]], ways: Sequence[str] = WAYS) -> None:
        """Ask the judge for answers that are as right, to those questions whose answers differ."""
        few = any(sample.few for sample, tolerance in held if excess(sample, tolerance) > 1)
        every = range(len(self._questions)) if few else _beyond(held)
        if self._judge.is_coarse:
            self._ask_by_definition(every)
        for way in ways:
            cases = [case for case in every if way not in self._others.setdefault(case, {})]
            if not cases:
                continue
            try:
                answers = self._judge.other_answers(way, [self._questions[case].inputs for case in cases])
            except JudgeError:
                continue
            for case, answer in zip(cases, answers, strict=True):
                self._others[case][way] = answer

    def _others_of(self, case: int, value: Value) -> list[Any]:
        """What the judge's other answers give for a value."""
        return [answers[value.name] for answers in self._others[case].values()]

    def _moved(self, value: Value) -> dict[int, list[float]]:
        return {
            case: movement(self._answer(case)[value.name], self._others_of(case, value), self._questions[case].batch)
            for case in self._others
        }

    def _ask_near(self, cases: Sequence[int]) -> None:
        """Ask the judge, where a case has samples much smaller than usual, what its answers move by when the numbers inside are
        rounded as usual ones are."""
        for case in cases:
            question = self._questions[case]
            if question.usual and case not in self._near:
                try:
                    self._near[case] = self._judge.answers_near(question.inputs, question.usual, 1, 2)
                except JudgeError:
                    self._near[case] = []

    def _moved_inside(self, value: Value) -> dict[int, list[float]]:
        return {
            case: movement(self._answer(case)[value.name], [each[value.name] for each in near], self._questions[case].batch)
            for case, near in self._near.items()
        }

    def _ask_by_definition(self, cases: Sequence[int]) -> None:
        """Ask the judge with what is coarse in float64; where it cannot, its plain answer stands."""
        cases = [case for case in cases if case not in self._exact]
        if not cases:
            return
        inputs = [self._questions[case].inputs for case in cases]
        try:
            self._exact |= dict(zip(cases, self._judge.answers_by_definition(inputs), strict=True))
        except JudgeError:
            return

    def _answer(self, case: int) -> dict[str, Any]:
        """The judge's answers to a question, with what is coarse in float64 where it was asked so."""
        return self._exact.get(case, self._answers[case])

    def _coarse(self, value: Value, sample: Sample) -> float:
        """How far the judge's plain answer to a sample, or the one with sums in sequence, is from that by definition."""
        case = sample.case
        if case not in self._exact:
            return 0.0
        if case not in self._sequential:
            try:
                (self._sequential[case],) = self._judge.answers_in_sequence([self._questions[case].inputs])
            except JudgeError:
                self._sequential[case] = self._exact[case]
        if (case, value) not in self._coarsely:
            others = [answers[case][value.name] for answers in (self._answers, self._sequential)]
            batch = self._questions[case].batch
            self._coarsely[case, value] = movement(self._exact[case][value.name], others, batch)
        return self._coarsely[case, value][sample.row]

    def _with_own_rounding(
        self,
        value: Value,
        position: int,
        actual: Sequence[Any],
        reference: Sequence[Any],
        held: Sequence[tuple[Sample, Tolerance]],
    ) -> tuple[OutputReport, list[tuple[Sample, Tolerance]]]:
        cases = [case for case in _beyond(held) if case not in self._own]
        if cases:
            answers = self._wide(cases)
            self._own |= dict(zip(cases, answers if answers is not None else [None] * len(cases), strict=True))
        wide = {case: arrays[position] for case, arrays in self._own.items() if arrays is not None}

        def counted(sample: Sample, tolerance: Tolerance) -> tuple[Sample, Tolerance]:
            if (case := sample.case) not in wide:
                return sample, tolerance
            most = most_of_own(sample, tolerance, self._coarse(value, sample))
            batch = self._questions[case].batch
            return sample, own_rounding(sample, tolerance, actual[case], wide[case], reference[case], batch, most)

        held = [counted(*each) for each in held]
        return reported(actual, reference, self._questions, held), held

    def _with_cancelled(
        self,
        node: Node,
        value: Value,
        actual: Sequence[Any],
        reference: Sequence[Any],
        held: Sequence[tuple[Sample, Tolerance]],
        report: OutputReport,
    ) -> tuple[OutputReport, list[tuple[Sample, Tolerance]]]:
        """The report with what is rounding alone, as everything cancels, held to the rounding of what is added up."""
        cases = _beyond(held)
        given = [magnitude(a) for case in cases for a in self._questions[case].inputs.values() if isinstance(a, np.ndarray)]
        if report.problem or np.median([sample.scale for sample, _ in held]) > SMALL * max(given, default=0.0):
            return report, list(held)
        sums: dict[int, Any] = {}
        for case in cases:
            arrays = [self._numbers(each, case) for each in node.inputs if each is not None and is_floating(each.dtype)]
            if not arrays or not all(isinstance(array, np.ndarray) for array in arrays):
                return report, list(held)
            sums[case] = added(node, arrays, reference[case], self._questions[case].batch)
        looked = [(sample, tolerance) for sample, tolerance in held if sample.case in sums]
        excused = with_cancelled(looked, [float(sums[sample.case][sample.row]) for sample, _ in looked])
        if excused is None:
            return report, list(held)
        held = [*excused, *(each for each in held if each[0].case not in sums)]
        report = reported(actual, reference, self._questions, held)
        report.remark = "is rounding alone, as what it adds up cancels: its equality proves little"
        return report, held

    def _with_tied_scores(
        self,
        node: Node,
        value: Value,
        actual: Sequence[Any],
        reference: Sequence[Any],
        held: Sequence[tuple[Sample, Tolerance]],
        report: OutputReport,
    ) -> None:
        """Let ``report`` count indices of scores that are the same but for rounding, or say why they are other ones."""
        cases, others = self._with_others(value, held)
        scores = {case: self._judge.inside(node.inputs[0], self._questions[case].inputs) for case in cases}
        _count_ties(report, with_tied_scores(node, actual, reference, scores, others))

    def _with_tied_numbers(
        self,
        node: Node,
        value: Value,
        actual: Sequence[Any],
        reference: Sequence[Any],
        held: Sequence[tuple[Sample, Tolerance]],
        report: OutputReport,
    ) -> None:
        """Let ``report`` count comparisons of numbers that are the same but for rounding, or say why they are wrong."""
        cases, others = self._with_others(value, held)
        compared = {case: tuple(self._numbers(each, case) for each in node.inputs) for case in cases}
        _count_ties(report, with_tied_numbers(actual, reference, compared, others))

    def _with_others(self, value: Value, held: Sequence[tuple[Sample, Tolerance]]) -> tuple[list[int], dict[int, list[Any]]]:
        """(the cases that are beyond their tolerance, what the judge's other answers give for the value in each)."""
        self._ask_others(held)
        cases = _beyond(held)
        return cases, {case: self._others_of(case, value) for case in cases}

    def _numbers(self, value: Value, case: int) -> Any:
        return value.array if value.weight is not None else self._judge.inside(value, self._questions[case].inputs)

    def _with_ties(
        self, value: Value, actual: Sequence[Any], reference: Sequence[Any], usual: Tolerance, report: OutputReport
    ) -> None:
        """Let ``report`` count near-ties in front of an unpooling, or say why they are none."""
        own = max(
            (
                share_beyond(other, self._answer(case)[value.name], NEAR)
                for case in self._others
                for other in self._others_of(case, value)
            ),
            default=0.0,
        )
        excused = with_ties(actual, reference, own, usual)
        if excused is not None:
            report.tolerance, report.beyond = excused
            return
        report.remark = (
            "depends on places of maxima (MaxUnpool), which last bits decide between near-ties; but onnxruntime's own "
            f"answers differ in {own:.1e} of the numbers, these in far more or in every case"
        )


def _beyond(held: Sequence[tuple[Sample, Tolerance]]) -> list[int]:
    """The cases with a sample that is beyond its tolerance."""
    return sorted({sample.case for sample, tolerance in held if excess(sample, tolerance) > 1})


def compare(
    actual: Sequence[Any], reference: Sequence[Any], questions: Sequence[Question], tolerance: Tolerance
) -> OutputReport:
    """The comparison by one tolerance alone."""
    found = samples(actual, reference, [question.batch for question in questions])
    return reported(actual, reference, questions, [(sample, tolerance) for sample in found])


def reported(
    actual: Sequence[Any], reference: Sequence[Any], questions: Sequence[Question], held: Sequence[tuple[Sample, Tolerance]]
) -> OutputReport:
    """What there is to tell of samples, each with what it is held to: the one that exceeds its own most decides."""
    sample, tolerance = max(held, key=lambda pair: (excess(*pair), pair[0].difference.relative))
    report = OutputReport(tolerance, max(each.difference.absolute for each, _ in held), sample.difference.relative)
    report.excess = excess(sample, tolerance)
    report.problem = sample.difference.problem
    if sample.difference.relative:
        report.where = Where(questions[sample.case].name, sample.difference.index)
    if not report.problem:
        report.top1_agreement = _top1_agreement(actual, reference)
    return report


def _top1_agreement(actual: Sequence[Any], reference: Sequence[Any]) -> float | None:
    """The share of samples whose highest score stands at the same class; equal highest scores are all right. None where there
    are no scores, or none is the highest."""
    pairs = [(class_scores(a), class_scores(b)) for a, b in zip(actual, reference, strict=True)]
    if any(scores is None or not len(scores) or np.isnan(scores).any() for pair in pairs for scores in pair):
        return None
    agree = [b[np.arange(len(b)), a.argmax(axis=1)] >= b.max(axis=1) for a, b in pairs]
    return float(np.mean(list(itertools.chain.from_iterable(agree))))


def _count_ties(report: OutputReport, found: tuple[Tolerance, float] | str) -> None:
    """Let a report count what near-ties explain, or say why they do not."""
    if isinstance(found, str):
        report.remark = found
    else:
        report.tolerance, report.beyond = found
