"""The command ``converter check``."""

from __future__ import annotations

import json
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from converter.console import Console
from converter.errors import ConversionError
from converter.targets import TARGETS

if TYPE_CHECKING:
    from distributed import Client

    from converter.checking.console import Display
    from converter.checking.process import Options
    from converter.checking.results import Result
    from converter.checking.selection import Check
    from converter.checking.state import State

    _Make = Callable[[Sequence[Check]], Iterator[tuple[Check, Result]]]

REFUSED, INTERRUPTED = 2, 130


def check(
    paths: Annotated[list[Path], typer.Argument(help="Specs, folders of specs, conversion folders.", show_default=False)],
    keep: Annotated[
        list[str] | None,
        typer.Option("-k", metavar="TEXT", help="Only checks whose path, model or target contains TEXT, or matches it (*, ?)."),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="|".join(TARGETS), help="Only checks of this target; may be given again."),
    ] = None,
    shard: Annotated[str, typer.Option(metavar="K/N", help="Only part K of N; each check is in exactly one part.")] = "1/1",
    workers: Annotated[str, typer.Option("-n", metavar="NUMBER", help="Checks at a time; auto: one for each processor.")] = "1",
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume", "--state", metavar="FILE", help="Keep here what passed; it is not run again on the same inputs."
        ),
    ] = None,
    layers: Annotated[bool, typer.Option("--layers", help="Compare layer by layer and list them all.")] = False,
    dask: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Make the checks on the Dask cluster whose scheduler is there, instead of here."),
    ] = None,
    send_limit: Annotated[
        str,
        typer.Option(metavar="SIZE", help="With --dask: larger files are not sent, but expected at the same path there."),
    ] = "64MB",
    time_limit: Annotated[
        float, typer.Option(min=0.1, help="Seconds for each run of the emitted code; three times as many and 60 for a check.")
    ] = 900.0,
    memory_limit: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Memory for the emitted code, like 4GB; by default 3/4 of what there is."),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the results as JSON.")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the results as JUnit XML.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the results as one HTML page.")] = None,
    github: Annotated[
        bool | None,
        typer.Option("--github/--no-github", help="Annotate for GitHub Actions; by default where it runs.", show_default=False),
    ] = None,
) -> None:
    """Run equivalence specs, and verify conversions anew.

    Exit codes: 0 all equal; 1 not equal, or crashed; 2 refused, nothing to check, or a report that cannot be written;
    130 interrupted.
    """
    from converter.checking.console import Display
    from converter.checking.process import Options, usual_memory
    from converter.checking.results import exit_code
    from converter.checking.runner import processors, run_here
    from converter.checking.selection import find_checks, select
    from converter.checking.selection import shard as shard_of
    from converter.checking.state import State
    from converter.checking.words import summary
    from converter.verification.limits import Limits, in_bytes

    limits = Limits(time_limit, usual_memory() if memory_limit is None else _parsed(in_bytes, memory_limit, "--memory-limit"))
    part, count = _parsed(_shard, shard, "--shard")
    at_a_time = _parsed(_workers, workers, "-n")
    sent = _parsed(in_bytes, send_limit, "--send-limit")
    for name in target or ():
        _parsed(TARGETS.index, name, "--target")
    files = {"--json": json_file, "--junit": junit, "--html": html, "--resume": resume}
    _check_writable({option: path for option, path in files.items() if path is not None})
    try:
        state = None if resume is None else State(resume)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{resume}: {_words(error)}.", param_hint="--resume") from None

    selected = select(find_checks(paths), keep or (), target or ())
    if not selected:
        _complain("refused: none of the checks is selected.")
        raise typer.Exit(REFUSED)
    mine = shard_of(selected, part, count)
    if not mine:
        _complain(f"note: there are fewer checks ({len(selected)}) than shards, and none is in shard {shard}.")

    start, stop = time.monotonic(), threading.Event()
    options = Options(limits, layers=layers or html is not None)  # the page shows the error of each layer
    display = Display(Console(), Console(stderr=True), len(mine), layers)
    with ExitStack() as stack:
        on_github = bool(os.environ.get("GITHUB_ACTIONS")) if github is None else github
        if on_github:
            stack.enter_context(_no_commands())
        stack.enter_context(_stopping(stop))
        if dask is None:
            if at_a_time > 1:  # otherwise each would compute with as many threads as there are processors
                options = replace(options, threads=max(processors() // at_a_time, 1))
            make = partial(run_here, options=options, workers=at_a_time, stop=stop, started=display.started)
        else:
            from converter.checking.cluster import run_on_cluster

            client = stack.enter_context(_cluster(dask))
            make = partial(run_on_cluster, client, options=options, stop=stop, send_limit=sent)
        results = _run(mine, make, options, display, state)
    seconds = time.monotonic() - start
    Console().print(Text(summary(results, seconds)))

    code = INTERRUPTED if stop.is_set() else exit_code(results)
    whole = True
    if json_file is not None:
        whole &= _write(json_file, _json(results, seconds, code))
    if junit is not None:
        from converter.checking.junit import junit_xml

        whole &= _write(junit, junit_xml(results))
    if html is not None:
        from converter.checking.html import html_page

        whole &= _write(html, html_page(results))
    if on_github:
        from converter.checking.github import annotations, step_summary

        for line in annotations(results):
            typer.echo(line)
        if os.environ.get("GITHUB_STEP_SUMMARY"):
            whole &= _write(Path(os.environ["GITHUB_STEP_SUMMARY"]), step_summary(results, seconds), mode="a")
    code = code if whole else max(code, REFUSED)
    if code:
        raise typer.Exit(code)


def _run(checks: Sequence[Check], make: _Make, options: Options, display: Display, state: State | None) -> list[Result]:
    """The result of each check, in order: an earlier one, or what ``make`` yields."""
    from converter.checking.state import key

    keys: dict[Check, str] = {}
    results: dict[Check, Result] = {}
    with display.shown():
        for check in checks if state is not None else ():
            with suppress(OSError):  # the check itself says what cannot be read
                keys[check] = key(check, options)
                if (passed := state.passed(check, keys[check])) is not None:
                    results[check] = passed
                    display.finished(passed)
        for check, result in make([check for check in checks if check not in results]):
            if check in keys and state is not None:
                try:
                    state.add(keys[check], result)
                except OSError as error:
                    _complain(f"warning: what passes is not kept for --resume from here on: {_words(error)}.")
                    state = None
            results[check] = result
            if result.status != "not run":
                display.finished(result)
    return [results[check] for check in checks]


@contextmanager
def _cluster(address: str) -> Iterator[Client]:
    from converter.checking.cluster import connected

    with ExitStack() as stack:
        try:
            client = stack.enter_context(connected(address))
        except ConversionError as error:
            _complain(f"refused: {error}")
            raise typer.Exit(REFUSED) from None
        yield client


@contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM, as CI cancels) sets ``stop``; a second one ends at once."""

    def handle(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _no_commands() -> Iterator[None]:
    """Inside, GitHub takes no line for a command: names from files are printed, and a line may begin with ``::``."""
    token = secrets.token_hex(16)
    typer.echo(f"::stop-commands::{token}")
    try:
        yield
    finally:
        typer.echo(f"::{token}::")


def _json(results: Sequence[Result], seconds: float, code: int) -> str:
    from converter.checking.results import STATUSES
    from converter.conversion import importlib_version

    counts = {status: sum(result.status == status for result in results) for status in STATUSES}
    document = {
        "converter": importlib_version("converter"),
        "seconds": round(seconds, 3),
        "exit_code": code,
        "counts": counts,
        "results": [result.to_json() for result in results],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _shard(text: str) -> tuple[int, int]:
    part, count = (int(number) for number in text.split("/"))
    if not 1 <= part <= count:
        raise ValueError(text)
    return part, count


def _workers(text: str) -> int:
    from converter.checking.runner import processors

    number = processors() if text == "auto" else int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _parsed(parse: Callable[[str], Any], text: str, option: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not {_EXPECTED[option]}.", param_hint=option) from None


_EXPECTED = {
    "--shard": "K/N with K from 1 to N",
    "-n": "a whole number from 1, or auto",
    "--memory-limit": "a size like 4GB",
    "--send-limit": "a size like 64MB",
    "--target": f"one of {', '.join(TARGETS)}",
}


def _check_writable(files: dict[str, Path]) -> None:
    """Say before the checks run, not after, that a file of these options cannot be written; its folder is made."""
    for option, path in files.items():
        same = [other for other in files if os.path.realpath(files[other]) == os.path.realpath(path)]
        if len(same) > 1:
            raise typer.BadParameter(f"{path} is given for {' and '.join(same)}.", param_hint=option)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            is_new = not path.exists()
            path.open("a").close()
            if is_new:
                path.unlink()
        except OSError as error:
            raise typer.BadParameter(f"{path} cannot be written: {_words(error)}.", param_hint=option) from None


def _write(path: Path, text: str, mode: str = "w") -> bool:
    """Whether a report could be written; otherwise it is said why not."""
    try:
        with path.open(mode, encoding="utf-8", errors="replace") as file:  # a path may hold bytes that are no text
            file.write(text)
    except OSError as error:
        _complain(f"error: {path} cannot be written: {_words(error)}.")
        return False
    return True


def _complain(text: str) -> None:
    Console(stderr=True).print(Text(text))


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
