"""Near-ties: places of maxima that a last bit decides, as indices and in front of an unpooling.

An index of ArgMax or TopK that differs is no fault if the score it names is, but for rounding, the one that onnxruntime named.
The scores tell, so an index of any other score is wrong. Equal scores are no excuse by themselves: which of them comes first is
defined, and only where onnxruntime's own answers move between most of them does rounding decide. So it is with what a
comparison gives: it may be the other way where both numbers are equal but for rounding, if something rounds them at all.

MaxUnpool puts each number where the maximum stood. Where two numbers of a window are equal but for their last bit, another
order of sums moves the maximum, and what is put there moves by a whole place: an error as large as the number, in few numbers.
onnxruntime's own answers differ so. A wrong unpooling differs otherwise: in every question, or in many numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from converter.graph import Node, Value
from converter.verification.compare import EXACT, Tolerance, magnitude, share_beyond

NEAR = 1e-5
"""The share of an output's largest magnitude within which numbers are taken for the same."""

_MARGIN = 2
_MOST = 0.01


def unpooled(value: Value) -> bool:
    """Whether ``value`` depends on places of maxima."""
    seen: set[Value] = set()
    waiting = [value]
    while waiting:
        node = waiting.pop().producer
        if node is None:
            continue
        if node.op_type == "MaxUnpool" and node.domain in ("", "ai.onnx"):
            return True
        fresh = {each for each in node.reads() if each not in seen}
        seen |= fresh
        waiting += fresh
    return False


def with_ties(actual: Sequence[Any], reference: Sequence[Any], own: float, usual: Tolerance) -> tuple[Tolerance, float] | None:
    """A tolerance that lets few numbers be anywhere, and the share that are; None where the answers are not of that kind.

    ``own`` is the largest share of numbers in which the judge's own answers lie further apart than ``NEAR``. Allowed is twice
    that, a hundredth at most, and only if all numbers of at least one whole question are within it: an unpooling that is
    wrong, be it in one row, is wrong in every question.
    """
    shares = [share_beyond(a, b, NEAR) for a, b in zip(actual, reference, strict=True)]
    allowed = min(_MARGIN * own, _MOST)
    if min(shares) > 0 or max(shares) > allowed:
        return None
    reason = (
        f"unpooling puts numbers where maxima stood, and last bits decide between near-ties: {own:.1e} of the numbers in "
        f"onnxruntime's own answers move; {_MARGIN} times that is allowed, {_MOST:g} at most, and nothing in at least one case"
    )
    return Tolerance("float32, near-ties", NEAR, reason, usual.absolute, allowed), max(shares)


_SAME_ORDER = {"Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze"}
_NAMES_PLACES = {"ArgMax": 0, "ArgMin": 0, "TopK": 1}
"""Operators that name places, and the output that holds them."""


def naming(value: Value) -> Node | None:
    """The ArgMax, ArgMin or TopK whose indices ``value`` holds in their order, if any."""
    node = value.producer
    while node is not None and node.domain in ("", "ai.onnx"):
        if node.op_type in _NAMES_PLACES:
            return node if node.outputs[_NAMES_PLACES[node.op_type]] is value else None
        if node.op_type not in _SAME_ORDER or node.inputs[0] is None:
            return None
        value, node = node.inputs[0], node.inputs[0].producer
    return None


def with_tied_scores(
    node: Node, actual: Sequence[Any], reference: Sequence[Any], scores: Mapping[int, Any], others: Mapping[int, Sequence[Any]]
) -> tuple[Tolerance, float] | str:
    """A tolerance for the indices of ``node`` that differ and name scores which do not, with the share that differ; otherwise
    why they are wrong. ``scores`` are the judge's, ``others`` what it answers as rightly, both by those cases that differ."""
    differing = total = unmoved = 0
    gap = 0.0
    for case, (found, expected) in enumerate(zip(actual, reference, strict=True)):
        total += np.size(expected)
        places = np.asarray(found != expected)
        if not places.any():
            continue
        differing += int(places.sum())
        values = scores.get(case)
        if not isinstance(values, np.ndarray):
            return "holds indices of scores that could not be looked at"
        axis = node["axis"] % values.ndim
        shape = [size if each != axis else -1 for each, size in enumerate(values.shape)]
        found, expected, places = (array.reshape(shape) for array in (found, expected, places))
        if found.min() < 0 or found.max() >= values.shape[axis]:
            return f"names a place outside of the {values.shape[axis]} that there are"
        ordered = np.sort(found, axis=axis)
        if found.shape[axis] > 1 and (np.diff(ordered, axis=axis) == 0).any():
            return "names one place twice"
        chosen, own = (np.take_along_axis(values, array.astype(np.int64), axis) for array in (found, expected))
        apart = np.abs(chosen.astype(np.float64) - own.astype(np.float64)) / (magnitude(values) or 1.0)
        gap = max(gap, float(apart[places].max()))
        if not gap <= NEAR:
            return f"names other scores than onnxruntime, which are {gap:.1e} of the largest away: no near-tie"
        moves = np.any(
            [np.reshape(other, shape) != expected for other in others.get(case, ())] or [np.zeros_like(places)], axis=0
        )
        unmoved += int((places & (apart == 0) & ~moves).sum())
    if unmoved > differing - unmoved:
        return "names another of equal scores than the first, which onnxruntime's own answers do not"
    reason = (
        f"{differing} of {total} indices differ, each of a score that is within {gap:.1e} of the one that onnxruntime chose: "
        f"last bits decide between near-ties, {NEAR:g} at most"
    )
    return _explained(reason, differing, total)


def _explained(reason: str, differing: int, total: int) -> tuple[Tolerance, float]:
    """A tolerance for the share of entries that differ, and that share."""
    share = differing / max(total, 1)
    return replace(EXACT, name="exact, near-ties", reason=reason, share=share), share


_COMPARES = {"Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"}
_OF_EACH = {"Add", "Sub", "Mul", "Div", "Neg", "Abs", "Relu", "Clip", "Floor", "Ceil", "Round", "Sign", "Min", "Max", "Where"}
"""Operators whose result is the nearest number to the true one, the same in every program."""


def comparing(value: Value) -> Node | None:
    """The comparison whose results ``value`` holds in their order, if any, unless both sides are told to the last bit."""
    node = value.producer
    while node is not None and node.domain in ("", "ai.onnx"):
        if node.op_type in _COMPARES:
            return None if all(_is_exact(each) for each in node.inputs) else node
        if node.op_type not in _SAME_ORDER | {"Not"} or node.inputs[0] is None:
            return None
        node = node.inputs[0].producer
    return None


def _is_exact(value: Value) -> bool:
    """Whether nothing is rounded in different ways on the way to ``value``."""
    node = value.producer
    if node is None:
        return True
    return node.op_type in _SAME_ORDER | _OF_EACH and all(_is_exact(each) for each in node.inputs if each is not None)


def with_tied_numbers(
    actual: Sequence[Any],
    reference: Sequence[Any],
    compared: Mapping[int, tuple[Any, Any]],
    others: Mapping[int, Sequence[Any]],
) -> tuple[Tolerance, float] | str:
    """A tolerance for the results of a comparison that differ where both numbers are nearly equal, with the share that differ;
    otherwise why they are wrong. ``compared`` has the judge's numbers on both sides, ``others`` what it answers as rightly,
    both by those cases that differ."""
    differing = total = unmoved = 0
    gap = 0.0
    for case, (found, expected) in enumerate(zip(actual, reference, strict=True)):
        total += np.size(expected)
        places = np.asarray(found != expected).ravel()
        if not places.any():
            continue
        differing += int(places.sum())
        left, right = compared.get(case, (None, None))
        if not isinstance(left, np.ndarray) or not isinstance(right, np.ndarray):
            return "holds comparisons of numbers that could not be looked at"
        scale = max(magnitude(left), magnitude(right)) or 1.0
        left, right = np.broadcast_arrays(left, right)
        if left.size != places.size:
            return "holds comparisons of numbers that could not be looked at"
        apart = (np.abs(left.astype(np.float64) - right.astype(np.float64)) / scale).ravel()
        gap = max(gap, float(apart[places].max()))
        if not gap <= NEAR:
            return f"compares otherwise numbers that are {gap:.1e} of the largest apart: no near-tie"
        flips = [np.ravel(other != expected) for other in others.get(case, ())]
        moves = np.any(flips or [np.zeros(places.size, bool)], axis=0)
        unmoved += int((places & (apart == 0) & ~moves).sum())
    if unmoved > differing - unmoved:
        return "compares equal numbers otherwise, which onnxruntime's own answers do not"
    reason = (
        f"{differing} of {total} comparisons differ, each of two numbers that are within {gap:.1e} of the largest: last bits "
        f"decide, {NEAR:g} at most"
    )
    return _explained(reason, differing, total)
