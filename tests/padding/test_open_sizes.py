"""``auto_pad`` SAME where the size of the image is open: the sides depend on the image that comes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from converter.operators import refusals
from tests.emitted import assert_equal, read

SIZES = [(7, 8), (8, 11), (5, 5)]
SAID = [("pytorch", "SAME_UPPER"), ("pytorch", "SAME_LOWER"), ("keras", "SAME_UPPER")]
CASES = {
    "conv": ("Conv", {}),
    "max": ("MaxPool", {}),
    "mean": ("AveragePool", {}),
    "mean_of_all": ("AveragePool", {"count_include_pad": 1}),
}


def _model(op_type: str, options: dict, auto_pad: str) -> onnx.ModelProto:
    weights = np.random.default_rng(0).standard_normal((2, 3, 3, 3)).astype(np.float32)
    operands = [numpy_helper.from_array(weights, "w")] if op_type == "Conv" else []
    node = helper.make_node(
        op_type, ["x", *(w.name for w in operands)], ["y"], kernel_shape=[3, 3], strides=[2, 2], auto_pad=auto_pad, **options
    )
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, "height", "width"])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "same", [image], [result], operands)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(
    ("target", "auto_pad"), [("pytorch", "SAME_UPPER"), ("pytorch", "SAME_LOWER"), ("keras", "SAME_UPPER")]
)
@pytest.mark.parametrize("case", CASES)
def test_pads_by_the_size_that_comes(case, target, auto_pad, size):
    image = np.random.default_rng(1).standard_normal((2, 3, *size)).astype(np.float32)
    assert_equal(_model(*CASES[case], auto_pad), target, {"x": image})


@pytest.mark.parametrize("case", CASES)
def test_keras_refuses_what_its_padding_cannot_say(case):
    (problem,) = refusals(read(_model(*CASES[case], "SAME_LOWER")), "keras")
    assert "auto_pad=SAME_LOWER with an input size that is not known" in problem.reason


@pytest.mark.parametrize(("strides", "refused"), [([2, 2], True), ([1, 2], True), ([1, 1], False)], ids=str)
def test_a_strided_and_dilated_convolution_needs_a_known_size_in_keras(strides, refused):
    """Keras has no such convolution, and subsampling one of stride 1 would begin at another place."""
    model = _model("Conv", {"dilations": [2, 2]}, "SAME_UPPER")
    next(entry for entry in model.graph.node[0].attribute if entry.name == "strides").ints[:] = strides
    assert bool(refusals(read(model), "keras")) == refused
    assert not refusals(read(model), "pytorch")
