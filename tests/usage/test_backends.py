"""Emitted Keras models on every backend of Keras, each use in a process of its own."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.usage.converted import NETWORKS

ROOT = Path(__file__).parents[2]
QUICK = {("jax", "vit"), ("torch", "gpt")}
CASES = [
    pytest.param(backend, name, marks=[] if (backend, name) in QUICK else [pytest.mark.backends])
    for backend in ("tensorflow", "torch", "jax")
    for name in NETWORKS
]


@pytest.mark.parametrize(("backend", "name"), CASES)
def test_is_used_on_a_backend(backend, name):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    command = [sys.executable, "-m", "tests.usage.backend", name]
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
