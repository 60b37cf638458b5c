"""The questions put to both sides: seeded inputs of several sizes, batch sizes and ranges, and the source's own probe."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnx.helper

from converter.graph import Dimension, Graph, Value
from converter.verification.compare import is_floating
from converter.verification.seeding import IMAGE_RANGE, image_inputs

# Sizes tried for axes that the source leaves open: (first, step) of the spatial axes, and of all others. The judge takes the
# first it can run: what a network accepts (multiples of 32, one length for two inputs) stands nowhere in the file.
_SIZES = [((64, 32), (6, 2)), ((97, 32), (9, 0)), ((224, 0), (16, 0)), ((299, 0), (1, 0)), ((32, 0), (2, 0))]

_WORDS = np.array(["", "a", "Zebra", "naïve word", "10"], dtype=object)


@dataclass
class Question:
    """Inputs by source name, in source axis order, and what they are in words; ``answer`` is the source's own, if any."""

    name: str
    inputs: dict[str, np.ndarray]
    values: str
    answer: dict[str, np.ndarray] | None = None


def questions(graph: Graph, seeds: Sequence[int], batch_sizes: Sequence[int]) -> Iterator[Iterator[Question]]:
    """For each seed and batch size the ways to ask, best first; the probe first of all.

    Raises ValueError for an input whose rank or dtype is unknown.
    """
    for value in graph.inputs:
        if not value.is_tensor:
            if value.kind == "map":
                raise ValueError(f"no values can be chosen for input {value.name!r}: it is a map")
        elif value.shape is None or value.dtype is None or value.dtype.kind == "c":
            raise ValueError(f"no values can be chosen for input {value.name!r}: {value.dtype}, shape {value.shape}")
    if graph.probe is not None:
        probe = graph.probe
        yield iter([Question("probe", probe.inputs, "the source's own probe", probe.outputs)])
    batches = [(f", batch {size}", size) for size in batch_sizes] if _has_batch(graph) else [("", 1)]
    for position, seed in enumerate(seeds):
        for label, batch in batches:
            yield _ways(graph, position, seed, batch, f"seed {seed}{label}")


def _ways(graph: Graph, position: int, seed: int, batch: int, name: str) -> Iterator[Question]:
    start = position % 2  # the second seed asks for another size first
    sizes = [*_SIZES[start:], *_SIZES[:start]] if _open_axes(graph) else _SIZES[:1]
    whole = [False, True] if any(value.is_tensor and value.dtype.kind in "iu" for value in graph.inputs) else [False]
    for pair, small in itertools.product(sizes, whole):
        shapes = _shapes(graph, batch, *pair)
        generator = np.random.default_rng([seed, batch])
        images = image_inputs(graph)
        inputs, words = {}, {}
        for value in graph.inputs:
            if value.is_tensor:
                words[value], draw = _law(value, value in images, position, small)
                inputs[value.name] = np.asarray(draw(generator, shapes[value])).astype(value.dtype)
            else:
                words[value] = f"a {value.kind}"
                inputs[value.name] = _contained(value.container, generator, position)
        yield Question(name, inputs, ", ".join(dict.fromkeys(words.values())))


def _is_batch(value: Value, axis: int) -> bool:
    return axis == 0 and value.is_tensor and len(value.shape) > 1 and not isinstance(value.shape[0], int)


def _has_batch(graph: Graph) -> bool:
    return any(_is_batch(value, 0) for value in graph.inputs if value.shape)


def _open_axes(graph: Graph) -> dict[Dimension | tuple[Value, int], bool]:
    """Each size left open, and whether it is spatial; axes of one symbol are one size, an unnamed axis is its own."""
    batch = {value.shape[0] for value in graph.inputs if value.shape and _is_batch(value, 0)}
    return {
        (value, axis) if size is None else size: axis >= 2 and len(value.shape) >= 4
        for value in graph.inputs
        for axis, size in enumerate(value.shape or ())
        if not isinstance(size, int) and not _is_batch(value, axis) and (size is None or size not in batch)
    }


def _shapes(graph: Graph, batch: int, spatial: tuple[int, int], other: tuple[int, int]) -> dict[Value, tuple[int, ...]]:
    sizes: dict[Dimension | tuple[Value, int], int] = {
        value.shape[0]: batch for value in graph.inputs if value.shape and _is_batch(value, 0) and value.shape[0] is not None
    }
    counts = {True: itertools.count(spatial[0], spatial[1]), False: itertools.count(other[0], other[1])}
    for axis, is_spatial in _open_axes(graph).items():
        sizes[axis] = next(counts[is_spatial])

    def size(value: Value, axis: int, given: Dimension) -> int:
        if isinstance(given, int):
            return given
        return batch if given is None and _is_batch(value, axis) else sizes[(value, axis) if given is None else given]

    return {value: tuple(size(value, axis, given) for axis, given in enumerate(value.shape or ())) for value in graph.inputs}


def _contained(kind: onnx.TypeProto, generator: np.random.Generator, position: int) -> Any:
    """A list of three tensors for a sequence, for an optional its value; tensors of unknown shape are 3 by 4."""
    if kind.HasField("optional_type"):
        return _contained(kind.optional_type.elem_type, generator, position)
    if kind.HasField("sequence_type"):
        return [_contained(kind.sequence_type.elem_type, generator, position) for _ in range(3)]
    tensor = kind.tensor_type
    shape = tuple(size.dim_value or 2 for size in tensor.shape.dim) if tensor.HasField("shape") else (3, 4)
    value = Value("", onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type), shape)
    return np.asarray(_law(value, False, position, False)[1](generator, shape)).astype(value.dtype)


Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def _law(value: Value, image: bool, position: int, small: bool) -> tuple[str, Draw]:
    """What the numbers of an input are, in words and as a function. Every second seed shows an image input negative numbers."""
    if image and position % 2 == 0:
        return f"pixels from 0 to {IMAGE_RANGE:g}", lambda generator, shape: generator.random(shape) * IMAGE_RANGE
    if image:
        deviation = IMAGE_RANGE / 3
        return f"normal numbers of deviation {deviation:g}", lambda generator, shape: generator.normal(0, deviation, shape)
    if is_floating(value.dtype):
        return "normal numbers", lambda generator, shape: generator.standard_normal(shape)
    if value.dtype.kind == "b":
        return "true and false", lambda generator, shape: generator.random(shape) < 0.5
    if value.dtype.kind == "O":
        return "words", lambda generator, shape: generator.choice(_WORDS, shape)
    low, high = _range(value, small)
    return f"whole numbers from {low} to {high - 1}", lambda generator, shape: generator.integers(low, high, shape)


def _range(value: Value, small: bool) -> tuple[int, int]:
    """[low, high) for whole numbers: indices into a table below its size, pixels and quantised numbers their whole range."""
    if small:
        return 0, 2
    bounds = _index_bounds(value)
    if bounds:
        return 0, min(bounds)
    if value.dtype.itemsize == 1 and value.dtype.kind in "iu":
        limits = np.iinfo(value.dtype)
        return limits.min, limits.max + 1
    return 0, 2 if "mask" in value.name.lower() else 10


_PASS_ON = {"Cast", "Reshape", "Unsqueeze", "Squeeze", "Flatten", "Identity", "Transpose", "Slice"}


def _index_bounds(value: Value) -> list[int]:
    """The sizes of the axes that ``value`` is used to index."""
    bounds = []
    for node, index in value.users:
        if node.op_type == "Gather" and index == 1 and node.inputs[0].shape:
            size = node.inputs[0].shape[node["axis"]]
            bounds += [size] if isinstance(size, int) and size > 0 else []
        elif node.op_type in _PASS_ON and index == 0:
            bounds += _index_bounds(node.output)
    return bounds
