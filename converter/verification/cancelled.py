"""Outputs in which everything cancels: the mean of numbers without their mean is 0, and what is computed is its rounding.

Such an output has no scale of its own. It is held to the rounding of what was added up, if it is no more than that in nearly
every sample, so that no other number could stand in it; and its equality proves little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from converter.graph import Node, Value
from converter.verification.compare import Tolerance, magnitude
from converter.verification.rounding import Sample

_MOVES = {"Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
_SUMS = {"Add", "GlobalAveragePool", "Mean", "ReduceMean", "ReduceSum", "Sub", "Sum"}

_NOTHING = 2.0**-18
"""The share of what was added up, below which a sum is nothing but its rounding in float32."""
_ALLOWED = 2.0**-20
_MOST = 0.75
"""The share of samples, at least, in which it is."""

SMALL = 2.0**-12
"""The share of the inputs that all of such an output stays below: what is larger need not be looked into."""


def summing(value: Value) -> Node | None:
    """The sum or mean whose result ``value`` holds, if any."""
    node = value.producer
    while node is not None and node.domain in ("", "ai.onnx") and node.inputs[0] is not None:
        if node.op_type in _SUMS:
            return node
        if node.op_type not in _MOVES:
            return None
        node = node.inputs[0].producer
    return None


def added(node: Node, arrays: Sequence[np.ndarray], result: np.ndarray, batch: int) -> np.ndarray:
    """The largest number that ``node`` adds up in each sample, of a sum that of all together; ``arrays`` are its inputs."""
    largest = np.zeros(batch)
    for array in arrays:
        rows = array.reshape(batch, -1) if array.ndim and len(array) == batch else array.reshape(1, -1)
        largest = np.maximum(largest, np.maximum(rows.max(axis=1, initial=0.0), -rows.min(axis=1, initial=0.0)))
    return largest * (arrays[0].size / max(result.size, 1) if node.op_type == "ReduceSum" else 1)


def allowed_to(node: Node | None, arrays: Sequence[np.ndarray], result: np.ndarray) -> float:
    """What is allowed to the ``result`` of a sum of ``arrays`` that is rounding alone, 0 to any other."""
    size = float(added(node, arrays, result, 1)[0]) if node is not None and arrays else 0.0
    return _ALLOWED * size if magnitude(result) <= _NOTHING * size else 0.0


def with_cancelled(held: Sequence[tuple[Sample, Tolerance]], sums: Sequence[float]) -> list[tuple[Sample, Tolerance]] | None:
    """Each sample with the rounding of what was added up in it, ``sums``, as its tolerance; None where the output has more to
    say than that."""
    alone = [sample.scale <= _NOTHING * size for (sample, _), size in zip(held, sums, strict=True)]
    if np.mean(alone) < _MOST:
        return None
    reason = f"what is added up cancels: it is rounding alone, of which {_ALLOWED:.1e} of the largest addend is allowed"
    return [
        (
            sample,
            replace(tolerance, name=f"{tolerance.name}, cancelled", absolute=_ALLOWED * size, reason=reason)
            if few
            else tolerance,
        )
        for (sample, tolerance), size, few in zip(held, sums, alone, strict=True)
    ]
