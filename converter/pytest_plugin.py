"""Lets pytest run equivalence specs: each target of each ``*.toml`` with a table ``[equivalence]`` is a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SpecificationFile | None:
    if file_path.suffix != ".toml":
        return None
    from converter.specifications import is_specification

    return SpecificationFile.from_parent(parent, path=file_path) if is_specification(file_path) else None


class SpecificationFile(pytest.File):
    """A spec."""

    def collect(self) -> Iterator[EquivalenceItem]:
        from converter.errors import ConversionError
        from converter.specifications import load

        try:
            specification = load(self.path)
        except ConversionError as error:
            raise self.CollectError(str(error)) from None
        for target in specification.targets:
            yield EquivalenceItem.from_parent(self, name=target, specification=specification)


class NotEqualError(Exception):
    """The emitted code does not compute what its source computes."""


class EquivalenceItem(pytest.Item):
    """One target of a spec."""

    def __init__(self, *, specification: Any, **options: Any):
        super().__init__(**options)
        self.specification = specification

    def runtest(self) -> None:
        report = self.specification.run(self.name)
        if not report.ok:
            from rich.console import Console

            console = Console(width=110, color_system=None)
            with console.capture() as text:
                console.print(report)
            raise NotEqualError(text.get())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from converter.errors import ConversionError

        if isinstance(excinfo.value, NotEqualError | ConversionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, f"equivalence: {self.specification.model.name} in {self.name}"
