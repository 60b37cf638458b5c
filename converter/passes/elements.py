"""Where the elements of a tensor go in operators that only move them, found by moving their numbers."""

from __future__ import annotations

import math

import numpy as np

from converter.graph import Dimension, Node, Value

TRIALS = ((2, 3, 5), (3, 5, 4))
"""Numbers in place of sizes that are open, in two trials."""


def is_product(node: Node) -> bool:
    """Whether it multiplies the last axis by a matrix of weights."""
    if (node.op_type, node.domain) not in (("Linear", "converter"), ("MatMul", "")):
        return False
    weights = node.inputs[1:]
    return node.inputs[0].weight is None and all(w.weight is not None for w in weights) and node.inputs[1].rank == 2


def moved(
    start: Value, nodes: list[Node], end: Value, trial: tuple[int, ...], sizes: dict[str, int] | None = None
) -> tuple[np.ndarray, tuple[int, ...]] | None:
    """(the number of the element of ``start`` at each place of ``end``, the shape of ``start``) with these open sizes.

    ``sizes`` holds those that have a number already, and takes up the others.
    """
    sizes = {} if sizes is None else sizes

    def number(size: Dimension) -> int | None:
        if not isinstance(size, str):
            return size
        factors = size.split("*")  # "4*batch"
        return math.prod(int(f) if f.isdigit() else sizes.setdefault(f, trial[len(sizes) % len(trial)]) for f in factors)

    shapes = [tuple(map(number, value.shape or (None,))) for value in (start, *(node.output for node in nodes), end)]
    if any(None in shape for shape in shapes):
        return None
    held = {start: np.arange(math.prod(shapes[0])).reshape(shapes[0])}
    for node in nodes:
        try:
            parts = MOVES[node.op_type](node, held[node.inputs[0]], number)
        except (ValueError, IndexError, TypeError):
            return None
        held.update(zip(node.outputs, parts, strict=False))
    return (held[end], shapes[0]) if end in held and held[end].shape == shapes[-1] else None


def _reshape(node: Node, x: np.ndarray, number) -> list[np.ndarray]:
    return [x.reshape(tuple(map(number, node.output.shape)))]


def _gather(node: Node, x: np.ndarray, number) -> list[np.ndarray]:
    return [np.take(x, node.inputs[1].array, axis=node["axis"])]


def _split(node: Node, x: np.ndarray, number) -> list[np.ndarray]:
    return np.split(x, np.cumsum(node.inputs[1].array)[:-1], axis=node["axis"])


def _slice(node: Node, x: np.ndarray, number) -> list[np.ndarray]:
    starts, ends, axes, steps = (None if node.input(i) is None else node.input(i).array.tolist() for i in range(1, 5))
    axes = range(len(starts)) if axes is None else axes
    for begin, end, axis, step in zip(starts, ends, axes, steps or [1] * len(starts), strict=True):
        x = x[(slice(None),) * (axis % x.ndim) + (slice(begin, end, step),)]
    return [x]


MOVES = {
    "Reshape": _reshape,
    "Flatten": _reshape,
    "Squeeze": _reshape,
    "Unsqueeze": _reshape,
    "Transpose": lambda node, x, number: [x.transpose(node["perm"])],
    "Identity": lambda node, x, number: [x],
    "Gather": _gather,
    "Split": _split,
    "Slice": _slice,
}
