"""An epsilon that hardly any output shows is compared by itself."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

import converter
from tests.models import save


def normalised(folder, operator, epsilon, **attributes):
    """A normalisation of numbers far larger than its epsilon."""
    nodes = [
        helper.make_node("Add", ["x", "far"], ["moved"], name="moved"),
        helper.make_node(operator, ["moved", "scale"], ["y"], name="norm", epsilon=epsilon, **attributes),
    ]
    weights = {"far": np.linspace(-50, 50, 6, dtype=np.float32), "scale": np.ones(6, np.float32)}
    return save(folder / "m.onnx", nodes, {"x": ["batch", 6]}, {"y": ["batch", 6]}, weights, opset=23)


EDITS = [
    ("LayerNormalization", 1e-12, "pytorch", "eps=1e-12", "eps=1e-5"),
    ("LayerNormalization", 1e-12, "keras", "epsilon=1e-12", "epsilon=1e-5"),
    ("LayerNormalization", 1e-12, "pytorch", ", eps=1e-12", ""),
    ("RMSNormalization", 1e-6, "pytorch", ", eps=1e-06", ""),
    ("RMSNormalization", 1e-6, "keras", "layers.RMSNormalization(", "layers.RMSNormalization(epsilon=2e-6, "),
]


@pytest.mark.parametrize(("operator", "epsilon", "target", "old", "new"), EDITS, ids=[f"{row[2]}-{row[4]}" for row in EDITS])
def test_another_epsilon_is_a_finding(operator, epsilon, target, old, new, tmp_path):
    conversion = converter.convert(normalised(tmp_path, operator, epsilon), to=target, out=tmp_path / "out")
    assert conversion.report.ok, conversion.report
    path = conversion.folder / "model.py"
    text = path.read_text()
    assert text.count(old) == 1, text
    path.write_text(text.replace(old, new))
    report = conversion.verify()
    assert not report.ok
    assert all(output.ok for output in report.outputs.values())
    (finding,) = report.findings
    assert f"'norm' ({operator}) has the epsilon" in finding and f"instead of {epsilon:g}" in finding
