"""Starts ``run.py`` as a process of its own: what happens there, a crash or a hang, is a finding and never ours."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from converter.emitters.types import held
from converter.errors import ConversionError, Problem
from converter.graph import Weight
from converter.verification import run
from converter.verification.limits import LIMITS, Ended, Limits, run_limited

_MODULE = {"keras": "keras", "pytorch": "torch", "onnx": "onnxruntime"}
_BACKENDS = {"tensorflow": "tensorflow", "torch": "torch", "jax": "jax"}


# oneDNN's fast convolutions round more: 6e-6 of the scale in VGG-19's scores, against 2e-6 without. What is asked is whether
# the code is right, so it runs without them, as the judge does without its optimiser.
_ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}


_LENGTH = 1000
"""How much of an error's message is told."""


class RunError(Exception):
    """The emitted code did not run; the message says why, for people."""


class KilledError(RunError):
    """Its process was ended from outside, by a limit or a signal: the code may be right."""


@dataclass
class Answer:
    """``outputs[case][output]`` in stored axis order, the versions of what ran, and the digest of each weight by key.
    ``epsilons`` are those of the layers that have one, by what their weights' keys have in front. ``remarks`` tell what the
    model does that no answer shows, as "it writes over its input 0". ``inside`` is what it computed inside where that was asked
    for, or why that is not known."""

    outputs: list[list[Any]]
    versions: dict[str, str]
    weights: dict[str, str]
    epsilons: dict[str, float]
    remarks: list[str]
    inside: Trace | str | None = None


def require(target: str) -> None:
    """Raise ConversionError where the framework of ``target`` is not installed."""
    if importlib.util.find_spec(_MODULE[target]) is None:
        raise ConversionError(
            Problem(
                f"{target} is not installed, and is needed to run the emitted model.",
                advice=f'Install it with: pip install "converter[{target}]"',
            )
        )
    if target == "keras":
        backend()


def backend() -> str:
    """The Keras backend: the one in KERAS_BACKEND, otherwise the first that is installed."""
    chosen = os.environ.get("KERAS_BACKEND")
    if chosen:
        return chosen
    for name, module in _BACKENDS.items():
        if importlib.util.find_spec(module) is not None:
            return name
    raise ConversionError(
        Problem(
            f"Keras is installed, but none of its backends ({', '.join(_BACKENDS)}).",
            advice='Install one with: pip install "converter[keras]"',
        )
    )


def save_weights(weights: Mapping[str, Weight], path: Path, target: str) -> None:
    """Write those weights that have data, row-major, under their keys, in number types that ``target`` has."""
    # safetensors takes the memory as it lies, and would write a transposed view in the wrong order
    numbers = {key: held(weight.array(), target) for key, weight in weights.items() if weight.has_data}
    save_file({key: np.asarray(array, order="C") for key, array in numbers.items()}, path)
    path.chmod(path.parent.stat().st_mode & 0o666)  # safetensors leaves it to its owner alone


def run_model(
    target: str,
    folder: Path,
    cases: Sequence[Sequence[Any]] = (),
    outputs: int = 1,
    *,
    save: Mapping[str, Weight] | None = None,
    assign: Mapping[str, Weight] | None = None,
    wide: bool = False,
    again: bool = False,
    inside: Sequence[Any] | None = None,
    budget: int = 0,
    limits: Limits = LIMITS,
) -> Answer:
    """Run the model of ``folder`` on ``cases`` (inputs in order and stored axis order), of which each gives ``outputs`` values.

    ``save`` (Keras) lets the framework write its weights file first. ``assign`` replaces the weights of the loaded model; it
    must hold every one. ``wide`` computes in float64 what the code computes in float32. ``again``: the last case is run in
    another way than the others: PyTorch with gradients and with inputs that do not lie in order in memory, Keras without
    tracing. ``inside``: one more case, in which all that the code computes is recorded, up to ``budget`` bytes. Raises RunError
    where the code fails, crashes or exceeds ``limits``; not where it does in being recorded.
    """
    with tempfile.TemporaryDirectory(prefix="converter-") as temporary:
        place = Path(temporary)
        watched = place / "inside.json"
        with (place / "cases.bin").open("wb") as file:
            asked = [run.stored(list(case), file) for case in cases]
            looked = None if inside is None else run.stored(list(inside), file)
        job = {
            "framework": target,
            "folder": str(folder),
            "save": _handed_over(save, place / "save.safetensors", target),
            "fresh": [key for key, weight in (save or {}).items() if not weight.has_data],
            "assign": _handed_over(assign, place / "assign.safetensors", target),
            "arrays": str(place / "cases.bin"),
            "cases": asked,
            "outputs": outputs,
            "wide": wide,
            "again": again,
            "inside": None
            if inside is None
            else {
                "case": looked,
                "budget": budget,
                "results": str(place / "inside.bin"),
                "answer": str(watched),
            },
            "results": str(place / "results.bin"),
        }
        answer, problem = _answered(job, place, target, limits)
        if problem and (inside is None or watched.is_file()):
            raise RunError(problem)
        results = run.opened(job["results"])
        found = [run.restored(case, results) for case in answer["outputs"]]
        recorded = problem if not watched.is_file() else _recorded(json.loads(watched.read_text()), place / "inside.bin")
    return Answer(found, answer["versions"], answer["weights"], answer["epsilons"], answer["remarks"], recorded)


@dataclass
class Entry:
    """A tensor that the emitted code computed, in stored axis order; ``array`` is None where it was not kept.

    ``line`` of model.py computes it, ``constructor`` constructs the layer that does; None where the code has no such line.
    ``operands`` are the places of earlier entries that it was computed from, as far as the text tells. ``over``: it is written
    over what it was computed from, though not in this run. ``calls`` are those in model.py that it was computed in,
    innermost first: the line, and the places of the first entry that was computed in it and of the first behind it.
    """

    line: int | None
    constructor: int | None
    operands: list[int]
    array: Any = None
    over: bool = False
    calls: list[list[int]] = field(default_factory=list)


@dataclass
class Trace:
    """One run of the emitted code, tensor by tensor, in order of execution.

    ``raised`` holds the ``message`` of what ended it, and the ``lines`` of model.py that it came through, outermost first, and
    whether the model was ``constructed`` and ``loaded`` by then, and ``ran`` to its end all the same; ``layer`` is the line
    that constructs the layer in which that was.
    ``weights`` describes each weight of the folder that is not the expected one (``trace.differences``), with the ``line`` that
    constructs what holds it. ``returned`` is what
    the model gave back, in stored axis order, None where it gave nothing back; ``before`` what it gave for each case before the
    one that was recorded.
    """

    entries: list[Entry]
    raised: dict[str, Any] | None
    weights: list[dict[str, Any]]
    returned: list[Any] | None = None
    before: list[list[Any]] = field(default_factory=list)


def trace_model(
    target: str,
    folder: Path,
    cases: Sequence[Sequence[Any]],
    outputs: int,
    weights: Mapping[str, Weight],
    *,
    fresh: bool = False,
    budget: int,
    limits: Limits = LIMITS,
) -> Trace:
    """Run the model of ``folder`` on cases, one after the other, and record what each of its lines computes in the last, or in
    the one that fails, up to ``budget`` bytes of numbers.

    ``weights`` are those that the folder should hold; ``fresh``: it holds none, and gets them. An error in the code is part of
    the answer. Raises RunError where the process itself fails or exceeds ``limits``.
    """
    with tempfile.TemporaryDirectory(prefix="converter-") as temporary:
        place = Path(temporary)
        with (place / "cases.bin").open("wb") as file:
            asked = [run.stored(list(case), file) for case in cases]
        job = {
            "framework": target,
            "trace": True,
            "folder": str(folder),
            "fresh": fresh,
            "budget": budget,
            "expected": _handed_over(weights, place / "expected.safetensors", target),
            "arrays": str(place / "cases.bin"),
            "cases": asked,
            "outputs": outputs,
            "results": str(place / "results.bin"),
        }
        answer, problem = _answered(job, place, target, limits)
        if problem:
            raise RunError(problem)
        return _recorded(answer, Path(job["results"]))


def _recorded(answer: Mapping[str, Any], path: Path) -> Trace:
    """What ``trace.py`` recorded, with the arrays of the file at ``path``."""
    content = run.opened(path)
    entries = [Entry(**row | {"array": run.restored(row["array"], content)}) for row in answer["entries"]]
    returned, before = run.restored(answer.get("returned"), content), run.restored(answer.get("before", []), content)
    return Trace(entries, answer.get("raised"), answer.get("weights", []), returned, before)


def _handed_over(weights: Mapping[str, Weight] | None, path: Path, target: str) -> str | None:
    if weights is None:
        return None
    save_weights(weights, path, target)
    return str(path)


def _answered(job: Mapping[str, Any], place: Path, target: str, limits: Limits) -> tuple[dict[str, Any], str]:
    """What ``run.py`` answers to ``job``, for which it gets the folder ``place``, and what went wrong after that, if anything
    did. Raises RunError where it does not answer."""
    answer = place / "answer.json"
    (place / "job.json").write_text(json.dumps({**job, "answer": str(answer), "parent": os.getpid()}))
    environment = _ENVIRONMENT | os.environ
    if target == "keras":
        environment["KERAS_BACKEND"] = backend()
    ended = run_limited([sys.executable, run.__file__, str(place / "job.json")], limits, environment)
    problem = ended.problem or (_reason(ended) if ended.exit_code else "")
    if ended.problem and (line := _line_of_model(ended.errors.rpartition("Current thread")[2])):
        problem = f"{problem} (model.py, line {line})"
    if not answer.is_file():  # as the code itself may end the process
        if ended.problem:
            raise KilledError(problem)
        raise RunError(problem or "ended with exit code 0 before it gave an answer")
    return json.loads(answer.read_text()), problem


def _line_of_model(stack: str) -> str:
    """The line of model.py that a stack with the most recent call first is at, empty where it is at none."""
    found = re.search(r'model\.py", line (\d+)', stack)
    return found[1] if found else ""


def _reason(ended: Ended) -> str:
    """The error that ended the program and the line of model.py it came from, out of what it printed."""
    _, traceback, after = ended.errors.rpartition("Traceback (most recent call last):\n")
    if not traceback:
        last = ended.errors.strip().rpartition("\n")[2][:_LENGTH]
        if last and ended.exit_code == 1:  # as sys.exit("a text") does
            return last
        return f"ended with exit code {ended.exit_code}{f': {last}' if last else ''}"
    frames, lines = [], after.splitlines()
    while lines and (not lines[0].strip() or lines[0].startswith(" ")):
        frames.append(lines.pop(0))
    line = re.findall(r'model\.py", line (\d+)', "\n".join(frames))
    error = " ".join(text.strip() for text in lines if text.strip())[:_LENGTH]
    return f"{error} (model.py, line {line[-1]})" if line else error
