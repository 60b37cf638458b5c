"""What is allowed for rounding: a little of what onnxruntime's own answers move by, in each sample by its own scale."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from safetensors.numpy import load_file, save_file

import converter
from converter.verification.compare import FLOAT32
from converter.verification.judge import Judge
from converter.verification.rounding import MARGIN, allowances, excess, most_of_own, movement, own_rounding, samples
from tests.models import save

RNG = np.random.default_rng(0)


def held(actual, reference, moved=None, batch=1):
    """The largest excess of any sample."""
    found = samples([actual], [reference], [batch])
    tolerances = [FLOAT32] * len(found) if moved is None else allowances(found, FLOAT32, {0: moved}, {})
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
    assert movement(answer, others, 2) == [1, 3]  # an answer that is no number does not hide the others


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


def test_a_sample_that_shows_rounding_alone_is_held_to_it_beside_others_that_do_not():
    reference = RNG.standard_normal((3, 100)).astype(np.float32)
    actual = reference.copy()
    actual[0] += np.float32(0.01)

    def passes(moved, *, continuous=True):
        found = samples([actual], [reference], [3])
        tolerances = allowances(found, FLOAT32, {0: moved}, {}, continuous=continuous)
        return all(excess(*pair) <= 1 for pair in zip(found, tolerances, strict=True))

    assert passes([0.01, 1e-6, 1e-6])
    assert not passes([0.002, 1e-6, 1e-6])  # further apart than four times what it moves by
    assert not passes([0.01, 0.01, 1e-6])  # most samples show rounding alone: nothing is proven
    assert not passes([0.01, 1e-6, 1e-6], continuous=False)  # it may have jumped


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([helper.make_node("Relu", ["x"], ["y"])], True),
        ([helper.make_node("Floor", ["x"], ["y"])], False),
        ([helper.make_node("Sign", ["x"], ["s"]), helper.make_node("Mul", ["x", "s"], ["y"])], False),
        ([helper.make_node("Greater", ["x", "w"], ["g"]), helper.make_node("Where", ["g", "x", "w"], ["y"])], False),
        ([helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Reshape", ["x", "s"], ["y"])], True),
        ([helper.make_node("MaxPool", ["x"], ["y", "i"], kernel_shape=[1])], False),
    ],
)
def test_operators_that_decide_by_a_number_are_not_continuous(nodes, expected, tmp_path):
    outputs = {"y": ["batch", 3, 4]} | ({"i": (TensorProto.INT64, ["batch", 3, 4])} if nodes[0].op_type == "MaxPool" else {})
    path = save(tmp_path / "m.onnx", nodes, {"x": ["batch", 3, 4]}, outputs, {"w": np.float32([0.3])})
    with Judge(converter.read(path)) as judge:
        assert judge.continuous == expected


@pytest.mark.parametrize(
    ("wrong", "coarse", "passes"),
    [
        (0.0, 0.0, False),  # its own rounding alone excuses no more than twice what is allowed
        (0.0, 1e-3, True),  # the judge sums as coarsely
        (0.0, 1e-4, False),
        (2e-3, 1e-3, False),  # a fault, in float64 as well
    ],
)
def test_own_rounding_counts_as_much_as_the_judge_rounds_and_excuses_no_fault(wrong, coarse, passes):
    reference = RNG.standard_normal((1, 100)).astype(np.float32)
    reference /= np.abs(reference).max()
    wide = reference.astype(np.float64) + wrong
    actual = (wide + 3e-3).astype(np.float32)
    (sample,) = samples([actual], [reference], [1])
    most = most_of_own(sample, FLOAT32, coarse)
    assert (excess(sample, own_rounding(sample, FLOAT32, actual, wide, reference, 1, most)) <= 1) == passes


def test_next_to_nothing_is_measured_by_what_is_usual_where_the_question_is_not():
    """A gate that closes leaves 0 on one side and 1e-18 on the other; what is small and no less than that has its own scale."""
    usual = np.float32([[1.0, -2.0], [0.5, 2.0]])
    nothing, small = np.zeros((1, 2), np.float32), np.float32([[1e-3, 2e-3]])
    cases = [usual, np.concatenate([nothing, small])]
    asked = {"batches": [2, 2], "unusual": {1}}
    assert (
        max(each.difference.relative for each in samples([usual, cases[1] + np.float32([[1e-18], [0]])], cases, **asked)) < 1e-9
    )
    assert (
        max(each.difference.relative for each in samples([usual, cases[1] + np.float32([[1e-9], [0]])], cases, **asked)) > 1e-6
    )
    found = samples([usual, cases[1] * np.float32(1.001)], cases, **asked)
    assert max(each.difference.relative for each in found) == pytest.approx(1e-3, rel=1e-3)


def test_a_sample_of_few_numbers_gets_what_every_second_of_its_question_moves_by():
    """Exponentials of different sizes, of which one happens not to move."""
    reference = np.exp(np.linspace(10, 60, 40, dtype=np.float32))[:, None]
    moved = [0.0 if row % 3 == 0 else 3e-6 * float(reference[row, 0]) for row in range(40)]
    actual = reference.copy()
    actual[21] *= np.float32(1 + 4e-6)
    assert held(actual, reference, moved, batch=40) <= 1
    actual[21] *= np.float32(1.001)
    assert held(actual, reference, moved, batch=40) > 1
    still = [0.0 if row % 3 else moved[1] for row in range(40)]
    actual[21] = reference[21] * np.float32(1 + 4e-6)
    assert held(actual, reference, still, batch=40) > 1
