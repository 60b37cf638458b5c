"""What the layers mean, worked out by Octave as MathWorks' documentation says: ``octave/forward`` shares no line with us.

Octave writes each network as a layer table whose probe is its own answer, so that every conversion is compared with it.
"""

from __future__ import annotations

from pathlib import Path

import layer_table
import numpy as np
import pytest

import converter
from converter.readers.matlab import container

FORWARD = Path(__file__).with_name("octave") / "forward"
OUTPUTS = {
    "images": ["prob"],
    "edges": ["sigmoid"],
    "branches": ["largest", "fc", "average"],
    "volumes": ["up", "whole"],
    "labels": ["prob"],
    "sequences": ["fc"],
    "directions": ["mean", "fc"],
}
"""The networks, and their outputs in order."""


@pytest.fixture(scope="module")
def networks(octave, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    octave(f"networks('{folder}')", FORWARD)
    return folder


@pytest.mark.parametrize(
    ("name", "target"), [*((name, "onnx") for name in OUTPUTS), ("images", "pytorch"), ("branches", "pytorch")]
)
def test_equal_to_octave(networks, tmp_path, name, target):
    conversion = converter.convert(networks / f"{name}.mat", target, tmp_path / "out")
    assert conversion.report.ok, str(conversion.report)
    assert conversion.report.cases[0].name == "probe"
    assert list(conversion.report.probe) == OUTPUTS[name]
    assert all(output.max_relative_error < 1e-5 for output in conversion.report.probe.values())
    spread = [np.std(array) for array in converter.read(networks / f"{name}.mat").probe.outputs.values()]
    assert min(spread) > 0.01  # a network that answers the same to everything would prove nothing


@pytest.mark.parametrize("name", ["labels", "branches"])
def test_one_wrong_number_of_the_probe_is_found(networks, tmp_path, name):
    path = networks / f"{name}.mat"
    (variable,) = container.directory(path)
    table = container.load(path, variable)
    output = table["probe"]["outputs"].flat[0].copy()
    output[(-1,) * output.ndim] += 1e-3 * np.abs(output).max()
    table["probe"]["outputs"].flat[0] = output
    layer_table.write(tmp_path / "wrong.mat", table | {"layers": layer_table.cell(table["layers"])})
    report = converter.convert(tmp_path / "wrong.mat", "onnx", tmp_path / "out").report
    wrong = report.probe[OUTPUTS[name][0]]
    assert not report.ok
    assert all(output.ok for output in report.outputs.values())
    assert not wrong.ok
    assert wrong.where.case == "probe"
    assert f"the source's own answer (its probe) is another one at '{OUTPUTS[name][0]}'" in report.findings[0]
