"""A tensor whose every element is fetched by its place is that tensor, with other axes of length 1."""

from __future__ import annotations

import math

import numpy as np

from converter.graph import Graph, Node, Value
from converter.passes.recover.pattern import Match, replace
from converter.sizes import Number, Sizes

_Strides = dict[int, Number]
"""Of a tensor of indices: by how much an index grows along each axis, counted from the end (-1 the last); 0 elsewhere."""


def gather_all(graph: Graph) -> None:
    """GatherND by one Range for each axis, or Gather from the flattened tensor by their row-major sum, becomes Unsqueeze.

    So transformers look the padding of each key up in the attention mask, once for each sample. What torch.export writes for
    ``as_strided`` of a tensor to its own shape becomes Identity.
    """
    sizes = Sizes(graph)
    for node in list(graph.nodes):
        if node in graph.nodes and not node.domain:
            x = _all_of(node, sizes)
            if x is not None:
                _say(graph, node, x, sizes)


def _say(graph: Graph, node: Node, x: Value, sizes: Sizes) -> None:
    shape, result = sizes.shape(x), sizes.shape(node.output)
    if shape == result:
        replace(graph, Match(nodes=[node]), "Identity", [x])
    elif 1 not in shape:
        new = [axis for axis, size in enumerate(result) if size == 1]
        replace(graph, Match(nodes=[node]), "Unsqueeze", [x, Value.constant(np.array(new, np.int64), f"{x.name}_axes")])


def _all_of(node: Node, sizes: Sizes) -> Value | None:
    """The tensor whose elements the node gives, in order."""
    found = _gathered_nd(node, sizes) if node.op_type == "GatherND" else _gathered(node, sizes)
    if found is None:
        return None
    x, strides = found
    shape, result = sizes.shape(x), sizes.shape(node.output)
    if shape is None or result is None:
        return None
    long = [axis for axis, size in enumerate(shape) if size != 1]
    places = sorted(axis % len(result) for axis in strides)
    whole = [size for size in result if size != 1] == [result[place] for place in places] == [shape[axis] for axis in long]
    wanted = [math.prod(shape[axis + 1 :], start=1) for axis in long]
    return x if whole and [strides[place - len(result)] for place in places] == wanted else None


def _gathered_nd(node: Node, sizes: Sizes) -> tuple[Value, _Strides] | None:
    x, indices = node.inputs
    join, shape = indices.producer, sizes.shape(x)
    if node["batch_dims"] or join is None or join.op_type != "Concat" or shape is None or len(join.inputs) != len(shape):
        return None
    strides: _Strides = {}
    for axis, part in enumerate(join.inputs):
        column = sizes.shape(part)
        found = _strides(part, sizes)
        if column is None or column[-1] != 1 or join["axis"] not in (-1, len(column) - 1) or found is None or len(found) != 1:
            return None
        ((place, step),) = found.items()
        if step != 1 or place == -1 or place + 1 in strides:
            return None
        strides[place + 1] = math.prod(shape[axis + 1 :], start=1)  # without the axis of the index's parts
    return x, strides


def _gathered(node: Node, sizes: Sizes) -> tuple[Value, _Strides] | None:
    """Gather(x as one column, indices), reshaped to the shape of the indices where the column is no vector."""
    inner = node
    while inner is not None and inner.op_type == "Reshape" and not inner.domain:
        inner = inner.inputs[0].producer
    if inner is None or inner.op_type != "Gather" or inner.domain or inner["axis"] != 0:
        return None
    flat, indices = inner.inputs
    rows, shape = sizes.shape(flat), sizes.shape(indices)
    column = flat.producer is not None and flat.producer.op_type in ("Flatten", "Reshape") and not flat.producer.domain
    if not column or rows is None or any(size != 1 for size in rows[1:]) or shape is None or shape != sizes.shape(node.output):
        return None
    strides = _strides(indices, sizes)
    return None if strides is None else (flat.producer.inputs[0], strides)


def _strides(value: Value, sizes: Sizes) -> _Strides | None:
    node, shape = value.producer, sizes.shape(value)
    if value.weight is not None:
        return _written(value)
    if node is None or node.domain or shape is None:
        return None
    if node.op_type == "Range":
        start, step = (sizes.contents(node.inputs[index]) for index in (0, 2))
        plain = start is not None and step is not None and start.reshape(-1)[0] == 0 and step.reshape(-1)[0] == 1
        return {-1: 1} if plain else None
    if node.op_type == "Unsqueeze":
        return _unsqueezed(node, len(shape), sizes)
    if node.op_type == "Expand":
        inner, before = _strides(node.inputs[0], sizes), sizes.shape(node.inputs[0])
        kept = inner is not None and all(before[axis] == shape[axis] for axis in inner)
        return inner if kept else None
    if node.op_type == "Mul":
        for one, other in (node.inputs, node.inputs[::-1]):
            factor, inner = sizes.contents(other), _strides(one, sizes)
            if factor is not None and factor.size == 1 and inner is not None:
                return {axis: stride * factor.reshape(-1)[0] for axis, stride in inner.items()}
        return None
    if node.op_type == "Add":
        parts = [_strides(each, sizes) for each in node.inputs]
        if None in parts or parts[0].keys() & parts[1].keys():
            return None
        sides = [sizes.shape(each) for each in node.inputs]
        kept = all(side[axis] == shape[axis] for side, part in zip(sides, parts, strict=True) for axis in part)
        return parts[0] | parts[1] if kept else None
    return None


def _written(value: Value) -> _Strides | None:
    """Of a constant that starts at 0 and grows along its axes by the same number each time."""
    array = value.array
    if array is None or array.dtype.kind not in "iu" or not array.size or array.reshape(-1)[0] != 0:
        return None
    strides = {}
    for axis in range(array.ndim):
        line = array[tuple(slice(None) if each == axis else 0 for each in range(array.ndim))]
        if len(line) > 1 and line[1]:
            strides[axis - array.ndim] = int(line[1])
    grown = np.zeros(array.shape, array.dtype)
    for axis, step in strides.items():
        grown += (np.arange(array.shape[axis]) * step).reshape(-1, *(1,) * (-1 - axis)).astype(array.dtype)
    return strides if np.array_equal(grown, array) else None


def _unsqueezed(node: Node, rank: int, sizes: Sizes) -> _Strides | None:
    inner, axes = _strides(node.inputs[0], sizes), node.inputs[1].array
    if inner is None or axes is None:
        return None
    new = {axis % rank for axis in axes.reshape(-1).tolist()}
    old = [axis for axis in range(rank) if axis not in new]
    return {old[axis] - rank: stride for axis, stride in inner.items()}
