"""The emitted model as the judge meets it: asked in the source's axis order, run in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converter.emitters import Port
from converter.emitters.stored import to_source, to_stored
from converter.emitters.visible import Visible
from converter.graph import Weight
from converter.verification.inputs import Question
from converter.verification.limits import LIMITS, Limits
from converter.verification.worker import Answer, RunError, Trace, run_model, trace_model


@dataclass(frozen=True)
class Candidate:
    """A model in its folder, with what was written: ``weights`` by target key, and which values ``visible`` in it.

    ``fresh``: the source holds no numbers for some of the weights, so that the folder has none and the model gets all of them.
    """

    target: str
    folder: Path
    inputs: Sequence[Port]
    outputs: Sequence[Port]
    weights: Mapping[str, Weight]
    visible: Visible
    limits: Limits = LIMITS
    fresh: bool = False

    @property
    def is_code(self) -> bool:
        """Whether it is source code, and no ONNX file."""
        return self.target != "onnx"

    def with_weights(self, fresh: bool) -> Candidate:
        """The same, given its weights if they are ``fresh``."""
        return replace(self, fresh=fresh)

    def run(
        self, questions: Sequence[Question], *, again: bool = False, inside: Question | None = None, budget: int = 0
    ) -> Answer:
        """The answers to the questions, in source axis order where the model gave as many as it should; for ``inside`` all that
        it computes, up to ``budget`` bytes. ``again`` is that of ``run_model``. Raises RunError."""
        watched = None if inside is None else self.stored(inside)
        return self._run(questions, again=again, inside=watched, budget=budget)

    def wide(self, questions: Sequence[Question]) -> list[list[Any]] | None:
        """The answers in float64, None where it cannot compute so."""
        try:
            return self._run(questions, wide=True).outputs if self.is_code else None
        except RunError:
            return None

    def trace(self, questions: Sequence[Question], budget: int) -> Trace | None:
        """All that the code computes for the last of some questions, up to so many bytes, None where it is no code. Raises
        RunError."""
        if not self.is_code:
            return None
        return trace_model(
            self.target,
            self.folder,
            [self.stored(question) for question in questions],
            len(self.outputs),
            self.weights,
            fresh=self.fresh,
            budget=budget,
            limits=self.limits,
        )

    def stored(self, question: Question) -> list[Any]:
        """The inputs in order, as the model takes them."""
        return [to_stored(question.inputs[port.source_name], port, self.target) for port in self.inputs]

    def text(self) -> list[str]:
        """The lines of model.py."""
        path = self.folder / "model.py"
        return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []

    def _run(self, questions: Sequence[Question], **how: Any) -> Answer:
        answer = run_model(
            self.target,
            self.folder,
            [self.stored(question) for question in questions],
            len(self.outputs),
            assign=self.weights if self.fresh and self.is_code else None,
            limits=self.limits,
            **how,
        )
        return replace(answer, outputs=[self._in_source_order(arrays) for arrays in answer.outputs])

    def _in_source_order(self, arrays: list[Any]) -> list[Any]:
        if len(arrays) != len(self.outputs):
            return arrays
        return [to_source(array, port, self.target) for array, port in zip(arrays, self.outputs, strict=True)]
