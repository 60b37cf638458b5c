"""GELU in the orders in which it is written, and what only looks like it."""

from __future__ import annotations

import pytest

from tests.onnx_reader.models import assert_same_answer, random, read_normalised
from tests.passes.recover.formulas import formula

_CUBIC = "(x + 0.044714998 * x ** 3.0)"

EXACT = [
    "x * (Erf(x / 1.4142135) + 1.0) * 0.5",
    "x * 0.5 * (1.0 + Erf(x / 1.4142135))",
    "0.5 * x * (1.0 + Erf(0.70710677 * x))",
    "x * (0.5 * (1.0 + Erf(x / 1.4142135)))",
    "(0.5 + 0.5 * Erf(x * 0.70710677)) * x",
    "x * (Erf(x / 1.4142135) + 1.0) / 2.0",
]
TANH = [
    f"x * 0.5 * (Tanh({_CUBIC} * 0.7978846) + 1.0)",
    f"(1.0 + Tanh(0.7978846 * {_CUBIC})) * x * 0.5",
    "0.5 * x * (1.0 + Tanh(0.7978846 * (x + 0.044715 * x * x * x)))",
    "0.5 * x * (1.0 + Tanh(0.7978846 * x * (1.0 + 0.044715 * x * x)))",
    "0.5 * (x * (1.0 + Tanh(0.7978846 * (x + 0.044715 * (x * (x * x))))))",
    "0.5 * (x * (1.0 + Tanh(x * 0.7978846 * (1.0 + 0.044715 * x ** 2.0))))",
    f"x * Sigmoid(1.5957692 * {_CUBIC})",
]
OTHERS = [
    "x * (Erf(x / 1.5) + 1.0) * 0.5",
    "x * (Erf(x / 1.4142135) + 2.0) * 0.5",
    "x * (Erf(x / 1.4142135) - 1.0) * 0.5",
    "z * (Erf(x / 1.4142135) + 1.0) * 0.5",
    "x * (Erf(x / 1.4142135) + 1.0) * 0.7",
    f"x * 0.5 * (Tanh({_CUBIC} * 0.8) + 1.0)",
    "x * 0.5 * (Tanh((x + 0.05 * x ** 3.0) * 0.7978846) + 1.0)",
    "x * 0.5 * (Tanh((x + 0.044715 * x ** 2.0) * 0.7978846) + 1.0)",
    "x * 0.5 * (Tanh((x + 0.044715 * x * x * z) * 0.7978846) + 1.0)",
    f"x * Sigmoid(0.7978846 * {_CUBIC})",
]


@pytest.mark.parametrize(
    ("text", "approximate"),
    [*((text, "none") for text in EXACT), *((text, "tanh") for text in TANH), *((t, None) for t in OTHERS)],
)
def test_formula(text, approximate, tmp_path):
    names = ["x", "z"] if "z" in text else ["x"]
    proto = formula(text, {name: [2, 7] for name in names})
    graph = read_normalised(proto, tmp_path)
    if approximate is None:
        assert "Gelu" not in {node.op_type for node in graph.nodes}
    else:
        assert [(node.op_type, node["approximate"]) for node in graph.nodes] == [("Gelu", approximate)]
    assert_same_answer(graph, proto, {name: 3 * random(2, 7, seed=place) for place, name in enumerate(names)})


def test_what_is_read_elsewhere_stays(tmp_path):
    proto = formula("x * (Erf(x / 1.4142135) + 1.0) * 0.5", {"x": [2, 7]}, also="Erf(x / 1.4142135)")
    graph = read_normalised(proto, tmp_path)
    assert "Gelu" not in {node.op_type for node in graph.nodes}
    assert_same_answer(graph, proto, {"x": random(2, 7)})
