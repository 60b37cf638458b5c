"""What is allowed for rounding: a little of what onnxruntime's own answers move by, in each sample by its own scale."""

import numpy as np
import pytest
from onnx import helper
from safetensors.numpy import load_file, save_file

import converter
from converter.verification.compare import FLOAT32
from converter.verification.rounding import MARGIN, allowances, excess, movement, samples
from tests.models import save

RNG = np.random.default_rng(0)


def held(actual, reference, moved=None, batch=1):
    """The largest excess of any sample."""
    found = samples([actual], [reference], [batch])
    tolerances = [FLOAT32] * len(found) if moved is None else allowances(found, FLOAT32, {0: moved})
    return max(excess(*pair) for pair in zip(found, tolerances, strict=True))


def test_a_small_sample_is_held_to_its_own_scale():
    reference = RNG.standard_normal((3, 100)).astype(np.float32) * np.float32([[1], [1e-3], [1]])
    actual = reference.copy()
    actual[1] *= np.float32(1.0001)
    assert held(actual, reference, batch=3) > 1
    assert held(actual[1:2], reference[1:2]) > 1
    assert held(actual, reference) <= 1  # no samples: one scale


def test_a_sample_of_few_numbers_may_be_small_by_chance():
    reference = np.float32([[1.0], [-2.0], [0.05]])
    actual = reference + np.float32([[0], [0], [3e-7]])
    assert held(actual, reference, batch=3) <= 1
    assert held(reference + np.float32([[0], [0], [3e-6]]), reference, batch=3) > 1


def test_no_sample_hides_behind_one_of_another_size():
    reference = np.float32([[1e10], [2e10], [0.05]])
    actual = reference * np.float32([[1], [1], [1.001]])
    assert held(actual, reference, batch=3) > 1


@pytest.mark.parametrize(("moved", "passes"), [(1e-8, False), (1e-6, True)])
def test_what_the_judge_moves_by_is_allowed_with_a_margin(moved, passes):
    reference = RNG.standard_normal((1, 100)).astype(np.float32)
    reference /= np.abs(reference).max()
    assert (held(reference + np.float32(0.9 * MARGIN * 1e-6), reference, [moved]) <= 1) == passes


def test_a_sample_gets_little_of_what_others_move_by():
    """One image that shows rounding a thousand times as much must not excuse the others."""
    reference = RNG.standard_normal((2, 100)).astype(np.float32)
    actual = reference.copy()
    actual[0] += np.float32(1e-4)
    assert held(actual, reference, [1e-6, 1e-3], batch=2) > 1
    assert held(actual, reference, [1e-3, 1e-6], batch=2) <= 1


def test_there_is_an_end_to_what_is_allowed():
    reference = RNG.standard_normal((1, 100)).astype(np.float32)
    assert held(reference * np.float32(1.01), reference, [1.0]) > 1


def test_movement_is_told_by_sample_and_of_numbers_alone():
    answer = np.zeros((2, 3), np.float32)
    others = [answer + np.float32([[1], [2]]), answer - np.float32([[0], [3]]), np.full_like(answer, np.nan)]
    assert movement(answer, others[:2], 2) == [1, 3]
    assert movement(answer, others[:2], 1) == [3]
    assert movement(answer, others[2:], 2) == [0, 0]


def test_a_shallow_network_is_held_to_its_last_bits(tmp_path):
    """What 1e-5, the allowance of a deep network, would let pass: one weight of a convolution off by a ten thousandth."""
    weight = RNG.standard_normal((4, 3, 3, 3)).astype(np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    path = save(tmp_path / "m.onnx", [node], {"x": ["batch", 3, 9, 11]}, {"y": ["batch", 4, 7, 9]}, {"w": weight})
    conversion = converter.convert(path, to="pytorch", out=tmp_path / "out")
    assert conversion.report.ok
    assert conversion.report.outputs["y"].max_relative_error < 1e-6
    file = tmp_path / "out" / "model.safetensors"
    weights = load_file(file)
    (name,) = weights
    weights[name][0, 0, 0, 0] *= np.float32(1.0001)
    save_file(weights, file)
    report = conversion.verify()
    assert not report.ok
    assert report.outputs["y"].max_relative_error < 1e-4
