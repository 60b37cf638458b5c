"""What a model takes, said once: for its exporter the axes that are free, for its test the numbers at any size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from converter.graph import Graph
from converter.verification.samples import photographs

Size = int | str
"""A fixed size, a symbol, or a sum of both: "past + sequence"."""


@dataclass
class Input:
    """``kind`` is "normal", "image" (noise from 0 to 1), "photograph" (0 to 1) or "pixels" (0 to 255), both channels last,
    "mask" (ones, then zeros), "positions", or a whole number, below which tokens lie."""

    kind: str | int
    shape: tuple[Size, ...]

    def free_axes(self) -> dict[int, str]:
        """The axes without a fixed size, by the symbol an exporter gives them."""
        return {axis: size.replace(" ", "") for axis, size in enumerate(self.shape) if isinstance(size, str)}

    def array(self, sizes: Mapping[str, int], generator: np.random.Generator) -> np.ndarray:
        shape = tuple(size_of(size, sizes) for size in self.shape)
        if self.kind == "image":
            return generator.random(shape).astype(np.float32)
        if self.kind in ("photograph", "pixels"):
            return (photographs(shape, generator) * (255 if self.kind == "pixels" else 1)).astype(np.float32)
        if self.kind == "normal":
            return generator.standard_normal(shape).astype(np.float32)
        if self.kind == "mask":  # the last token of every second sample is padding, the first is none in any
            mask = np.ones(shape, np.int64)
            mask[1::2, -1] = 0 if shape[-1] > 1 else 1
            return mask
        if self.kind == "positions":  # of the new tokens, after those of the past
            first = sizes.get("past", 0)
            return np.broadcast_to(np.arange(first, first + shape[-1]), shape).astype(np.int64)
        return generator.integers(0, self.kind, shape)


def size_of(size: Size, sizes: Mapping[str, int]) -> int:
    if isinstance(size, int):
        return size
    return sum(sizes[part] if part in sizes else int(part) for part in size.split(" + "))


def feeds(inputs: Mapping[str, Input], sizes: Mapping[str, int], seed: int) -> dict[str, np.ndarray]:
    """Numbers for every input at these sizes."""
    generator = np.random.default_rng(seed)
    return {name: value.array(sizes, generator) for name, value in inputs.items()}


def renamed(arrays: Mapping[str, np.ndarray], graph: Graph) -> dict[str, np.ndarray]:
    """The arrays under the names and in the types that the exporter chose; ones for inputs that it leaves unused."""
    named = {value.name: array.astype(value.dtype) for value, array in zip(graph.inputs, arrays.values(), strict=False)}
    unused = graph.inputs[len(arrays) :]
    assert not any(value.users for value in unused), unused
    return named | {value.name: np.ones(value.shape, value.dtype) for value in unused}


def image(*size: Size, channels: int = 3) -> Input:
    return Input("image", ("batch", channels, *(size or (64, 64))))


def tokens(vocabulary: int, *shape: Size) -> Input:
    return Input(vocabulary, shape or ("batch", "sequence"))
