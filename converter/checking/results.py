"""What a check is, and what came out of it: the records that every report of ``converter check`` is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from converter.verification.report import Report

Status = Literal["equal", "not equal", "crashed", "refused", "not run"]
STATUSES: tuple[Status, ...] = get_args(Status)

_EXIT_CODES = {"equal": 0, "not equal": 1, "crashed": 1, "refused": 2, "not run": 1}


@dataclass
class Result:
    """What came out of one check: one target of one spec, or one conversion folder.

    ``path`` is the spec or the conversion folder as the user named it, ``source`` the model file, ``line`` (from 1) where the
    spec asks for it, or where its mistake stands. ``target`` is empty where a path could not be read at all. ``report`` is
    None unless the check came to its end; then ``problems`` says why not. ``code`` is the emitted ``model.py``, empty for
    ONNX. ``resumed``: it was equal in an earlier run with the same inputs, and was not run again.
    """

    path: str
    source: str
    target: str
    status: Status
    seconds: float = 0.0
    report: Report | None = None
    problems: list[str] = field(default_factory=list)
    code: str = ""
    line: int = 1
    resumed: bool = False

    @property
    def name(self) -> str:
        """The path and the target: what names the check in every report."""
        return f"{self.path}: {self.target}" if self.target else self.path

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``json.dumps``."""
        return vars(self) | {"report": None if self.report is None else self.report.to_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Result:
        """The inverse of ``to_json``. Raises KeyError, TypeError or ValueError for anything else."""
        if data["status"] not in STATUSES:
            raise ValueError(f"unknown status {data['status']!r}")
        return cls(**data | {"report": None if data["report"] is None else Report.from_json(data["report"])})


def exit_code(results: Sequence[Result]) -> int:
    """0: all are equal; 1: some are not, or could not be proven; 2: some were refused."""
    return max((_EXIT_CODES[result.status] for result in results), default=0)
