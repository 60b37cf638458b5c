"""Seeded weights: equal on all sides, gone afterwards, and of a size that keeps signals alive."""

from pathlib import Path

import numpy as np
import pytest

import converter
from converter.graph import Graph, Node, Value, Weight
from converter.verification.inputs import questions
from converter.verification.judge import Judge
from converter.verification.seeding import seeded

ALEXNET = Path(__file__).parents[2] / "fixtures" / "alexnet.mat"


def described(name: str, *shape: int) -> Value:
    return Value.of_weight(Weight(name, shape, np.float32))


def deep_network(layers: int, last: str) -> Graph:
    x = Value("x", np.float32, ("batch", 32))
    graph = Graph("deep", inputs=[x])
    for number in range(layers):
        x = graph.add(
            "Gemm", [x, described(f"w{number}", 48 if number else 32, 48), described(f"b{number}", 48)], name=f"fc{number}"
        )
        x = graph.add("Relu", [x], name=f"relu{number}")
    x = graph.add("Gemm", [x, described("w", 48, 10), described("b", 10)], name="fc")
    x = graph.add(last, [x], name="y")
    x.dtype, x.shape = np.dtype(np.float32), ("batch", 10)
    graph.outputs = [x]
    return graph


def test_numbers_are_there_within_the_block_only_and_reach_what_was_derived():
    graph = deep_network(1, "Softmax")
    weight = graph.nodes[0].inputs[1].weight
    derived = weight.transpose(1, 0).reshape(weight.size)
    assert not derived.has_data
    with seeded(graph) as fresh:
        assert fresh and weight.has_data and derived.has_data
        first = weight.array()
        assert np.array_equal(derived.array(), first.T.reshape(-1))
    assert not weight.has_data and not derived.has_data
    with pytest.raises(ValueError, match="no data"):
        derived.array()
    with seeded(graph):
        assert np.array_equal(weight.array(), first)
    with seeded(graph, seed=1):
        assert not np.array_equal(weight.array(), first)


def test_weights_with_data_keep_theirs():
    kept = Value.of_weight(Weight.of(np.ones((2, 2), np.float32), "kept"))
    x = Value("x", np.float32, ("batch", 2))
    graph = Graph("g", inputs=[x])
    graph.outputs = [graph.add("Gemm", [x, kept], name="y")]
    with seeded(graph) as fresh:
        assert not fresh and np.array_equal(kept.weight.array(), np.ones((2, 2)))


@pytest.mark.parametrize("last", ["Softmax", "Sigmoid", "Relu"])
def test_signals_neither_vanish_nor_explode_nor_saturate_in_a_deep_network(last):
    graph = deep_network(30, last)
    with seeded(graph), Judge(graph) as judge:
        asked = [next(ways) for ways in questions(graph, (0, 1, 2), (3,))]
        outputs = np.concatenate([judge.answer(question.inputs)["y"] for question in asked])
    assert np.isfinite(outputs).all()
    assert 1e-2 < outputs.std() < 1e2
    if last != "Relu":
        assert outputs.max() < 0.999


def test_a_variance_is_positive():
    x = Value("x", np.float32, ("batch", 4))
    graph = Graph("g", inputs=[x])
    inputs = [x, *(described(name, 400) for name in ("scale", "bias", "mean", "variance"))]
    graph.outputs = [graph.add("BatchNormalization", inputs, name="y")]
    with seeded(graph):
        assert inputs[4].weight.array().min() > 0
        assert inputs[3].weight.array().std() > 0


def test_alexnet_described_without_weights_gives_scores_that_vary():
    graph = converter.read(ALEXNET)
    with seeded(graph), Judge(graph) as judge:
        ways = [next(way) for way in questions(graph, (0, 1), (1,))]
        first, second = (judge.answer(question.inputs)["prob"] for question in ways)
    assert first.max() < 0.5 and np.abs(first - second).max() > 0.1 * first.max()


def test_a_judge_needs_every_number():
    x = Value("x", np.float32, ("batch", 2))
    graph = Graph("g", inputs=[x])
    graph.outputs = [graph.add("Relu", [x], name="y")]
    graph.nodes[0] = Node("Gemm", [x, described("w", 2, 2)], [graph.outputs[0]])
    with pytest.raises(ValueError, match="'w' has no data"):
        Judge(graph)
