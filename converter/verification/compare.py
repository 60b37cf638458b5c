"""Compares two answers to the same question: how far apart, and where."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from converter.graph import Graph, Value
from converter.verification.quanta import quantum_of


@dataclass(frozen=True)
class Tolerance:
    """The largest accepted difference, as a share of the largest reference magnitude of that output in that sample, or as a
    number where that is more."""

    name: str
    relative: float
    reason: str
    absolute: float = 0.0
    share: float = 0.0
    """The share of an output's numbers that may be further apart, where places of maxima are decided by last bits."""
    most: float = 0.0
    """What may be allowed at most where the judge's own answers move by more than ``relative``; 0 where nothing may."""


EXACT = Tolerance("exact", 0.0, "integers and booleans have no rounding")
FLOAT64 = Tolerance(
    "float64", 1e-13, "sums of float64 numbers in another order: about 1000 units in the last place", most=1e-10
)
FLOAT32 = Tolerance("float32", 1e-6, "sums of float32 numbers in another order: about 16 units in the last place", most=1e-3)
FLOAT16 = Tolerance("float16", 2e-3, "4 units in the last place of float16, whose 11 bits every layer rounds to", most=1e-2)
BFLOAT16 = Tolerance("bfloat16", 1.6e-2, "4 units in the last place of bfloat16, whose 8 bits every layer rounds to", most=6e-2)

RECURRENT = replace(
    FLOAT32,
    name="float32, recurrent",
    relative=5e-6,
    reason="onnxruntime's LSTM, GRU and RNN take sigmoid and tanh by quotients of polynomials, off by 1e-7 at every step",
)

_FLOATS = {"bfloat16": BFLOAT16, "float16": FLOAT16, "float32": FLOAT32, "float64": FLOAT64}  # coarsest first


def tolerance_of(graph: Graph, dtype: np.dtype | None, value: Value | None = None) -> Tolerance:
    """The tolerance for an output of ``dtype`` (None: no tensor): that of the coarsest floating type which computed anything in
    ``graph``. Where the output, ``value``, was rounded to integers, one quantum more: a sum at the border between two of them
    goes to either with its last bit."""
    return with_quantum(usual_tolerance(graph, dtype), value)


def with_quantum(usual: Tolerance, value: Value | None) -> Tolerance:
    """The usual tolerance with a quantum more where the value was rounded to integers."""
    quantum = None if value is None else quantum_of(value)
    if quantum is None:
        return usual
    reason = "it was rounded to integers, and a sum at the border between two of them goes to either with its last bit"
    return Tolerance(f"one quantum, {quantum:g}", usual.relative, reason, quantum * (1 + FLOAT32.relative))


def usual_tolerance(graph: Graph, dtype: np.dtype | None) -> Tolerance:
    """The tolerance for what ``graph`` computes in ``dtype``, where nothing was rounded to integers."""
    if dtype is not None and not is_floating(dtype):
        return EXACT
    values = (value for each in graph.nested() for value in each.values())
    used = {dtype.name for dtype in {value.dtype for value in values if value.dtype is not None}}
    if graph.source.halves is not None:  # what the source never rounds to, reading has put in: no excuse
        used -= {"float16", "bfloat16"} - graph.source.halves
    used.add("float32" if dtype is None else dtype.name)
    usual = next((tolerance for name, tolerance in _FLOATS.items() if name in used), FLOAT32)
    recurs = any(node.op_type in ("LSTM", "GRU", "RNN") for each in graph.nested() for node in each.nodes)
    return RECURRENT if recurs and usual is FLOAT32 else usual


def is_floating(dtype: np.dtype) -> bool:
    """Whether ``dtype`` is a floating type, NumPy's own or one of ml_dtypes (bfloat16)."""
    return dtype.kind == "f" or "float" in dtype.name


@dataclass(frozen=True)
class Difference:
    """The comparison of one output in one case.

    ``absolute`` is max |a - b|, ``relative`` that by max |reference|, ``index`` where it is largest. Numbers that are equal,
    infinities and NaN at the same place differ by nothing; NaN or an infinity on one side only differs by infinity.
    ``problem`` says why the two could not be compared.
    """

    absolute: float = 0.0
    relative: float = 0.0
    index: tuple[int, ...] = ()
    problem: str = ""


def difference(actual: Any, reference: Any) -> Difference:
    """How far ``actual`` is from ``reference``: arrays, or lists, dictionaries and None, whose parts are compared in turn."""
    if isinstance(reference, np.generic | float | int | str) and isinstance(actual, np.generic | float | int | str):
        return difference(np.asarray(actual), np.asarray(reference))
    if not isinstance(reference, np.ndarray) or not isinstance(actual, np.ndarray):
        return _difference_of_parts(actual, reference)
    if actual.shape != reference.shape:
        return Difference(math.inf, math.inf, problem=f"its shape is {actual.shape} instead of {reference.shape}")
    if actual.dtype != reference.dtype:
        return Difference(math.inf, math.inf, problem=f"its dtype is {actual.dtype} instead of {reference.dtype}")
    if not reference.size:
        return Difference()
    if reference.dtype.kind in "OUS":
        unequal = np.asarray(actual != reference)
        return Difference(math.inf, math.inf, _first(unequal)) if unequal.any() else Difference()
    gap = gaps(actual, reference)
    worst = np.unravel_index(int(np.argmax(gap)), gap.shape)
    absolute = float(gap[worst])
    if absolute == 0.0:
        return Difference()
    scale = magnitude(reference)
    return Difference(absolute, absolute / scale if scale else math.inf, tuple(int(i) for i in worst))


def gaps(actual: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """|a - b| of each pair of numbers; infinite where one side alone is NaN or infinite, 0 where both are the same."""
    wide = np.complex128 if reference.dtype.kind == "c" else np.float64
    exact = actual == reference  # in their own type: int64 does not fit float64
    actual, reference = actual.astype(wide), reference.astype(wide)
    with np.errstate(invalid="ignore", over="ignore"):
        gap = np.abs(actual - reference)
    gap = np.where(exact | (np.isnan(actual) & np.isnan(reference)), 0.0, np.where(np.isnan(gap), np.inf, gap))
    return np.where(~exact & (gap == 0.0) & ~np.isnan(reference), 1.0, gap)  # integers that float64 cannot tell apart


def magnitude(array: np.ndarray) -> float:
    """The largest finite magnitude, 0 where there is none."""
    if array.dtype in (np.float32, np.float64):  # most are, and finite
        with np.errstate(invalid="ignore"):
            largest = float(max(array.max(initial=0.0), -array.min(initial=0.0)))
        if math.isfinite(largest):
            return largest
    size = np.abs(array.astype(np.complex128 if array.dtype.kind == "c" else np.float64))
    return float(size.max(initial=0.0, where=np.isfinite(size)))


def share_beyond(actual: Any, reference: Any, relative: float) -> float:
    """The share of the numbers that are further apart than ``relative`` of the largest reference magnitude; 1 for arrays that
    cannot be compared."""
    found = difference(actual, reference)
    if found.problem or not math.isfinite(found.absolute):
        return 1.0
    if found.relative <= relative:
        return 0.0
    gap = np.abs(actual.astype(np.float64) - reference.astype(np.float64))
    return float(np.mean(gap > relative * found.absolute / found.relative))


def _difference_of_parts(actual: Any, reference: Any) -> Difference:
    """The largest difference of two lists or dictionaries; nothing is equal to nothing alone."""
    if isinstance(reference, Mapping) and isinstance(actual, Mapping):
        if set(actual) != set(reference):
            return Difference(math.inf, math.inf, problem=f"it has the keys {sorted(actual)} instead of {sorted(reference)}")
        actual, reference = [actual[key] for key in reference], list(reference.values())
        return difference(np.asarray(actual, np.float64), np.asarray(reference, np.float64))
    if not (isinstance(reference, list) and isinstance(actual, list)):
        if actual is None and reference is None:
            return Difference()
        return Difference(math.inf, math.inf, problem=f"it is {_kind(actual)} instead of {_kind(reference)}")
    if len(actual) != len(reference):
        return Difference(math.inf, math.inf, problem=f"it has {len(actual)} parts instead of {len(reference)}")
    differences = [difference(a, b) for a, b in zip(actual, reference, strict=True)]
    worst = max(differences, key=lambda part: (bool(part.problem), part.relative), default=Difference())
    return (
        Difference(worst.absolute, worst.relative, (differences.index(worst), *worst.index), worst.problem)
        if reference
        else worst
    )


def _kind(value: Any) -> str:
    return "nothing" if value is None else "an array" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


def _first(mask: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape))


def class_scores(array: Any) -> np.ndarray | None:
    """(samples, classes), where an output looks like class scores: floating, one axis of two or more after the first."""
    if not isinstance(array, np.ndarray):
        return None
    if not is_floating(array.dtype) or array.ndim < 2 or array.shape[1] < 2 or array.size != array.shape[0] * array.shape[1]:
        return None
    return array.reshape(array.shape[:2])


def spread(references: list[Any]) -> float | None:
    """How much an output changes with the input, as a share of its scale; None where two answers cannot be compared."""
    if not all(isinstance(array, np.ndarray) for array in references):
        return None
    samples = [
        np.nan_to_num(array.astype(np.float64), posinf=0.0, neginf=0.0) for array in references if is_floating(array.dtype)
    ]
    if len({array.shape[:1] for array in samples}) > 1:  # the first axis is the batch: each row answers for itself
        samples = [row for array in samples for row in array]
    pairs = [(a, b) for a, b in pairwise(samples) if a.shape == b.shape and a.size]
    if not pairs:
        return None
    scale = max(float(np.abs(array).max(initial=0.0)) for array in samples)
    return max(float(np.abs(a - b).max()) for a, b in pairs) / scale if scale else 0.0
