"""Proof that a converted model computes what its source computes: both sides answer the same questions."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from converter.emitters import Port
from converter.emitters.types import held, held_as
from converter.emitters.visible import Visible
from converter.graph import Graph, Node, Value, Weight, draws
from converter.verification.asking import Asked, ask
from converter.verification.blame import look_along, look_inside
from converter.verification.compare import Tolerance, tolerance_of
from converter.verification.comparison import Comparison, compare
from converter.verification.inputs import Question
from converter.verification.judge import Judge, JudgeError
from converter.verification.limits import LIMITS, Limits, Stopped
from converter.verification.report import Case, Report
from converter.verification.run import digest
from converter.verification.seeding import seeded
from converter.verification.sides import BUDGET
from converter.verification.worker import RunError, Trace, run_model

SEEDS = (0, 1, 2)
BATCH_SIZES = (1, 3)

_PATIENCE = 60.0
"""Seconds after which code that does not run is not run again to find out for which of the cases."""

_SMALL = 10_000
"""Numbers of all inputs, up to which more samples are looked into rather than fewer."""

PROBE = Tolerance("probe", 1e-4, "the source's own program sums float32 numbers in its own order")


def verify(
    graph: Graph,
    target: str,
    folder: Path,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    weights: Mapping[str, Weight],
    visible: Visible,
    *,
    seeds: Sequence[int] = SEEDS,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    tolerance: float | None = None,
    limits: Limits = LIMITS,
    layers: bool = False,
) -> Report:
    """Compare the model in ``folder`` with onnxruntime's answer for ``graph``.

    ``weights`` are the emitted ones by target key, needed where the source holds none: then all sides get the same seeded
    numbers. ``visible`` tells which values the emitted code has a tensor for. ``tolerance`` replaces the relative tolerance of
    every output that is not of integers. Whatever goes wrong on either side stands in the report, and where something differs
    the first layer that does. ``layers`` asks for all layers in any case.
    """
    report = Report(target, "onnxruntime")
    with ExitStack() as stack:
        fresh = stack.enter_context(seeded(graph))
        if fresh:
            unused = "" if graph.probe is None else "; its own probe was not compared"
            report.warnings.append(f"the source holds no numbers for some weights: all sides got the same seeded ones{unused}")
        try:
            judge = stack.enter_context(Judge(graph, onnxruntime_too=target == "onnx"))
            report.judge = judge.name
            asked, unproven, warnings = ask(judge, graph, seeds, batch_sizes)
            report.warnings += warnings
        except JudgeError as error:
            report.findings.append(f"onnxruntime cannot run the source, so nothing can be proven: {error}")
            return report
        except ValueError as error:
            report.findings.append(str(error))
            return report
        asked.append(_again(asked))
        report.cases = [
            Case(question.name, {name: getattr(array, "shape", ()) for name, array in question.inputs.items()}, question.values)
            for question, _ in asked
        ]
        stored = [[to_stored(question.inputs[port.source_name], port, target) for port in inputs] for question, _ in asked]

        every = dict.fromkeys(range(len(asked)), 0.0)

        def look(differing: Sequence[Value], cases: Mapping[int, float]) -> None:
            """In the smallest case of usual numbers, of several as small the one with the largest error; where axes are 1 long,
            too many numbers are the same."""

            def order(case: int) -> tuple[float, ...]:
                question = asked[case][0]
                return question.unusual, _ones(question), _size(question), -cases[case]

            case = min(cases, key=order)
            try:
                report.layers, report.blame = look_inside(
                    graph,
                    target,
                    folder,
                    visible,
                    weights,
                    judge,
                    asked[case][0],
                    stored[case],
                    differing,
                    fresh=fresh,
                    limits=limits,
                )
            except Stopped:
                raise
            except Exception as error:  # what was found stands, whatever may go wrong in explaining it
                words = str(error) if isinstance(error, RunError) else f"{type(error).__name__}: {error}"
                report.warnings.append(f"its layers could not be compared: {words}")

        run = functools.partial(
            run_model,
            target,
            folder,
            outputs=len(outputs),
            assign=weights if fresh and target != "onnx" else None,
            limits=limits,
        )

        def wide(cases: Sequence[int]) -> list[list[Any]] | None:
            """What the emitted code gives in float64, in source axis order, None where it cannot."""
            try:
                found = run([stored[case] for case in cases], wide=True).outputs if target != "onnx" else None
            except RunError:
                return None
            return found and [[to_source(a, port, target) for a, port in zip(each, outputs, strict=True)] for each in found]

        begin, random = time.monotonic(), _random(graph)
        watched = None if random or len(graph.nodes) < 2 or target == "onnx" else _watched(asked)
        try:
            answer = run(stored, again=True, inside=None if watched is None else stored[watched], budget=BUDGET)
        except RunError as error:
            report.findings.append(f"the emitted {target} model did not run: {error}")
            look(graph.outputs, every if time.monotonic() > begin + _PATIENCE else _failing(run, asked, stored) or every)
            return report
        report.versions = answer.versions
        if any(len(arrays) != len(outputs) for arrays in answer.outputs):
            report.findings.append(f"the emitted model gives {len(answer.outputs[0])} outputs instead of {len(outputs)}")
            look(graph.outputs, every)
            return report
        changed = [] if target == "onnx" else _changed(weights, answer.weights, target)
        if changed:
            report.findings.append(_said_of(changed))
        comparison = Comparison(judge, asked, wide)
        report.findings += [f"the emitted model is no function of its inputs: {each}" for each in answer.remarks if not random]
        for position, (port, value) in enumerate(zip(outputs, graph.outputs, strict=True)):
            if value in random:
                report.findings.append(
                    f"output {port.source_name!r} is random ({random[value].origin} draws numbers): no run equals another"
                )
                continue
            actual = [to_source(arrays[position], port, target) for arrays in answer.outputs]
            reference = [answers[value.name] for _, answers in asked]
            chosen = tolerance_of(graph, getattr(reference[0], "dtype", None), value)
            if tolerance is not None and chosen.relative:
                chosen = Tolerance("given", tolerance, "given by the user")
            compared = comparison.of(value, position, actual, chosen)
            if compared.remark:
                report.warnings.append(f"output {port.source_name!r} {compared.remark}")
            report.outputs[port.source_name] = compared
            for (question, _), array in zip(asked, actual, strict=True):
                if question.answer is not None and value.name in question.answer and not fresh:
                    own = question.answer[value.name]
                    report.probe[port.source_name] = compare([array], [own], [question], PROBE)
            if value in unproven:
                report.warnings.append(f"output {port.source_name!r} {unproven[value]}: its equality proves little")
        pairs = list(zip(outputs, graph.outputs, strict=True))
        differing = [value for port, value in pairs if not getattr(report.outputs.get(port.source_name), "ok", True)]
        if differing or changed:
            look(differing, comparison.differing or every)
        elif watched is not None and report.ok:
            _look_along(report, graph, folder, visible, asked[watched][0], answer.inside)
        if layers and not report.layers:
            look([], every)
        if report.ok and not layers:
            report.layers = []
    wrong = [repr(name) for name, output in report.probe.items() if not output.ok]
    if wrong and all(output.ok for output in report.outputs.values()):
        report.findings.append(
            f"the source's own answer (its probe) is another one at {', '.join(wrong)}, although the emitted code computes "
            "what onnxruntime does: a layer was read otherwise than the source computes it, or the probe is of another network"
        )
    return report


def _look_along(
    report: Report, graph: Graph, folder: Path, visible: Visible, question: Question, trace: Trace | str | None
) -> None:
    """Where every output is as it should be, ask each layer by itself: what one of them computes otherwise may be too small
    behind others, or hidden by what was asked."""
    try:
        if not isinstance(trace, Trace):
            raise RunError(str(trace))
        layers, blame = look_along(graph, folder, visible, question, trace)
    except Stopped:
        raise
    except Exception as error:
        words = str(error) if isinstance(error, RunError) else f"{type(error).__name__}: {error}"
        report.warnings.append(f"its layers could not be compared: {words}")
        return
    report.layers, report.blame = layers, blame
    if blame is not None:
        layer = layers[blame.layer]
        report.findings.append(
            f"the layer {layer.name!r} ({layer.op}) computes something else than in the source from the same numbers, though "
            "no output shows it in what was asked"
        )


def _changed(weights: Mapping[str, Weight], found: Mapping[str, str], target: str) -> list[str]:
    """The keys of weights that the loaded model has otherwise than the source, be it by one bit.

    JAX holds whole numbers in 32 bits, which are the same numbers where they fit.
    """
    expected = {key: held(weight.array(), target) for key, weight in weights.items() if weight.has_data}
    narrow = {key: array.astype(np.int32) for key, array in expected.items() if found.get(key, "").startswith("int32 ")}
    expected |= {key: array for key, array in narrow.items() if np.array_equal(array, expected[key])}
    return [key for key, array in expected.items() if found.get(key) != digest(array)]


def _said_of(changed: Sequence[str]) -> str:
    names = ", ".join(map(repr, changed[:3])) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    return f"the folder does not hold the numbers of the source in {names}"


def _again(asked: Asked) -> tuple[Question, dict[str, Any]]:
    """The question that is asked a second time, in another way: the smallest of several samples, or the smallest."""
    question, answers = min(asked, key=lambda pair: (pair[0].batch == 1, pair[0].answer is not None, _size(pair[0])))
    return replace(question, name=f"{question.name}, again", answer=None, unusual=True), answers


def _watched(asked: Asked) -> int | None:
    """The case in which what the code computes inside is recorded: of usual numbers, small and with the most samples, otherwise
    the smallest."""
    usual = [case for case, (question, _) in enumerate(asked) if not question.unusual and question.answer is None]
    small = [case for case in usual if asked[case][0].numbers <= _SMALL]
    if small:
        return max(small, key=lambda case: asked[case][0].batch)
    return min(usual, key=lambda case: _size(asked[case][0]), default=None)


def _failing(run: Callable[..., Any], asked: Asked, stored: Sequence[Sequence[Any]]) -> dict[int, float]:
    """The smallest case in which the code does not run, of each shape of the inputs one: what fails may do so for three samples
    and not for one."""
    shapes: dict[tuple, int] = {}
    for case in sorted(range(len(asked)), key=lambda case: _size(asked[case][0])):
        shapes.setdefault(
            tuple(np.shape(array) for array in asked[case][0].inputs.values() if isinstance(array, np.ndarray)), case
        )
    for case in [*shapes.values()][:4]:
        try:
            run([stored[case]])
        except RunError:
            return {case: 0.0}
    return {}


def _size(question: Question) -> int:
    return sum(getattr(array, "nbytes", 0) for array in question.inputs.values())


def _ones(question: Question) -> int:
    """How many axes but the first are 1 long."""
    return sum(size == 1 for array in question.inputs.values() for size in getattr(array, "shape", ())[1:])


def _random(graph: Graph) -> dict[Value, Node]:
    """The values that depend on random numbers, each with a node that draws them."""
    found: dict[Value, Node] = {}
    for node in graph.nodes:
        source = node if draws(node) else next((found[value] for value in node.reads() if value in found), None)
        if source is not None:
            found |= {value: source for value in node.outputs if value is not None}
    return found


def to_stored(value: Any, port: Port, target: str) -> Any:
    """An array in source axis order as the emitted model takes it: in stored order, and in a number type that the target has.

    A list is one of such arrays, None an optional that holds nothing; a dictionary stays what it is.
    """
    if isinstance(value, list):
        return [to_stored(item, port, target) for item in value]
    if value is None or isinstance(value, dict):
        return value
    array = np.asarray(value)
    if port.axes and array.ndim == len(port.axes):
        array = np.ascontiguousarray(array.transpose(port.axes))
    return held(array, target)


def to_source(value: Any, port: Port, target: str) -> Any:
    """What the emitted model gives in source axis order and the source's number type; an array of another rank or type as it
    is, for the comparison to report."""
    if isinstance(value, list | tuple):
        return [to_source(item, port, target) for item in value]
    if not isinstance(value, np.ndarray):
        return value
    array = value.transpose(np.argsort(port.axes)) if value.ndim == len(port.axes) else value
    if held_as(port.dtype, target) != port.dtype and array.dtype == held_as(port.dtype, target):
        array = array.astype(getattr(ml_dtypes, port.dtype))
    return array
