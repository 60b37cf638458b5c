"""Inputs that look for a difference where verification found none: many sizes, magnitudes and structures.

They are independent of the verification's own questions on purpose.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from converter.graph import Graph, Value

_LENGTHS = (5, 8, 13, 1, 40)
_BATCHES = (1, 2, 4, 1, 9)

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

FLOATS: dict[str, Draw] = {
    "normal": lambda r, s: r.standard_normal(s),
    "ten times": lambda r, s: 10 * r.standard_normal(s),
    "a hundred times": lambda r, s: 100 * r.standard_normal(s),
    "a ten-thousandth": lambda r, s: 1e-4 * r.standard_normal(s),
    "a tenth": lambda r, s: 0.1 * r.standard_normal(s),
    "pixels": lambda r, s: 255 * r.random(s),
    "negative": lambda r, s: -5 * r.random(s),
    "small and positive": lambda r, s: r.random(s),
    "zeros": lambda r, s: np.zeros(s),
    "ones": lambda r, s: np.ones(s),
    "places": lambda r, s: np.arange(np.prod(s)).reshape(s) / max(np.prod(s), 1),
    "whole": lambda r, s: r.integers(-4, 5, s).astype(float),
    "halves": lambda r, s: r.integers(-9, 10, s) / 2,
    "quarters": lambda r, s: r.integers(-9, 10, s) / 4,
    "two numbers": lambda r, s: r.choice([-1.0, 1.0], s),
    "sparse": lambda r, s: np.where(r.random(s) < 0.1, 20 * r.standard_normal(s), 0),
    "of all magnitudes": lambda r, s: r.standard_normal(s) * 10.0 ** r.integers(-4, 4, s),
    "apart from zero": lambda r, s: r.standard_normal(s) + 50,
}
WHOLE: dict[str, Draw] = {
    "0 to 1": lambda r, s: r.integers(0, 2, s),
    "0 to 9": lambda r, s: r.integers(0, 10, s),
    "0 to 29": lambda r, s: r.integers(0, 30, s),
    "0 to 300": lambda r, s: r.integers(0, 300, s),
    "large": lambda r, s: r.integers(2**30, 2**40, s),
    "negative": lambda r, s: -r.integers(0, 10, s),
    "equal": lambda r, s: np.full(s, 1),
    "zeros": lambda r, s: np.zeros(s),
    "ones at first": lambda r, s: np.arange(np.prod(s)).reshape(s) % (s[-1] if s else 1) < (s[-1] if s else 1) / 2,
}


def cases(graph: Graph, most: int = 60) -> Iterator[dict[str, np.ndarray]]:
    """Inputs by source name, of which the network may take some and not others."""
    tensors = [value for value in graph.inputs if value.is_tensor]
    if len(tensors) < len(graph.inputs):
        return
    floating = any(value.dtype.kind == "f" for value in tensors)
    whole = any(value.dtype.kind in "iu" for value in tensors)
    laws = itertools.product(FLOATS if floating else ["normal"], WHOLE if whole else ["0 to 9"])
    laws = sorted(laws, key=lambda pair: (list(FLOATS).index(pair[0]) * 7 + list(WHOLE).index(pair[1]) * 11) % 31)
    for number, (real, integer) in enumerate((laws * most)[:most]):
        generator = np.random.default_rng([977, number])
        sizes: dict[object, int] = {}
        found = {}
        for value in tensors:
            shape = _shape(value, number, sizes)
            law = (
                (FLOATS[real] if number % 5 else FLOATS["normal"])
                if value.dtype.kind == "f"
                else _whole(value, integer, number)
            )
            found[value.name] = np.asarray(law(generator, shape)).astype(value.dtype)
        yield found


def _whole(value: Value, integer: str, number: int) -> Draw:
    if value.dtype.kind == "b":
        return lambda r, s: r.random(s) < 0.5
    if "mask" in value.name:
        return WHOLE[("0 to 1", "equal", "ones at first")[number % 3]]
    return WHOLE[integer]


def _shape(value: Value, number: int, sizes: dict[object, int]) -> tuple[int, ...]:
    shape = []
    for axis, size in enumerate(value.shape):
        if not isinstance(size, int):
            key = size if size is not None else (value, axis)
            choices = _BATCHES if "batch" in str(size) or (size is None and axis == 0) else _LENGTHS
            size = sizes.setdefault(key, choices[(number + number // 5) % 5])
        shape.append(size)
    return tuple(shape)
