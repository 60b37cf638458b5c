"""How much a Pad puts on each side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converter.emitters.site import Site
from converter.padding import Padding


def sides_of(n: Site, pads: Sequence[Any], axes: Sequence[int] | None) -> tuple:
    """What ``F.pad`` takes, where some of it is computed: both sides of each axis, the last axis first."""
    rank, count = n.data.rank, len(pads) // 2
    places = dict(zip([axis % rank for axis in (range(rank) if axes is None else axes)], range(count), strict=True))
    found = [(pads[places[axis]], pads[places[axis] + count]) if axis in places else (0, 0) for axis in range(rank)]
    while found and found[0] == (0, 0):
        found.pop(0)
    return tuple(side for pair in found[::-1] for side in pair)


def amounts_of(n: Site) -> Padding:
    """The padding of every axis, in logical order."""
    given = Padding.from_onnx(n.constant("pads").tolist())
    axes = n.constant("axes")
    if axes is None:
        return given
    begin, end = [0] * n.data.rank, [0] * n.data.rank
    for axis, b, e in zip(axes.tolist(), given.begin, given.end, strict=True):
        begin[axis], end[axis] = b, e
    return Padding(tuple(begin), tuple(end))
