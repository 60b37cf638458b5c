"""Sizes that the network computes are put where they belong: into shapes, and into the operators that take them."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Node, Shape, Value, Weight
from converter.sizes import Number, Sizes

_END = np.iinfo(np.int64).max
_KEEPERS = ("Reshape", "Flatten", "Expand", "Tile", "Slice")


def name_sizes(graph: Graph) -> None:
    """Name every size of every value, and let no node compute what follows from shapes.

    A size that is an expression of others is called as that expression is written ("past + sequence"), one that nothing tells
    "?1", "?2" and so on. Tensors whose elements all turn out to be numbers become constants. A computed Reshape target becomes
    a constant where 0 ("as it is") and one -1 ("what is left") can say it, a computed end of a Slice where it is the size of
    the axis; an operator that provably keeps its input's shape becomes Identity.
    """
    sizes = Sizes(graph)
    given = {size for value in graph.inputs for size in value.shape or () if isinstance(size, str)}
    shapes = {value: sizes.shape(value) for value in graph.values() if value.weight is None}
    for value, shape in shapes.items():
        if shape is not None:
            value.shape = _names(shape, given)
    for node in list(graph.nodes):
        if node.domain not in ("", "ai.onnx"):
            continue
        if _is_known(node, sizes):
            _become_constants(node, sizes)
            graph.nodes.remove(node)
        elif node.op_type in _KEEPERS and _keeps_shape(node, shapes):
            data = node.inputs[0]
            graph.nodes[graph.nodes.index(node)] = _identity(node, data)
        elif node.op_type == "Reshape" and node.inputs[1].weight is None:
            _set_target(node, shapes)
        elif node.op_type == "Slice":
            _set_ends(node, sizes)


def _names(shape: tuple[Number, ...], given: set[str]) -> Shape:
    """The names of sizes; a symbol of the source that only looks like an expression is not taken for it."""

    def name(size: Number) -> int | str:
        if isinstance(size, int):
            return size
        text = str(size)
        is_symbol = size.terms == {(text,): 1}
        return text if is_symbol or text not in given else f"({text})"

    return tuple(map(name, shape))


def _is_known(node: Node, sizes: Sizes) -> bool:
    outputs = [value for value in node.outputs if value is not None]
    contents = [sizes.contents(value) for value in outputs]
    return all(
        elements is not None and value.dtype.kind in "ib" and all(isinstance(x, int) for x in elements.reshape(-1))
        for value, elements in zip(outputs, contents, strict=True)
    )


def _become_constants(node: Node, sizes: Sizes) -> None:
    for value in node.outputs:
        if value is not None:
            array = sizes.contents(value).astype(value.dtype)
            value.weight = Weight.of(array, value.name, trainable=False)
            value.producer, value.shape = None, array.shape
    node.detach()


def _keeps_shape(node: Node, shapes: dict[Value, tuple[Number, ...] | None]) -> bool:
    before, after = shapes.get(node.inputs[0]), shapes.get(node.output)
    if before is None or before != after:
        return False
    steps = node.input(4) if node.op_type == "Slice" else None
    return steps is None or (steps.array is not None and bool((steps.array == 1).all()))


def _identity(node: Node, data: Value) -> Node:
    node.detach()
    return Node("Identity", [data], node.outputs, name=node.name, origin=node.origin, scope=node.scope)


def _set_target(node: Node, shapes: dict[Value, tuple[Number, ...] | None]) -> None:
    before, after = shapes.get(node.inputs[0]) or (), shapes.get(node.output)
    if after is None or 0 in after:
        return
    target = []
    for axis, size in enumerate(after):
        keeps = not node["allowzero"] and axis < len(before) and before[axis] == size
        target.append(size if isinstance(size, int) else 0 if keeps else -1)
    if target.count(-1) <= 1:
        node.set_input(1, Value.constant(np.array(target, np.int64), node.inputs[1].name))


def _set_ends(node: Node, sizes: Sizes) -> None:
    data, starts, ends, axes = sizes.shape(node.inputs[0]), *(node.input(index) for index in (1, 2, 3))
    if data is None or ends.weight is not None or (axes is not None and axes.array is None):
        return
    places = sizes.contents(ends)
    if places is None:
        return
    walked = range(len(places)) if axes is None else axes.array.tolist()
    known = [_END if place == data[axis] else place for axis, place in zip(walked, places, strict=True)]
    if all(isinstance(place, int) for place in known):
        node.set_input(2, Value.constant(np.array(known, np.int64), ends.name))
        if starts.dtype != np.int64 and starts.array is not None:
            node.set_input(1, Value.constant(starts.array.astype(np.int64), starts.name))
