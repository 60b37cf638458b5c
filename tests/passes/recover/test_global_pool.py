"""A mean over all places, and means that are no pooling."""

from __future__ import annotations

import numpy as np
import pytest

from tests.onnx_reader.models import assert_same_answer, random, read_normalised
from tests.passes.recover.formulas import formula

_SHAPES = {3: (2, 3, 4), 4: (2, 3, 4, 5), 5: (2, 3, 4, 5, 6), 6: (2, 3, 4, 5, 2, 3)}


@pytest.mark.parametrize(
    ("rank", "axes", "keepdims", "pools"),
    [
        (3, [2], 1, False),
        (4, [-1, -2], 1, True),
        (4, [2, 3], 1, True),
        (5, [2, 3, 4], 1, True),
        (6, [2, 3, 4, 5], 1, False),
        (4, [2, 3], 0, False),
        (4, [1, 2], 1, False),
        (4, [3], 1, False),
        (4, [1, 2, 3], 1, False),
    ],
)
def test_mean(rank, axes, keepdims, pools, tmp_path):
    shape = _SHAPES[rank]
    proto = formula(f"Relu(ReduceMean(x, {axes}, keepdims={keepdims}))", {"x": shape})
    graph = read_normalised(proto, tmp_path)
    assert graph.nodes[0].op_type == ("GlobalAveragePool" if pools else "ReduceMean")
    assert_same_answer(graph, proto, {"x": random(*shape)})


def test_of_whole_numbers_stays(tmp_path):
    proto = formula("ReduceMean(x, [2, 3], keepdims=1)", {"x": (np.int32, [2, 3, 4, 5])})
    assert read_normalised(proto, tmp_path).nodes[0].op_type == "ReduceMean"


@pytest.mark.parametrize("target", ["[-1, 3]", "[2, 3]", "[2, -1]"])
def test_then_flat(target, tmp_path):
    proto = formula(f"Reshape(ReduceMean(x, [2, 3], keepdims=1), {target}, allowzero=1)", {"x": [2, 3, 4, 5]})
    graph = read_normalised(proto, tmp_path)
    assert [node.op_type for node in graph.nodes] == ["GlobalAveragePool", "Flatten"]
    assert_same_answer(graph, proto, {"x": random(2, 3, 4, 5)})
