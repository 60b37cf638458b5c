"""Equivalence specs: TOML files that say which model must be equal in which targets, and how closely.

``specs/verification.md`` defines them; ``converter check`` and ``pytest`` run them.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter.errors import ConversionError, Problem
from converter.targets import TARGETS, Target

if TYPE_CHECKING:
    from converter.conversion import Conversion

TABLE = "equivalence"


@dataclass(frozen=True)
class Specification:
    """One spec; ``model`` is an absolute path, ``line`` (from 1) the one that names the targets."""

    path: Path
    model: Path
    targets: tuple[Target, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    batch_sizes: tuple[int, ...] = (1, 3)
    tolerance: float | None = None
    same: bool = False
    variable: str | None = None
    line: int = 1

    def run(self, target: Target, folder: Path, **options: Any) -> Conversion:
        """Convert to ``target`` in ``folder`` and verify, with further ``options`` of ``convert``. Raises ConversionError."""
        from converter.conversion import convert

        return convert(
            self.model,
            target,
            folder,
            same=self.same,
            variable=self.variable,
            seeds=self.seeds,
            batch_sizes=self.batch_sizes,
            tolerance=self.tolerance,
            **options,
        )


def is_specification(path: Path) -> bool:
    """Whether a file is meant as a spec: a .toml file with a line that opens the table ``[equivalence]``, or that cannot be
    read, which nobody shall take for equal."""
    if path.suffix != ".toml" or not os.path.isfile(path):
        return False
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError:
        return True
    return any(line.split("#")[0].strip().replace(" ", "") == f"[{TABLE}]" for line in lines)


def find(folder: Path) -> list[Path]:
    """The specs in ``folder`` and below, and the folders there that cannot be read, in order of their paths."""
    unreadable: list[Path] = []
    walk = os.walk(folder, onerror=lambda error: unreadable.append(Path(error.filename)))
    found = [path for place, _, names in walk for path in (Path(place, name) for name in names) if is_specification(path)]
    return sorted([*found, *unreadable])


def load(path: Path, model: Path | None = None) -> Specification:
    """The spec in a file; ``model`` stands for the model that it names. Raises ConversionError with every problem found."""
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe or a device may have no end
            raise ConversionError(Problem("it is no file."), str(path))
        text = path.read_text(encoding="utf-8-sig")
        document = tomllib.loads(text)
    except OSError as error:
        raise ConversionError(Problem(f"the spec cannot be read: {error.strerror}."), str(path)) from None
    except ValueError as error:  # of the encoding or of TOML
        raise ConversionError(Problem(f"the spec is no valid TOML: {error}."), str(path)) from None
    problems = [Problem("unknown table or key.", key, f"Put it into [{TABLE}].") for key in document if key != TABLE]
    table = document.get(TABLE)
    if not isinstance(table, dict):
        raise ConversionError([*problems, Problem(f"the spec has no table [{TABLE}].")], str(path))
    for key, value in table.items():
        if key not in _KEYS:
            problems.append(Problem("unknown key.", key, f"The keys are {', '.join(_KEYS)}."))
        elif not _KEYS[key][0](value):
            problems.append(Problem(f"{value!r} is not {_KEYS[key][1]}.", key))
    problems += [Problem("it is missing.", key, f"Give {_KEYS[key][1]}.") for key in ("model", "targets") if key not in table]
    if model is None and isinstance(table.get("model"), str):
        model = path.resolve().parent / table["model"]
    if model is not None and not os.path.isfile(model):
        problems.append(Problem(f"there is no file {model}.", "model", "Give its path relative to the spec."))
    if problems:
        raise ConversionError(problems, str(path))
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Specification(path, **values | {"model": model}, line=line_of(text, "targets"))


def line_of(text: str, key: str) -> int:
    """The line (from 1) of a spec's text that gives ``key`` its value, otherwise that which opens the table."""
    lines = text.splitlines()
    for pattern in (rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", rf"\s*\[\s*{TABLE}\s*\]"):
        for number, line in enumerate(lines, 1):
            if re.match(pattern, line):
                return number
    return 1


def _list_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(check(item) for item in value)


def _whole(minimum: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= minimum


_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "model": (lambda value: isinstance(value, str), "a path relative to the spec"),
    "targets": (_list_of(lambda value: value in TARGETS), f"a list of targets out of {', '.join(TARGETS)}"),
    "seeds": (_list_of(_whole(0)), "a list of whole numbers from 0"),
    "batch_sizes": (_list_of(_whole(1)), "a list of whole numbers from 1"),
    "tolerance": (
        lambda value: isinstance(value, float) and 0 < value < 1,
        "a number between 0 and 1: the largest error as a share of the output's largest magnitude",
    ),
    "same": (lambda value: isinstance(value, bool), "true or false"),
    "variable": (lambda value: isinstance(value, str), "the name of a variable in the .mat file"),
}
