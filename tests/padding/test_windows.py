"""Convolution and pooling against onnxruntime, with every kind of padding, for both targets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.emitted import assert_equal
from tests.padding.windows import convolutions, poolings, transposed_convolutions

pytestmark = [pytest.mark.parametrize("target", ["pytorch", "keras"]), pytest.mark.parametrize("rank", [1, 2, 3])]


@given(data=st.data(), same=st.booleans())
def test_convolution(target, rank, data, same):
    model, x = data.draw(convolutions(rank))
    assert_equal(model, target, {"x": x}, same=same)


@given(data=st.data())
def test_transposed_convolution(target, rank, data):
    model, x = data.draw(transposed_convolutions(rank))
    assert_equal(model, target, {"x": x})


@given(data=st.data())
def test_max_pooling(target, rank, data):
    model, x = data.draw(poolings("MaxPool", rank))
    assert_equal(model, target, {"x": x})


@given(data=st.data())
def test_average_pooling(target, rank, data):
    model, x = data.draw(poolings("AveragePool", rank))
    assert_equal(model, target, {"x": x})
