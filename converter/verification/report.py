"""What a verification found, for people and for programs."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from converter.verification.compare import Tolerance
from converter.verification.layers import Blame, Layer, sentence


@dataclass
class Case:
    """One question put to both sides. ``shapes`` holds the shape of each input by source name, in source axis order."""

    name: str
    shapes: dict[str, tuple[int, ...]]
    values: str
    """What the numbers are, in words."""


@dataclass
class Where:
    """The place of the largest difference: the case's name, the index in source axis order."""

    case: str
    index: tuple[int, ...]


@dataclass
class OutputReport:
    """The comparison of one output over all cases.

    ``max_relative_error`` is max |a - b| / max |reference| in the worst sample. ``top1_agreement`` is the share of samples in
    which both sides name the same class, None for an output that holds no class scores. ``beyond`` is the share of numbers
    further apart than the tolerance in the worst case, where the tolerance allows for such. ``excess`` is the largest
    difference in units of what its sample is allowed, 1 at most where all is as it should be; ``tolerance``,
    ``max_relative_error`` and ``where`` are those of that sample.
    """

    tolerance: Tolerance
    max_abs_error: float = 0.0
    max_relative_error: float = 0.0
    where: Where | None = None
    top1_agreement: float | None = None
    problem: str = ""
    beyond: float = 0.0
    excess: float | None = None
    remark: str = ""
    """What else there is to say of this output, for people."""

    @property
    def ok(self) -> bool:
        if self.excess is not None and math.isfinite(self.excess):
            return (self.excess <= 1 or 0 < self.beyond <= self.tolerance.share) and not self.problem
        within = self.max_relative_error <= self.tolerance.relative or self.max_abs_error <= self.tolerance.absolute
        return (within or 0 < self.beyond <= self.tolerance.share) and not self.problem


@dataclass
class Report:
    """The whole verification. ``outputs`` go by source name, in order."""

    target: str
    judge: str
    cases: list[Case] = field(default_factory=list)
    outputs: dict[str, OutputReport] = field(default_factory=dict)
    probe: dict[str, OutputReport] = field(default_factory=dict)
    """The emitted code against the source's own stored answer."""
    findings: list[str] = field(default_factory=list)
    """Why something could not be run or compared; a report with findings is not ok."""
    warnings: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    """The network layer by layer, where that was asked for or something differs."""
    blame: Blame | None = None

    @property
    def ok(self) -> bool:
        compared = [*self.outputs.values(), *self.probe.values()]
        return not self.findings and bool(self.outputs) and all(output.ok for output in compared)

    @property
    def tolerance(self) -> Tolerance | None:
        """The widest tolerance among the outputs."""
        return max((output.tolerance for output in self.outputs.values()), key=lambda t: t.relative, default=None)

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``json.dumps``; an infinite error is null."""
        return {"ok": self.ok, **_finite(asdict(self))}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """The inverse of ``to_json``. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            data["target"],
            data["judge"],
            [Case(**case | {"shapes": {k: tuple(v) for k, v in case["shapes"].items()}}) for case in data["cases"]],
            {name: _output(row) for name, row in data["outputs"].items()},
            {name: _output(row) for name, row in data["probe"].items()},
            list(data["findings"]),
            list(data["warnings"]),
            dict(data["versions"]),
            [Layer.from_json(row) for row in data["layers"]],
            None if data["blame"] is None else Blame.from_json(data["blame"]),
        )

    def __str__(self) -> str:
        return json.dumps(self.to_json(), indent=2)

    def __rich__(self) -> RenderableType:
        table = Table("output", title=f"{self.target} against {self.judge}", title_justify="left", box=SIMPLE_HEAD)
        for heading in ("absolute", "relative", "top-1"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("where the error is largest")
        table.add_column("", no_wrap=True)
        for name, output in self.outputs.items():
            table.add_row(*_row(name, output))
        for name, output in self.probe.items():
            table.add_row(*_row(f"{name} (probe)", output))
        lines: list[RenderableType] = [table] if self.outputs else []
        lines += [Text(f"not equal: {finding}", style="red") for finding in self.findings]
        if self.blame is not None:
            lines.append(sentence(self.layers, self.blame))
        lines += [Text(f"warning: {warning}", style="yellow") for warning in self.warnings]
        reasons = {o.tolerance.name: o.tolerance for o in [*self.outputs.values(), *self.probe.values()]}
        lines += [Text(f"tolerance ({t.name}): {in_words(t)}; {t.reason}") for t in reasons.values()]
        ran = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        count = f"{len(self.cases)} case{'' if len(self.cases) == 1 else 's'}"
        verdict = Text("equal", style="bold green") if self.ok else Text("NOT EQUAL", style="bold red")
        lines.append(verdict.append(f" in {count}; {ran}" if ran else f" in {count}", style="default not bold"))
        return Group(*lines)


def in_words(tolerance: Tolerance) -> str:
    """What a tolerance allows."""
    share = f"{tolerance.relative:g} of the largest magnitude in a sample"
    if tolerance.share:
        return f"{share}, but for {tolerance.share:.2g} of its numbers"
    if not tolerance.absolute:
        return share
    return f"{share}, or {tolerance.absolute:g}" if tolerance.relative else f"{tolerance.absolute:g}"


def _row(name: str, output: OutputReport) -> list[Text]:
    top1 = "" if output.top1_agreement is None else f"{output.top1_agreement:.0%}"
    place = f"{output.where.case}, {list(output.where.index)}" if output.where else ""
    verdict = Text("equal", style="green") if output.ok else Text("differs", style="red")
    if output.tolerance.share:
        place = f"{place}; {output.beyond:.1e} of its numbers are beyond the tolerance"
    cells = [name, f"{output.max_abs_error:.2g}", f"{output.max_relative_error:.2g}", top1, output.problem or place]
    return [*(Text(cell) for cell in cells), verdict]


def _output(row: dict[str, Any]) -> OutputReport:
    where = row["where"]
    return OutputReport(
        Tolerance(**row["tolerance"]),
        _number(row["max_abs_error"]),
        _number(row["max_relative_error"]),
        None if where is None else Where(where["case"], tuple(where["index"])),
        row["top1_agreement"],
        row["problem"],
        row["beyond"],
        row["excess"],
        row["remark"],
    )


def _number(value: float | None) -> float:
    return math.inf if value is None else float(value)


def _finite(value: Any) -> Any:
    """JSON knows no infinity: None stands for it."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
