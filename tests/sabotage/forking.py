"""Runs the verification's program in children of a process that has imported the framework already.

A campaign runs emitted code a thousand times, and starting TensorFlow takes longer than all else. What the program does, its
arguments, environment and exit code are those of ``converter.verification.worker``; only its start is a fork.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from converter.verification import worker
from converter.verification.limits import Ended, Limits, run_limited

ROOT = Path(__file__).parents[2]


class Servers:
    """One process for each framework and backend, started when it is first needed."""

    def __init__(self) -> None:
        self._started: dict[tuple[str, str], subprocess.Popen] = {}

    def run(self, command: Sequence[str], limits: Limits, environment: Mapping[str, str], stop: Any = None) -> Ended:
        """What ``run_limited`` does with a Python program and its job, but for the limit of memory."""
        _, program, job = command
        described = json.loads(Path(job).read_text())
        framework = described["framework"]
        server = framework, environment.get("KERAS_BACKEND", "")
        if server not in self._started:
            arguments = [sys.executable, __file__, framework]
            self._started[server] = subprocess.Popen(
                arguments, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
            )
        server, errors = self._started[server], f"{job}.stderr"
        Path(job).write_text(json.dumps(described | {"parent": server.pid}))
        server.stdin.write(json.dumps([program, job, errors, limits.seconds]) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        problem = f"ended by signal {signal.Signals(-code).name}" if code < 0 else ""
        return Ended(code, Path(errors).read_text(errors="replace"), problem)

    def used(self) -> Any:
        """A context in which the verification starts its program by a fork."""
        return mock.patch.object(worker, "run_limited", self.run)

    @staticmethod
    def unused() -> Any:
        """A context in which it starts it as it does for a user."""
        return mock.patch.object(worker, "run_limited", run_limited)

    def close(self) -> None:
        for server in self._started.values():
            server.stdin.close()
            server.wait()


@contextmanager
def forked() -> Iterator[None]:
    """Within the block the verification starts its program by a fork."""
    servers = Servers()
    try:
        with servers.used():
            yield
    finally:
        servers.close()


def _serve(framework: str) -> None:
    """Read jobs from stdin, one a line, and answer each with the exit code of the child that did it."""
    __import__({"keras": "keras", "pytorch": "torch", "onnx": "onnxruntime"}[framework])
    import numpy as np  # noqa: F401  what the program imports, once for all
    import safetensors.numpy  # noqa: F401

    answers = os.dup(1)
    os.dup2(2, 1)  # what emitted code prints is no answer
    for line in sys.stdin:
        program, job, errors, timeout = json.loads(line)
        child = os.fork()
        if not child:
            _work(program, job, errors, timeout)
        _, status = os.waitpid(child, 0)
        os.write(answers, f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _work(program: str, job: str, errors: str, timeout: float) -> None:
    code = 1
    try:
        signal.alarm(max(int(timeout), 1))
        os.dup2(os.open(errors, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), 2)
        sys.stderr = os.fdopen(2, "w")
        sys.argv = [program, job]
        sys.path.insert(0, str(Path(program).parent))
        runpy.run_path(program, run_name="__main__")
        code = 0
    except SystemExit as end:
        code = 0 if end.code is None else end.code if isinstance(end.code, int) else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.path.pop(0)
    _serve(sys.argv[1])
