"""Channels dealt out to groups in turn are one operator, equal by onnxruntime."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest

import converter
from converter.emitters.onnx import to_model

# the shape of x, what it is split into, the order of that, what it becomes, whether that is a shuffle of channels
FORMS = {
    "two groups": ("b, 6, 4, 5", "0, 2, 3, 4, 5", "0, 2, 1, 3, 4", "0, 6, 4, 5", True),
    "three groups": ("b, 6, 4, 5", "-1, 3, 2, 4, 5", "0, 2, 1, 3, 4", "-1, 6, 4, 5", True),
    "a batch of its own": ("2, 6, 4, 5", "2, 3, 2, 4, 5", "0, 2, 1, 3, 4", "2, 6, 4, 5", True),
    "steps": ("b, 6, 4", "-1, 2, 3, 4", "0, 2, 1, 3", "-1, 6, 4", True),
    "groups of one channel": ("b, 6, 4, 5", "0, 6, 1, 4, 5", "0, 2, 1, 3, 4", "0, 6, 4, 5", False),
    "another order": ("b, 6, 4, 4", "0, 2, 3, 4, 4", "0, 2, 1, 4, 3", "0, 6, 4, 4", False),
    "of the height": ("b, 6, 4, 5", "0, 6, 2, 2, 5", "0, 1, 3, 2, 4", "0, 6, 4, 5", False),
    "merged otherwise": ("b, 6, 4, 5", "0, 2, 3, 4, 5", "0, 2, 1, 3, 4", "0, 4, 6, 5", False),
    "split otherwise": ("b, 6, 4, 5", "0, 2, 4, 3, 5", "0, 2, 1, 3, 4", "0, 6, 4, 5", False),
}


def _model(x: str, split: str, perm: str, whole: str) -> onnx.ModelProto:
    y = ", ".join("stuvw"[: len(x.split(","))])
    counts = [len(text.split(",")) for text in (split, whole)]
    return onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["": 20]>
        net (float[{x}] x) => (float[{y}] y)
        <int64[{counts[0]}] split = {{{split}}}, int64[{counts[1]}] whole = {{{whole}}}>
        {{ apart = Reshape(x, split)  turned = Transpose <perm = [{perm}]> (apart)  y = Reshape(turned, whole) }}""")


@pytest.mark.parametrize("form", FORMS)
def test_channel_shuffle(form, tmp_path):
    *texts, matches = FORMS[form]
    model = _model(*texts)
    onnx.save(model, tmp_path / "net.onnx")
    graph = converter.read(tmp_path / "net.onnx")
    shape = [2 if size.strip() == "b" else int(size) for size in texts[0].split(",")]
    x = np.random.default_rng(0).standard_normal(shape, np.float32)
    want, have = (
        onnxruntime.InferenceSession(each.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
        for each in (model, to_model(graph))
    )
    np.testing.assert_array_equal(have, want)
    assert ([node.op_type for node in graph.nodes] == ["ChannelShuffle"]) == matches


@pytest.mark.parametrize("target", ["keras", "pytorch"])
@pytest.mark.parametrize("size", ["4, 5", "h, w"])
def test_shuffle_between_convolutions(target, size, tmp_path):
    """Also where the size of the image is known only when it runs, as torch's exporters write it."""
    model = onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["": 20]>
        net (float[b, 6, {size}] x) => (float[b, 6, s, t] y)
        <int64[2] groups = {{2, 3}}, int64[1] channels = {{6}}, float[6, 1, 1, 1] w = {{1, 2, 3, 4, 5, 6}}>
        {{ batch = Shape <start = 0, end = 1> (x)  size = Shape <start = 2> (x)
           split = Concat <axis = 0> (batch, groups, size)  whole = Concat <axis = 0> (batch, channels, size)
           before = Conv <group = 6> (x, w)  apart = Reshape(before, split)
           turned = Transpose <perm = [0, 2, 1, 3, 4]> (apart)  merged = Reshape(turned, whole)
           y = Conv <group = 6> (merged, w) }}""")
    onnx.save(model, tmp_path / "net.onnx")
    conversion = converter.convert(tmp_path / "net.onnx", target, out=tmp_path / target, verify=True)
    assert conversion.report.ok
    code = (tmp_path / target / "model.py").read_text()
    assert ("F.channel_shuffle(" if target == "pytorch" else "channel_shuffle(") in code
    assert "transpose" not in code and "permute" not in code
