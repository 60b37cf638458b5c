"""Concatenations that begin alike, with and without modules."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Module, Value
from converter.passes.recover.concat_of_concat import concat_of_concat
from tests.onnx_reader.models import assert_same_answer, model, node, random, read_normalised


def _chain(axes: tuple[int, int, int], last: tuple[str, ...] = ("x", "a", "b", "c")) -> list:
    return [
        node("Relu", ["x"], ["a"]),
        node("Concat", ["x", "a"], ["xa"], axis=axes[0]),
        node("Sigmoid", ["xa"], ["sa"]),
        node("Slice", ["sa", "zero", "three", "one"], ["b"]),
        node("Concat", ["x", "a", "b"], ["xab"], axis=axes[1]),
        node("Tanh", ["xab"], ["sb"]),
        node("Slice", ["sb", "zero", "three", "one"], ["c"]),
        node("Concat", list(last), ["y"], axis=axes[2]),
    ]


_WEIGHTS = {"zero": np.array([0]), "three": np.array([3]), "one": np.array([1])}


def _joins(axes, tmp_path, **more) -> list[int]:
    proto = model(_chain(axes, **more), {"x": [2, 3, 4]}, ["y"], _WEIGHTS)
    graph = read_normalised(proto, tmp_path)
    assert_same_answer(graph, proto, {"x": random(2, 3, 4)})
    return [len(node.inputs) for node in graph.nodes if node.op_type == "Concat"]


def test_each_appends(tmp_path):
    assert _joins((1, 1, 1), tmp_path) == [2, 2, 2]
    assert _joins((1, -2, 1), tmp_path) == [2, 2, 2]


def test_other_order_stays(tmp_path):
    assert _joins((1, 1, 1), tmp_path, last=("a", "x", "b", "c")) == [2, 2, 4]
    assert _joins((1, 1, 1), tmp_path, last=("x", "a", "c", "b")) == [2, 2, 3]


def test_other_axis_stays(tmp_path):
    nodes = [
        node("Relu", ["x"], ["a"]),
        node("Concat", ["x", "a"], ["y"], axis=1),
        node("Concat", ["x", "a", "x"], ["z"], axis=2),
    ]
    proto = model(nodes, {"x": [2, 3, 4]}, ["y", "z"])
    graph = read_normalised(proto, tmp_path)
    assert [len(node.inputs) for node in graph.nodes] == [1, 2, 3]
    assert_same_answer(graph, proto, {"x": random(2, 3, 4)})


def _block(reads_what_came_before: bool) -> Graph:
    """Layers of a DenseNet, each with a module of its own inside."""
    graph = Graph("block")
    x = Value("x", np.float32, (2, 3, 4))
    graph.inputs = [x]
    root, parts, given = Module("", "Block"), [x], x
    for number in range(3):
        layer = Module(f"layer{number}", "Layer")
        if number:
            given = graph.add("Concat", list(parts), {"axis": 1}, name=f"cat{number}")
            graph.nodes[-1].scope = (root, layer)
        read = given if reads_what_came_before else x
        new = graph.add("Relu", [read], name=f"relu{number}")
        graph.nodes[-1].scope = (root, layer, Module(f"layer{number}.relu", "ReLU"))
        parts.append(new)
    graph.outputs = [graph.add("Concat", parts, {"axis": 1}, name="y")]
    graph.nodes[-1].scope = (root,)
    for value in graph.values():
        value.shape, value.dtype = (2, None, 4), np.dtype(np.float32)
    return graph


def test_layers_append_what_they_make():
    graph = _block(reads_what_came_before=True)
    concat_of_concat(graph)
    graph.check()
    assert [(node.op_type, node.scope[1].path) for node in graph.nodes] == [
        pair for number in range(3) for pair in (("Relu", f"layer{number}"), ("Concat", f"layer{number}"))
    ]


def test_parts_made_from_something_else_stay_in_their_calls():
    graph = _block(reads_what_came_before=False)
    scopes = [node.scope for node in graph.nodes]
    concat_of_concat(graph)
    graph.check()
    assert [node.scope for node in graph.nodes] == scopes
