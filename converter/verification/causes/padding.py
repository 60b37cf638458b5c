"""Padding: other sides of it, and other numbers in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from converter.graph import Node
from converter.padding import Padding
from converter.verification.alignment import numeric
from converter.verification.causes.hypothesis import Hypothesis, were
from converter.verification.causes.neighbours import nudged


def changed(own: Padding) -> Iterator[Padding]:
    """Its sides in another order, halved otherwise, missing, or more or less by one."""
    begin, end, ceil = own.begin, own.end, own.ceil
    total = tuple(b + e for b, e in zip(begin, end, strict=True))
    yield Padding(end, begin, ceil)
    yield Padding(tuple(t // 2 for t in total), tuple(t - t // 2 for t in total), ceil)
    yield Padding(tuple(t - t // 2 for t in total), tuple(t // 2 for t in total), ceil)
    yield Padding(begin[::-1], end[::-1], ceil[::-1])
    yield Padding(end[::-1], begin[::-1], ceil[::-1])
    yield Padding(begin, begin, ceil)
    yield Padding(end, end, ceil)
    yield Padding.zero(own.rank)
    yield Padding(begin, end)
    both = begin + end
    for sides in itertools.permutations(both) if len(both) <= 4 else ():
        yield Padding(sides[: own.rank], sides[own.rank :], ceil)
    for sides in (*nudged(both), tuple(side + 1 for side in both), tuple(side - 1 for side in both)):
        yield Padding(sides[: own.rank], sides[own.rank :], ceil)
    yield Padding(begin, end, (1,) * own.rank)


def padded_otherwise(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """A window over an input that is padded with other numbers."""
    own = node.attributes.get("pads")
    if not isinstance(own, Padding) or own.is_zero or min(own.begin + own.end) < 0 or not numeric(inputs[0]):
        return
    total = own.total
    sides = [(0, 0), (0, 0), *zip(total.begin, total.end, strict=True)]
    none = {"pads": Padding.zero(own.rank)}
    for value in (0.0, -np.inf, 1.0):
        padded = np.pad(inputs[0], sides, constant_values=value)
        yield Hypothesis(f"it were padded with {value:g}", none, {0: padded})
    for mode, said in (("edge", "the numbers at the edge"), ("reflect", "a reflection"), ("wrap", "the other side")):
        try:
            yield Hypothesis(f"it were padded with {said}", none, {0: np.pad(inputs[0], sides, mode=mode)})
        except ValueError:
            continue


def of_pad(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """A Pad whose sides are changed with each other or missing, or that pads with another number."""
    if len(inputs) > 1 and numeric(inputs[1]):
        own = inputs[1].reshape(-1)
        half = len(own) // 2
        for changed in (
            np.concatenate([own[half:], own[:half]]),
            np.concatenate([own[:half][::-1], own[half:][::-1]]),
            own * 0,
        ):
            yield Hypothesis(were("the padding", own.tolist(), changed.tolist()), inputs={1: changed})
        for changed in itertools.permutations(own.tolist()) if len(set(own.tolist())) > 1 and len(own) <= 6 else ():
            yield Hypothesis(were("the padding", own.tolist(), list(changed)), inputs={1: np.array(changed, own.dtype)})
    for value in (0.0, 1.0, -1.0):
        if numeric(inputs[0]) and inputs[0].dtype.kind == "f":
            given = np.asarray(value, inputs[0].dtype)
            if len(inputs) > 2:
                yield Hypothesis(f"it were padded with {value:g}", inputs={2: given})
