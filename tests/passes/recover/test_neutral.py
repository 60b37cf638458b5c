"""Arithmetic that changes nothing is left out, and only that."""

from __future__ import annotations

import numpy as np
import pytest

from converter.graph import Graph, Value, Weight
from converter.passes.recover.neutral import neutral


@pytest.mark.parametrize(
    ("op_type", "number", "shape", "gone"),
    [
        ("Add", np.int64(0), ("n", 3), True),
        ("Add", np.float32(0), ("n", 3), False),
        ("Add", np.int64(1), ("n", 3), False),
        ("Mul", np.float32(1), ("n", 3), True),
        ("Mul", np.array([1], np.int64), ("n", 3), True),
        ("Mul", np.array([1], np.int64), (), False),
        ("Mul", np.float32(0.5), ("n", 3), False),
        ("And", np.bool_(True), ("n", 3), True),
        ("And", np.bool_(False), ("n", 3), False),
        ("Sub", np.int64(0), ("n", 3), False),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_only_what_changes_nothing_is_left_out(op_type, number, shape, gone, first):
    number = np.asarray(number)
    x = Value("x", number.dtype, shape)
    graph = Graph("test", [x])
    pair = [Value.constant(number), x]
    graph.outputs = [graph.add(op_type, pair if first else pair[::-1], name="y")]
    graph.outputs[0].dtype, graph.outputs[0].shape = (
        number.dtype,
        np.broadcast_shapes(number.shape, shape) if shape == () else shape,
    )
    neutral(graph)
    graph.check()
    assert (graph.nodes[0].op_type == "Identity") == gone


def test_a_trained_scale_that_stands_at_one_stays():
    x = Value("x", np.float32, ("n", 3))
    graph = Graph("test", [x])
    graph.outputs = [graph.add("Mul", [x, Value.of_weight(Weight.of(np.ones(1, np.float32), "scale"))], name="y")]
    graph.outputs[0].dtype, graph.outputs[0].shape = x.dtype, x.shape
    neutral(graph)
    assert graph.nodes[0].op_type == "Mul"
