"""The end of an axis put before its start is a roll, equal by onnxruntime."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest

import converter
from converter.emitters.onnx import to_model

LAST = 2**63 - 1
FORMS = {
    "backwards": ((3, LAST), (0, 3), 1, {"shifts": (-3,), "axes": (1,)}),
    "forwards": ((-2, LAST), (0, -2), 2, {"shifts": (2,), "axes": (2,)}),
    "forwards, counted from the start": ((6, 8), (0, 6), 1, {"shifts": (2,), "axes": (1,)}),
    "half": ((4, 8), (0, 4), 1, {"shifts": (-4,), "axes": (1,)}),
    "something left out": ((4, 8), (0, 3), 1, None),
    "something twice": ((3, 8), (0, 4), 1, None),
    "all of it": ((0, 8), (0, 0), 1, None),
    "in order": ((0, 3), (3, 8), 1, None),
    "unknown size": ((1, LAST), (0, 1), 0, None),
}


def _model(end: tuple, start: tuple, axis: int, *, joined: int | None = None) -> onnx.ModelProto:
    return onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["": 20]>
        net (float[b, 8, 6] x) => (float[r, s, t] y)
        <int64[1] a = {{{end[0]}}}, int64[1] b = {{{end[1]}}}, int64[1] c = {{{start[0]}}}, int64[1] d = {{{start[1]}}},
         int64[1] axis = {{{axis}}}, int64[1] one = {{1}}>
        {{ right = Slice(x, a, b, axis)  left = Slice(x, c, d, axis, one)
           y = Concat <axis = {axis if joined is None else joined}> (right, left) }}""")


def _same(model: onnx.ModelProto, graph: converter.Graph) -> None:
    x = np.random.default_rng(0).standard_normal((3, 8, 6), np.float32)
    want, have = (
        onnxruntime.InferenceSession(each.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
        for each in (model, to_model(graph))
    )
    np.testing.assert_array_equal(have, want)


@pytest.mark.parametrize("form", FORMS)
def test_roll(form, tmp_path):
    *parts, attributes = FORMS[form]
    onnx.save(_model(*parts), tmp_path / "net.onnx")
    graph = converter.read(tmp_path / "net.onnx")
    _same(_model(*parts), graph)
    assert [node.attributes for node in graph.nodes if node.op_type == "Roll"] == ([] if attributes is None else [attributes])


def test_joined_on_another_axis(tmp_path):
    onnx.save(_model((3, 6), (0, 3), 2, joined=1), tmp_path / "net.onnx")
    assert [node.op_type for node in converter.read(tmp_path / "net.onnx").nodes] == ["Slice", "Slice", "Concat"]


@pytest.mark.parametrize("target", ["keras", "pytorch"])
def test_two_axes_are_one_roll(target, tmp_path):
    """Of an image that a convolution made, so that Keras counts the axes otherwise."""
    model = onnx.parser.parse_model("""<ir_version: 10, opset_import: ["": 20]>
        net (float[b, 3, 8, 6] x) => (float[r, 3, s, t] y)
        <float[3, 3, 1, 1] w = {1, 2, 3, 4, 5, 6, 7, 8, 9},
         int64[1] a = {3}, int64[1] b = {4}, int64[1] zero = {0}, int64[1] last = {100}, int64[1] h = {2}, int64[1] v = {3}>
        { c = Conv(x, w)  below = Slice(c, a, last, h)  above = Slice(c, zero, a, h)  turned = Concat <axis = 2> (below, above)
          right = Slice(turned, b, last, v)  left = Slice(turned, zero, b, v)  y = Concat <axis = 3> (right, left) }""")
    onnx.save(model, tmp_path / "net.onnx")
    conversion = converter.convert(tmp_path / "net.onnx", target, out=tmp_path / "out")
    assert conversion.report.ok
    call = {"keras": "ops.roll(x, (-3, 2), axis=(1, 2))", "pytorch": "torch.roll(self.conv(x), (-3, 2), (2, 3))"}[target]
    assert call in (tmp_path / "out" / "model.py").read_text()
