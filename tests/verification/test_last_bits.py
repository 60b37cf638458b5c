"""Results inside a model are moved by their last bit, each by itself, and what no program rounds stays."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest

import converter
from converter.verification.judge import Judge
from converter.verification.last_bits import with_moved_results

UNIT = 2.0**-23


def moved(body: str, x: np.ndarray) -> np.ndarray:
    model = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": 18]> net (float[n] x) => (float[n] y) {body}')
    with_moved_results(model, "float64")
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def test_each_result_is_moved_by_up_to_its_last_bit():
    x = np.random.default_rng(0).uniform(0.2, 3, 1000).astype(np.float32)
    apart = moved("{ y = Mul (x, x) }", x) / (x * x) - 1
    assert 0.4 * UNIT < np.abs(apart).mean() < UNIT
    assert np.abs(apart).max() <= 1.5 * UNIT
    assert (apart > 0).any() and (apart < 0).any()


@pytest.mark.parametrize("body", ["{ y = Add (x, x) }", "{ y = Neg (x) }", "{ a = Abs (x)  y = Mul (a, x) }"])
def test_round_numbers_and_what_only_moves_numbers_stay(body):
    x = np.arange(-40, 40, dtype=np.float32) / 4
    wanted = {"Add": x + x, "Neg": -x, "Abs": np.abs(x) * x}
    np.testing.assert_array_equal(moved(body, x), next(each for name, each in wanted.items() if name in body))


def test_a_sigmoid_that_is_1_may_round_otherwise():
    assert len(set(moved("{ y = Sigmoid (x) }", np.full(50, 20, np.float32)).tolist())) > 1


def test_what_underflows_is_0():
    assert moved("{ y = Exp (x) }", np.float32([-95, -80, 0]))[0] == 0


def test_a_normalisation_of_numbers_that_hardly_differ(tmp_path):
    """Of inputs and weights none moves what comes to it as 0.5 and little more."""
    model = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["" : 18]> net (float[n, 2, 6, 6] x) => (float[n, 2, 6, 6] y)
        <float[2] one = {1.1, 1.3}, float[2] zero = {0.1, 0.3}> {
          size = Abs (x)  less = Neg (size)  bell = Exp (less)  half = HardSigmoid (bell)
          y = InstanceNormalization (half, one, zero)
        }"""
    )
    onnx.save(model, tmp_path / "m.onnx")
    x = (np.random.default_rng(0).standard_normal((1, 2, 6, 6)) + 18).astype(np.float32)
    with Judge(converter.read(tmp_path / "m.onnx")) as judge:
        (plain,) = judge.answers_by_definition([{"x": x}])
        apart = {way: np.abs(judge.other_answers(way, [{"x": x}])[0]["y"] - plain["y"]).max() for way in ("weights", "inside")}
    assert apart["weights"] < 1e-6
    assert 1e-5 < apart["inside"] < 1e-3
