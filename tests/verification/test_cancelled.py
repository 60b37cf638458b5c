"""An output in which everything cancels is held to the rounding of what it adds up."""

import numpy as np
import pytest
from onnx import helper

import converter
from tests.models import save


@pytest.fixture
def centred(tmp_path):
    """The mean of an image without its mean, and that image."""
    weight = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1] * 4),
        helper.make_node("ReduceMean", ["a"], ["m"], axes=[2, 3], keepdims=1),
        helper.make_node("Sub", ["a", "m"], ["c"]),
        helper.make_node("ReduceMean", ["c"], ["y"], axes=[2, 3], keepdims=0),
        helper.make_node("Relu", ["c"], ["z"]),
    ]
    ports = {"x": ["n", 3, 12, 12]}, {"y": ["n", 4], "z": ["n", 4, 12, 12]}
    return save(tmp_path / "m.onnx", nodes, *ports, {"w": weight}, opset=13)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_rounding_is_no_fault_and_proves_little(centred, tmp_path, target):
    report = converter.convert(centred, to=target, out=tmp_path / "out").report
    assert report.ok, report
    assert report.outputs["y"].tolerance.name.endswith("cancelled")
    assert any("'y' is rounding alone" in warning for warning in report.warnings)
    assert "cancelled" not in report.outputs["z"].tolerance.name


def test_a_number_that_stands_in_it_is_a_fault(centred, tmp_path):
    conversion = converter.convert(centred, to="pytorch", out=tmp_path / "out", verify=False)
    file = tmp_path / "out" / "model.py"
    code = file.read_text()
    line = next(line for line in code.splitlines() if line.strip().startswith("return "))
    first, second = line.strip().removeprefix("return ").split(", ", 1)
    for more, right in (("1e-3", False), ("0", True)):
        file.write_text(code.replace(line, f"        return {first} + {more}, {second}"))
        assert conversion.verify().ok == right
