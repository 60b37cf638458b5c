"""RMSNorm, LayerNorm and GroupNorm taken apart, and what only looks like them."""

from __future__ import annotations

import numpy as np
import pytest

from converter.emitters import emit
from tests.emitted import assert_equal
from tests.onnx_reader.models import assert_same_answer, random, read_normalised
from tests.passes.recover.formulas import formula

_MEAN = "ReduceMean(x, [-1], keepdims=1)"
_SQUARE = "ReduceMean(x ** 2.0, [-1], keepdims=1)"
_VARIANCE = f"ReduceMean((x - {_MEAN}) ** 2.0, [-1], keepdims=1)"

RMS = [
    f"w * (x * Reciprocal(Sqrt({_SQUARE} + 1e-06)))",
    f"w * (x * (1.0 / Sqrt({_SQUARE} + 1e-06)))",
    f"x / Sqrt({_SQUARE} + 1e-06) * w",
    "x / Sqrt(ReduceMean(x * x, [2], keepdims=1) + 1e-06) * w",
    f"x * ({_SQUARE} + 1e-06) ** -0.5 * w",
    f"w * Cast(Cast(x, to=1) * Reciprocal(Sqrt({_SQUARE} + 1e-06)), to=1)",
]
LAYER = [
    f"(x - {_MEAN}) / Sqrt({_VARIANCE} + 1e-05) * w + b",
    f"b + w * ((x - {_MEAN}) * Reciprocal(Sqrt({_VARIANCE} + 1e-05)))",
    f"(x - {_MEAN}) / Sqrt({_VARIANCE} + 1e-05) * w",
    f"(x - {_MEAN}) / ({_VARIANCE} + 1e-05) ** 0.5 * w + b",
    f"(x - {_MEAN}) / Sqrt(ReduceMean((x - {_MEAN}) * (x - {_MEAN}), [-1], keepdims=1) + 1e-05) * w + b",
]
OTHERS = [
    f"x / (Sqrt({_SQUARE}) + 1e-06) * w",
    "x / Sqrt(ReduceMean(x ** 2.0, [1], keepdims=1) + 1e-06) * w",
    "x / Sqrt(ReduceMean(x ** 3.0, [-1], keepdims=1) + 100.0) * w",
    "x / Sqrt(ReduceSum(x ** 2.0, [-1], keepdims=1) + 1e-06) * w",
    f"z / Sqrt({_SQUARE} + 1e-06) * w",
    f"x / Sqrt({_SQUARE} + 1e-06) * z",
    f"x / Sqrt({_SQUARE} + 1e-06)",
    f"(x - ReduceMean(x, [1], keepdims=1)) / Sqrt({_VARIANCE} + 1e-05) * w + b",
    f"x / Sqrt({_VARIANCE} + 1e-05) * w + b",
    f"x / Sqrt({_SQUARE} + 1e-06) * m",
]
_WEIGHTS = {"w": random(5, seed=8), "b": random(5, seed=9), "m": random(4, 1, seed=7)}


@pytest.mark.parametrize(
    ("text", "op_type"),
    [*((t, "RMSNormalization") for t in RMS), *((t, "LayerNormalization") for t in LAYER), *((t, None) for t in OTHERS)],
)
def test_formula(text, op_type, tmp_path):
    names = ["x", "z"] if "z" in text else ["x"]
    proto = formula(text, {name: ["n", 4, 5] for name in names}, _WEIGHTS)
    graph = read_normalised(proto, tmp_path)
    operators = [node.op_type for node in graph.nodes]
    if op_type is None:
        assert not {"RMSNormalization", "LayerNormalization"} & set(operators)
    else:
        assert operators == [op_type]
        assert graph.nodes[0].attributes["epsilon"] == (1e-6 if op_type.startswith("RMS") else 1e-5)
    assert_same_answer(graph, proto, {name: random(3, 4, 5, seed=place) for place, name in enumerate(names)})


@pytest.mark.parametrize(("axes", "recovered"), [([0, 2], True), ([0, 1], False)])
def test_by_the_statistics_of_the_batch_itself(axes, recovered, tmp_path):
    """As torch.export writes it without running statistics."""
    centred = f"(x - ReduceMean(x, {axes}, keepdims=1))"
    statistics = f"ReduceMean(x, {axes}, keepdims=0), ReduceMean({centred} * {centred}, {axes}, keepdims=0)"
    text = f"Relu(BatchNormalization(x, w, b, {statistics}))"
    proto = formula(text, {"x": [3, 5, 5]}, _WEIGHTS, opset=18)
    graph = read_normalised(proto, tmp_path)
    assert ([node.op_type for node in graph.nodes] == ["BatchNormalization", "Relu"]) == recovered
    assert_same_answer(graph, proto, {"x": random(3, 5, 5)})
    if recovered:
        assert "F.batch_norm(x, None, None, self.w, self.b, training=True)" in emit(graph, "pytorch").code
        for target in ("pytorch", "keras"):
            assert_equal(proto, target, {"x": random(3, 5, 5)})


def test_over_two_axes(tmp_path):
    square = "ReduceMean(x * x, [1, 2], keepdims=1)"
    proto = formula(f"x / Sqrt({square} + 1e-06) * w", {"x": ["n", 4, 5]}, {"w": random(4, 5, seed=3)})
    graph = read_normalised(proto, tmp_path)
    assert [(node.op_type, node["axis"]) for node in graph.nodes] == [("RMSNormalization", -2)]
    assert_same_answer(graph, proto, {"x": random(3, 4, 5)})


def test_what_is_read_elsewhere_stays(tmp_path):
    proto = formula(f"x / Sqrt({_SQUARE} + 1e-06) * w", {"x": ["n", 4, 5]}, _WEIGHTS, also=_SQUARE)
    graph = read_normalised(proto, tmp_path)
    assert "RMSNormalization" not in {node.op_type for node in graph.nodes}
    assert_same_answer(graph, proto, {"x": random(3, 4, 5)})


@pytest.mark.parametrize(
    ("before", "after", "ones", "shape", "found"),
    [
        ([0, 2, -1], [0, 6, 4, 5], 1, (6, 1, 1), True),
        ([0, 3, -1], [0, 6, 4, 5], 1, (1, 6, 1, 1), True),
        ([0, 2, -1], [0, 6, 5, 4], 1, (6, 1, 1), False),
        ([0, 2, -1], [0, 6, 4, 5], 2, (6, 1, 1), False),
        ([0, 2, -1], [0, 6, 4, 5], 1, (4, 1), False),
        ([-1, 2, 20], [-1, 6, 4, 5], 1, (6, 1, 1), False),
    ],
)
def test_groups(before, after, ones, shape, found, tmp_path):
    groups = before[1]
    text = f"Reshape(InstanceNormalization(Reshape(x, {before}), one, zero, epsilon=1e-3), {after}) * w + b"
    weights = {"one": np.full(groups, ones, np.float32), "zero": np.zeros(groups, np.float32)}
    if after[2] == 5:
        shape = (6, 1, 1)
    weights |= {"w": random(*shape, seed=1), "b": random(*shape, seed=2)}
    proto = formula(text, {"x": [2, 6, 4, 5]}, weights)
    graph = read_normalised(proto, tmp_path)
    operators = [(node.op_type, node.attributes.get("num_groups")) for node in graph.nodes]
    assert (operators == [("GroupNormalization", groups)]) == found
    assert_same_answer(graph, proto, {"x": random(2, 6, 4, 5)})
