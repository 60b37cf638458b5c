"""Results in words."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from converter.checking.results import STATUSES, Result
from converter.console import Console, in_one_line

_STYLES = {"equal": "green", "not equal": "bold red", "crashed": "bold red", "refused": "bold red", "not run": "yellow"}


def line_of(result: Result) -> Text:
    """A result in one line, or with its problems below."""
    word = "NOT EQUAL" if result.status == "not equal" else result.status
    separator = ": " if result.problems else "  "
    text = Text.assemble((word, _STYLES[result.status]), separator, in_one_line(result.path))
    if result.target:
        source = result.source.replace("\\", "/").rpartition("/")[2]
        text.append(f": {in_one_line(source)} in {result.target}")
    if len(result.problems) > 1:
        text.append("".join(f"\n  - {problem}" for problem in result.problems))
    elif result.problems:
        text.append(f": {result.problems[0]}")
    error = largest_error(result)
    if error is not None:
        text.append(f", relative error at most {error:.2g}")
    if result.resumed:
        text.append(", as in an earlier run")
    elif result.report is not None:
        text.append(f", {result.seconds:.1f} s")
    return text


def summary(results: Sequence[Result], seconds: float) -> str:
    """How many ended how."""
    counts = [(status, sum(result.status == status for result in results)) for status in STATUSES]
    resumed = sum(result.resumed for result in results)
    words = [f"{count} {status}" for status, count in counts if count]
    if resumed:
        words.append(f"{resumed} of them in an earlier run")
    made = f"{len(results)} check{'' if len(results) == 1 else 's'} in {seconds:.1f} s"
    return f"{made}: {', '.join(words)}" if words else made


def largest_error(result: Result) -> float | None:
    """The largest relative error of any output, None where none was compared."""
    if result.report is None:
        return None
    return max((output.max_relative_error for output in result.report.outputs.values()), default=None)


def text_of(result: Result) -> str:
    """The whole result as plain text."""
    console = Console(color_system=None, force_terminal=False, force_jupyter=False)
    with console.capture() as captured:
        console.print(line_of(result))
        if result.report is not None:
            console.print(result.report)
    return captured.get()


def headline(result: Result) -> str:
    """What is wrong with a result, in one line."""
    if result.problems:
        return " ".join(result.problems[0].split())
    report = result.report
    if report is None:
        return result.status
    if report.findings:
        return " ".join(report.findings[0].split())
    wrong = [name for name, output in {**report.outputs, **report.probe}.items() if not output.ok]
    return f"{result.target} is not equal at output {', '.join(map(repr, wrong))}"
