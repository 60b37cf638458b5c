"""The comparison: what counts as a difference, how large it is and where."""

import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.graph import Graph, Value
from converter.verification.compare import class_scores, difference, spread, tolerance_of
from converter.verification.comparison import compare
from converter.verification.inputs import Question

RNG = np.random.default_rng(0)


@given(st.integers(0, 23), st.floats(1e-6, 10), st.floats(1e-3, 1e3))
def test_a_single_difference_is_found_where_it_is_and_measured_by_the_scale(place, gap, scale):
    reference = RNG.uniform(-1, 1, (2, 3, 4)) * scale
    reference[0, 0, 0] = -scale  # the largest magnitude
    actual = reference.copy()
    actual.flat[place] += gap
    found = difference(actual, reference)
    assert found.index == np.unravel_index(place, reference.shape)
    assert found.absolute == pytest.approx(gap, rel=1e-6)
    assert found.relative == pytest.approx(gap / scale, rel=1e-6)


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16, np.int8, np.int64, np.uint64, bool, np.complex64]
)
def test_equal_arrays_do_not_differ(dtype):
    array = (RNG.standard_normal((3, 5)) * 10).astype(dtype)
    found = difference(array, array.copy())
    assert (found.absolute, found.relative, found.problem) == (0, 0, "")


def test_nan_and_infinity_agree_only_with_themselves():
    reference = np.array([np.nan, np.inf, -np.inf, 1.0], np.float32)
    assert difference(reference, reference.copy()).relative == 0
    for place, other in [(0, 0.0), (1, np.nan), (2, np.inf), (3, np.nan), (3, np.inf)]:
        actual = reference.copy()
        actual[place] = other
        found = difference(actual, reference)
        assert math.isinf(found.relative) and found.index == (place,)


def test_what_is_not_a_number_is_no_highest_score():
    scores = np.array([[0.1, 0.7, 0.2], [0.5, 0.4, 0.1]], np.float32)
    asked = [Question("seed 0", {}, "", batch=2)]
    assert compare([scores], [scores], asked, tolerance_of(Graph("g"), np.dtype("float32"))).top1_agreement == 1
    scores = np.full((2, 3), np.nan, np.float32)
    assert compare([scores], [scores], asked, tolerance_of(Graph("g"), np.dtype("float32"))).top1_agreement is None


def test_whole_numbers_beyond_float64_differ():
    reference = np.array([2**62], np.int64)
    assert difference(reference + 1, reference).relative > 0


def test_a_reference_of_zeros_allows_no_difference():
    zeros = np.zeros(3, np.float32)
    assert math.isinf(difference(zeros + np.float32(1e-12), zeros).relative)
    assert difference(zeros, -zeros).relative == 0


def test_empty_arrays_are_equal():
    assert difference(np.zeros((0, 3)), np.zeros((0, 3))).relative == 0


def test_shape_and_dtype_must_be_the_same():
    reference = np.zeros((1, 3), np.float32)
    assert "shape" in difference(reference.reshape(3), reference).problem
    assert "dtype is float64 instead of float32" in difference(reference.astype(np.float64), reference).problem


def test_words_are_compared():
    words = np.array(["a", "b"], object)
    assert difference(words, words.copy()).relative == 0
    assert difference(np.array(["a", "c"], object), words).index == (1,)


def test_the_coarsest_floating_type_decides_and_integers_are_exact():
    graph = Graph("g", inputs=[Value("x", np.float32, (1,))])
    assert tolerance_of(graph, np.dtype(np.float32)).relative == 1e-6
    assert tolerance_of(graph, np.dtype(np.int64)).relative == 0
    graph.inputs.append(Value("h", np.float16, (1,)))
    assert tolerance_of(graph, np.dtype(np.float32)).name == "float16"


def _quantised(behind: str | None = None, scale: Value | None = None) -> tuple[Graph, Value]:
    graph = Graph("g", inputs=[Value("x", np.float32, (4,))])
    scale = scale or Value.constant(np.float32(0.25))
    value = graph.add("QuantizeLinear", [graph.inputs[0], scale, Value.constant(np.uint8(3))])
    value = graph.add("Reshape", [value, Value.constant(np.array([2, 2]))])
    if behind:
        value = graph.add("DequantizeLinear", [value, scale])
    if behind not in (None, "DequantizeLinear"):
        value = graph.add(behind, [value])
    return graph, value


def test_a_quantised_output_may_be_one_quantum_away():
    graph, value = _quantised()
    integers = tolerance_of(graph, np.dtype(np.uint8), value)
    assert integers.relative == 0
    assert 1 <= integers.absolute < 1.001
    graph, value = _quantised("DequantizeLinear")
    floats = tolerance_of(graph, np.dtype(np.float32), value)
    assert 0.25 <= floats.absolute < 0.2501
    assert "one quantum" in floats.name


@pytest.mark.parametrize("behind", ["Exp", "Softmax"])
def test_what_is_computed_from_quantised_numbers_has_the_usual_tolerance(behind):
    graph, value = _quantised(behind)
    assert tolerance_of(graph, np.dtype(np.float32), value).absolute == 0


def test_a_computed_scale_gives_no_quantum():
    scale = Value("scale", np.float32, ())
    graph, value = _quantised("DequantizeLinear", scale)
    assert tolerance_of(graph, np.dtype(np.float32), value).absolute == 0


def test_class_scores_have_one_axis_of_classes():
    assert class_scores(np.zeros((2, 10), np.float32)).shape == (2, 10)
    assert class_scores(np.zeros((2, 10, 1, 1), np.float32)).shape == (2, 10)
    assert class_scores(np.zeros((2, 10, 4, 4), np.float32)) is None
    assert class_scores(np.zeros((2, 1), np.float32)) is None
    assert class_scores(np.zeros((2, 10), np.int64)) is None


def test_spread_tells_a_constant_output_from_a_varying_one():
    varying = [RNG.standard_normal((1, 5)) for _ in range(3)]
    assert spread(varying) > 0.1
    assert spread([varying[0]] * 3) == 0
    assert spread([np.full((1, 5), 3.0), np.full((1, 5), 3.0001)]) < 1e-3
    assert spread(varying[:1]) is None
    assert spread([varying[0], np.repeat(varying[0], 3, axis=0)]) == 0, "samples of a batch are compared too"
    assert spread([varying[0], np.concatenate(varying)]) > 0.1
