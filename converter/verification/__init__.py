"""Proof that a converted model computes what its source computes: both sides answer the same questions."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from converter.emitters.types import held
from converter.graph import Graph, Value, Weight, drawn
from converter.verification import cases, epsilons
from converter.verification.asking import Asked, ask
from converter.verification.blame import look_along, look_inside
from converter.verification.candidate import Candidate
from converter.verification.compare import Tolerance, tolerance_of
from converter.verification.comparison import Comparison, compare
from converter.verification.inputs import Question
from converter.verification.judge import Judge, JudgeError
from converter.verification.layers import Blame, Layer
from converter.verification.limits import Stopped
from converter.verification.report import Case, Report
from converter.verification.run import digest
from converter.verification.seeding import seeded
from converter.verification.sides import ALONG, BUDGET
from converter.verification.worker import Answer, RunError, Trace

SEEDS = (0, 1, 2)
BATCH_SIZES = (1, 3)

_PATIENCE = 60.0
"""Seconds after which code that does not run is not run again to find out for which of the cases."""

_TRIED = 4
"""Shapes of inputs with which code that does not run is run again."""

_LOOPS = {"Loop", "Scan"}

PROBE = Tolerance("probe", 1e-4, "the source's own program sums float32 numbers in its own order")


def verify(
    graph: Graph,
    candidate: Candidate,
    *,
    seeds: Sequence[int] = SEEDS,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    tolerance: float | None = None,
    layers: bool = False,
) -> Report:
    """Compare the ``candidate`` with onnxruntime's answer for ``graph``.

    Where the source holds no numbers for some weights, all sides get the same seeded ones. ``tolerance`` replaces the relative
    tolerance of every output that is not of integers. Whatever goes wrong on either side stands in the report, and where
    something differs the first layer that does. ``layers`` asks for all layers in any case.
    """
    report = Report(candidate.target, "onnxruntime")
    with ExitStack() as stack:
        fresh = stack.enter_context(seeded(graph))
        if fresh:
            unused = "" if graph.probe is None else "; its own probe was not compared"
            report.warnings.append(f"the source holds no numbers for some weights: all sides got the same seeded ones{unused}")
        try:
            judge = stack.enter_context(Judge(graph, onnxruntime_too=not candidate.is_code))
            report.judge = judge.name
            asked, unproven, warnings = ask(judge, graph, seeds, batch_sizes)
        except JudgeError as error:
            report.findings.append(f"onnxruntime cannot run the source, so nothing can be proven: {error}")
            return report
        except ValueError as error:
            report.findings.append(str(error))
            return report
        report.warnings += warnings
        _Verification(graph, candidate.with_weights(fresh), judge, asked, report).run(unproven, tolerance, layers)
    wrong = [repr(name) for name, output in report.probe.items() if not output.ok]
    if wrong and all(output.ok for output in report.outputs.values()):
        report.findings.append(
            f"the source's own answer (its probe) is another one at {', '.join(wrong)}, although the emitted code computes "
            "what onnxruntime does: a layer was read otherwise than the source computes it, or the probe is of another network"
        )
    return report


class _Verification:
    """One comparison of a candidate with the judge's answers, which fills ``report``."""

    def __init__(self, graph: Graph, candidate: Candidate, judge: Judge, asked: Asked, report: Report):
        self._graph, self._candidate, self._judge, self._report = graph, candidate, judge, report
        self._asked = [*asked, cases.again(asked)]
        self._questions = [question for question, _ in self._asked]
        self._every = dict.fromkeys(range(len(self._asked)), 0.0)
        self._random = drawn(graph)
        report.cases = [
            Case(question.name, {name: getattr(array, "shape", ()) for name, array in question.inputs.items()}, question.values)
            for question in self._questions
        ]

    def run(self, unproven: Mapping[Value, str], tolerance: float | None, layers: bool) -> None:
        """``unproven``: the outputs of which what was asked proves little, each with the reason."""
        report, watched, budget = self._report, self._watched(), BUDGET if layers else ALONG
        if (answer := self._answer(watched, budget)) is None:
            return
        changed = _changed(self._candidate, answer.weights)
        if changed:
            report.findings.append(_said_of(changed))
        report.findings += epsilons.others(self._graph, self._candidate.weights, answer.epsilons)
        if not self._random:
            report.findings += [f"the emitted model is no function of its inputs: {each}" for each in answer.remarks]
        comparison = Comparison(self._judge, self._asked, self._wide)
        differing = []
        for position, value in enumerate(self._graph.outputs):
            actual = [arrays[position] for arrays in answer.outputs]
            if not self._compared(comparison, value, position, actual, tolerance):
                differing.append(value)
            if value in unproven and value not in self._random:
                name = self._candidate.outputs[position].source_name
                report.warnings.append(f"output {name!r} {unproven[value]}: its equality proves little")
        if differing or changed:
            self._look(differing, comparison.differing or self._every)
        elif watched is not None and report.ok:
            self._look_along(watched, answer.inside, layers, budget)
        if layers and not report.layers:
            self._look([], self._every)

    def _watched(self) -> Question | None:
        """The question in which each layer is asked by itself, None where that says nothing."""
        if len(self._graph.nodes) < 2 or not self._candidate.is_code or self._random:
            return None
        loops = any(node.op_type in _LOOPS for each in self._graph.nested() for node in each.nodes)
        return cases.watched(self._questions, loops=loops)

    def _answer(self, watched: Question | None, budget: int) -> Answer | None:
        """What the candidate answers, None where it does not run or gives other outputs."""
        candidate, report, begin = self._candidate, self._report, time.monotonic()
        try:
            answer = candidate.run(self._questions, again=True, inside=watched, budget=budget)
        except RunError as error:
            report.findings.append(f"the emitted {candidate.target} model did not run: {error}")
            failing = {} if time.monotonic() > begin + _PATIENCE else self._failing()
            self._look(self._graph.outputs, failing or self._every)
            return None
        report.versions, count = answer.versions, len(candidate.outputs)
        if any(len(arrays) != count for arrays in answer.outputs):
            report.findings.append(f"the emitted model gives {len(answer.outputs[0])} outputs instead of {count}")
            self._look(self._graph.outputs, self._every)
            return None
        return answer

    def _failing(self) -> dict[int, float]:
        """The smallest case in which the code does not run."""
        for case in itertools.islice(cases.of_each_shape(self._questions), _TRIED):
            try:
                self._candidate.run([self._questions[case]])
            except RunError:
                return {case: 0.0}
        return {}

    def _wide(self, asked: Sequence[int]) -> list[list[Any]] | None:
        return self._candidate.wide([self._questions[case] for case in asked])

    def _compared(
        self, comparison: Comparison, value: Value, position: int, actual: Sequence[Any], tolerance: float | None
    ) -> bool:
        """Compare an output in all cases; whether it is as it should be, as far as that can be told."""
        report, name = self._report, self._candidate.outputs[position].source_name
        if value in self._random:
            origin = self._random[value].origin
            report.findings.append(f"output {name!r} is random ({origin} draws numbers): no run equals another")
            return True
        reference = self._asked[0][1][value.name]
        chosen = tolerance_of(self._graph, getattr(reference, "dtype", None), value)
        if tolerance is not None and chosen.relative:
            chosen = Tolerance("given", tolerance, "given by the user")
        compared = comparison.of(value, position, actual, chosen)
        if compared.remark:
            report.warnings.append(f"output {name!r} {compared.remark}")
        report.outputs[name] = compared
        for question, array in zip(self._questions, actual, strict=True):
            if question.answer is not None and value.name in question.answer and not self._candidate.fresh:
                report.probe[name] = compare([array], [question.answer[value.name]], [question], PROBE)
        return compared.ok

    def _look(self, differing: Sequence[Value], errors: Mapping[int, float]) -> None:
        """Compare all layers in the plainest of the cases in ``errors``, and find the one to blame for what differs."""
        question = cases.plainest(self._questions, errors)
        found = self._explained(
            lambda: look_inside(self._graph, self._candidate, self._judge, question, differing, self._asked)
        )
        if found is not None:
            self._report.layers, self._report.blame = found

    def _look_along(self, question: Question, trace: Trace | str | None, layers: bool, budget: int) -> None:
        """Ask each layer by itself: what one of them computes otherwise may be too small behind others, or hidden by what was
        asked."""

        def compared() -> tuple[list[Layer], Blame | None]:
            if not isinstance(trace, Trace):
                raise RunError(str(trace))
            return look_along(self._graph, self._candidate, question, trace, budget)

        rows, blame = self._explained(compared) or ([], None)
        if blame is not None or layers:
            self._report.layers, self._report.blame = rows, blame
        if blame is not None:
            layer = rows[blame.layer]
            self._report.findings.append(
                f"the layer {layer.name!r} ({layer.op}) computes something else than in the source from the same numbers, "
                "though no output shows it in what was asked"
            )

    def _explained(self, explain: Callable[[], tuple[list[Layer], Blame | None]]) -> tuple[list[Layer], Blame | None] | None:
        """What is found about the layers: what was found before stands, whatever may go wrong in this."""
        try:
            return explain()
        except Stopped:
            raise
        except Exception as error:
            words = str(error) if isinstance(error, RunError) else f"{type(error).__name__}: {error}"
            self._report.warnings.append(f"its layers could not be compared: {words}")
            return None


def _changed(candidate: Candidate, found: Mapping[str, str]) -> list[str]:
    """The keys of weights that the loaded model has otherwise than the source, be it by one bit.

    JAX holds whole numbers in 32 bits, which are the same numbers where they fit.
    """
    if not candidate.is_code:
        return []
    weights: Mapping[str, Weight] = candidate.weights
    expected = {key: held(weight.array(), candidate.target) for key, weight in weights.items() if weight.has_data}
    narrow = {key: array.astype(np.int32) for key, array in expected.items() if found.get(key, "").startswith("int32 ")}
    expected |= {key: array for key, array in narrow.items() if np.array_equal(array, expected[key])}
    return [key for key, array in expected.items() if found.get(key) != digest(array)]


def _said_of(changed: Sequence[str]) -> str:
    names = ", ".join(map(repr, changed[:3])) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    return f"the folder does not hold the numbers of the source in {names}"
