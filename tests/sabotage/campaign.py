"""Plants each fault in each network, asks the verification, and looks for inputs that show what it did not find."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import converter
from converter.conversion import Conversion
from converter.emitters.stored import to_source, to_stored
from converter.errors import ConversionError
from converter.graph import Graph
from converter.verification.compare import difference, tolerance_of
from converter.verification.judge import Judge, JudgeError
from converter.verification.report import Report
from converter.verification.worker import RunError, run_model
from tests.sabotage import networks
from tests.sabotage.behaviour_faults import BEHAVIOUR_FAULTS
from tests.sabotage.code_faults import CODE_FAULTS
from tests.sabotage.faults import Site
from tests.sabotage.graph_faults import GRAPH_FAULTS
from tests.sabotage.inputs import cases
from tests.sabotage.mutants import MUTANTS
from tests.sabotage.weight_faults import WEIGHT_FAULTS

TIMES_ROUNDING = 4
"""How much further from the judge a faulty answer must be than the right code's."""

ROUNDING = 1e-5
"""Of an output's largest magnitude: up to which a difference may be the rounding of float32 alone."""

_EXACT = 1e-12
"""What float64 rounds by."""


@dataclass
class Outcome:
    """What became of one fault at one place.

    ``verdict``: "caught"; "missed", where some input shows it; "equivalent", where none was found that does; "refused", where
    the converter itself would not write such a network. ``blamed``: whether the right layer was named, None where nobody can
    say which that is.
    """

    fault: str
    network: str
    target: str
    planted: str
    layers: tuple[str, ...]
    verdict: str
    blamed: bool | None = None
    detail: str = ""
    report: Report | None = field(default=None, repr=False)

    @property
    def layer(self) -> str:
        """Where it was planted, in words."""
        return " or ".join(self.layers) or "no layer"


class Subject:
    """A sound network, converted once."""

    def __init__(self, name: str, target: str, folder: Path, source: Path | None = None):
        self.name, self.target, self.folder = name, target, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.source = source or networks.write(name, folder)
        self._copies = 0

    def read(self) -> Graph:
        return converter.read(self.source)

    @cached_property
    def graph(self) -> Graph:
        return self.read()

    @cached_property
    def conversion(self) -> Conversion:
        """Not verified yet."""
        return converter.convert(self.graph, to=self.target, out=self.folder / f"{self.name}_{self.target}", verify=False)

    def can_have(self, planted: str, fault: Any) -> bool:
        """Whether the fault can be planted somewhere in it."""
        sites = fault.sites(self.graph) if planted == "graph" else fault.sites(self.conversion, self.graph)
        return next(iter(sites), None) is not None

    def copy(self) -> Conversion:
        """The sound conversion in a folder of its own, to do harm to."""
        self._copies += 1
        folder = self.folder / f"{self.name}_{self.target}_{self._copies}"
        shutil.copytree(self.conversion.folder, folder)
        return dataclasses.replace(self.conversion, folder=folder)

    @cached_property
    def search(self) -> list[tuple[dict[str, np.ndarray], dict[str, Any], list[float]]]:
        """(inputs, the judge's answers, how far the right code is from each) for all inputs that the network takes."""
        found = []
        with Judge(self.graph) as judge:
            for inputs in cases(self.graph):
                try:
                    answers = judge.answer(inputs)
                except JudgeError:
                    continue
                if all(np.isfinite(a).all() for a in answers.values() if isinstance(a, np.ndarray) and a.dtype.kind == "f"):
                    found.append((inputs, answers))
        try:
            right = self.answers(self.conversion, [inputs for inputs, _ in found])
        except RunError:  # the sound code refuses what the source takes, as negative places of an embedding
            found = [case for case in found if self._runs(case[0])]
            right = self.answers(self.conversion, [inputs for inputs, _ in found])
        return [
            (inputs, answers, [_distance(a, answers[value.name]) for a, value in zip(outputs, self.graph.outputs, strict=True)])
            for (inputs, answers), outputs in zip(found, right, strict=True)
        ]

    def _runs(self, inputs: dict[str, np.ndarray]) -> bool:
        try:
            return bool(self.answers(self.conversion, [inputs]))
        except RunError:
            return False

    def answers(self, conversion: Conversion, asked: list[dict[str, np.ndarray]], *, wide: bool = False) -> list[list[Any]]:
        stored = [[to_stored(inputs[port.source_name], port, self.target) for port in conversion.inputs] for inputs in asked]
        answer = run_model(self.target, conversion.folder, stored, len(conversion.outputs), wide=wide)
        return [
            [to_source(a, port, self.target) for a, port in zip(row, conversion.outputs, strict=True)] for row in answer.outputs
        ]

    def shown(self, conversion: Conversion) -> str:
        """An input that shows the harm beyond rounding, in words; empty where none was found."""
        try:
            found = self.answers(conversion, [inputs for inputs, _, _ in self.search])
        except RunError as error:
            return f"it does not run on every input: {error}"
        for number, ((inputs, answers, own), outputs) in enumerate(zip(self.search, found, strict=True)):
            for array, value, rounding in zip(outputs, self.graph.outputs, own, strict=True):
                distance = _distance(array, answers[value.name])
                usual = tolerance_of(self.graph, getattr(answers[value.name], "dtype", None), value)
                allowed = max(usual.relative, TIMES_ROUNDING * rounding)
                scale = np.abs(np.asarray(answers[value.name], np.float64)).max(initial=0.0)
                if distance > allowed and distance * scale > usual.absolute:
                    if distance <= ROUNDING and self._is_rounding(conversion, inputs):
                        continue
                    shapes = {name: a.shape for name, a in inputs.items()}
                    return f"{value.name} differs by {distance:.1e} (rounding: {rounding:.1e}) on input {number}, {shapes}"
        return ""

    def _is_rounding(self, conversion: Conversion, inputs: dict[str, np.ndarray]) -> bool:
        """Whether the faulty code computes what the right code does where hardly anything is rounded, in float64."""
        try:
            (found,), (right,) = (self.answers(each, [inputs], wide=True) for each in (conversion, self.conversion))
        except RunError:
            return False
        return all(_distance(*pair) <= _EXACT for pair in zip(found, right, strict=True))


def _distance(found: Any, right: Any) -> float:
    if not isinstance(found, np.ndarray) or not isinstance(right, np.ndarray) or found.shape != right.shape:
        return math.inf
    return difference(found, right).relative


def graph_outcomes(subject: Subject, fault: Any, most: int = 2) -> Iterator[Outcome]:
    """The fault at its first and its last place of the network."""
    count = sum(1 for _ in fault.sites(subject.graph))
    for place in _places(count, most):
        graph = subject.read()
        site = list(fault.sites(graph))[place]
        yield _graph_outcome(subject, fault.name, graph, site)


def _places(count: int, most: int) -> list[int]:
    return sorted({round(place) for place in np.linspace(0, count - 1, min(most, count))}) if count else []


def _graph_outcome(subject: Subject, fault: str, graph: Graph, site: Site) -> Outcome:
    site.plant()
    subject._copies += 1
    outcome = Outcome(fault, subject.name, subject.target, "graph", site.layers, "")
    try:
        conversion = converter.convert(
            graph, to=subject.target, out=subject.folder / f"{subject.name}_{subject.target}_{subject._copies}", verify=False
        )
    except ConversionError as error:
        outcome.verdict, outcome.detail = "refused", str(error)
        return outcome
    if graph.source.model is None:  # judged by its own ONNX form: the fault is one of writing then
        conversion._graph = subject.graph
        conversion._emitted = dataclasses.replace(conversion._emitted, visible=subject.conversion._emitted.visible)
    return judged(subject, conversion, outcome)


def judged(subject: Subject, conversion: Conversion, outcome: Outcome) -> Outcome:
    """Ask the verification; where it finds nothing, look for an input that shows the fault."""
    outcome.report = report = conversion.verify()
    if not report.ok:
        outcome.verdict = "caught"
        outcome.blamed = blamed(report, outcome.layers) if outcome.layers else None
    else:
        outcome.detail = subject.shown(conversion)
        outcome.verdict = "missed" if outcome.detail else "equivalent"
    shutil.rmtree(conversion.folder, ignore_errors=True)
    return outcome


def blamed(report: Report, layers: Collection[str]) -> bool | None:
    """Whether the report names one of the layers; None where it looked at no layer, as for code that does not run."""
    if report.blame is None:
        return False if report.layers else None
    return report.layers[report.blame.layer].name in layers


def file_outcomes(subject: Subject, fault: Any, planted: str, most: int = 2) -> Iterator[Outcome]:
    """A fault of the emitted code or of its weights, at its first and its last place."""
    count = sum(1 for _ in fault.sites(subject.conversion, subject.graph))
    for place in _places(count, most):
        conversion = subject.copy()
        site = list(fault.sites(conversion, subject.graph))[place]
        site.plant()
        yield judged(subject, conversion, Outcome(fault.name, subject.name, subject.target, planted, site.layers, ""))


PLACES = ("graph", "code", "mutants", "behaviour", "weights")


def faults(target: str, places: tuple[str, ...] = PLACES) -> list[tuple[str, Any]]:
    """Every fault of a target, with where it is planted."""
    rows = [("graph", fault) for fault in GRAPH_FAULTS]
    rows += [("code", fault) for fault in CODE_FAULTS if fault.target == target]
    rows += [("mutants", fault) for fault in MUTANTS]
    rows += [("behaviour", fault) for fault in BEHAVIOUR_FAULTS if fault.target == target]
    rows += [("weights", fault) for fault in WEIGHT_FAULTS]
    return [row for row in rows if row[0] in places]


def outcomes(subject: Subject, most: int = 2, places: tuple[str, ...] = PLACES, kind: str = "") -> Iterator[Outcome]:
    """Every fault that can be planted in the network, at ``most`` places each; with ``kind`` those whose name contains it."""
    for planted, fault in faults(subject.target, places):
        if kind not in fault.name:
            continue
        if planted == "graph":
            yield from graph_outcomes(subject, fault, most)
        else:
            yield from file_outcomes(subject, fault, planted, most)
