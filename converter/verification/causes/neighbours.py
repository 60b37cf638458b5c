"""Tuples of integers beside a given one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator


def nudged(values: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """One of them more or less by one."""
    for place, step in itertools.product(range(len(values)), (1, -1)):
        yield (*values[:place], values[place] + step, *values[place + 1 :])


def swapped(values: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Two of them changed with each other."""
    for a, b in itertools.combinations(range(len(values)), 2):
        changed = list(values)
        changed[a], changed[b] = changed[b], changed[a]
        yield tuple(changed)
