"""Slices of slices along other axes are one, and all targets compute the same with it."""

import numpy as np
import onnx.parser
import pytest

from tests.emitted import assert_equal, read

_TEXT = """
    <ir_version: 10, opset_import: ["": 20]> net (float[b, 6, 8, 3] x) => (float[b, h, w, c] y)
    <int64[1] zero = {0}, int64[1] one = {1}, int64[1] end = {9223372036854775807}, int64[1] two = {2}, int64[1] last = {-2}>
    { rows = Slice(x, zero, end, one, two)  columns = Slice(rows, one, last, AXIS, two)  MORE }
"""


CASES = [
    ("two", "y = Relu(columns)", 1),
    ("last", "y = Relu(columns)", 1),
    ("one", "y = Relu(columns)", 2),
    ("two", "most = ReduceMax(rows)  y = Add(columns, most)", 2),
]


@pytest.mark.parametrize("target", ["keras", "pytorch"])
@pytest.mark.parametrize(("axis", "more", "count"), CASES)
def test_two_slices(axis, more, count, target):
    model = onnx.parser.parse_model(_TEXT.replace("AXIS", axis).replace("MORE", more))
    assert [node.op_type for node in read(model).nodes].count("Slice") == count
    assert_equal(model, target, {"x": np.random.default_rng(0).standard_normal((2, 6, 8, 3)).astype(np.float32)})
