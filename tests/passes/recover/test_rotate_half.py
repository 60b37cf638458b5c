"""Rotary positions: the halves of the features changed for each other are one operator, equal by onnxruntime."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest

import converter
from converter.emitters.onnx import to_model

FORMS = {
    "torch": ((4, 2**63 - 1), (0, 4), "right, left", -1, True),
    "counted from the end": ((-4, 8), (-8, -4), "right, left", 3, True),
    "the first half turned negative": ((0, 4), (4, 8), "right, left", -1, False),
    "unequal parts": ((3, 8), (0, 3), "right, left", -1, False),
    "something left out": ((4, 7), (0, 4), "right, left", -1, False),
    "joined on another axis": ((4, 8), (0, 4), "right, left", 2, False),
    "joined in order": ((4, 8), (0, 4), "left, right", -1, False),
}


def _model(second: tuple, first: tuple, order: str, axis: int) -> onnx.ModelProto:
    return onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["": 20]>
        net (float[b, 2, s, 8] x) => (float[b, h, t, f] y)
        <int64[1] begin = {{{second[0]}}}, int64[1] end = {{{second[1]}}}, int64[1] start = {{{first[0]}}},
         int64[1] half = {{{first[1]}}}, int64[1] last = {{3}}, int64[1] one = {{1}}>
        {{ second = Slice(x, begin, end, last)  left = Slice(x, start, half, last, one)
           right = Neg(second)  y = Concat <axis = {axis}> ({order}) }}""")


@pytest.mark.parametrize("form", FORMS)
def test_rotate_half(form, tmp_path):
    *parts, matches = FORMS[form]
    model = _model(*parts)
    onnx.save(model, tmp_path / "net.onnx")
    graph = converter.read(tmp_path / "net.onnx")
    x = np.random.default_rng(0).standard_normal((3, 2, 5, 8), np.float32)
    want, have = (
        onnxruntime.InferenceSession(each.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
        for each in (model, to_model(graph))
    )
    np.testing.assert_array_equal(have, want)
    assert ([node.op_type for node in graph.nodes] == ["RotateHalf"]) == matches


@pytest.mark.parametrize(("text", "matches"), [("right, left", True), ("left, right", False)])
def test_halves_that_a_split_gives(text, matches, tmp_path):
    model = onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["": 20]>
        net (float[b, 2, s, 8] x) => (float[b, h, t, f] y)
        {{ left, second = Split <axis = -1, num_outputs = 2> (x)  right = Neg(second)  y = Concat <axis = -1> ({text}) }}""")
    onnx.save(model, tmp_path / "net.onnx")
    nodes = [node.op_type for node in converter.read(tmp_path / "net.onnx").nodes]
    assert (nodes == ["RotateHalf"]) == matches
    for target in ("keras", "pytorch"):
        assert converter.convert(tmp_path / "net.onnx", target, out=tmp_path / target, verify=True).report.ok


def test_the_targets_compute_it(tmp_path):
    onnx.save(_model(*FORMS["torch"][:4]), tmp_path / "net.onnx")
    conversion = converter.convert(tmp_path / "net.onnx", "pytorch", out=tmp_path / "out")
    assert conversion.report.ok
    assert "rotate_half(x)" in (tmp_path / "out" / "model.py").read_text()
