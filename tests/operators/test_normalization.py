"""Normalisations at the ends of what they take."""

import numpy as np
import onnx.parser
import pytest

from tests.emitted import judge, read, run


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_a_row_of_tiny_numbers_gets_its_length_too(target, p):
    """The frameworks' own epsilon, 1e-12 and 1e-7, would leave it as it is; of nothing there is no length."""
    model = onnx.parser.parse_model(
        f"""<ir_version: 10, opset_import: ["": 18]> net (float[n, 5] x) => (float[n, 5] y) {{
        y = LpNormalization <axis = -1, p = {p}> (x)
        }}"""
    )
    x = np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32) * np.float32([[1], [1e-8], [1e-14], [0]])
    (found,) = run(read(model), target, {"x": x})
    np.testing.assert_allclose(found, judge(model, {"x": x})[0], rtol=1e-5, atol=1e-6)
