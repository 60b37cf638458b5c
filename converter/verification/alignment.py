"""Which tensor of the emitted code is which value of the graph: found by the numbers and the order of execution.

Names would not do, since the code has others, and lines would not, since one line of a block runs many times. Neither would
shapes: in a transformer nearly all are equal.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.emitters.layout import Layout
from converter.verification.compare import magnitude
from converter.verification.worker import Entry

LOOSE = 1e-3
"""Relative error up to which a tensor is taken for a value; whether it is equal is another question."""

_SURE = 1e-5
_SAMPLES = 64
_ALIKE = 0.3
"""Of ``_likeness``, below which two tensors have nothing in common."""


@dataclass(frozen=True)
class Match:
    """A tensor of the emitted code as a value of the graph: its place among the entries, and its numbers in the value's axis
    order. ``relative`` is how far they are from the value's, as a share of its largest magnitude, which is ``scale``;
    ``logical``: they are stored in that order too."""

    entry: int
    array: np.ndarray
    relative: float
    scale: float
    logical: bool = False


class Alignment:
    """The tensors of one run, by their numbers."""

    def __init__(self, entries: Sequence[Entry]):
        self.entries = entries
        self._by_size: dict[int, list[int]] = defaultdict(list)
        for place, entry in enumerate(entries):
            if isinstance(entry.array, np.ndarray) and entry.array.dtype.kind not in "OUS":
                self._by_size[entry.array.size].append(place)

    def match(self, expected: np.ndarray, layout: Layout, after: Sequence[int], least: float = 0.0) -> Match | None:
        """The tensor that holds ``expected``, up to ``LOOSE``: the nearest, of equally near ones the first that follows
        ``after``, the places of what it is computed from. Of these none counts that has another shape: that what is reshaped
        has the same numbers proves nothing. Errors are a share of ``least``, where that is more than its largest number."""
        if not isinstance(expected, np.ndarray) or expected.dtype.kind in "OUS" or expected.size not in self._by_size:
            return None
        scale = max(magnitude(expected), least)
        start = max(after, default=-1)
        found: list[tuple[float, bool, int, np.ndarray | None]] = []
        flat, sampled = expected.reshape(-1), _places(expected.size)
        for order in orders(expected.shape, layout):
            sample, wanted = flat[sampled if order is None else order[sampled]], None
            for place in self._by_size[expected.size]:
                if place in after and sorted(self.entries[place].array.shape) != sorted(expected.shape):
                    continue
                array = self.entries[place].array.reshape(-1)
                if error(array[sampled], sample, scale) <= LOOSE:
                    wanted = wanted if wanted is not None else flat if order is None else flat[order]
                    gap = error(array, wanted, scale)
                    if gap <= LOOSE:
                        found.append((gap, place < start, place, order))
            if any(gap <= _SURE and not early for gap, early, *_ in found):
                break  # another order of the axes would not be nearer
        if not found:
            return None
        nearest = min(gap for gap, *_ in found)
        near = 0.0 if nearest == 0.0 and expected.dtype.kind in "iub" else 2 * nearest + 1e-7
        sizes = sorted(expected.shape)
        gap, _, place, order = min(
            (row for row in found if row[0] <= near),
            key=lambda row: (row[1], sorted(self.entries[row[2]].array.shape) != sizes, row[2]),
        )
        return Match(place, in_order(self.entries[place].array, order, expected.shape), gap, scale, order is None)

    def resembling(self, expected: np.ndarray, layout: Layout, among: Sequence[int]) -> Match | None:
        """The tensor among some that is most like ``expected``: of its size, with most of the same numbers, of as many axes;
        where none is like it the first."""
        best: tuple[tuple[float, bool], Match] | None = None
        for order in orders(expected.shape, layout) if isinstance(expected, np.ndarray) else ():
            for place in among:
                array = self.entries[place].array
                if isinstance(array, np.ndarray) and array.size == expected.size and array.dtype.kind not in "OUS":
                    actual = in_order(array, order, expected.shape)
                    likeness = _likeness(actual, expected)
                    likeness = likeness if likeness >= _ALIKE else 0.0, array.ndim == expected.ndim
                    if best is None or likeness > best[0]:
                        scale = magnitude(expected)
                        best = likeness, Match(place, actual, error(actual, expected, scale), scale)
        return None if best is None else best[1]


def orders(shape: tuple[int, ...], layout: Layout) -> Iterator[np.ndarray | None]:
    """For each order in which the axes may be stored, the place of each stored number; None for the graph's own order."""
    rank = len(shape)
    seen = {tuple(range(rank))}
    if layout.flat is not None and rank == 2 and int(np.prod(layout.flat[0])) == shape[1]:
        yield _flat_order(shape, *layout.flat)
    if len(layout.order) == rank and layout.order not in seen:
        seen.add(layout.order)
        yield _order(shape, layout.order)
    yield None
    if rank > 2 and Layout.channels_last(rank).order not in seen:
        yield _order(shape, Layout.channels_last(rank).order)


@functools.lru_cache(16)
def _order(shape: tuple[int, ...], order: tuple[int, ...]) -> np.ndarray:
    return np.arange(int(np.prod(shape))).reshape(shape).transpose(order).reshape(-1)


@functools.lru_cache(16)
def _flat_order(shape: tuple[int, ...], sizes: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
    places = np.arange(int(np.prod(shape))).reshape(shape[0], *sizes)
    return places.transpose(0, *(axis + 1 for axis in axes)).reshape(-1)


def in_order(array: np.ndarray, order: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """A stored array in the graph's axis order."""
    if order is None:
        return array.reshape(shape)
    result = np.empty(array.size, array.dtype)
    result[order] = array.reshape(-1)
    return result.reshape(shape)


@functools.lru_cache(64)
def _places(size: int) -> np.ndarray:
    if size <= _SAMPLES:
        return np.arange(size)
    return np.random.default_rng(size).integers(0, size, _SAMPLES)


def error(actual: np.ndarray, expected: np.ndarray, scale: float) -> float:
    """max |actual - expected| / scale; equal infinities and NaN in the same places are no error."""
    worst = np.nan
    if actual.dtype == expected.dtype == np.float32:  # numbers near to each other differ by what float32 holds
        with np.errstate(invalid="ignore", over="ignore"):
            worst = float(np.abs(actual - expected).max(initial=0.0))
    if not np.isfinite(worst):
        a, b = actual.astype(np.float64), expected.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            gap = np.asarray(np.abs(a - b))
        gap[(a == b) | (np.isnan(a) & np.isnan(b))] = 0.0
        if actual.dtype.kind in "iu" and expected.dtype.kind in "iu":
            gap[(gap == 0.0) & (actual != expected)] = 1.0  # float64 cannot tell them apart
        worst = float(np.nan_to_num(gap, nan=np.inf).max(initial=0.0))
    return 0.0 if worst == 0.0 else worst / scale if scale else float("inf")


def _likeness(actual: np.ndarray, expected: np.ndarray) -> float:
    """The share of numbers that agree, leaving aside those that are zero on both sides, and how the rest goes together."""
    a, b = actual.astype(np.float64).reshape(-1), expected.astype(np.float64).reshape(-1)
    told = np.isfinite(a) & np.isfinite(b) & ((a != 0) | (b != 0))
    if not told.any():
        return 0.0
    a, b = a[told], b[told]
    agree = float(np.mean(np.abs(a - b) <= LOOSE * np.abs(b).max())) if np.abs(b).max() else 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        together = float(np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)))
    return agree + (together if np.isfinite(together) else 0.0)


def numeric(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind not in "OUS"
