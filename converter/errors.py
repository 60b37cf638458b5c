"""The one family of errors: each problem names the place, what was found there and the way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One reason why a conversion cannot go on.

    ``where`` names a layer, node or variable (empty: the whole file), ``reason`` says what was found and what was
    expected, ``advice`` what the user can do.
    """

    reason: str
    where: str = ""
    advice: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.reason}" if self.where else self.reason
        text = text if text.endswith((".", "!", "?")) else f"{text}."
        return f"{text} {self.advice}" if self.advice else text


class ConversionError(Exception):
    """A source that cannot be read or converted; every reason found stands in ``problems``."""

    def __init__(self, problems: Problem | str | Sequence[Problem | str], source: str | None = None):
        if isinstance(problems, Problem | str):
            problems = [problems]
        self.problems: list[Problem] = [p if isinstance(p, Problem) else Problem(p) for p in problems]
        self.source = source
        super().__init__(problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems]
        if len(lines) == 1:
            return f"{self.source}: {lines[0]}" if self.source else lines[0]
        head = f"{self.source}: {len(lines)} problems" if self.source else f"{len(lines)} problems"
        return "\n  - ".join([head, *lines])


class ReadError(ConversionError):
    """The file is not what its reader needs: damaged, of another kind, or contradicting itself."""


class UnsupportedError(ConversionError):
    """The file is sound, but holds layers or operators that have no room here; all of them are listed."""
