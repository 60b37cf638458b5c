"""Lets pytest run equivalence specs: each target of each ``*.toml`` with a table ``[equivalence]`` is a test.

Each is made in a process of its own, as ``converter check`` makes it, so that ``pytest -n 2 specs/`` works as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from converter.targets import TARGETS


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("converter", "equivalence specs")
    group.addoption("--equivalence-time-limit", type=_seconds, metavar="SECONDS", help="for each run of the emitted code")
    group.addoption("--equivalence-memory-limit", type=_size, metavar="SIZE", help="for the emitted code, like 4GB")
    group.addoption("--equivalence-target", action="append", choices=TARGETS, help="only this target; may be given again")


def _seconds(text: str) -> float:
    if not float(text) > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time above 0.")
    return float(text)


def _size(text: str) -> int:
    from converter.verification.limits import in_bytes

    try:
        return in_bytes(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size like 4GB.") from None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SpecificationFile | None:
    if file_path.suffix != ".toml":
        return None
    from converter.specifications import is_specification

    return SpecificationFile.from_parent(parent, path=file_path) if is_specification(file_path) else None


class SpecificationFile(pytest.File):
    """A spec."""

    def collect(self) -> Iterator[EquivalenceItem]:
        from converter.checking.selection import find_checks, select

        for check in select(find_checks([self.path]), targets=self.config.getoption("--equivalence-target") or ()):
            if check.problems:
                raise self.CollectError("\n".join([f"{self.path}:", *check.problems]))
            yield EquivalenceItem.from_parent(self, name=check.target, check=check)


class NotEqualError(Exception):
    """The emitted code was not proven to compute what its source computes; the message is the whole result."""


class EquivalenceItem(pytest.Item):
    """One target of a spec."""

    def __init__(self, *, check: Any, **options: Any):
        super().__init__(**options)
        self.check = check

    def runtest(self) -> None:
        from converter.checking.process import Options, run_check, usual_memory
        from converter.checking.words import text_of
        from converter.verification.limits import LIMITS, Limits

        seconds, memory = (self.config.getoption(f"--equivalence-{name}-limit") for name in ("time", "memory"))
        result = run_check(self.check, Options(Limits(seconds or LIMITS.seconds, memory or usual_memory())))
        if result.status != "equal":
            raise NotEqualError(text_of(result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, NotEqualError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.check.line - 1, f"equivalence: {self.check.source.name} in {self.name}"
