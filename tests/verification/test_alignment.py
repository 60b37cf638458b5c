"""Tensors of the emitted code are recognised by their numbers."""

import numpy as np
import pytest

from converter.emitters.layout import Layout
from converter.verification.alignment import Alignment, error
from converter.verification.worker import Entry


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
def test_the_largest_gap_as_a_share_of_the_scale(dtype, shape):
    expected = np.full(shape, 4, dtype)
    assert error(expected, expected, 4.0) == 0
    assert error(expected + dtype(1), expected, 4.0) == 0.25


def test_infinities_and_nan_in_the_same_places_are_no_gap():
    numbers = np.float32([1, np.inf, np.nan])
    assert error(numbers, numbers, 1.0) == 0
    assert error(np.float32([1, np.inf, 0]), numbers, 1.0) == np.inf
    assert error(np.float32([1.5, np.inf, np.nan]), numbers, 1.0) == 0.5


def test_whole_numbers_are_told_apart_beside_the_largest():
    """As what a logarithm of 0 becomes, and 8 more."""
    least = np.array([np.iinfo(np.int64).min, 3])
    entries = [Entry(1, None, [], least), Entry(2, None, [0], least + 8)]
    assert error(least + 8, least, 2.0**63) > 0
    for place, numbers in enumerate([least, least + 8]):
        assert Alignment(entries).match(numbers, Layout.logical(1), []).entry == place
