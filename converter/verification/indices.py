"""Whole numbers as inputs: below the size of what they index, or tell the length of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from converter.functions import DOMAIN
from converter.graph import Node, Value
from converter.verification import reference


def is_counted(value: Value) -> bool:
    """Whether an input has whole numbers that are no mask, no bytes and, as far as is known, no index."""
    counted = is_whole(value) and value.dtype.itemsize > 1 and value.rank > 0
    return counted and "mask" not in value.name.lower() and not _index_bounds(value, {})


def is_whole(value: Value) -> bool:
    return value.is_tensor and value.dtype.kind in "iu"


def limits_of(value: Value, numbers: str, shapes: Mapping[Value, tuple[int, ...]]) -> tuple[int, np.ndarray]:
    """[low, high) for whole numbers, high for each place: indices into a table below its size, pixels and quantised numbers
    their whole range. ``shapes`` are those of all inputs."""
    shape, sizes = shapes[value], _sizes(shapes)
    bounds = [bound for bound in _index_bounds(value, sizes) if bound > 0]
    if numbers == "small":
        return 0, np.full(shape, 2)
    if len(set(bounds)) > 1:
        return 0, _bounds_of_places(value, shape, sizes)
    if bounds:
        return 0, np.full(shape, bounds[0])
    if value.dtype.itemsize == 1:
        limits = np.iinfo(value.dtype)
        return limits.min, np.full(shape, limits.max + 1)
    if "mask" in value.name.lower():
        return 0, np.full(shape, 2)
    return 0, np.full(shape, 100 if numbers == "wide" and value.rank else 10)


def _bounds_of_places(value: Value, shape: tuple[int, ...], sizes: Mapping[str, int]) -> np.ndarray:
    """For each place of an input the least size of what its numbers index: a column of a table may index another one."""
    places = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)
    found = np.full(places.size, min(bound for bound in _index_bounds(value, sizes) if bound > 0))
    least = np.full(places.size, np.iinfo(np.int64).max)
    for node, index in value.users:
        chosen = reference.of_node(node, [places, *(each and each.array for each in node.inputs[1:])]) if index == 0 else None
        for output, taken in zip(node.outputs, chosen or (), strict=False) if node.op_type in _CHOOSES else ():
            for bound in _index_bounds(output, sizes):
                np.minimum.at(least, taken.reshape(-1), bound)
        if node.op_type not in _CHOOSES or chosen is None:
            bounds = [bound for bound in _index_bounds_of(node, index, sizes) if bound > 0]
            least = np.minimum(least, min(bounds, default=np.iinfo(np.int64).max))
    return np.where(least < np.iinfo(np.int64).max, least, found).reshape(shape)


def _sizes(shapes: Mapping[Value, tuple[int, ...]]) -> dict[str, int]:
    """The size that each symbol stands for."""
    axes = (pair for value, shape in shapes.items() for pair in zip(value.shape, shape, strict=True))
    return {symbol: size for symbol, size in axes if isinstance(symbol, str)}


_LENGTHS_AT = {"LSTM": 4, "GRU": 4, "RNN": 4, "ReverseSequence": 1}
"""The input of an operator that holds how many steps each sample has."""
_GATHERS = {"Gather", "GatherElements"}
_CHOOSES = {"Gather", "Slice", "Split"}
_PASS_ON = {"Cast", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Identity", "Transpose", "Expand", "Concat", "Where"}


def _index_bounds(value: Value, sizes: Mapping[str, int]) -> list[int]:
    """The sizes of the axes that ``value`` is used to index or to tell the length of, of open ones if their symbols are known;
    less where a number is added first, as for later positions."""
    return [bound for node, index in value.users for bound in _index_bounds_of(node, index, sizes)]


def _index_bounds_of(node: Node, index: int, sizes: Mapping[str, int]) -> list[int]:
    if node.op_type in _GATHERS and index == 1 and node.inputs[0].shape:
        size = node.inputs[0].shape[node["axis"]]
        size = sizes.get(size, 0) if isinstance(size, str) else size
        return [size] if isinstance(size, int) and size > 0 else []
    if node.op_type == "Embedding" and node.domain == DOMAIN and index == 0 and node.inputs[1].shape:
        return [node.inputs[1].shape[0]]
    if index == _LENGTHS_AT.get(node.op_type) and node.inputs[0].shape:
        axis = node["time_axis"] if node.op_type == "ReverseSequence" else node["layout"] or 0
        size = node.inputs[0].shape[axis]
        size = sizes.get(size, 0) if isinstance(size, str) else size
        return [size + 1] if isinstance(size, int) and size > 0 else []
    if node.op_type == "OneHot" and index == 0 and (depth := node.inputs[1].array) is not None:
        return [int(depth.max(initial=0)) + 1]  # one too large is nothing, not an error
    if node.op_type == "Add" and (added := node.inputs[1 - index].array) is not None:
        return [bound - int(added.max(initial=0)) for bound in _index_bounds(node.output, sizes)]
    if (node.op_type in _PASS_ON and not (index == 0 and node.op_type == "Where")) or (node.op_type in _CHOOSES and index == 0):
        return [bound for output in node.outputs if output is not None for bound in _index_bounds(output, sizes)]
    return []
