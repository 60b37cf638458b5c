"""Near-ties of max pooling in front of an unpooling: a last bit decides where a number goes.

MaxUnpool puts each number where the maximum stood. Where two numbers of a window are equal but for their last bit, another
order of sums moves the maximum, and what is put there moves by a whole place: an error as large as the number, in few numbers.
onnxruntime's own answers differ so. A wrong unpooling differs otherwise: in every question, or in many numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converter.graph import Value
from converter.verification.compare import Tolerance, share_beyond

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
