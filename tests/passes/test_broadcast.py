"""An Expand goes where arithmetic broadcasts as well, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from converter.graph import Graph, Value, Weight
from converter.passes.broadcast import broadcast


def expanded(
    op_type: str = "Add", data: tuple = (1, 3, 1), other: tuple = ("batch", 3, 5), result: tuple | None = None
) -> Graph:
    """``other`` combined with a weight that was expanded to its shape."""
    x = Value("x", np.float32, other)
    target = Value("target", np.int64, (3,))
    graph = Graph("test", [x, target])
    weight = Value.of_weight(Weight.of(np.ones(data, np.float32), "weight"))
    wide = graph.add("Expand", [weight, target], name="wide")
    y = graph.add(op_type, [wide, x], name="y")
    wide.dtype = y.dtype = np.dtype(np.float32)
    wide.shape = y.shape = other if result is None else result
    graph.outputs = [y]
    return graph


@pytest.mark.parametrize("op_type", ["Add", "Sub", "Mul", "Div"])
def test_arithmetic_broadcasts_by_itself(op_type):
    graph = expanded(op_type)
    broadcast(graph)
    graph.check()
    assert [node.op_type for node in graph.nodes] == [op_type]
    assert graph.nodes[0].inputs[0].weight.shape == (1, 3, 1)


@pytest.mark.parametrize(
    "graph",
    [
        expanded("Max"),
        expanded(other=("batch", None, 5)),
        expanded(other=(1, 3, 5), result=("batch", 3, 5)),
    ],
    ids=["another operator", "a size that is not known", "a result larger than the other operand"],
)
def test_what_changes_the_result_stays(graph):
    broadcast(graph)
    assert graph.nodes[0].op_type == "Expand"


def test_an_expanded_output_stays():
    graph = expanded()
    graph.outputs.append(graph.nodes[0].output)
    broadcast(graph)
    assert graph.nodes[0].op_type == "Expand"


def test_twice_the_same_stays():
    graph = expanded()
    graph.nodes[1].set_input(1, graph.nodes[0].output)
    broadcast(graph)
    assert graph.nodes[0].op_type == "Expand"
