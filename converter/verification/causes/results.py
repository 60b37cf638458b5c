"""The result is as it should be, but transposed, reversed or scaled."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from converter.verification.causes.hypothesis import Hypothesis


def results(base: np.ndarray) -> Iterator[Hypothesis]:
    """The result itself changed."""
    for a, b in itertools.combinations(range(base.ndim), 2):
        yield Hypothesis(f"axes {a} and {b} of the result were transposed", after=lambda x, a=a, b=b: x.swapaxes(a, b))
    for axis in range(base.ndim):
        if base.shape[axis] > 1:
            yield Hypothesis(f"the result were reversed along axis {axis}", after=lambda x, axis=axis: np.flip(x, axis))
    if base.dtype.kind == "f":
        for factor in (2.0, 0.5, -1.0, 10.0, 0.1):
            yield Hypothesis(f"the result were {factor:g} times as large", after=lambda x, f=factor: x * x.dtype.type(f))
