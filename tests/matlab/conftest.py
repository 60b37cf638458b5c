"""Layer tables for tests, written with the helper of the fixtures."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"
sys.path.insert(0, str(FIXTURES))

import layer_table  # noqa: E402 - it lives beside the fixtures

from converter.graph import Graph  # noqa: E402
from converter.readers import matlab  # noqa: E402


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Graph]:
    """Writes layers to a file and reads them back."""

    def write_and_read(*layers: tuple, connections: list | None = None, **fields) -> Graph:
        path = tmp_path / "table.mat"
        layer_table.write(path, layer_table.network("test", list(layers), connections, **fields))
        return matlab.read(path)

    return write_and_read


@pytest.fixture(scope="session")
def octave() -> Callable[..., str]:
    """Runs code in Octave, with folders on its path, and returns what it wrote to its standard error."""
    program = shutil.which("octave-cli") or shutil.which("octave")
    if program is None:
        pytest.skip("Octave is not installed")

    def run(code: str, *folders: Path) -> str:
        paths = "".join(f"addpath('{folder}'); " for folder in folders)
        command = [program, "--no-gui", "--norc", "--quiet", "--eval", paths + code]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stderr

    return run
