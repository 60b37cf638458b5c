"""What GitHub Actions shows: annotations at the lines of the specs, and a summary of the step."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

from converter.checking.results import Result
from converter.checking.words import headline, largest_error, summary, text_of

_SUMMARY_LIMIT = 1000 * 1024
"""GitHub refuses a summary of more than 1024 KiB."""


def annotations(results: Sequence[Result]) -> list[str]:
    """A workflow command for each result that is not equal, and for what an equal one warns of."""
    found = []
    for result in results:
        if result.status not in ("equal", "not run"):
            found.append(_command("error", result, f"{result.name}: {result.status}", f"{headline(result)}\n{text_of(result)}"))
        elif result.report is not None and result.report.warnings and not result.resumed:
            found.append(_command("warning", result, result.name, "\n".join(result.report.warnings)))
    return found


def _command(kind: str, result: Result, title: str, message: str) -> str:
    values = {"file": _relative(result.path), "line": str(result.line), "title": title}
    return f"::{kind} {','.join(f'{key}={_property(value)}' for key, value in values.items())}::{_data(message)}"


def _relative(path: str) -> str:
    """GitHub finds a file by its path in the repository."""
    absolute = Path(path).resolve()
    workspace = Path(os.environ.get("GITHUB_WORKSPACE") or ".").resolve()
    if absolute.is_dir():
        absolute = absolute / "conversion.json"
    return absolute.relative_to(workspace).as_posix() if absolute.is_relative_to(workspace) else absolute.as_posix()


def _data(text: str) -> str:
    plain = text.encode(errors="replace").decode()  # a path may hold bytes that are no text
    return plain.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def step_summary(results: Sequence[Result], seconds: float) -> str:
    """Markdown: a table of all results, and below it the whole text of those that are not equal."""
    lines = [f"### converter check\n\n{summary(results, seconds)}\n"]
    lines += ["| | check | largest relative error | seconds |", "|---|---|---|---|"]
    marks = {"equal": "✅", "not run": "⚪"}
    for result in results:
        error = largest_error(result)
        cells = [f"{marks.get(result.status, '❌')} {result.status}", _cell(result.name)]
        lines.append(f"| {' | '.join([*cells, '' if error is None else f'{error:.2g}', f'{result.seconds:.1f}'])} |")
    text = "\n".join(lines) + "\n"
    for result in results:
        if result.status in marks:
            continue
        block = f"\n<details><summary>{escape(result.name)}</summary>\n<pre>{escape(text_of(result))}</pre>\n</details>\n"
        if len((text + block).encode(errors="replace")) > _SUMMARY_LIMIT:
            return f"{text}\nMore is in the log.\n"
        text += block
    return text


def _cell(text: str) -> str:
    """Text that neither HTML nor a table of Markdown takes for anything else."""
    plain = escape(" ".join(text.split()))
    return "".join(f"&#{ord(character)};" if character in "|*_`[]\\~!#@:" else character for character in plain)
