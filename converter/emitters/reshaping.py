"""Reshapes that merge neighbouring axes or part one: ``x.flatten(2)``, ``x.unflatten(-1, (3, 12, 64))``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converter.emitters.vocabulary import Template
from converter.sizes import Number


def merging_or_parting(have: Sequence[Number] | None, want: Sequence[Number] | None, said: Sequence[Any]) -> Template | None:
    """The call for a tensor of sizes ``have`` that gets sizes ``want``; None where it does anything else.

    ``said`` holds the sizes as code says them, -1 for what is left. Axes that are kept are equal for every size of the inputs.
    Axes of size 1 at the end are a matter of indexing, and one vector of a tensor, ``x.reshape(-1)``, is one as it is.
    """
    if have is None or want is None or len(have) == len(want) or min(len(have), len(want)) < 2 or 0 in want:
        return None
    long, short = (have, want) if len(have) > len(want) else (want, have)
    count = len(long) - len(short) + 1
    places = [
        axis for axis in range(len(short)) if [*long[:axis], *long[axis + count :]] == [*short[:axis], *short[axis + 1 :]]
    ]
    whole = [axis for axis in places if long[axis + count - 1] != 1]
    if not (whole or (places and long is have)):
        return None
    axis = (whole or places)[0]
    is_last = axis == len(short) - 1
    if long is want:
        sizes = tuple(size if type(size) is int else -1 for size in said[axis : axis + count])
        text = "data.unflatten(axis, sizes)"
        return None if sizes.count(-1) > 1 else Template(text, {"axis": -1 if is_last else axis, "sizes": sizes})
    if is_last:
        return Template("torch.flatten(data, 1)" if axis == 1 else "data.flatten(axis)", {} if axis == 1 else {"axis": axis})
    return Template("data.flatten(first, last)", {"first": axis, "last": axis + count - 1})
