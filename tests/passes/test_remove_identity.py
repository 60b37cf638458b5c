"""What hands its input on unchanged goes; what only nearly does, stays."""

from __future__ import annotations

import pytest

from tests.onnx_reader.models import assert_same_answer, random, read_normalised
from tests.passes.recover.formulas import formula

_WHOLE = 2**63 - 1

NOTHING = [
    "Pad(x, [0, 0, 0, 0, 0, 0, 0, 0])",
    "Expand(x, [1, 3, 4, 5])",
    "Reshape(x, [2, 3, 4, 5])",
    "Reshape(x, [0, 3, -1, 5])",
    f"Slice(x, [0], [{_WHOLE}], [2])",
    f"Slice(x, [0, 0], [{_WHOLE}, {2**31 - 1}], [1, 3], [1, 1])",
    "Concat(x, axis=1)",
    "AveragePool(x, kernel_shape=[1, 1])",
    "MaxPool(x, kernel_shape=[1, 1], strides=[1, 1])",
]
SOMETHING = [
    "Pad(x, [0, 0, 0, 0, 0, 0, 0, 1])",
    "Pad(x, [0, 0, 0, -1, 0, 0, 0, 1])",
    "Expand(x, [2, 1, 1, 1, 1])",
    "Reshape(x, [2, 4, 3, 5])",
    f"Slice(x, [1], [{_WHOLE}], [2])",
    "Slice(x, [0], [-1], [2])",
    f"Slice(x, [0], [{_WHOLE}], [2], [2])",
    "AveragePool(x, kernel_shape=[1, 1], strides=[2, 1])",
    "AveragePool(x, kernel_shape=[1, 2])",
]


@pytest.mark.parametrize(("text", "goes"), [*((t, True) for t in NOTHING), *((t, False) for t in SOMETHING)])
def test_operator(text, goes, tmp_path):
    proto = formula(f"Relu({text.replace('(x', '(Sigmoid(x)')})", {"x": [2, 3, 4, 5]})
    graph = read_normalised(proto, tmp_path)
    assert ([node.op_type for node in graph.nodes] == ["Sigmoid", "Relu"]) == goes
    assert_same_answer(graph, proto, {"x": random(2, 3, 4, 5)})
