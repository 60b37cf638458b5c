"""Beyond the usual questions: more samples of unusual numbers, few and many steps, and what a call leaves as it was."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

import converter
from converter.verification.crowd import KINDS, crowded, finite
from converter.verification.inputs import Question, lengths
from tests.models import save

node = helper.make_node


def question(batch: int, **inputs: np.ndarray) -> Question:
    return Question("seed 0", inputs, "noise", batch=batch)


def test_a_crowd_has_an_even_number_of_samples_beyond_three_of_many_kinds():
    x = np.random.default_rng(0).standard_normal((3, 2, 5)).astype(np.float32)
    (crowd,) = crowded([question(1, x=x[:1]), question(3, x=x)], KINDS)
    rows = crowd.inputs["x"].reshape(crowd.batch, -1)
    assert crowd.batch > 3
    assert crowd.batch % 2 == 0
    assert not rows[0].any()
    assert (rows.min(axis=1) > 0).any()
    assert (rows.max(axis=1) < 0).any()
    assert (abs(rows).max(axis=1) > 100).any()
    assert (abs(rows).max(axis=1) < 1e-2).sum() > 1


def test_large_samples_are_few():
    (crowd,) = crowded([question(3, x=np.ones((3, 3, 300, 300), np.float32))], KINDS)
    assert crowd.batch == 4


def test_a_mask_in_a_crowd_has_holes():
    mask = np.ones((3, 6), np.int64)
    mask[1::2, 4:] = 0
    (crowd,) = crowded([question(3, ids=np.arange(18).reshape(3, 6), attention_mask=mask)], KINDS)
    changes = abs(np.diff(crowd.inputs["attention_mask"], axis=1)).sum(axis=1)
    assert (changes > 1).any()
    assert crowd.inputs["ids"].max() == 17


def test_samples_whose_answers_are_not_finite_are_left_out():
    asked = question(6, x=np.arange(6.0)[:, None])
    answers = np.ones((6, 1))
    answers[2] = np.nan
    assert finite(asked, {"y": answers}).inputs["x"].ravel().tolist() == [0, 1, 3, 4]
    answers[:3] = np.inf
    assert finite(asked, {"y": answers}) is None


def test_a_free_length_is_asked_short_and_long(tmp_path):
    path = save(tmp_path / "m.onnx", [node("Relu", ["x"], ["y"])], {"x": ["batch", "steps", 4]}, {"y": ["batch", "steps", 4]})
    shapes = [next(ways).inputs["x"].shape for ways in lengths(converter.read(path), 0)]
    assert shapes == [(2, 1, 4), (1, 150, 4)]


def test_a_fixed_length_is_not(tmp_path):
    path = save(tmp_path / "m.onnx", [node("Relu", ["x"], ["y"])], {"x": ["batch", 3, 4]}, {"y": ["batch", 3, 4]})
    assert not list(lengths(converter.read(path), 0))


WRONG = {
    "it writes over its input 0": "x.zero_() * 0",
    "a call changes the state of random numbers": "0 * torch.rand(())",
    "a call changes its buffer 'calls'": "0 * self.calls.add_(1)",
}


@pytest.mark.parametrize("finding", WRONG)
def test_what_no_answer_shows_is_a_finding(tmp_path, finding):
    path = save(tmp_path / "m.onnx", [node("Sin", ["x"], ["y"])], {"x": ["batch", 4]}, {"y": ["batch", 4]})
    conversion = converter.convert(path, to="pytorch", out=tmp_path / "out")
    assert conversion.report.ok
    file = tmp_path / "out" / "model.py"
    code = file.read_text().replace("return torch.sin(x)", f"y = torch.sin(x)\n        return y + {WRONG[finding]}")
    code = code.replace(
        "super().__init__()", "super().__init__()\n        self.register_buffer('calls', torch.zeros(()), False)"
    )
    file.write_text(code)
    assert any(finding in each for each in conversion.verify().findings)


@pytest.mark.parametrize(
    "code", ["torch.sin(x) if torch.is_inference_mode_enabled() else torch.cos(x)", "torch.sin(x).view(-1)"]
)
def test_the_code_is_asked_again_with_gradients(tmp_path, code):
    path = save(tmp_path / "m.onnx", [node("Sin", ["x"], ["y"])], {"x": ["batch", 4]}, {"y": ["batch", 4]})
    conversion = converter.convert(path, to="pytorch", out=tmp_path / "out")
    file = tmp_path / "out" / "model.py"
    file.write_text(file.read_text().replace("torch.sin(x)", code))
    assert not conversion.verify().ok
