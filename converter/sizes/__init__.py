"""Sizes that depend on the sizes of a network's inputs: of every axis, and of the small tensors that hold such sizes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from converter.graph import Graph, Node, Value
from converter.sizes.contents import LARGEST, NoSizeError, elements_of, exact, is_followed
from converter.sizes.expression import Number, Size, is_natural, settled, symbols_of
from converter.sizes.shapes import shapes_of

__all__ = ["Number", "Size", "Sizes", "symbols_of"]

_ROUNDS = 8


class Sizes:
    """What is known of a graph's sizes, from its inputs on.

    A size that nothing tells is a symbol of its own, "?1", "?2" and so on. Where a value's shape names a size already, that
    name counts only if its operator does not tell more.
    """

    def __init__(self, graph: Graph):
        told: set[Number] = set()
        for _ in range(_ROUNDS):  # what later nodes tell of the inputs' sizes holds for earlier ones too
            self._walk(graph, set(told))
            inputs = {name for value in graph.inputs for size in self.shape(value) or () for name in symbols_of(size)}
            found = {number for number in self._natural if not is_natural(number) and symbols_of(number) <= inputs}
            if found <= told:
                return
            told = found

    def _walk(self, graph: Graph, natural: set[Number]) -> None:
        self._shapes: dict[Value, tuple[Number, ...] | None] = {}
        self._contents: dict[Value, np.ndarray | None] = {}
        self._natural = natural
        taken = {size for value in graph.values() for size in value.shape or () if isinstance(size, str)}
        self._unknown: Iterator[str] = (name for name in map("?{}".format, range(1, 2**31)) if name not in taken)
        for value in graph.inputs:
            self._shapes[value] = self._named(value, None)
        for node in graph.nodes:
            self._add(node)

    def shape(self, value: Value) -> tuple[Number, ...] | None:
        """The size of each axis, None where the rank is unknown."""
        if value not in self._shapes:  # a weight, or a value of the graph around this one
            self._shapes[value] = self._named(value, None)
        return self._shapes[value]

    def contents(self, value: Value) -> np.ndarray | None:
        """The elements of a small tensor, None where they are no arithmetic of sizes."""
        if value not in self._contents:
            self._contents[value] = _constant(value)
        return self._contents[value]

    def is_natural(self, number: Number) -> bool:
        """Whether it cannot be below zero while the network runs; the size of an axis never is."""
        return number in self._natural or is_natural(number)

    def assume_natural(self, number: Number) -> None:
        """Without this the network does not run."""
        self._natural.add(number)

    def _named(self, value: Value, found: tuple[Number | None, ...] | None) -> tuple[Number, ...] | None:
        given = value.shape
        if given is None:
            given = None if found is None else (None,) * len(found)
        elif found is None or len(found) != len(given):
            found = (None,) * len(given)
        if given is None:
            return None
        shape = tuple(self._size(old, new) for old, new in zip(given, found, strict=True))
        self._natural.update(shape)
        return shape

    def _size(self, given: int | str | None, found: Number | None) -> Number:
        if isinstance(given, int):
            return given
        if found is not None:
            return settled(found, self.is_natural)
        return Size.symbol(next(self._unknown) if given is None else given)

    def _add(self, node: Node) -> None:
        shapes = shapes_of(node, self)
        for value, found in zip(node.outputs, shapes, strict=True):
            if value is not None:
                self._shapes[value] = self._named(value, found)
        contents = self._of(node)
        for value, elements in zip(node.outputs, contents or (), strict=False):
            if value is not None and elements.size <= LARGEST:
                self._contents[value] = elements

    def _of(self, node: Node) -> list[np.ndarray] | None:
        if node.op_type in ("Shape", "Size") and node.domain in ("", "ai.onnx"):
            shape = self.shape(node.inputs[0])
            if shape is None:
                return None
            if node.op_type == "Size":
                return [np.array(np.prod(np.array([*shape, 1], object)), object)]
            return [np.array([*shape[node["start"] : node["end"]], None], object)[:-1]]
        if not all(is_followed(value.dtype) for value in [*node.inputs, *node.outputs] if value is not None):
            return None
        if any(value is not None and _is_large(value) for value in node.inputs):
            return None
        inputs = [None if value is None else self.contents(value) for value in node.inputs]
        missing = any(value is not None and found is None for value, found in zip(node.inputs, inputs, strict=True))
        return None if missing else elements_of(node, inputs, self.is_natural)


def _is_large(value: Value) -> bool:
    return value.shape is not None and np.prod([s for s in value.shape if isinstance(s, int)], dtype=np.int64) > LARGEST


def _constant(value: Value) -> np.ndarray | None:
    if value.weight is None or not value.weight.has_data or value.weight.size > LARGEST or not is_followed(value.dtype):
        return None
    try:
        return exact(value.array)
    except NoSizeError:
        return None
