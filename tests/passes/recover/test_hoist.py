"""What two layers share is computed by what calls them."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Module, Value, Weight
from converter.passes.recover.hoist import hoist


def layers(*, from_inside: bool = False, trained: bool = False, second: str = "layers.1") -> Graph:
    """Two layers add to x what the first makes of a mask."""
    x, mask = Value("x", np.float32, (2, 3)), Value("mask", np.float32, (3,))
    graph = Graph("test", [x, mask])
    factor = Value.of_weight(Weight.of(np.full(3, 2, np.float32), "factor", trainable=trained))
    start = graph.add("Relu", [x], name="start")
    doubled = graph.add("Mul", [start if from_inside else mask, factor], name="doubled")
    first = graph.add("Add", [start, doubled], name="first")
    graph.outputs = [graph.add("Add", [first, doubled], name="second")]
    for node, path in zip(graph.nodes, ["layers.0", "layers.0", "layers.0", second], strict=True):
        node.scope = (Module(""), Module(path))
    return graph


def moved(graph: Graph) -> bool:
    before = [node.name for node in graph.nodes]
    hoist(graph)
    graph.check()
    names = [node.name for node in graph.nodes]
    node = graph.nodes[names.index("doubled")]
    assert (node.scope == (Module(""),)) == (names != before)
    assert names in (before, ["doubled", "start", "first", "second"])
    return names != before


def test_what_two_layers_read_comes_before_both():
    assert moved(layers())


def test_what_belongs_to_a_module_stays_in_it():
    assert not moved(layers(from_inside=True))
    assert not moved(layers(trained=True))
    assert not moved(layers(second="head"))
    alone = layers()
    alone.nodes[2].scope = (Module(""), Module("layers.1"))  # a module that is this node alone
    assert not moved(alone)
