"""Makes checks on a Dask cluster: each of its workers runs them as this machine would, in a process of their own.

Dask sends Python objects as pickles, which run code where they are read: a cluster is for machines that trust each other.
"""

from __future__ import annotations

import asyncio
import queue
import secrets
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter.checking.process import Options, run_check
from converter.checking.results import Result
from converter.checking.selection import Check
from converter.checking.state import digest, files, packages
from converter.errors import ConversionError, Problem
from converter.verification.limits import Stopped

if TYPE_CHECKING:
    from distributed import Client, Future

SEND_LIMIT = 64 * 10**6
"""Bytes of a check's files that are sent with it; larger ones must be at the same path on every worker."""

_RETRIES = 3
_LOST = (Exception, asyncio.CancelledError)
"""What Dask raises where the cluster went away: errors of many kinds."""
_PATIENCE = 120.0
"""Seconds for which a cluster may be without any worker."""
_QUEUED = 2
"""Checks that the cluster has at a time, for each of its threads: what is sent lies in the scheduler's memory until it ran."""


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """A client of the scheduler at ``address``. Raises ConversionError where there is none, or no Dask."""
    try:
        from distributed import Client
        from distributed.comm import get_address_host_port
    except ImportError:
        advice = 'Install it with: pip install "converter[dask]"'
        raise ConversionError(Problem("Dask is not installed, and is needed for --dask.", advice=advice)) from None
    try:
        get_address_host_port(address)  # a client that refuses its address takes 20 seconds to go away
        client = Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        advice = "Give the address that the scheduler prints, like tcp://host:8786."
        raise ConversionError(Problem(f"no Dask scheduler answers at {address} ({error}).", advice=advice)) from None
    with client:
        yield client


@dataclass(frozen=True)
class _Job:
    """A check as it is sent. ``sent`` holds its files by their names in ``state.files``; where they are too large it is None,
    and ``digests`` says what must be found at the paths."""

    run: str
    check: Check
    options: Options
    packages: str
    digests: dict[str, str]
    paths: dict[str, str]
    sent: dict[str, bytes] | None


def run_on_cluster(
    client: Client, checks: Sequence[Check], *, options: Options, stop: threading.Event, send_limit: int = SEND_LIMIT
) -> Iterator[tuple[Check, Result]]:
    """Make ``checks`` on the cluster; yields every one of them as it ends, as ``runner.run_here`` does.

    A check whose worker dies is made on another one; where no worker is left, or no scheduler, the checks that are left are
    crashed. Setting ``stop`` ends those that run.
    """
    run, done = secrets.token_hex(8), queue.SimpleQueue()
    waiting = [(check, 0) for check in reversed(checks)]
    pending: dict[str, tuple[Check, int, Future]] = {}
    try:
        seen = time.monotonic()
        while (waiting or pending) and not stop.is_set():
            if threads := _threads(client):
                seen = time.monotonic()
            elif client.status == "closed" or time.monotonic() > seen + _PATIENCE:
                break
            while waiting and len(pending) < _QUEUED * max(threads, 1):
                check, attempt = waiting.pop()
                if check.problems:
                    yield check, run_check(check, options)
                    continue
                try:
                    job = _job(run, check, options, send_limit)
                except OSError as error:
                    yield check, check.result("refused", problems=[f"{error.filename}: it cannot be read: {error.strerror}."])
                    continue
                try:
                    future = _submit(client, job)
                except _LOST:  # the cluster went away; whether it comes back shows above
                    waiting.append((check, attempt))
                    break
                pending[future.key] = check, attempt, future
                future.add_done_callback(lambda ended: done.put(ended.key))
            with suppress(queue.Empty):
                check, attempt, future = pending.pop(done.get(timeout=0.2))
                if future.status in ("cancelled", "lost") and attempt < _RETRIES:  # as where the scheduler began anew
                    waiting.append((check, attempt + 1))
                else:
                    yield check, _result(check, future)
        for check in [*(check for check, _, _ in pending.values()), *(check for check, _ in waiting)]:
            lost = ["the cluster has no worker, or no scheduler, any more. Is converter installed on its workers?"]
            yield check, check.result("not run") if stop.is_set() else check.result("crashed", problems=lost)
    finally:
        if pending:
            with suppress(*_LOST):  # the cluster may be what went away
                client.cancel([future for _, _, future in pending.values()])
                client.run(_stop_here, run)


def _threads(client: Client) -> int:
    """How many threads all workers have together; none where the scheduler does not answer."""
    try:
        return sum(client.nthreads().values())
    except _LOST:
        return 0


def _submit(client: Client, job: _Job) -> Future:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sending large graph")
        key = f"converter-check-{secrets.token_hex(8)}"
        return client.submit(_check_here, job, key=key, retries=_RETRIES, pure=False)


def _result(check: Check, future: Future) -> Result:
    if future.status == "finished":
        try:
            return future.result()
        except _LOST as error:  # between the end of the check and here, the cluster may go away
            return check.result("crashed", problems=[f"its result could not be fetched from the cluster: {_words(error)}"])
    if future.status == "error":
        return check.result("crashed", problems=[f"the cluster could not make it: {_words(future.exception())}"])
    return check.result("crashed", problems=[f"the cluster lost it {_RETRIES + 1} times."])


def _words(error: Any) -> str:
    return f"{type(error).__name__}: {error}"[:1000]


def _job(run: str, check: Check, options: Options, send_limit: int) -> _Job:
    found = files(check)
    sent = None
    if sum(path.stat().st_size for path in found.values()) <= send_limit:
        sent = {name: path.read_bytes() for name, path in found.items()}
    digests = {} if sent is not None else {name: digest(path) for name, path in found.items()}
    paths = {name: str(path.absolute()) for name, path in found.items()}
    return _Job(run, check, options, packages(), digests, paths, sent)


# On the worker --------------------------------------------------------------------------------------------------------------


_stops: dict[str, threading.Event] = {}


def _stop_here(run: str) -> None:
    _stops.setdefault(run, threading.Event()).set()


def _check_here(job: _Job) -> Result:
    """Make a check on this machine. What is wrong with the machine, and not with the check, is refused."""
    check = job.check
    if job.packages != packages():
        advice = "Install the same version of converter and of the frameworks on every machine, or check without --dask."
        return check.result("refused", problems=[f"a worker of the cluster runs other versions than this machine. {advice}"])
    stop = _stops.setdefault(job.run, threading.Event())
    with tempfile.TemporaryDirectory(prefix="converter-", ignore_cleanup_errors=True) as folder:
        try:
            here = _unpacked(job, Path(folder)) if job.sent is not None else _found(job)
            result = run_check(here, job.options, stop)
        except Stopped:
            return check.result("not run")
        except ConversionError as error:
            return check.result("refused", problems=[str(problem) for problem in error.problems])
    return replace(result, path=check.path, source=str(check.source or ""), line=check.line)


def _found(job: _Job) -> Check:
    """The check, whose files must be at the same paths as where it was sent from."""
    for name, expected in job.digests.items():
        path = Path(job.paths[name])
        if not path.is_file() or digest(path) != expected:
            what = "is another file" if path.is_file() else "is not there"
            advice = "Keep it at the same path on every machine, or raise --send-limit."
            raise ConversionError(
                Problem(f"{path} {what} on a worker of the cluster, and is too large to be sent.", advice=advice)
            )
    return job.check


def _unpacked(job: _Job, folder: Path) -> Check:
    """The check with its files written below ``folder``."""
    for name, content in job.sent.items():
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise ConversionError(Problem(f"the file {name!r} lies outside the folder of its model, and is not sent."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    place = folder / ("spec.toml" if "spec.toml" in job.sent else "conversion")
    source = None if job.check.source is None else folder / "source" / job.check.source.name
    return replace(job.check, place=place, source=source)
