"""SiLU, hard swish, hard sigmoid and Mish, and what only looks like them."""

from __future__ import annotations

import pytest

from tests.onnx_reader.models import assert_same_answer, random, read_normalised
from tests.passes.recover.formulas import formula

FOUND = {
    "x * Sigmoid(x)": "Silu",
    "Sigmoid(x) * x": "Silu",
    "x * Clip(x + 3.0, 0.0, 6.0) / 6.0": "HardSwish",
    "x * (Clip(3.0 + x, 0.0, 6.0) / 6.0)": "HardSwish",
    "Clip(x + 3.0, 0.0, 6.0) * 0.16666667 * x": "HardSwish",
    "x * HardSigmoid(x, alpha=0.16666667)": "HardSwish",
    "Clip(x + 3.0, 0.0, 6.0) / 6.0": "HardSigmoid",
    "x * Tanh(Softplus(x))": "Mish",
    "x * Tanh(Log(1.0 + Exp(x)))": "Mish",
}
OTHERS = [
    "x * Sigmoid(z)",
    "x * Sigmoid(x * 1.702)",
    "x + Sigmoid(x)",
    "x * HardSigmoid(x)",
    "x * HardSigmoid(x, alpha=0.16666667, beta=0.4)",
    "Clip(x + 3.0, 0.0, 5.0) / 6.0",
    "x * Clip(x + 2.0, 0.0, 6.0) / 6.0",
    "x * Clip(x + 3.0, 0.0, 6.0) / 5.0",
    "z * Tanh(Softplus(x))",
    "x * Tanh(Log(2.0 + Exp(x)))",
]


@pytest.mark.parametrize(("text", "op_type"), [*FOUND.items(), *((text, None) for text in OTHERS)])
def test_formula(text, op_type, tmp_path):
    names = ["x", "z"] if "z" in text else ["x"]
    proto = formula(text, {name: [2, 7] for name in names})
    graph = read_normalised(proto, tmp_path)
    operators = [node.op_type for node in graph.nodes]
    if op_type is None:
        assert not {"Silu", "HardSwish", "Mish"} & set(operators)
        assert len(operators) > 1
    else:
        assert operators == [op_type]
    assert_same_answer(graph, proto, {name: 3 * random(2, 7, seed=place) for place, name in enumerate(names)})


def test_what_is_read_elsewhere_stays(tmp_path):
    proto = formula("x * Sigmoid(x)", {"x": [2, 7]}, also="Sigmoid(x)")
    graph = read_normalised(proto, tmp_path)
    assert sorted(node.op_type for node in graph.nodes) == ["Mul", "Sigmoid"]
    assert_same_answer(graph, proto, {"x": random(2, 7)})
