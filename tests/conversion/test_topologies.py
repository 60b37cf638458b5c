"""The nine real topologies of the onnx package, through the whole house: convert, write, run in their own process, compare."""

import onnx
import pytest

import converter
from tests.topologies import NAMES, seeded


@pytest.mark.parametrize("target", ["keras", "pytorch"])
@pytest.mark.parametrize("name", NAMES)
def test_topology(name, target, tmp_path):
    source = tmp_path / f"{name}.onnx"
    onnx.save(seeded(name, 0), source)
    conversion = converter.convert(source, to=target, out=tmp_path / "out")
    assert conversion.report.ok
    # A sample 256 times as large takes the softmax to where the last bits of scores count.
    assert all(output.max_relative_error <= 1e-4 for output in conversion.report.outputs.values())
    code = (tmp_path / "out" / "model.py").read_text()
    assert ".transpose(" not in code and ".permute(" not in code
