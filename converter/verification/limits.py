"""Runs a program as a process of its own, with a limit of time and of memory, and leaves nothing of it behind."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

import psutil

_POSIX = os.name == "posix"
_INTERVAL = 0.1
_LOOKED_FOR = 1.0
"""Seconds between two looks at which processes there are; at first fewer."""
_KEPT = 2**16
"""How much of what a program prints on stderr is kept: the end of it."""
_MARK = "CONVERTER_PROCESS"
"""The variable of the environment by which a program's processes are known, also those whose parents have ended: one token for
each run that they are in."""
_ROUNDS = 100
"""How often new processes are looked for at the end, while there are any."""


@dataclass(frozen=True)
class Limits:
    """``seconds`` of wall-clock time; ``memory`` in bytes that the program and the processes it starts hold together (None: no
    limit). Held, not reserved: TensorFlow reserves three times the address space that it uses, so a limit of that would end
    programs that are well within their memory."""

    seconds: float = 900.0
    memory: int | None = None


LIMITS = Limits()


@dataclass
class Ended:
    """How a program ended. ``problem`` says in words which limit it exceeded or which signal ended it, empty where it ended by
    itself with ``exit_code``. ``errors`` is the end of what it printed on stderr."""

    exit_code: int
    errors: str
    problem: str = ""


class Stopped(Exception):  # noqa: N818 - somebody asked for it
    """``stop`` was set while the program ran."""


def run_limited(
    command: Sequence[str],
    limits: Limits,
    environment: Mapping[str, str],
    *,
    stop: threading.Event | None = None,
    own_session: bool = False,
) -> Ended:
    """Run ``command`` to its end or to a limit, without input; what it prints on stdout is dropped.

    ``own_session``: memory of processes that left the program's session is not counted, as of those that it watches itself
    with this function. On return none of the processes that it started is alive, also where it raises: Stopped soon after
    ``stop`` is set.
    """
    token = secrets.token_hex(16)
    with subprocess.Popen(
        command,
        env={**environment, _MARK: f"{environment.get(_MARK, '')} {token}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        tree = _Tree(process.pid, token, own_session)
        reader = _Reader(process.stderr)
        try:
            problem = _watch(process, tree, limits, stop)
            if problem and _POSIX:
                process.send_signal(signal.SIGABRT)  # faulthandler, where the program has enabled it, tells where it is
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.3)
        finally:
            tree.kill()
            process.wait()
            errors = reader.text()
    if not problem and process.returncode < 0:
        problem = f"ended by signal {_signal_name(-process.returncode)}"
    return Ended(process.returncode, errors, problem)


def _watch(process: subprocess.Popen, tree: _Tree, limits: Limits, stop: threading.Event | None) -> str:
    """Wait for the end of the program; the limit that it exceeded before, in words."""
    start = time.monotonic()
    end = start + limits.seconds
    next_look = 0.0
    while True:
        try:
            process.wait(min(_INTERVAL, max(end - time.monotonic(), 0.001)))
            return ""
        except subprocess.TimeoutExpired:
            pass
        if stop is not None and stop.is_set():
            raise Stopped
        if time.monotonic() >= next_look:  # which reads of every process in the system
            tree.look()
            next_look = time.monotonic() + min(_LOOKED_FOR, 0.3 + (time.monotonic() - start) / 10)
        if limits.memory is not None and tree.memory(limits.memory) > limits.memory:
            return f"took more than {in_words(limits.memory)} of memory"
        if time.monotonic() >= end:
            return f"gave no answer within {limits.seconds:g} seconds"


class _Tree:
    """A program, which leads a session, and every process below it that was ever seen, or that has its ``token``: one whose
    parent has ended is no longer found below it."""

    def __init__(self, leader: int, token: str, own_session: bool):
        self._leader, self._token, self._own_session = leader, token, own_session
        self._seen: dict[int, psutil.Process] = {}
        self._others: set[psutil.Process] = set()
        with suppress(psutil.Error):
            self._seen[leader] = psutil.Process(leader)
        with suppress(OSError), open(f"/proc/{leader}/oom_score_adj", "w") as file:  # rather this one than us
            file.write("1000")

    def look(self) -> list[psutil.Process]:
        """See which processes there are below those that were seen, or have the token; those that were not seen before."""
        children: dict[int, list[psutil.Process]] = {}
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                children.setdefault(process.ppid(), []).append(process)
                if process.pid not in self._seen and process not in self._others:
                    if self._token in process.environ().get(_MARK, ""):
                        self._seen[process.pid] = process
                        found.append(process)
                    else:
                        self._others.add(process)
        waiting = [pid for pid, process in self._seen.items() if process.is_running()]  # a pid is given anew
        while waiting:
            for child in children.get(waiting.pop(), ()):
                if child.pid not in self._seen:
                    self._seen[child.pid] = child
                    found.append(child)
                    waiting.append(child.pid)
        return found

    def memory(self, limit: int) -> int:
        """Bytes held by all. Pages that several of them share are counted once, where the system can tell."""
        total = self._sum(lambda process: process.memory_info().rss)
        if total > limit and len(self._seen) > 1:
            total = self._sum(lambda process: getattr(process.memory_full_info(), "pss", process.memory_info().rss))
        return total

    def _sum(self, measure: Callable[[psutil.Process], int]) -> int:
        total = 0
        for process in self._seen.values():
            with suppress(psutil.Error, OSError):
                if not self._own_session or os.getsid(process.pid) == self._leader:
                    total += measure(process)
        return total

    def kill(self) -> None:
        self.look()
        if _POSIX:
            with suppress(OSError):
                os.killpg(self._leader, signal.SIGKILL)
        left = list(self._seen.values())  # some left the session
        for _ in range(_ROUNDS):
            for process in left:
                with suppress(psutil.Error):
                    if process.is_running():
                        process.kill()
            if not (left := self.look()):  # what they started meanwhile
                return


class _Reader(threading.Thread):
    """Reads a pipe to its end, so that the program never waits for us, and keeps its last part."""

    def __init__(self, pipe: IO[bytes]):
        super().__init__(daemon=True)
        self._pipe, self._kept = pipe, b""
        self.start()

    def run(self) -> None:
        with suppress(OSError, ValueError):
            while part := os.read(self._pipe.fileno(), _KEPT):
                self._kept = (self._kept + part)[-_KEPT:]

    def text(self) -> str:
        self.join(1)  # a process that escaped may hold the pipe open
        return self._kept.decode(errors="replace")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


_UNITS = {"GiB": 2**30, "MiB": 2**20, "KiB": 2**10, "GB": 10**9, "MB": 10**6, "KB": 10**3}


def in_words(size: int) -> str:
    """A number of bytes, for people."""
    for unit in ("GB", "MB", "KB"):
        if size >= _UNITS[unit]:
            return f"{size / _UNITS[unit]:.3g} {unit}"
    return f"{size} bytes"


def in_bytes(text: str) -> int:
    """The inverse: ``"4GB"``, ``"1.5 GiB"``, ``"500M"`` or a plain number of bytes. Raises ValueError."""
    number = text.strip()
    factor = 1
    for unit, size in [*_UNITS.items(), ("G", 10**9), ("M", 10**6), ("K", 10**3), ("B", 1)]:
        if number.lower().endswith(unit.lower()):
            number, factor = number[: -len(unit)], size
            break
    found = float(number) * factor
    if not 1 <= found < 2**63:
        raise ValueError(text)
    return int(found)
