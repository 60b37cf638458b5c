"""What is added to each channel behind a convolution is its bias; what is added otherwise is not."""

from __future__ import annotations

import pytest

from tests.onnx_reader.models import assert_same_answer, model, node, random, read_normalised

_SHAPES = {(1, 4, 1, 1): True, (4, 1, 1): True, (1, 1, 1, 1): False, (4,): False, (1, 4, 1, 4): False, (2, 4, 1, 1): False}


@pytest.mark.parametrize(("op_type", "kernel"), [("Conv", (4, 3, 3, 3)), ("ConvTranspose", (3, 4, 3, 3))])
@pytest.mark.parametrize("shape", _SHAPES)
def test_shapes(op_type, kernel, shape, tmp_path):
    size = 6 if op_type == "Conv" else 2  # so that the result is 4 wide
    proto = model(
        [node(op_type, ["x", "w"], ["c"]), node("Add", ["b", "c"], ["y"])],
        {"x": [2, 3, size, size]},
        ["y"],
        {"w": random(*kernel), "b": random(*shape)},
    )
    graph = read_normalised(proto, tmp_path)
    assert (len(graph.nodes) == 1) == _SHAPES[shape]
    assert_same_answer(graph, proto, {"x": random(2, 3, size, size, seed=1)})


def test_second_bias_and_read_results_stay(tmp_path):
    """One bias only; and what is read before the sum stays as it is."""
    nodes = [
        node("Conv", ["x", "w", "b0"], ["c"]),
        node("Add", ["c", "b"], ["d"]),
        node("Conv", ["x", "w"], ["e"]),
        node("Add", ["e", "b"], ["f"]),
        node("Mul", ["e", "f"], ["g"]),
    ]
    weights = {"w": random(4, 3, 3, 3), "b0": random(4), "b": random(1, 4, 1, 1)}
    proto = model(nodes, {"x": [2, 3, 6, 6]}, ["d", "g"], weights)
    graph = read_normalised(proto, tmp_path)
    assert [each.op_type for each in graph.nodes] == ["Conv", "Add", "Conv", "Add", "Mul"]
    assert_same_answer(graph, proto, {"x": random(2, 3, 6, 6, seed=1)})
