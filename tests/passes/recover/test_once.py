"""What is computed twice is computed once, and masks say what they mean."""

from __future__ import annotations

import numpy as np
import pytest

from converter.graph import Graph, Module, Value
from converter.passes.recover.hoist import hoist
from converter.passes.recover.masks import masks
from converter.passes.recover.once import once

ZERO, ONE = (Value.constant(np.array(number)) for number in (0, 1))


def two(first: str, second: str, op_type: str = "Unsqueeze") -> Graph:
    """Two nodes that do the same to a mask, in the modules with these paths, each of them added to what its module is given."""
    x, mask = Value("x", np.float32, (2, 3)), Value("mask", np.float32, (3,))
    graph = Graph("test", [x, mask])
    more = [Value.constant(np.zeros(1, np.int64))] if op_type == "Unsqueeze" else []
    out = x
    for name in ("a", "b"):
        made = graph.add(op_type, [mask, *more], name=name)
        made.dtype, made.shape = np.dtype("float32"), (1, 3)
        out = graph.add("Add", [out, made], name=f"sum_{name}")
    graph.outputs = [out]
    for node, path in zip(graph.nodes, [first, first, second, second], strict=True):
        node.scope = (Module(""), Module(path))
    return graph


@pytest.mark.parametrize(
    ("first", "second", "op_type", "names"),
    [
        ("layers.0", "layers.0", "Unsqueeze", ["a", "sum_a", "sum_b"]),
        ("layers.0", "layers.1", "Unsqueeze", ["a", "sum_a", "sum_b"]),
        ("layers.0", "head", "Unsqueeze", ["a", "sum_a", "b", "sum_b"]),
        ("layers.0", "layers.0", "Relu", ["a", "sum_a", "b", "sum_b"]),
    ],
    ids=["one module", "alike modules", "other modules", "activation"],
)
def test_equal_nodes(first, second, op_type, names):
    graph = two(first, second, op_type)
    once(graph)
    graph.check()
    assert [node.name for node in graph.nodes] == names
    hoist(graph)
    assert (graph.nodes[0].scope == (Module(""),)) == (first != second and len(names) == 3)


def test_a_shared_mask_goes_to_where_what_it_reads_was_made():
    """Not only out of its own module, but of those around in which nothing was made of it."""
    graph = two("encoder.layers.0", "encoder.layers.1")
    cast = graph.nodes[0].inputs[0]
    made = Value("made", np.float32, (3,))
    for node in graph.nodes:
        node.scope = (Module(""), Module("encoder"), node.scope[-1])
        for index, value in enumerate(node.inputs):
            if value is cast:
                node.set_input(index, made)
    source = graph.add("Abs", [cast], name="source")
    graph.nodes.insert(0, graph.nodes.pop())
    graph.nodes[0].scope = (Module(""),)
    graph.replace_all_uses(made, source)
    once(graph)
    hoist(graph)
    graph.check()
    assert [node.name for node in graph.nodes][:2] == ["source", "a"]
    assert graph.nodes[1].scope == (Module(""),)


def counted(graph: Graph, name: str, axes: list[int], size: str) -> Value:
    """The positions (size) with further axes."""
    steps = graph.add("Range", [ZERO, Value.constant(np.array(7)), ONE], name=name)
    steps.dtype, steps.shape = np.dtype("int64"), (size,)
    wide = graph.add("Unsqueeze", [steps, Value.constant(np.array(axes))], name=f"{name}_wide")
    shape: list = [size]
    for axis in axes:
        shape.insert(axis, 1)
    wide.dtype, wide.shape = np.dtype("int64"), tuple(shape)
    return wide


def attended(*, keys: str = "steps", low: float = -3e38, padded: bool = False, positive: bool = False) -> Graph:
    """Attention that sees earlier keys, and where ``padded`` those of a mask; ``positive``: positions from 0 on instead."""
    q = Value("q", np.float32, ("n", 2, "steps", 4))
    k, v = (Value(name, np.float32, ("n", 2, keys, 4)) for name in "kv")
    mask = Value("mask", np.bool_, ("n", 1, 1, keys))
    graph = Graph("test", [q, k, v, mask])
    query = counted(graph, "query", [0, 1, 3], "steps")
    key = ZERO if positive else counted(graph, "key", [0, 1, 2], keys)
    seen = graph.add("GreaterOrEqual", [query, key], name="seen")
    seen.dtype, seen.shape = np.dtype(bool), (1, 1, "steps", 1 if positive else keys)
    if padded:
        both = graph.add("And", [seen, mask], name="both")
        both.dtype, both.shape, seen = np.dtype(bool), ("n", 1, "steps", keys), both
    added = graph.add("Where", [seen, *(Value.constant(np.array(x, np.float32)) for x in (0, low))], name="added")
    added.dtype, added.shape = np.dtype("float32"), seen.shape
    result = graph.add("Attention", [q, k, v, added], name="y")
    result.dtype, result.shape = np.dtype("float32"), q.shape
    graph.outputs = [result]
    masks(graph)
    graph.remove_unused()
    graph.check()
    return graph


def test_a_mask_of_later_keys_is_causal():
    (node,) = attended().nodes
    assert node["is_causal"]
    assert node.input(3) is None


@pytest.mark.parametrize("options", [{"keys": "others"}, {"low": -10.0}, {"padded": True}], ids=str)
def test_masks_that_say_anything_else_stay(options):
    node = attended(**options).nodes[-1]
    assert not node["is_causal"]
    assert node.input(3).name == "added"


def test_what_always_holds_is_no_condition():
    graph = attended(padded=True, positive=True)
    assert [node.name for node in graph.nodes] == ["added", "y"]
    assert graph.nodes[0].inputs[0].name == "mask"
    assert graph.nodes[0].output.shape == ("n", 1, 1, "steps")
