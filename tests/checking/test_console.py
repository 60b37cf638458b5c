"""The bar on a terminal, and the lines where there is none."""

import os
import re
import select
from pathlib import Path

import pytest
from rich.console import Console

from converter.checking.console import Display
from converter.checking.selection import Check

pty = pytest.importorskip("pty", reason="no pseudo-terminals on this system")


def shown(out: Console) -> None:
    checks = [Check("specs/[a].toml", Path("/specs/[a].toml"), target) for target in ("keras", "pytorch")]
    display = Display(out, out, len(checks))
    with display.shown():
        for check in checks:
            display.started(check)
        for check in checks:
            display.finished(check.result("equal"))


def written(terminal: int) -> str:
    """All that a pseudo-terminal holds, of which one read gives a part."""
    os.set_blocking(terminal, False)
    parts = []
    while select.select([terminal], [], [], 0.2)[0]:
        parts.append(os.read(terminal, 2**16))
    return b"".join(parts).decode()


def test_a_terminal_shows_a_bar_that_goes_away_and_a_line_for_each_check(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        assert terminal.isatty()
        shown(Console(file=terminal))
        terminal.flush()
        text = re.sub(r"\x1b\[[0-9;]*m", "", written(ours))  # without colours
    os.close(ours)
    assert "checked" in text and "0/2" in text and "[a].toml" in text
    assert text.count("equal  specs/[a].toml") == 2
    assert text.endswith("\x1b[2K") and "\x1b[?25h" in text  # the bar is erased, the cursor seen again


def test_elsewhere_there_are_lines_alone(tmp_path):
    path = tmp_path / "log"
    with path.open("w") as file:
        shown(Console(file=file, width=160))
    lines = path.read_text().splitlines()
    assert len(lines) == 2 and all(line.startswith("equal  specs/[a].toml") for line in lines)
