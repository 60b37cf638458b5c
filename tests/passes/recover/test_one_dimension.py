"""Windows along an axis that is put in for them and taken out again, and their look-alikes."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import pytest

import converter
from tests.passes.recover.test_gather_all import answers

FORMS = {
    "convolution": ("a = Unsqueeze(x, two)  b = Conv(a, w)  y = Squeeze(b, two)", ["Conv"]),
    "strided, padded and dilated": (
        "a = Unsqueeze(x, two)  b = Conv <strides = [1, 2], pads = [0, 2, 0, 1], dilations = [1, 2]> (a, w)"
        "  y = Squeeze(b, two)",
        ["Conv"],
    ),
    "long axis first": (
        "a = Unsqueeze(x, three)  b = MaxPool <kernel_shape = [2, 1], strides = [2, 1]> (a)  y = Squeeze(b, three)",
        ["MaxPool"],
    ),
    "a run": (
        "a = Unsqueeze(x, two)  b = Conv(a, w)  c = AveragePool <kernel_shape = [1, 3]> (b)  y = Squeeze(c, two)",
        ["Conv", "AveragePool"],
    ),
    "channels last around it": (
        "l = Transpose <perm = [0, 2, 1]> (x)  r = Relu(l)  a = Unsqueeze(r, one)  t = Transpose <perm = [0, 3, 1, 2]> (a)"
        "  b = Conv(t, w)  s = Transpose <perm = [0, 2, 3, 1]> (b)  c = Squeeze(s, one)  y = Softmax(c)",
        ["Transpose", "Relu", "Transpose", "Conv", "Transpose", "Softmax"],
    ),
    "read between": ("a = Unsqueeze(x, two)  b = Conv(a, w)  c = Squeeze(b, two)  d = ReduceSum(b, two)  e = Squeeze(d, all)"
                     "  y = Add(c, e)", None),
    "two elements across": ("a = Unsqueeze(x, two)  b = Conv <pads = [1, 0, 0, 0]> (a, u)  y = Squeeze(b, two)", None),
    "another axis": ("a = Unsqueeze(x, two)  b = Conv(a, v)  y = Squeeze(b, three)", None),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_one_dimension(form, tmp_path):
    body, expected = FORMS[form]
    random = np.random.default_rng(0)
    model = onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["": 20]> net (float[n, 4, 11] x) => (float[a, b, c] y)
        <int64[1] zero = {{0}}, int64[1] one = {{1}}, int64[1] two = {{2}}, int64[1] three = {{3}}, int64[1] all = {{2}}> {{ {body} }}""")  # noqa: E501
    for name, shape in (("w", (5, 4, 1, 3)), ("v", (5, 4, 1, 11)), ("u", (5, 4, 2, 3))):
        model.graph.initializer.append(onnx.numpy_helper.from_array(random.standard_normal(shape).astype(np.float32), name))
    onnx.save(model, tmp_path / "net.onnx")
    graph = converter.read(tmp_path / "net.onnx")
    want, have = answers(model, graph, random.standard_normal((3, 4, 11), np.float32))
    np.testing.assert_allclose(have, want, atol=1e-6)
    found = [node.op_type for node in graph.nodes]
    assert found == expected if expected else "Unsqueeze" in found
