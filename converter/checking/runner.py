"""Makes several checks, some of them at the same time, on this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from converter.checking.process import Options, run_check
from converter.checking.results import Result
from converter.checking.selection import Check
from converter.verification.limits import Stopped


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_here(
    checks: Sequence[Check],
    *,
    options: Options,
    workers: int,
    stop: threading.Event,
    started: Callable[[Check], None] = lambda check: None,
) -> Iterator[tuple[Check, Result]]:
    """Make ``checks``, ``workers`` at a time, each in a process of its own; yields every one of them as it ends.

    Setting ``stop`` ends those that run; these and those that are left are ``not run``.
    """

    def run(check: Check) -> Result:
        if stop.is_set():
            return check.result("not run")
        started(check)
        try:
            return run_check(check, options, stop)
        except Stopped:
            return check.result("not run")
        except OSError as error:  # of the temporary folder, or of starting a process
            return check.result("crashed", problems=[f"the check could not be started: {error.strerror or error}."])

    with ThreadPoolExecutor(workers, "check") as pool:
        # The largest first, so that none of them runs alone at the end.
        ordered = sorted(checks, key=_size, reverse=True) if workers > 1 else checks
        futures = {pool.submit(run, check): check for check in ordered}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:  # of whoever iterates
            stop.set()
            raise


def _size(check: Check) -> int:
    return check.source.stat().st_size if check.source is not None and check.source.is_file() else 0
