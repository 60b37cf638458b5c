"""Finds the first layer whose result differs: between the source file and the graph, or between the graph and the code.

onnxruntime computes every intermediate value of the source file and of the graph, the emitted code runs once more with all
that its lines compute recorded (``trace.py``). A layer is to blame where its result differs although what it is computed from
does not. Small errors grow from layer to layer, so whether a layer computes something else is asked of it alone: onnxruntime
runs the one node on the numbers that the emitted code had at that place.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from converter.emitters.visible import Visible
from converter.graph import Graph, Node, Value, Weight
from converter.verification import bodies, reference
from converter.verification.alignment import numeric
from converter.verification.asking import Asked
from converter.verification.bodies import Numbers
from converter.verification.candidate import Candidate
from converter.verification.compare import difference
from converter.verification.faults import between, hidden, overwriting, reading, returning, writing
from converter.verification.inputs import Question
from converter.verification.judge import Judge
from converter.verification.layers import Blame, Layer, Stage
from converter.verification.sessions import ERRORS
from converter.verification.sides import BUDGET, Sides
from converter.verification.worker import Trace


def look_inside(
    graph: Graph,
    candidate: Candidate,
    judge: Judge,
    question: Question,
    differing: Sequence[Value],
    asked: Asked = (),
) -> tuple[list[Layer], Blame | None]:
    """The layers of the emitted code in one case, and the first that differs, looked for where ``differing`` names outputs,
    weights are not the source's or the code does not run. Raises RunError where the code cannot be traced.

    ``asked`` is all that was asked, in its order: where the case by itself is answered as it should be, and the graph is the
    source's, the first is looked into that is not when the questions are asked one after the other.
    """
    look = functools.partial(_look, graph, candidate, judge, differing=differing)
    trace = candidate.trace([question], BUDGET)
    sides, blame = look(question, trace)
    is_traced = trace is not None and trace.raised is None
    is_of_reading = blame is not None and blame.stage == "reading"
    if differing and asked and is_traced and not is_of_reading and returning.right(sides, trace.returned):
        questions = [question for question, _ in asked]
        trace = candidate.trace(questions, BUDGET)
        wrong = [not returning.right(sides, given, right) for given, (_, right) in zip(trace.before, asked, strict=False)]
        place = wrong.index(True) if True in wrong else len(wrong)
        trace = trace if place == len(wrong) else candidate.trace(questions[: place + 1], BUDGET)
        question, right = asked[place]
        if place and not (trace.raised is None and returning.right(sides, trace.returned, right)):
            sides, blame = look(question, trace)
            blame = blame and dataclasses.replace(blame, cause=_BETWEEN.format(place, blame.cause))
    return sides.layers, blame


_BETWEEN = "this is so only behind other calls, of which something is kept (here {}): {}"


def _look(
    graph: Graph, candidate: Candidate, judge: Judge, question: Question, trace: Trace | None, *, differing: Sequence[Value]
) -> tuple[Sides, Blame | None]:
    """Both sides of one case, and the first layer that differs."""
    values = reference.of_graph(graph, question.inputs, BUDGET)
    source: dict[str, Any] = {}
    if graph.source.model is not None:
        names = [value.name for node in graph.nodes for value in node.outputs if value is not None]
        try:
            source = reference.of_model(judge.model, names, question.inputs, BUDGET)
        except ERRORS:  # it fixes a batch of one that was freed, say
            source = {}
    sides = Sides(graph, candidate.visible, candidate.text(), question.name, trace, values, source)
    blame = Comparison(sides, candidate.weights, judge.model if source else None, question.inputs).find(differing)
    is_wrong = bool(differing) or (trace is not None and (trace.raised is not None or bool(trace.weights)))
    return sides, blame if is_wrong else None


def look_along(
    graph: Graph, candidate: Candidate, question: Question, trace: Trace, budget: int
) -> tuple[list[Layer], Blame | None]:
    """The layers of emitted code in a case whose outputs are as they should be, and the first that computes something else than
    the graph on the numbers it has. ``trace`` is what the code computed in that case, up to ``budget`` bytes."""
    # What onnxruntime computes coarsely is asked of it by definition, node by node, where it differs.
    values = reference.of_graph(graph, question.inputs, budget, by_definition=False)
    sides = Sides(graph, candidate.visible, candidate.text(), question.name, trace, values, {}, loose=True)
    return sides.layers, Comparison(sides, {}).find_hidden()


class Comparison:
    """Looks for the first layer that differs in one case.

    ``weights`` are the source's by their names in the folder. ``model`` is the source file, where its values are known, and
    ``given`` the inputs of the case by name: with them faults of reading are looked for inside loops and branches too.
    """

    def __init__(
        self,
        sides: Sides,
        weights: Mapping[str, Weight],
        model: str | Path | bytes | None = None,
        given: Mapping[str, Any] | None = None,
    ):
        self._sides, self._weights, self._model, self._given = sides, weights, model, given or {}

    def find(self, outputs: Sequence[Value] = ()) -> Blame | None:
        """The first layer that differs; ``outputs`` are those that do. Rows whose error is rounding that grew become equal,
        those behind the blamed one that differ with it are marked."""
        sides = self._sides
        blame = (
            reading.find(sides, self._look_into)
            or writing.find(sides, self._weights, self._look_into)
            or overwriting.find(sides)
            or returning.find(sides, outputs)
        )
        if blame is not None:
            self._mark(sides.blamed, blame.stage)
        return blame

    def find_hidden(self) -> Blame | None:
        """The first layer that computes something else than it should, though every output is as it should be."""
        return hidden.find(self._sides, self._look_into) or between.find(self._sides)

    def _mark(self, blamed: Node, stage: str) -> None:
        """The layers behind the blamed one that differ with it."""
        sides = self._sides
        tainted = {value for value in blamed.outputs if value is not None}
        for node in sides.graph.nodes[sides.rows[blamed] + 1 :]:
            if not any(value in tainted for value in node.reads()):
                continue
            row, values = sides.layers[sides.rows[node]], [value for value in node.outputs if value is not None]
            if stage == "reading":
                pairs = [(sides.values.get(value), sides.source.get(value)) for value in values]
                told = [(mine, right) for mine, right in pairs if numeric(mine) and numeric(right)]
                found = [difference(mine, right) for mine, right in told]
                if told and not any(sides.apart(mine, right, v) for (mine, right), v in zip(told, values, strict=False)):
                    continue
                if found:
                    worst = max(found, key=lambda each: each.relative)
                    row.absolute, row.relative, row.verdict = worst.absolute, worst.relative, "differs"
            elif all(sides.is_near(value) for value in values):
                continue
            elif any(value in sides.visible for value in values):
                row.verdict = "differs"
                row.absolute = math.inf if row.absolute is None else row.absolute
                row.relative = math.inf if row.relative is None else row.relative
            tainted.update(values)

    def _look_into(self, node: Node, stage: Stage, numbers: Numbers) -> Blame | None:
        """The blame for a layer inside a loop or a branch that is to blame; its layers are listed behind the others then.

        ``numbers`` are those around it, the source's or what the emitted code had.
        """
        sides = self._sides
        if stage == "writing":
            rounds, trace = bodies.rounds(node, numbers, BUDGET), sides.trace
        else:
            if self._model is None:
                return None
            rounds, trace = bodies.in_source(node, self._model, self._given, numbers, BUDGET), None
        for number, each in enumerate(rounds):
            case = sides.case if node.op_type == "If" else f"{sides.case}, round {number} of {node.name or node.origin!r}"
            inner = Sides(
                each.body, Visible(sides.visible, sides.plan), sides.text, case, trace, each.values, each.source, sides
            )
            blame = Comparison(inner, self._weights).find()
            if blame is None:
                continue
            if number and stage == "writing" and not _is_run(inner):
                return None
            sides.blamed, count = node, len(sides.layers)
            sides.layers[sides.rows[node]].verdict = "differs"
            for row in inner.layers:
                row.inputs = [place + count for place in row.inputs]
            sides.layers += inner.layers
            return dataclasses.replace(blame, layer=blame.layer + count)
        return None


def _is_run(sides: Sides) -> bool:
    """Whether anything in here was computed: the emitted code may have made fewer rounds."""
    values = [value for node in sides.graph.nodes for value in node.outputs if value in sides.visible]
    return any(sides.is_near(value) for value in values if sides.values[value].dtype.kind == "f")
