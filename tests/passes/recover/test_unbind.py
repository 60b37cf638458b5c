"""A tensor that is split into places of one axis, without that axis, is taken apart in one line."""

import numpy as np
import onnx.parser
import pytest

from converter.emitters import emit
from tests.emitted import assert_equal, read

_TEXT = """
    <ir_version: 10, opset_import: ["": 20]> net (float[b, 3, 4] x) => (float[b, 4] y) {
        ones = Constant <value_ints = [1, 1, 1]> ()  axis = Constant <value_ints = [1]> ()
        first, second, third = Split <axis = 1> (x, ones)
        q = Squeeze (first, axis)  k = Squeeze (second, axis)  v = Squeeze (third, axis)
        product = Mul (q, k)  y = Sub (product, v)
    }
"""


@pytest.mark.parametrize(("target", "text"), [("pytorch", "x.unbind(1)"), ("keras", "ops.unstack(inputs, axis=1)")])
def test_places_of_an_axis(target, text):
    model = onnx.parser.parse_model(_TEXT)
    assert text in emit(read(model), target).code
    assert_equal(model, target, {"x": np.arange(24, dtype=np.float32).reshape(2, 3, 4)})


def test_a_part_that_is_read_with_its_axis_stays_one():
    text = _TEXT.replace("y = Sub (product, v)", "y = Sub (product, v)  z = ReduceSum (third)")
    model = onnx.parser.parse_model(text.replace("(float[b, 4] y)", "(float[b, 4] y, float[a, c, d] z)"))
    assert "Split" in [node.op_type for node in read(model).nodes]
