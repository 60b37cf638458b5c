"""What ``converter check`` shows while it runs: a bar on a terminal, a line for each check everywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from converter.checking.results import Result
from converter.checking.selection import Check
from converter.checking.words import line_of
from converter.console import Console


class Display:
    """Prints results on ``out``, what was refused on ``errors``."""

    def __init__(self, out: Console, errors: Console, total: int, layers: bool = False):
        self._out, self._errors, self._total, self._layers = out, errors, total, layers
        self._bar: Progress | None = None
        self._running: list[str] = []

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the bar inside the block, on a terminal."""
        if not self._out.is_terminal:
            yield
            return
        figures = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        columns = (TextColumn("checked"), *figures, TextColumn("{task.description}"))
        with Progress(*columns, console=self._out, transient=True) as self._bar:
            self._bar.add_task("", total=self._total)
            try:
                yield
            finally:
                bar, self._bar = self._bar, None
                bar.stop()

    def started(self, check: Check) -> None:
        self._running.append(check.name)
        self._describe()

    def finished(self, result: Result) -> None:
        if result.name in self._running:
            self._running.remove(result.name)
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0])
        self._describe()
        console = self._errors if result.status == "refused" and not self._out.is_terminal else self._out
        console.print(line_of(result), soft_wrap=True)  # also on a terminal, to be copied whole
        if result.status == "not equal":
            self._out.print(result.report)
        if self._layers and result.report is not None and result.report.layers:
            from converter.verification.layers import table

            self._out.print(table(result.report.layers, result.report.blame))

    def _describe(self) -> None:
        if self._bar is not None:
            names = [name if len(name) <= 60 else f"…{name[-59:]}" for name in self._running]
            self._bar.update(self._bar.task_ids[0], description=", ".join(names).replace("[", r"\["))
