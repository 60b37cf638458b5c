"""An operator of the user's own, from a package of their own, as the README shows it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx.helper
import pytest

from tests import models
from tests.emitted import judge

ROOT = Path(__file__).parents[2]
RUN = """
import sys
import numpy as np
import converter
feeds = dict(np.load("in.npz"))
np.savez("out.npz", **converter.open("out").run(feeds))
"""


@pytest.fixture
def package(tmp_path):
    """The README's module, and the metadata that installing it would leave."""
    readme = (ROOT / "README.md").read_text()
    code = re.search(r"```python\n# company_operators.py\n(.*?)```", readme, re.DOTALL).group(1)
    (entry,) = re.findall(r'\[project.entry-points."(.*?)"\]\n(\w+) = "(company_operators)"', readme)
    folder = tmp_path / "installed"
    metadata = folder / "company_operators-1.0.dist-info"
    metadata.mkdir(parents=True)
    (folder / "company_operators.py").write_text(code)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: company-operators\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[{}]\n{} = {}\n".format(*entry))
    return folder


def converter(*arguments: str, cwd: Path, installed: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command line, or a script after ``-c``, in a process that finds the package where it is installed."""
    path = os.pathsep.join(str(folder) for folder in (installed, ROOT) if folder is not None)
    command = arguments if arguments[0] == "-c" else ("-m", "converter.cli", *arguments)
    environment = {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run([sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def network(path: Path, scale: onnx.NodeProto, opset: int = 17) -> Path:
    node = onnx.helper.make_node
    nodes = [
        node("Conv", ["image", "w"], ["c"], name="conv"),
        scale,
        node("Relu", ["s"], ["r"], name="relu"),
        node("GlobalAveragePool", ["r"], ["y"], name="mean"),
    ]
    weights = {"w": np.random.default_rng(0).standard_normal((4, 3, 3, 2)).astype(np.float32), "factor": np.float32(-2.5)}
    used = {name: array for name, array in weights.items() if any(name in entry.input for entry in nodes)}
    return models.save(path, nodes, {"image": ["batch", 3, 8, 7]}, {"y": ["batch", 4, 1, 1]}, used, scale.domain, opset)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_is_found_and_written(package, target, tmp_path):
    own = onnx.helper.make_node("Scale", ["c"], ["s"], name="scale", domain="my.company", factor=-2.5)
    source = network(tmp_path / "own.onnx", own)
    done = converter("convert", str(source), "--to", target, "--out", "out", "--no-verify", cwd=tmp_path, installed=package)
    assert done.returncode == 0, done.stderr
    code = (tmp_path / "out" / "model.py").read_text()
    assert "* -2.5" in code
    assert "transpose" not in code

    plain = network(tmp_path / "plain.onnx", onnx.helper.make_node("Mul", ["c", "factor"], ["s"]))
    feeds = {"image": np.random.default_rng(1).standard_normal((2, 3, 8, 7)).astype(np.float32)}
    np.savez(tmp_path / "in.npz", **feeds)
    done = converter("-c", RUN, cwd=tmp_path)  # what was written needs the package no more
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz") as found:
        np.testing.assert_allclose(found["y"], judge(onnx.load(plain), feeds)[0], rtol=1e-5, atol=1e-5)


def test_is_listed(package, tmp_path):
    rows = json.loads(converter("operators", "--json", cwd=tmp_path, installed=package).stdout)
    assert {"name": "Scale", "domain": "my.company", "pytorch": True, "keras": True, "restrictions": ""} in rows


@pytest.mark.parametrize("target", ["pytorch", "keras", "onnx"])
def test_without_the_package_all_are_refused_before_anything_is_written(target, tmp_path):
    source = models.unknown_operators(tmp_path / "unknown.onnx")
    done = converter("convert", str(source), "--to", target, "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    text = " ".join(done.stderr.split())
    assert "node 'first' (example.com:Wobble)" in text
    assert "node 'second' (example.com:Twist)" in text
    assert f"operator example.com::Wobble is not supported for {target}" in text
    assert not (tmp_path / "out").exists()
