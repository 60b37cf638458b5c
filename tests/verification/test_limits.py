"""Programs that crash, hang, allocate, fork and print without end: how they end, and that nothing of them is left."""

import os
import subprocess
import sys
import threading
import time

import psutil
import pytest

from converter.verification.limits import Limits, Stopped, in_bytes, in_words, run_limited


def run(code, limits=Limits(20), **options):  # noqa: B008 - it is immutable
    return run_limited([sys.executable, "-c", code], limits, os.environ, **options)


def alive(pid):
    """Whether the process still runs; a moment is given to init, which collects what has ended."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return False
        except psutil.NoSuchProcess:
            return False
        time.sleep(0.05)
    return True


def test_a_program_that_ends_by_itself():
    ended = run("import sys; sys.exit('no such layer')")
    assert (ended.exit_code, ended.errors, ended.problem) == (1, "no such layer\n", "")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os.abort()", "SIGABRT"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    ],
)
def test_a_crash_is_told_by_its_signal(code, words):
    assert run(code).problem == f"ended by signal {words}"


def test_a_hang_ends_at_the_limit_and_shows_where_it_was():
    code = "import faulthandler, time\nfaulthandler.enable()\ndef waits():\n    time.sleep(60)\nwaits()"
    start = time.monotonic()
    ended = run(code, Limits(0.5))
    assert ended.problem == "gave no answer within 0.5 seconds" and "line 4 in waits" in ended.errors
    assert time.monotonic() - start < 5


def test_a_hang_that_ignores_signals_ends_as_well():
    code = "import signal, time\nfor s in (signal.SIGABRT, signal.SIGTERM, signal.SIGINT): signal.signal(s, signal.SIG_IGN)\n"
    assert "0.5 seconds" in run(code + "time.sleep(60)", Limits(0.5)).problem


def test_memory_without_end_is_stopped_at_the_limit():
    ended = run("a = []\nwhile True: a.append(b'x' * 2**22)", Limits(20, 300 * 2**20))
    assert ended.problem == "took more than 315 MB of memory"


def test_memory_counts_that_of_child_processes():
    child = "a = b'x' * 2**27; import time; time.sleep(60)"
    code = f"import subprocess, sys\np = [subprocess.Popen([sys.executable, '-c', {child!r}]) for _ in range(2)]\np[0].wait()"
    assert "memory" in run(code, Limits(20, 2**27 + 2**26)).problem


def test_reserved_memory_does_not_count():
    assert run("import mmap; a = mmap.mmap(-1, 2**34, flags=mmap.MAP_PRIVATE | 0x4000)", Limits(20, 2**27)).exit_code == 0


@pytest.mark.parametrize("leaves", ["", "os.setsid()"], ids=["same session", "session of its own"])
@pytest.mark.parametrize("ends", ["time.sleep(1)", "time.sleep(60)"], ids=["parent ends", "parent hangs"])
def test_no_process_is_left(tmp_path, leaves, ends):
    code = f"import os, sys, time\npid = os.fork()\nif not pid:\n    {leaves or 'pass'}\n    time.sleep(60)\n    os._exit(0)\n"
    code += f"open({str(tmp_path / 'pid')!r}, 'w').write(str(pid))\n{ends}\nos._exit(0)"
    start = time.monotonic()
    run(code, Limits(2.5))
    assert not alive(int((tmp_path / "pid").read_text()))
    assert time.monotonic() - start < 10


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the environment of each process")
@pytest.mark.parametrize("ends", ["", "time.sleep(60)"], ids=["parent ends", "parent hangs"])
def test_no_daemon_is_left(tmp_path, ends):
    code = "import os, sys, time\nif not os.fork():\n    os.setsid()\n    if not os.fork():\n"
    code += f"        open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n        time.sleep(60)\n    os._exit(0)\n"
    code += f"while not os.path.exists({str(tmp_path / 'pid')!r}): time.sleep(0.01)\n{ends}"
    run(code, Limits(1))
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_daemon_of_a_program_that_was_watched_by_another_is_not_left(tmp_path):
    inner = "import os, time\nif not os.fork():\n    os.setsid()\n    if not os.fork():\n"
    inner += f"        open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n        time.sleep(60)\n    os._exit(0)\n"
    inner += f"while not os.path.exists({str(tmp_path / 'pid')!r}): time.sleep(0.01)\nos.kill(os.getppid(), 9)"
    outer = "import os, sys; from converter.verification.limits import *\n"
    outer += f"run_limited([sys.executable, '-c', {inner!r}], Limits(20), os.environ)"
    assert "SIGKILL" in run(outer).problem
    assert not alive(int((tmp_path / "pid").read_text()))


def test_megabytes_on_both_outputs_neither_block_nor_pile_up():
    code = "import sys\nfor _ in range(50): sys.stdout.write('o' * 2**20); sys.stderr.write('e' * 2**20)\nsys.exit('the end')"
    ended = run(code)
    assert ended.exit_code == 1 and ended.errors.endswith("the end\n") and len(ended.errors) <= 2**16


def test_input_is_empty():
    assert run("import sys; sys.exit(len(sys.stdin.read()))").exit_code == 0


def test_stopping_ends_the_program():
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    start = time.monotonic()
    with pytest.raises(Stopped):
        run("import time; time.sleep(60)", stop=stop)
    assert time.monotonic() - start < 5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_the_emitted_code_ends_with_the_process_that_runs_it(tmp_path):
    child = "from converter.verification.run import end_with; import os, time; end_with(os.getppid()); "
    child += f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    command = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"]
    with subprocess.Popen(command, start_new_session=True) as parent:
        end = time.monotonic() + 20
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < end
            time.sleep(0.05)
        parent.kill()
    assert not alive(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(("text", "size"), [("4GB", 4 * 10**9), ("1.5 GiB", 3 * 2**29), ("500m", 5 * 10**8), ("4096", 4096)])
def test_sizes(text, size):
    assert in_bytes(text) == size


@pytest.mark.parametrize("text", ["", "lots", "-1", "0", "nan", "inf", "GB"])
def test_what_is_no_size(text):
    with pytest.raises(ValueError):
        in_bytes(text)


def test_sizes_in_words():
    assert [in_words(size) for size in (4_200_000_000, 1_500_000, 12_000, 7)] == ["4.2 GB", "1.5 MB", "12 KB", "7 bytes"]
