"""Places of extremes among numbers that are equal."""

import numpy as np
import onnx.parser
import pytest

from converter.emitters import emit
from tests.emitted import judge, read, run


@pytest.mark.parametrize("operator", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_zeros_of_both_signs_are_equal(target, operator, last):
    """Keras takes -0.0 for less than 0.0."""
    model = onnx.parser.parse_model(
        f"""<ir_version: 10, opset_import: ["": 18]> net (float[n, 6] x) => (int64[n] y)
        <float[6] signs = {{-1, 1, 1, -1, 1, -1}}> {{
          a = Mul (x, signs)  b = Reshape (a, shape)
          y = {operator} <axis = 1, keepdims = 0, select_last_index = {last}> (b)
        }}"""
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0, -1]), "shape"))
    x = np.float32([[0, 0, 0, 0, 0, 0], [1, -1, 0, 0, 0, 0], [-1, 1, 0, 0, 0, 0]])
    (found,) = run(read(model), target, {"x": x})
    np.testing.assert_array_equal(found, judge(model, {"x": x})[0])


def test_scores_of_a_layer_are_taken_as_they_are():
    model = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["": 18]> net (float[n, 2] x) => (int64[n] y) <float[2, 2] w = {1, 2, 3, 4}> {
        a = MatMul (x, w)  y = ArgMax <axis = 1, keepdims = 0> (a)
        }"""
    )
    assert "ops.where" not in emit(read(model), "keras").code
