"""Which checks there are, and which of them this run makes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from converter.checking.results import Result
from converter.errors import ConversionError, Problem
from converter.specifications import find, line_of, load


@dataclass(frozen=True)
class Check:
    """One target of one spec, or one conversion folder.

    ``path`` is what the user named, ``place`` the same absolute, ``source`` the model file. ``position`` is the path below the
    argument it was found by, the same on every machine. ``problems``: why it cannot be run, for a path that could not be read.
    """

    path: str
    place: Path
    target: str = ""
    source: Path | None = None
    line: int = 1
    position: str = ""
    problems: tuple[str, ...] = ()

    @property
    def is_conversion(self) -> bool:
        return os.path.isdir(self.place)

    def result(self, status: str, **fields: object) -> Result:
        """A result of this check."""
        return Result(self.path, str(self.source or ""), self.target, status, line=self.line, **fields)

    @property
    def name(self) -> str:
        return self.result("not run").name


def find_checks(paths: Sequence[Path]) -> list[Check]:
    """All checks that ``paths`` (specs, folders of specs, conversion folders) ask for, each once; paths that cannot be read are
    among them."""
    found: dict[tuple[Path, str], Check] = {}
    for path in paths:
        for check in _checks(path):
            found.setdefault((check.place, check.target), check)
    return list(found.values())


def _checks(path: Path) -> Iterator[Check]:
    from converter.conversion import RECORD

    if os.path.isfile(path / RECORD):
        yield _conversion(path)
        return
    files = find(path) if os.path.isdir(path) else [path]
    if not files:
        advice = "Give a spec, a folder of specs, or a folder written by `converter convert`."
        yield _unreadable(path, ConversionError(Problem("the folder holds no specs and no conversion.", advice=advice)))
    for file in files:
        position = file.relative_to(path).as_posix() if file != path else file.name
        try:
            specification = load(file)
        except ConversionError as error:
            yield _unreadable(file, error, position)
            continue
        for target in specification.targets:
            yield Check(str(file), file.resolve(), target, specification.model, specification.line, position)


def _conversion(folder: Path) -> Check:
    from converter.conversion import open as open_conversion

    try:
        conversion = open_conversion(folder)
    except ConversionError as error:
        return _unreadable(folder, error)
    path = conversion.source["path"]
    source = Path(os.path.normpath(folder.resolve() / path)) if path else None
    return Check(str(folder), folder.resolve(), conversion.target, source, position=folder.name)


def _unreadable(path: Path, error: ConversionError, position: str = "") -> Check:
    line, key = 1, next((problem.where for problem in error.problems if problem.where), "")
    if key:  # in a text that was read
        line = line_of(path.read_text(encoding="utf-8-sig", errors="replace"), key)
    problems = tuple(str(problem) for problem in error.problems)
    return Check(str(path), Path(os.path.realpath(path)), line=line, position=position or path.name, problems=problems)


def select(checks: Sequence[Check], patterns: Sequence[str] = (), targets: Sequence[str] = ()) -> list[Check]:
    """The checks whose path, model file or target contains one of ``patterns`` (as text or as a pattern with ``*``, ``?`` and
    ``[]``, in any case) and whose target is among ``targets``; without either, all. A spec that cannot be read has every
    target."""
    return [
        check
        for check in checks
        if (not targets or not check.target or check.target in targets)
        and (not patterns or any(_matches(check, pattern.casefold()) for pattern in patterns))
    ]


def _matches(check: Check, pattern: str) -> bool:
    words = [check.path, check.source.name if check.source else "", check.target]
    text = " ".join(words).casefold()
    return pattern in text or any(fnmatchcase(word.casefold(), pattern) for word in [*words, text])


def shard(checks: Sequence[Check], number: int, count: int) -> list[Check]:
    """Part ``number`` (from 1) of ``count``: each check is in exactly one part, whose sizes differ by one at most.

    Which one depends on the names below the given paths alone, so machines that have them at other places agree.
    """
    order = sorted(range(len(checks)), key=lambda i: (_digest(f"{checks[i].position}\0{checks[i].target}"), i))
    chosen = set(order[number - 1 :: count])
    return [check for index, check in enumerate(checks) if index in chosen]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
