"""The questions put to both sides: seeded inputs of several sizes, batch sizes and ranges, and the source's own probe."""

from __future__ import annotations

import ast
import functools
import itertools
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnx.helper

from converter.graph import Dimension, Graph, Value
from converter.verification.compare import is_floating
from converter.verification.indices import is_counted, is_whole, limits_of
from converter.verification.samples import kinds_of, kinds_without_batch, varied
from converter.verification.seeding import IMAGE_RANGE, image_inputs

# Sizes tried for axes that the source leaves open: (first, step) of the spatial axes, and of all others. The judge takes the
# first it can run: what a network accepts (multiples of 32, one length for two inputs, sound) stands nowhere in the file.
_SIZES = [
    ((64, 32), (6, 2)),
    ((97, 32), (9, 0)),
    ((224, 0), (16, 0)),
    ((128, 0), (800, 80)),
    ((128, 0), (512, 64)),
    ((160, 0), (4000, 0)),
    ((128, 0), (256, 32)),
    ((299, 0), (1, 0)),
    ((32, 0), (2, 0)),
]
_MOST_SUMS = 12
"""Ways tried in which one open size is the sum of two others, as that of a mask over past and new tokens is."""

_WORDS = ("", "a", "Zebra", "naïve word", "10")
_DIGITS = ("0", "1", "2", "10")

_LARGE = 25_000


@dataclass
class Question:
    """Inputs by source name, in source axis order, and what they are in words; ``answer`` is the source's own, if any."""

    name: str
    inputs: dict[str, np.ndarray]
    values: str
    answer: dict[str, np.ndarray] | None = None
    batch: int = 1
    """The batch size, 1 where there is none or it is not known."""
    unusual: bool = False
    """Whether its samples are of such sizes that others are not measured by them."""
    usual: Mapping[str, float] = field(default_factory=dict)
    """Where they are: the largest usual number of each input, by which the numbers inside are rounded."""

    whole: Mapping[str, tuple[int, np.ndarray]] = field(default_factory=dict)
    """Of inputs of whole numbers the least, and for each place the first that is too large."""

    @property
    def numbers(self) -> int:
        """How many numbers all inputs have."""
        return sum(np.size(array) for array in self.inputs.values())

    @property
    def is_large(self) -> bool:
        """Whether a sample has so many that a question more costs a good part of all."""
        return self.numbers > _LARGE * self.batch


def questions(graph: Graph, seeds: Sequence[int], batch_sizes: Sequence[int]) -> Iterator[Iterator[Question]]:
    """For each seed and batch size the ways to ask, best first; the probe first of all.

    Raises ValueError for an input whose rank or dtype is unknown.
    """
    for value in graph.inputs:
        if value.is_tensor and (value.shape is None or value.dtype is None or value.dtype.kind == "c"):
            raise ValueError(f"no values can be chosen for input {value.name!r}: {value.dtype}, shape {value.shape}")
    if graph.probe is not None:
        probe = graph.probe
        yield iter([Question("probe", probe.inputs, "the source's own probe", probe.outputs)])
    batched = _has_batch(graph)
    for position, seed in enumerate(seeds):
        if batched:
            for size in batch_sizes if position % 2 == 0 else batch_sizes[::-1]:  # also one size twice, for what is kept
                yield _ways(graph, position, seed, size, f"seed {seed}, batch {size}", kinds_of(position, size))
        else:
            for kind in (
                kinds_without_batch(position) if any(_has_kinds(graph, value) for value in graph.inputs) else ("plain",)
            ):
                yield _ways(graph, position, seed, 1, f"seed {seed}, {kind}", [kind])


def _has_kinds(graph: Graph, value: Value) -> bool:
    """Whether an input may be of any kind: it has samples, or is an image, a signal or a table without; and no setting."""
    if not value.is_tensor or not is_floating(value.dtype) or value.rank < 2:
        return False
    # A flat or sparse image has as many maxima as pixels, and last bits decide where an unpooling puts them; scores of a large
    # one are all 1, and last bits decide which box is the first.
    operators = {node.op_type for each in graph.nested() for node in each.nodes}
    if "MaxUnpool" in operators:
        return False
    return _has_samples(value) if _has_batch(graph) else "NonMaxSuppression" not in operators


_LENGTHS = {"short": [((64, 32), (1, 0))], "long": [((64, 32), (size, 0)) for size in (150, 128, 100, 64, 40)]}
"""Sizes of the axes that are no space: one alone, at which they are easily dropped, and many."""


def lengths(graph: Graph, seed: int) -> Iterator[Iterator[Question]]:
    """For a short and a long question the ways to ask, best first; none where no axis but those of space has a free size."""
    if not any(not spatial for spatial in open_sizes(graph).values()):
        return
    for how, sizes in _LENGTHS.items():
        batch = 2 if how == "short" else 1
        name = f"seed {seed}, batch {batch}, {how}" if _has_batch(graph) else f"seed {seed}, {how}"
        yield _ways(graph, 0, seed, batch, name, ["plain"] * batch, sizes)


def many(graph: Graph, seed: int) -> Iterator[Question]:
    """The first way to ask with more samples than usual, of as many numbers as are cheap, then with fewer; nothing without a
    batch. What is taken for samples may be steps, of which there are many in use."""
    for count in _MANY if _has_batch(graph) else ():
        question = next(_ways(graph, 0, seed, count, f"seed {seed}, batch {count}", ["plain"] * count))
        if count == _MANY[-1] or not question.numbers > _LARGE:
            yield question


_MANY = (40, 6)


def _ways(
    graph: Graph,
    position: int,
    seed: int,
    batch: int,
    name: str,
    kinds: Sequence[str],
    given: Sequence[tuple[tuple[int, int], tuple[int, int]]] = (),
) -> Iterator[Question]:
    """The ways to ask, with one of the ``given`` sizes, if there are any."""
    start = position % 2  # the second seed asks for another size first
    free = open_sizes(graph)
    sizes = given or ([*_SIZES[start:], *_SIZES[:start]] if free else _SIZES[:1])
    ranges = ["usual", "small"] if any(value.is_tensor and value.dtype.kind in "iuO" for value in graph.inputs) else ["usual"]
    if position % 2 and any(is_counted(value) for value in graph.inputs):
        ranges = ["wide", *ranges]
    flag = next((each for each in graph.inputs if each.is_tensor and each.dtype.kind == "b" and set(each.shape) <= {1}), None)
    ways = itertools.product(sizes, ranges, _sums(free))
    if given:  # a sum is no way around a size that is too long
        ways = ((pair, numbers, total) for total, pair, numbers in itertools.product(_sums(free), sizes, ranges))
    for pair, numbers, total in ways:
        shapes = _shapes(graph, batch, *pair, total)
        generator = np.random.default_rng([seed, batch])
        images = image_inputs(graph)
        inputs, words, whole = {}, {}, {}
        for value in graph.inputs:
            if value.is_tensor:
                limits = limits_of(value, numbers, shapes) if is_whole(value) else None
                words[value], draw = _law(value, value in images, position, numbers, limits)
                if limits is not None and (limits[1] - limits[0]).max(initial=0) > 2:
                    whole[value.name] = limits
                array = np.asarray(draw(generator, shapes[value]))
                if value is flag:  # each branch for each size
                    array = np.full_like(array, (position + (batch > 1)) % 2 == 1)
                if _has_kinds(graph, value):
                    array = varied(array, kinds, generator) if _has_samples(value) else varied(array[None], kinds, generator)[0]
                    words[value] = f"{words[value]} ({', '.join(dict.fromkeys(kinds))})"
                inputs[value.name] = array.astype(value.dtype)
            else:
                words[value] = f"a {value.kind}"
                inputs[value.name] = _contained(value.container, generator, position, [*_known_words(value), *_WORDS])
        yield Question(name, inputs, ", ".join(dict.fromkeys(words.values())), batch=batch, whole=whole)


_Key = str | tuple[Value, int]
"""An open size: a symbol, or an axis that nobody named."""

_Sum = tuple[_Key, _Key, _Key] | tuple[_Key]
"""An open size, and two others that it is the sum of; alone, it is the batch size, as that of a recurrent state is."""

_MOST_BATCHES = 4
"""Open sizes that are taken for the batch, in turn."""


def _sums(free: Mapping[_Key, bool]) -> list[_Sum | None]:
    """No sum first, then each size as the batch, then each sum that could be."""
    keys = [key for key, spatial in free.items() if not spatial]
    pairs = [(total, *pair) for total in keys for pair in itertools.combinations([k for k in keys if k != total], 2)]
    return [None, *((key,) for key in keys[:_MOST_BATCHES]), *pairs[:_MOST_SUMS]]


def _is_batch(value: Value, axis: int) -> bool:
    return axis == 0 and value.is_tensor and len(value.shape) > 1 and not isinstance(value.shape[0], int)


def _has_samples(value: Value) -> bool:
    """Whether the first axis counts samples, be it one alone."""
    return value.rank > 1 and (_is_batch(value, 0) or value.shape[0] == 1)


def _has_batch(graph: Graph) -> bool:
    return any(_is_batch(value, 0) for value in graph.inputs if value.shape)


def open_sizes(graph: Graph) -> dict[_Key, bool]:
    """Each size left open, and whether it is spatial; axes of one symbol are one size, of "past + new" the sum of two."""
    tensors = [value for value in graph.inputs if value.is_tensor]
    batch = {value.shape[0] for value in tensors if value.shape and _is_batch(value, 0)}
    tokens = any(value.dtype.kind in "iu" and value.rank == 2 for value in tensors)
    found: dict[_Key, bool] = {}
    for value in tensors:
        free = [axis for axis, size in enumerate(value.shape) if not isinstance(size, int) and not _is_batch(value, axis)]
        image = value.rank >= 4 and (len(free) > 1 or not tokens)  # keys of earlier tokens have one open axis
        for axis in free:
            size = value.shape[axis]
            for key in [(value, axis)] if size is None else _symbols(size):
                if key not in batch:
                    found[key] = found.get(key, True) and image
    return found


def _symbols(size: str) -> list[str]:
    """The symbols of a size that may be said as a sum of them; a size that is no sum is one symbol, whatever its letters."""
    return re.findall(r"[^\W\d]\w*", size) if _tree(size) is not None else [size]


_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv}


def _tree(size: str) -> ast.expr | None:
    """A size as arithmetic of symbols, None where it is none."""
    try:
        tree = ast.parse(size.strip(), mode="eval").body
    except SyntaxError:
        return None
    parts = [node for node in ast.walk(tree) if isinstance(node, ast.expr)]
    known = all(isinstance(node, ast.Name | ast.BinOp | ast.Constant) for node in parts)
    known = known and all(type(node.op) in _OPERATORS for node in parts if isinstance(node, ast.BinOp))
    return tree if known and all(isinstance(node.value, int) for node in parts if isinstance(node, ast.Constant)) else None


def _evaluated(tree: ast.expr, sizes: Mapping[_Key, int]) -> int:
    if isinstance(tree, ast.BinOp):
        return _OPERATORS[type(tree.op)](_evaluated(tree.left, sizes), _evaluated(tree.right, sizes))
    return sizes[tree.id] if isinstance(tree, ast.Name) else tree.value


def _shapes(
    graph: Graph, batch: int, spatial: tuple[int, int], other: tuple[int, int], total: _Sum | None
) -> dict[Value, tuple[int, ...]]:
    tensors = [value for value in graph.inputs if value.is_tensor]
    sizes: dict[_Key, int] = {
        value.shape[0]: batch for value in tensors if value.shape and _is_batch(value, 0) and value.shape[0] is not None
    }
    counts = {True: itertools.count(*spatial), False: itertools.count(*other)}
    for key, is_spatial in open_sizes(graph).items():
        if total is None or key != total[0]:
            sizes[key] = next(counts[is_spatial])
    if total is not None:
        sizes[total[0]] = sum(sizes[part] for part in total[1:]) if len(total) > 1 else batch

    def size(value: Value, axis: int, given: Dimension) -> int:
        if isinstance(given, int):
            return given
        if given is None:
            return batch if _is_batch(value, axis) else sizes[value, axis]
        tree = None if given in sizes else _tree(given)
        return sizes[given] if tree is None else max(_evaluated(tree, sizes), 1)

    return {value: tuple(size(value, axis, given) for axis, given in enumerate(value.shape)) for value in tensors}


def _known_words(value: Value) -> list[str]:
    """The strings that those operators know which an input reaches as strings: of weights and of attributes."""
    found: dict[str, None] = {}
    for node, _ in value.users:
        for read in node.inputs:
            if read is not None and read.dtype == object and read.array is not None:
                found |= dict.fromkeys(read.array.flat)
        for name, attribute in node.attributes.items():
            words = attribute.flat if isinstance(attribute, np.ndarray) else attribute
            if name.endswith(("strings", "tensor", "vocabulary", "stopwords")) and words is not None:
                found |= dict.fromkeys(word for word in words if isinstance(word, str))
        for output in node.outputs:
            if output is not None and output.dtype == object:
                found |= dict.fromkeys(_known_words(output))
    return list(found)


def _contained(kind: onnx.TypeProto, generator: np.random.Generator, position: int, known: list[str]) -> Any:
    """A list of three tensors for a sequence, for an optional its value; tensors of unknown shape are 3 by 4. A map has a
    number for each of six keys."""
    if kind.HasField("optional_type"):
        return _contained(kind.optional_type.elem_type, generator, position, known)
    if kind.HasField("sequence_type"):
        return [_contained(kind.sequence_type.elem_type, generator, position, known) for _ in range(3)]
    if kind.HasField("map_type"):
        keys = known if kind.map_type.key_type == onnx.TensorProto.STRING else range(10)
        chosen = generator.choice(len(keys), min(6, len(keys)), replace=False)
        return {keys[place]: float(np.float32(generator.normal())) for place in chosen}
    tensor = kind.tensor_type
    shape = tuple(size.dim_value or 2 for size in tensor.shape.dim) if tensor.HasField("shape") else (3, 4)
    value = Value("", onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type), shape)
    limits = limits_of(value, "usual", {value: shape}) if is_whole(value) else None
    return np.asarray(_law(value, False, position, "usual", limits)[1](generator, shape)).astype(value.dtype)


Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def _law(value: Value, image: bool, position: int, numbers: str, limits: tuple[int, np.ndarray] | None) -> tuple[str, Draw]:
    """What the numbers of an input are, in words and as a function. Every second seed shows an image input negative numbers.

    ``numbers``: whether whole ones are "wide", "usual" or "small"; ``limits`` are those of an input of whole numbers.
    """
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
        known = _known_words(value)
        if numbers == "small":  # nothing that the network does not know; where it knows nothing, numbers
            return "known words", lambda generator, shape: generator.choice(np.array(known or _DIGITS, object), shape)
        return "words", lambda generator, shape: _sentences([*known, *_WORDS], generator, shape, position)
    if value.dtype.kind in "iu" and value.rank == 2 and "mask" in value.name.lower():
        if position == 2:
            return "ones, and as many zeros behind", _half_mask  # another for the same shape, and for one sample alone
        end = "beginning" if position % 2 else "end"
        return f"ones, and zeros at the {end} of every second sample", functools.partial(_mask, left=bool(position % 2))
    low, high = limits
    words = f"whole numbers from {low} to {high.max(initial=0) - 1}"
    return words, lambda generator, shape: _whole(generator, shape, low, high)


def _whole(generator: np.random.Generator, shape: tuple[int, ...], low: int, high: np.ndarray) -> np.ndarray:
    """Numbers of [low, high), in each row the first and the last of them, where it has room."""
    array = generator.integers(low, high, shape)
    if array.ndim > 1 and array.shape[-1] > 2:
        rows, limits = array.reshape(-1, array.shape[-1]), high.reshape(-1, array.shape[-1])
        for row, limit in zip(rows, limits, strict=True):
            first, last = generator.choice(len(row) - len(row) // 3, 2, replace=False)  # a mask may hide the rest
            row[first], row[last] = low, limit[last] - 1
    return array


def _mask(generator: np.random.Generator, shape: tuple[int, ...], left: bool) -> np.ndarray:
    """1 for each token, 0 for what fills up a shorter text, at its end or on the ``left``; no text is without a token."""
    mask = np.ones(shape, np.int64)
    mask[1::2, shape[1] - shape[1] // 3 :] = 0
    return mask[:, ::-1] if left else mask


def _half_mask(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """0 for about half of each text, at its end."""
    mask = np.ones(shape, np.int64)
    mask[:, shape[1] - shape[1] // 2 :] = 0
    return mask


def _sentences(known: list[str], generator: np.random.Generator, shape: tuple[int, ...], position: int) -> np.ndarray:
    """Words that the network knows and others; every second time several in a row, for networks that take texts apart."""
    words = np.array(known, dtype=object)
    if position % 2 == 0:
        return generator.choice(words, shape)
    rows = generator.choice(words, (*shape, 4))
    return np.array([" ".join(row) for row in rows.reshape(-1, 4)], dtype=object).reshape(shape)
