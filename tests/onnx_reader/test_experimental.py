"""Operators that were experimental and left the standard; onnxruntime still runs them at the opsets of their time."""

from __future__ import annotations

import pytest

from tests.onnx_reader.models import assert_same_answer, model, node, random, read, read_normalised


@pytest.mark.parametrize(
    ("op_type", "attributes"),
    [
        ("ImageScaler", {"scale": 0.5, "bias": [1.0, -2.0, 3.0]}),
        ("Affine", {"alpha": 0.5, "beta": 2.0}),
        ("Crop", {"border": [1, 2, 3, 1]}),
        ("Crop", {"border": [0, 2, 0, 1]}),
        ("Crop", {"border": [1, 2, 0, 0], "scale": [3, 2]}),
    ],
)
def test_answers_as_onnxruntime_does(op_type, attributes, tmp_path):
    proto = model([node(op_type, ["x"], ["y"], **attributes)], {"x": [2, 3, 7, 6]}, ["y"], opset=7)
    assert_same_answer(read(proto, tmp_path), proto, {"x": random(2, 3, 7, 6)})
    assert_same_answer(read_normalised(proto, tmp_path), proto, {"x": random(2, 3, 7, 6)})
