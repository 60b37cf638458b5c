"""Layers of the user's own, from a package of their own, as the README shows it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from layer_table import layer

import converter
from converter.graph import MATLAB_DOMAIN
from converter.readers.matlab.layers import supplied as rooms
from tests.matlab.answers import run

ROOT = Path(__file__).parents[2]
IMAGE = layer("image", "ImageInputLayer", InputSize=[4, 3, 2], Normalization="none")
SCALE = np.array([0.5, -2], np.float32).reshape(1, 1, 2)
CUSTOM = ("mine", "ChannelScaleLayer", {"Scale": SCALE, "Description": "scales each channel"})
FUNCTION = layer("small", "FunctionLayer", PredictFcn="@(x)0.001 * x.^2", Description="@(x)0.001 * x.^2")
X = np.random.default_rng(4).standard_normal((4, 3, 2)).astype(np.float32)


@pytest.fixture
def package(tmp_path):
    """The README's module, and the metadata that installing it would leave."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n# company_layers.py\n(.*?)```", readme, re.DOTALL).group(1)
    entry = re.search(r'\[project.entry-points."(.*?)"\]\n(layers) = "(company_layers)"', readme).groups()
    metadata = tmp_path / "installed" / "company_layers-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata.parent / "company_layers.py").write_text(code, encoding="utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: company-layers\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[{}]\n{} = {}\n".format(*entry))
    return metadata.parent


@pytest.fixture
def supplied(monkeypatch):
    """Rooms entered in a test are gone after it."""
    monkeypatch.setattr(rooms, "_own_layers", {})
    monkeypatch.setattr(rooms, "_own_functions", {})


def command(tmp_path, *installed: Path) -> subprocess.CompletedProcess[str]:
    arguments = ["convert", "table.mat", "--to", "pytorch", "--out", "out"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [*installed, ROOT]))}
    return subprocess.run(
        [sys.executable, "-m", "converter.cli", *arguments],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_an_installed_package_supplies_layers(read, tmp_path, package):
    read(IMAGE, CUSTOM, FUNCTION)
    done = command(tmp_path, package)
    assert done.returncode == 0, done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        (answer,) = converter.open(tmp_path / "out").run({"image": X.transpose(2, 0, 1)[None]}).values()
    np.testing.assert_allclose(answer[0].transpose(1, 2, 0), 0.001 * (X * SCALE) ** 2, atol=1e-7)


def test_without_the_package_they_are_refused_by_name(read, tmp_path):
    read(IMAGE, CUSTOM, FUNCTION)
    done = command(tmp_path)
    assert done.returncode == 2
    text = " ".join(done.stderr.split())
    assert "layer 2 'mine' (ChannelScaleLayer): MATLAB layer class ChannelScaleLayer is not supported" in text
    assert "layer 3 'small' (FunctionLayer): it runs MATLAB code, which is not translated: @(x)0.001 * x.^2" in text
    assert "converter.matlab_layer" in text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("chosen", [{"handle": "@(x) 0.001*x .^2"}, {"name": "small"}])
def test_a_function_layer_by_its_handle_or_by_its_name(read, supplied, chosen):
    """Blanks in a handle do not count; MATLAB writes it in its own way."""
    converter.matlab_function(**chosen)(lambda n: n.add("Neg"))
    graph = read(IMAGE, FUNCTION, ("other", FUNCTION[1], {"PredictFcn": "@(x)x+1"}))
    assert [(node.domain, node.op_type) for node in graph.nodes] == [("", "Neg"), (MATLAB_DOMAIN, "FunctionLayer")]
    assert (graph.layers[1].type, graph.layers[1].description) == ("Function", "@(x)0.001 * x.^2")


def test_the_handle_of_a_saved_function_layer(tmp_path, supplied):
    pytest.importorskip("matio", reason="mat-io, which reads MATLAB objects, is not installed")
    from matio.utils.matclass import MatlabOpaque

    from tests.matlab import saved

    converter.matlab_function(handle="@(x).001*x")(lambda n: n.add("Mul", [n.x, n.scalar(0.001, "factor")]))
    text = {"Name": "f", "Description": "@(x).001*x", "Type": "関数"}
    function = MatlabOpaque({key: np.array([value]) for key, value in text.items()}, "nnet.cnn.layer.FunctionLayer")
    image = saved.layer("ImageInputLayer", Name="image", InputSize=[4, 3, 2], Normalization=np.zeros((0, 0)))
    saved.save(tmp_path / "net.mat", "v7", layers=[image, function])
    np.testing.assert_allclose(run(converter.read(tmp_path / "net.mat"), X), 0.001 * X, atol=1e-8)


def test_a_layer_that_is_refused_may_be_supplied(read, supplied):
    converter.matlab_layer("nnet.cnn.layer.YOLOv2ReorgLayer")(lambda n: n.add("SpaceToDepth", None, {"blocksize": 2}))
    assert read(IMAGE, layer("reorg", "YOLOv2ReorgLayer")).nodes[-1].op_type == "SpaceToDepth"


def test_a_layer_of_several_ports(read, supplied):
    @converter.matlab_layer("Split", inputs=("x", "bias"))
    def split(n):
        total = n.add("Add", n.inputs, part="total")
        return {"up": n.add("Relu", [total], part="up"), "down": n.add("Neg", [total])}

    bias = layer("bias", "ImageInputLayer", InputSize=[1, 1, 2], Normalization="none")
    end = layer("end", "AdditionLayer", NumInputs=[2])
    rows = [("bias", "s/bias"), ("image", "s/x"), ("s/up", "end/in2"), ("s/down", "end/in1")]
    graph = read(IMAGE, bias, ("s", "Split", {}), end, connections=rows)
    b = np.float32([[[1, -1]]])
    np.testing.assert_allclose(run(graph, X, b), np.maximum(X + b, 0) - (X + b), atol=1e-6)


def test_a_function_needs_a_name_or_a_handle():
    with pytest.raises(TypeError, match="either"):
        converter.matlab_function()
