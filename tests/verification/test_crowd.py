"""Beyond the usual questions: more samples of unusual numbers, few and many steps, and what a call leaves as it was."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

import converter
from converter.verification.crowd import MASKED, crowded, finite, of_rows, steady, with_usual
from converter.verification.inputs import Question, lengths
from tests.models import save

node = helper.make_node


def question(batch: int, **inputs: np.ndarray) -> Question:
    return Question("seed 0", inputs, "noise", batch=batch)


def test_a_crowd_has_an_even_number_of_samples_beyond_three_of_many_kinds():
    x = np.random.default_rng(0).standard_normal((3, 2, 5)).astype(np.float32)
    ((crowd, _, _),) = crowded([question(1, x=x[:1]), question(3, x=x)])
    rows = crowd.inputs["x"].reshape(crowd.batch, -1)
    assert crowd.batch > 3
    assert crowd.batch % 2 == 0
    assert not rows[0].any()
    assert (rows.min(axis=1) > 0).any()
    assert (rows.max(axis=1) < 0).any()
    assert (abs(rows).max(axis=1) > 100).any()
    assert (abs(rows).max(axis=1) < 1e-2).sum() > 1


def test_large_samples_are_few():
    ((crowd, _, _),) = crowded([question(3, x=np.ones((3, 3, 300, 300), np.float32))])
    assert crowd.batch == 4


def test_a_mask_in_a_crowd_has_holes():
    mask = np.ones((3, 6), np.int64)
    mask[1::2, 4:] = 0
    ((crowd, _, kinds),) = crowded([question(3, ids=np.arange(18).reshape(3, 6), attention_mask=mask)])
    changes = abs(np.diff(crowd.inputs["attention_mask"], axis=1)).sum(axis=1)
    assert (changes > 1).any()
    assert crowd.inputs["ids"].max() == 17
    assert kinds[-1] == MASKED
    assert not crowd.inputs["attention_mask"][-1].any()


def test_a_crowd_asks_for_every_row_of_a_table():
    ids = np.array([[0, 4], [1, 59], [2, 7]])
    whole = {"ids": (0, np.array([[5, 60]] * 3))}
    ((crowd, _, _),) = crowded([Question("seed 0", {"ids": ids}, "whole numbers", batch=3, whole=whole)])
    first, second = crowd.inputs["ids"].T
    assert crowd.inputs["ids"][:3].tolist() == ids.tolist()
    assert set(first) == set(range(5)) and set(second[3:]) == set(range(60))


def test_a_setting_is_the_same_for_a_crowd():
    asked = question(3, x=np.arange(6.0).reshape(3, 2), setting=np.array(37))
    ((crowd, usual, _),) = crowded([asked])
    assert crowd.batch == len(crowd.inputs["x"]) == 64
    assert crowd.inputs["setting"] == 37
    bad = np.arange(64) == 0
    assert with_usual(crowd, usual, bad).inputs["x"][0].tolist() == [0, 1]
    assert of_rows(crowd, bad).inputs["setting"] == 37


def test_samples_whose_answers_are_not_finite_are_usual_ones():
    asked, usual = question(3, x=np.arange(3.0)[:, None]), question(3, x=np.arange(3.0, 6)[:, None])
    good = finite(asked, {"y": np.array([[1.0], [np.nan], [1.0]])})
    assert with_usual(asked, usual, ~good).inputs["x"].ravel().tolist() == [0, 4, 2]
    assert of_rows(asked, good).inputs["x"].ravel().tolist() == [0, 2]
    assert of_rows(asked, good).batch == 2
    assert not finite(asked, {"y": np.array([1.0, np.inf])}).any()  # an output without samples


def test_a_sample_is_steady_where_answers_that_are_as_right_agree():
    answers = {"y": np.array([[1.0, 0.5], [1.0, 0.5]]), "class": np.array([0, 1])}
    near = {"y": answers["y"] + [[1e-5], [0]], "class": np.array([0, 1])}
    jumps = {"y": answers["y"] + [[0], [1e-2]], "class": np.array([0, 1])}
    other = {"y": answers["y"], "class": np.array([1, 1])}
    asked = question(2, x=np.zeros((2, 1)))
    assert steady(asked, answers, [near]).tolist() == [True, True]
    assert steady(asked, answers, [near, jumps]).tolist() == [True, False]
    assert steady(asked, answers, [other]).tolist() == [False, True]


def test_where_a_sample_is_rounded_others_are_asked_that_are_not(tmp_path):
    """Halves are at the border between two integers, zeros and noise are not."""
    path = save(tmp_path / "m.onnx", [node("Round", ["x"], ["y"])], {"x": ["batch", 40]}, {"y": ["batch", 40]})
    conversion = converter.convert(path, to="pytorch", out=tmp_path / "out")
    (crowd,) = [case for case in conversion.report.cases if case.name.endswith("more samples")]
    assert crowd.shapes["x"][0] > 3
    assert conversion.report.ok
    file = tmp_path / "out" / "model.py"
    file.write_text(file.read_text().replace("return torch.round(x)", "return torch.round(x) + (x < 0).all(1, keepdim=True)"))
    assert not conversion.verify().ok


def _normalised(tmp_path):
    """Convolutions, each with an InstanceNormalization behind it, which divides what a flat image leaves by next to nothing."""
    rng, nodes, weights, x = np.random.default_rng(0), [], {}, "x"
    for number in range(3):
        weights[f"w{number}"] = rng.standard_normal((4, 4, 3, 3)).astype(np.float32) / 6
        weights |= {f"{letter}{number}": rng.standard_normal(4).astype(np.float32) for letter in "bsm"}
        nodes.append(node("Conv", [x, f"w{number}", f"b{number}"], [f"c{number}"], pads=[1] * 4))
        nodes.append(node("InstanceNormalization", [f"c{number}", f"s{number}", f"m{number}"], [f"n{number}"]))
        x = f"n{number}"
    nodes.append(node("Identity", [x], ["y"]))
    sizes = ["batch", 4, 8, 8]
    return converter.convert(
        save(tmp_path / "m.onnx", nodes, {"x": sizes}, {"y": sizes}, weights), to="pytorch", out=tmp_path / "out"
    )


def test_an_image_of_zeros_shows_what_is_not_finite_though_all_else_is_rounding(tmp_path):
    conversion = _normalised(tmp_path)
    assert conversion.report.ok, conversion.report
    file = tmp_path / "out" / "model.py"
    code = file.read_text().replace("def forward(self, x):", "def forward(self, x):\n        given = x")
    last = "self.instance_normalization_3(self.conv_3(x))"
    assert last in code
    for wrong in ("0 / given.abs().sum((1, 2, 3), keepdim=True)", "(given.abs().amax((1, 2, 3), keepdim=True) < 0.01)"):
        file.write_text(code.replace(last, f"{last} + {wrong}"))
        assert not conversion.verify().ok, wrong


def test_a_length_that_leaves_a_window_no_place_is_not_asked(tmp_path):
    pools = [node("MaxPool", [f"x{n}"], [f"x{n + 1}"], kernel_shape=[2], strides=[2]) for n in range(3)]
    nodes = [node("Identity", ["x"], ["x0"]), *pools, node("GlobalMaxPool", ["x3"], ["y"])]
    path = save(tmp_path / "m.onnx", nodes, {"x": ["batch", 4, "steps"]}, {"y": ["batch", 4, 1]})
    conversion = converter.convert(path, to="pytorch", out=tmp_path / "out")
    assert conversion.report.ok, conversion.report
    assert {case.shapes["x"][2] for case in conversion.report.cases} >= {9, 150}
    assert all(case.shapes["x"][2] >= 8 for case in conversion.report.cases)


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
