"""A constant bias of zeros goes; a trained one, and one that is not zero, stays."""

from __future__ import annotations

import numpy as np
import pytest

from tests.onnx_reader.models import assert_same_answer, model, node, random, read_normalised


def _computed(number: float, count: int) -> list:
    """The bias as an exporter computes it for a layer without one."""
    return [
        node("Constant", [], ["one"], value_float=number),
        node("Constant", [], ["count"], value_ints=[count]),
        node("Expand", ["one", "count"], ["b"]),
    ]


@pytest.mark.parametrize(("op_type", "shape"), [("Conv", (4, 3, 3, 3)), ("ConvTranspose", (3, 4, 3, 3))])
@pytest.mark.parametrize("number", [0.0, -0.0, 1e-30])
def test_constant(op_type, shape, number, tmp_path):
    nodes = [*_computed(number, 4), node(op_type, ["x", "w", "b"], ["y"])]
    proto = model(nodes, {"x": [2, 3, 5, 6]}, ["y"], {"w": random(*shape)})
    graph = read_normalised(proto, tmp_path)
    assert (graph.nodes[0].input(2) is None) == (number == 0)
    assert_same_answer(graph, proto, {"x": random(2, 3, 5, 6, seed=1)})


def test_weight_of_zeros_stays(tmp_path):
    weights = {"w": random(4, 3, 3, 3), "b": np.zeros(4, np.float32)}
    graph = read_normalised(model([node("Conv", ["x", "w", "b"], ["y"])], {"x": [2, 3, 5, 6]}, ["y"], weights), tmp_path)
    assert graph.nodes[0].input(2).name == "b"
