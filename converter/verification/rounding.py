"""How much rounding an output is allowed: as much as onnxruntime's own answers to the same question move, and little more.

Nothing that is allowed comes from the emitted code alone: code that is wrong cannot widen what it is held to.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converter.verification.compare import Difference, Tolerance, difference, gaps, is_floating, magnitude

MARGIN = 4
"""What is allowed, in movements of onnxruntime's own answers: two programs round differently, and each by itself."""

_FEW = 16
"""A sample of fewer numbers may be small, or move little, by chance: it is measured by other samples of its size too."""

_SIZE = 100
"""Samples are of one size where the scale of none is this many times that of another."""

_NOTHING = 2.0**-20
"""Of the usual scale: a gate that closes leaves 0 or 1e-18, as its sigmoid is written."""

_CHANCE = 3
"""What a sample moves by is a few draws of its rounding: it counts for as much as others move, up to so many times its own."""

MOST = 0.5
"""The share of samples whose rounding may be amplified beyond what is allowed elsewhere: what they leave open, others show."""

OWN = 2
"""The emitted code's own rounding counts too, up to so many times what is allowed without it."""

_MORE = 2
"""How many times as many samples may jump as of the judge's own."""


@dataclass(frozen=True)
class Sample:
    """One sample of an output, or the whole of one that has no samples: the largest ``difference``, and the ``scale`` that it
    is a share of."""

    case: int
    row: int
    difference: Difference
    scale: float
    few: bool = False


def samples(
    actual: Sequence[Any], reference: Sequence[Any], batches: Sequence[int], unusual: Collection[int] = ()
) -> list[Sample]:
    """Each sample of all cases. ``batches`` holds the batch size of each case; by those of ``unusual`` cases no other is
    measured, and where one of these is next to nothing beside what is usual, it is measured by ``_NOTHING`` of that.

    Samples are compared by their own scale, since a question puts small numbers into one and large ones into another. An output
    whose first axis is not as long as the batch is compared as a whole.
    """
    found = [
        sample for case, pair in enumerate(zip(actual, reference, strict=True)) for sample in _of(case, *pair, batches[case])
    ]
    usual = [sample for sample in found if sample.case not in unusual]
    least = _NOTHING * float(np.median([sample.scale for sample in usual])) if usual else 0.0
    found = [_of_scale(sample, least) if sample.case in unusual else sample for sample in found]
    scales = np.array([sample.scale for sample in usual])
    return [_by_its_like(sample, scales) if sample.few and sample.scale else sample for sample in found]


def _by_its_like(sample: Sample, usual: np.ndarray) -> Sample:
    """A sample of few numbers, measured by the median scale of it and the ``usual`` ones of its size where its own is less."""
    return _of_scale(sample, float(np.median([sample.scale, *usual[_alike(usual, sample.scale)]])))


def _of_scale(sample: Sample, least: float) -> Sample:
    """The sample, measured by a scale where its own is less."""
    if sample.difference.problem or not sample.scale < least < math.inf:
        return sample
    return replace(sample, scale=least, difference=replace(sample.difference, relative=sample.difference.absolute / least))


def _alike(scales: np.ndarray, scale: float) -> np.ndarray:
    """Which of the scales are of one size with another one."""
    return (scales / _SIZE <= scale) & (scale / _SIZE <= scales)


def _of(case: int, actual: Any, reference: Any, batch: int) -> list[Sample]:
    whole = difference(actual, reference)
    if whole.problem or not isinstance(reference, np.ndarray) or not is_floating(reference.dtype):
        return [Sample(case, 0, whole, 0.0)]
    if not in_rows(reference, batch):
        return [Sample(case, 0, whole, magnitude(reference), reference.size < _FEW)]
    return [
        Sample(case, row, replace(found, index=(row, *found.index)), magnitude(b), b.size < _FEW)
        for row, (a, b) in enumerate(zip(actual, reference, strict=True))
        for found in [difference(a, b)]
    ]


def in_rows(array: np.ndarray, batch: int) -> bool:
    return array.ndim > 0 and array.shape[0] == batch > 1


def movement(answer: Any, others: Sequence[Any], batch: int) -> list[float]:
    """How far the judge's plain ``answer`` and ``others`` that are as right lie apart, by sample."""
    if not isinstance(answer, np.ndarray) or not is_floating(answer.dtype):
        found = [difference(other, answer) for other in others]
        return [max((each.absolute for each in found if not each.problem and math.isfinite(each.absolute)), default=0.0)]
    apart = [gaps(other, answer) for other in others if other.shape == answer.shape]
    if not answer.size or not apart:
        return [0.0] * batch
    most = np.max([np.where(np.isfinite(each), each, 0.0) for each in apart], axis=0)  # NaN excuses nothing
    return most.reshape(batch if in_rows(answer, batch) else 1, -1).max(axis=1).tolist()


def allowances(
    found: Sequence[Sample],
    tolerance: Tolerance,
    moved: Mapping[int, Sequence[float]],
    inside: Mapping[int, Sequence[float]],
    *,
    continuous: bool = False,
) -> list[Tolerance]:
    """The tolerance of each sample, given the movements of some cases, by sample; ``inside`` those of some in which numbers
    inside are rounded as usual ones are, which count for the sample itself alone.

    Of a network that computes a ``continuous`` function a sample that moves by more than is ever allowed is held to what it
    moves by, where most others stay below: it does so because its rounding is amplified, and not because a number at a border
    was moved across it, which a fault there does too.
    """
    own = [moved[each.case][each.row] if each.case in moved else None for each in found]
    shares = [each / sample.scale if each and sample.scale else 0.0 for each, sample in zip(own, found, strict=True)]
    largest = max(shares, default=0.0)
    rounded = [inside[each.case][each.row] / each.scale if each.case in inside and each.scale else 0.0 for each in found]
    most = [MARGIN * max(pair) for pair in zip(shares, rounded, strict=True)]
    lifted = continuous and sum(each > tolerance.most for each in most) <= MOST * len(found)
    typical = _typical(found, own, shares)
    known = [(movement, sample) for movement, sample in zip(own, found, strict=True) if movement is not None]
    moves = np.array([(movement, sample.scale, sample.difference.relative) for movement, sample in known]).reshape(-1, 3)
    tolerances = []
    for sample, movement, share, within, lift in zip(found, own, shares, rounded, most, strict=True):
        if movement is None:
            tolerances.append(tolerance)
            continue
        if sample.few:
            like = moves[_alike(moves[:, 1], sample.scale)]
            counted = max(_of_few(like, tolerance) / (sample.scale or 1.0), typical.get(sample.case, 0.0))
        else:
            counted = min(largest, _CHANCE * share)
        amplified = _amplified(tolerance, max(counted, within), max(tolerance.most, lift) if lifted else tolerance.most)
        silent = MARGIN * movement if not sample.scale else 0.0  # zeros, where the judge's other answers have none
        tolerances.append(replace(amplified, absolute=max(amplified.absolute, silent)))
    return tolerances


def _typical(found: Sequence[Sample], own: Sequence[float | None], shares: Sequence[float]) -> dict[int, float]:
    """The share by which every second sample of few numbers moves in a case that has many: be they of different sizes, one that
    does not move does so by chance."""
    moved: dict[int, list[float]] = {}
    for sample, movement, share in zip(found, own, shares, strict=True):
        if sample.few and sample.scale and movement is not None:
            moved.setdefault(sample.case, []).append(share)
    return {case: float(np.median(each)) for case, each in moved.items() if len(each) > _FEW}


def _of_few(like: np.ndarray, tolerance: Tolerance) -> float:
    """What samples of few numbers move by, given the movement, the scale and the relative difference of each (rows): by as much
    as any.

    Where rounding to integers inside lets few of them jump, few may differ: if many more do, jumps are no excuse.
    """
    if not len(like):
        return 0.0
    moved, scales, relative = like.T
    jumps = np.mean(MARGIN * moved > tolerance.relative * scales)
    beyond = np.mean(relative > tolerance.relative)
    if len(like) > _FEW and beyond > _MORE * jumps + _MORE / len(like):
        return min(float(moved.max()), _CHANCE * float(np.median(moved)))
    return float(moved.max())


def most_of_own(sample: Sample, tolerance: Tolerance, coarse: float) -> float:
    """What of the emitted code's own rounding may count, as a number: ``OWN`` times what is allowed by the scale, or what the
    judge itself rounds. Its plain answer is ``coarse``, so far from that with what is coarse in float64."""
    return max(OWN * tolerance.relative * sample.scale, MARGIN * coarse)


def own_rounding(
    sample: Sample, tolerance: Tolerance, actual: Any, wide: Any, reference: Any, batch: int, most: float
) -> Tolerance:
    """The tolerance with what the emitted code itself rounds added to it: how far it is from what it gives in float64,
    ``wide``. That counts up to ``most``, and only if ``wide`` is within the tolerance of the judge's answer, ``reference``:
    code that is wrong is so in float64 as well."""
    if getattr(wide, "shape", None) != getattr(actual, "shape", ()):
        return tolerance
    own, wrong = (
        float((apart[sample.row] if in_rows(actual, batch) else apart).max(initial=0.0))
        for apart in (gaps(actual, wide), gaps(reference, wide))
    )
    allowed = _allowed(sample, tolerance)
    if wrong > allowed:
        return tolerance
    reason = f"{tolerance.reason}; the emitted code is {own:.1e} from what it gives in float64, which is added"
    return replace(tolerance, name=f"{tolerance.name}, own rounding", absolute=allowed + min(own, most), reason=reason)


def _amplified(tolerance: Tolerance, moved: float, most: float) -> Tolerance:
    relative = min(MARGIN * moved, most)
    if relative <= tolerance.relative:
        return tolerance
    ill = relative > tolerance.most
    reason = (
        f"onnxruntime's own answer moves by {moved:.1e} when it sums in another order, or inputs or weights by their last bit; "
        f"{MARGIN} times that is allowed, {'as in few samples alone' if ill else f'{tolerance.most:g} at most'}"
    )
    name = f"{tolerance.name}, {'ill-conditioned' if ill else 'amplified'}"
    return replace(tolerance, name=name, relative=relative, reason=reason)


def lost(sample: Sample, tolerance: Tolerance, coarse: float) -> bool:
    """Whether a sample is too far apart for all that is ever allowed to one, but for one that shows rounding alone."""
    widest = replace(tolerance, relative=tolerance.most)
    return sample.scale > 0 and not is_within(sample, widest, coarse) and excess(sample, tolerance) > 1


def is_within(sample: Sample, tolerance: Tolerance, coarse: float) -> bool:
    """Whether a sample may be as it should be with all that counts of the emitted code's own rounding."""
    most = _allowed(sample, tolerance) + most_of_own(sample, tolerance, coarse)
    return not sample.difference.problem and sample.difference.absolute <= most


def _allowed(sample: Sample, tolerance: Tolerance) -> float:
    return max(tolerance.relative * sample.scale, tolerance.absolute)


def excess(sample: Sample, tolerance: Tolerance) -> float:
    """The difference in units of what is allowed: at most 1 where the sample is as it should be."""
    found = sample.difference
    if found.problem:
        return math.inf
    if not found.absolute:
        return 0.0
    allowed = _allowed(sample, tolerance)
    return found.absolute / allowed if allowed else math.inf
