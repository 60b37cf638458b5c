"""Unsqueezes in a row are one, equal by numpy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from converter.graph import Graph, Value
from converter.passes.compose_unsqueezes import compose_unsqueezes


@pytest.mark.parametrize(("first", "second"), itertools.product([(0,), (1,), (-1,), (0, 2)], [(0,), (2,), (-1,), (1, -1)]))
def test_two_are_one(first, second):
    array = np.zeros((3, 5), np.float32)
    x = Value("x", np.float32, array.shape)
    graph = Graph("test", [x])
    value = x
    for name, axes in (("once", first), ("twice", second)):
        array = np.expand_dims(array, axes)
        value = graph.add("Unsqueeze", [value, Value.constant(np.array(axes, np.int64))], name=name)
        value.dtype, value.shape = np.dtype(np.float32), array.shape
    graph.outputs = [value]
    compose_unsqueezes(graph)
    graph.check()
    node = graph.nodes[-1]
    assert node.inputs[0] is x
    assert np.expand_dims(np.zeros((3, 5)), tuple(node.inputs[1].array)).shape == array.shape
