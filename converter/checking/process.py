"""Runs one check in a process of its own: whatever happens there, also to onnxruntime, becomes a result."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from converter.checking.results import Result
from converter.checking.selection import Check
from converter.verification.limits import LIMITS, Ended, Limits, run_limited
from converter.verification.report import Report

_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
_WHOLE = 3
"""The whole check may take so many times the time of one run of the emitted code, and _STARTING seconds for all beside it."""
_STARTING = 60.0

_PROGRAM = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from converter.checking.one import main
main(sys.argv[2])
"""


@dataclass(frozen=True)
class Options:
    """How checks are made. ``limits`` hold for each run of the emitted code, and their memory for the check's own process."""

    limits: Limits = LIMITS
    threads: int | None = None
    """How many threads each process computes with; None: as many as it chooses."""
    layers: bool = False
    """Compare layer by layer in any case, not only where something differs."""


def usual_memory() -> int:
    """Three quarters of the memory that this machine or container has, in bytes."""
    total = psutil.virtual_memory().total
    with suppress(OSError, ValueError):  # no container, or one without a limit
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total * 3 // 4


def run_check(check: Check, options: Options, stop: threading.Event | None = None) -> Result:
    """Make one check. Raises Stopped soon after ``stop`` is set, KeyboardInterrupt as it comes; then nothing is left of it."""
    if check.problems:
        return check.result("refused", problems=list(check.problems))
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="converter-", ignore_cleanup_errors=True) as temporary:
        place = Path(temporary)
        job = {
            "place": str(check.place),
            "source": None if check.source is None else str(check.source),
            "target": check.target,
            "options": {"limits": asdict(options.limits), "layers": options.layers},
            "folder": str(place / "converted"),
            "answer": str(place / "answer.json"),
            "parent": os.getpid(),
        }
        (place / "job.json").write_text(json.dumps(job))
        (place / "temporary").mkdir()
        # Temporary files of a process that is killed are deleted with ours.
        environment = os.environ | {name: str(place / "temporary") for name in ("TMPDIR", "TEMP", "TMP")}
        if options.threads is not None:
            environment = {name: str(options.threads) for name in _THREADS} | environment
        ended = run_limited(
            [sys.executable, "-P", "-c", _PROGRAM, json.dumps(sys.path), str(place / "job.json")],
            Limits(_WHOLE * options.limits.seconds + _STARTING, options.limits.memory),
            environment,
            stop=stop,
            own_session=True,
        )
        seconds = time.monotonic() - start
        written = place / "answer.json"
        if ended.problem or ended.exit_code or not written.is_file():
            return check.result("crashed", seconds=seconds, problems=[_words(ended)])
        answer = json.loads(written.read_text(encoding="utf-8"))
    if answer["problems"]:
        return check.result("refused", seconds=seconds, problems=answer["problems"])
    report = Report.from_json(answer["report"])
    return check.result("equal" if report.ok else "not equal", seconds=seconds, report=report, code=answer["code"])


def _words(ended: Ended) -> str:
    """Why a check came to no end, and where in this package it was then."""
    if ended.problem:
        stack = ended.errors.rpartition("Current thread")[2]
        place = re.search(r'converter[/\\](\S+\.py)", line (\d+)', stack)  # the most recent call first
        reason = f"the process that made the check {ended.problem}"
    else:
        _, _, after = ended.errors.rpartition("Traceback (most recent call last):\n")
        place = next(iter(reversed(list(re.finditer(r'converter[/\\](\S+\.py)", line (\d+)', after)))), None)
        last = [line.strip() for line in after.splitlines() if line.strip()]
        reason = f"the check failed: {last[-1] if last else f'exit code {ended.exit_code}'}"
    return f"{reason[:2000]} (converter/{place[1]}, line {place[2]})" if place else reason[:2000]
