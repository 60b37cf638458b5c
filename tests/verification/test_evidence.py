"""Where answers prove little, other questions are asked; where none helps, the report says so."""

import numpy as np
import pytest
from onnx import helper
from safetensors.numpy import load_file, save_file

import converter
from converter.verification.evidence import otherwise, unseen
from converter.verification.inputs import Question
from tests.models import save

node = helper.make_node


def certain(path):
    """A classifier that noise makes certain: sums of deviation 4000 before its softmax."""
    rng = np.random.default_rng(0)
    weights = {
        "hidden": rng.standard_normal((60, 40)).astype(np.float32),
        "scores": (100 * rng.standard_normal((40, 7))).astype(np.float32),
    }
    nodes = [
        node("MatMul", ["x", "hidden"], ["h"], name="hidden"),
        node("Relu", ["h"], ["r"], name="relu"),
        node("MatMul", ["r", "scores"], ["s"], name="scores"),
        node("Softmax", ["s"], ["y"], name="softmax", axis=1),
    ]
    return save(path, nodes, {"x": ["batch", 60]}, {"y": ["batch", 7]}, weights)


def steep(path):
    """An exponential that noise brings to 1e20, and next to it a number of ordinary size."""
    weight = np.random.default_rng(1).random((30, 2), np.float32) * np.float32([3, 0.04])
    nodes = [
        node("Mul", ["x", "x"], ["squares"], name="squares"),
        node("MatMul", ["squares", "w"], ["s"], name="scores"),
        node("Exp", ["s"], ["y"], name="exp"),
    ]
    return save(path, nodes, {"x": ["batch", 30]}, {"y": ["batch", 2]}, {"w": weight})


def test_a_certain_classifier_is_asked_until_it_doubts(tmp_path):
    report = converter.convert(certain(tmp_path / "m.onnx"), to="pytorch", out=tmp_path / "out").report
    assert report.ok
    assert not report.warnings
    assert any(", times" in case.name for case in report.cases)
    assert report.outputs["y"].max_relative_error > 0  # nothing rounds where all is one or zero


def test_what_a_certain_classifier_hides_is_found(tmp_path):
    """A thousandth of a weight: one and zeros stay one and zeros."""
    conversion = converter.convert(certain(tmp_path / "m.onnx"), to="pytorch", out=tmp_path / "out", verify=False)
    file = tmp_path / "out" / "model.safetensors"
    weights = load_file(file)
    save_file({name: array * np.float32(1.001) for name, array in weights.items()}, file)
    assert not conversion.verify().ok


def test_numbers_beside_huge_ones_are_compared(tmp_path):
    conversion = converter.convert(steep(tmp_path / "m.onnx"), to="pytorch", out=tmp_path / "out")
    assert conversion.report.ok
    assert not conversion.report.warnings
    file = tmp_path / "out" / "model.safetensors"
    weights = load_file(file)
    (name,) = weights
    save_file({name: weights[name] * np.float32([1, 1.1] if weights[name].shape[1] == 2 else [[1], [1.1]])}, file)
    assert not conversion.verify().ok


def test_a_network_that_says_something_is_asked_nothing_more(tmp_path):
    path = save(tmp_path / "m.onnx", [node("Softmax", ["x"], ["y"], axis=1)], {"x": ["batch", 4]}, {"y": ["batch", 4]})
    names = [case.name for case in converter.convert(path, to="pytorch", out=tmp_path / "out").report.cases]
    assert len(names) == 9
    assert not any("times" in name for name in names)


def test_the_reader_is_told_where_no_question_helps(tmp_path):
    nodes = [node("Mul", ["x", "zero"], ["z"]), node("Add", ["z", "one"], ["y"])]
    weights = {"zero": np.float32(0), "one": np.float32(1)}
    path = save(tmp_path / "m.onnx", nodes, {"x": ["batch", 4]}, {"y": ["batch", 4]}, weights)
    report = converter.convert(path, to="pytorch", out=tmp_path / "out").report
    assert report.ok
    assert report.warnings == ["output 'y' hardly depends on the input: its equality proves little"]


def test_the_reader_is_told_of_an_input_that_no_output_shows(tmp_path):
    """Its mask is multiplied by zero."""
    nodes = [node("Mul", ["mask", "zero"], ["z"]), node("Add", ["z", "x"], ["y"])]
    inputs = {"x": ["batch", 4], "mask": ["batch", 4]}
    path = save(tmp_path / "m.onnx", nodes, inputs, {"y": ["batch", 4]}, {"zero": np.float32(0)})
    report = converter.convert(path, to="pytorch", out=tmp_path / "out").report
    assert report.ok
    (warning,) = report.warnings
    assert "'mask'" in warning and "nothing about it" in warning


def test_an_input_that_nothing_reads_is_no_reason_to_warn(tmp_path):
    """keras.export leaves such inputs."""
    nodes = [node("Relu", ["x"], ["y"])]
    path = save(tmp_path / "m.onnx", nodes, {"x": ["batch", 4], "left": [3]}, {"y": ["batch", 4]})
    report = converter.convert(path, to="pytorch", out=tmp_path / "out").report
    assert report.ok
    assert not report.warnings


@pytest.mark.parametrize("shape", [(3, 3, 32, 24), (3, 32, 24, 3), (3, 3, 4, 32, 32)])
def test_images_are_asked_again_as_photographs(shape):
    """Noise has one brightness in all samples, photographs have not; numbers beside the images stay."""
    noise, tokens = np.random.default_rng(0).standard_normal(shape).astype(np.float32), np.ones((3, 5), np.float32)
    ways = {how: asked for (asked,) in otherwise([Question("q", {"x": noise, "t": tokens}, "")]) for how in [asked.name]}
    assert list(ways)[:3] == ["q, photographs", "q, photographs around 0", "q, photographs times 255"]
    plain, around, file = (ways[name].inputs["x"] for name in list(ways)[:3])
    assert plain.dtype == np.float32
    assert 0 <= plain.min() < 0.2 and 0.8 < plain.max() <= 1
    assert around.min() < -1 and around.max() > 1 and file.max() > 200
    assert plain.mean(axis=tuple(range(1, plain.ndim))).std() > 0.02
    assert all(ways[name].inputs["t"] is tokens for name in list(ways)[:3])


def test_what_is_no_image_is_not_asked_as_photographs():
    asked = otherwise([Question("q", {"x": np.ones((3, 8, 12, 40), np.float32)}, "")])
    assert not any("photographs" in question.name for (question,) in asked)


@pytest.mark.parametrize("array", [np.array(2, np.float32), np.array(0, np.float32), np.array(True)])
def test_numbers_without_axes_are_changed_too(array):
    def answer(inputs):
        """Only the second input shows."""
        assert all(isinstance(each, np.ndarray) and each.shape == () and each.dtype == array.dtype for each in inputs.values())
        return {"z": inputs["y"]}

    assert unseen([(Question("q", {"x": array, "y": array}, ""), {"z": array})], answer) == ["x"]


def test_a_mask_counts_though_the_tokens_behind_the_one_that_answers_do_not():
    mask = np.ones((1, 8), np.int64)

    def answer(inputs):
        return {"z": inputs["x"][:, :3] * inputs["mask"][:, :3]}

    x = np.ones((1, 8), np.float32)
    assert unseen([(Question("q", {"x": x, "mask": mask}, ""), answer({"x": x, "mask": mask}))], answer) == []


def test_an_input_counts_in_whatever_order_it_comes():
    tokens = np.array([[3, 1, 4, 1]])

    def answer(inputs):
        return {"z": inputs["tokens"].sum(1, keepdims=True) + inputs["x"] * 0.0}

    asked = {"x": np.ones((1, 1)), "tokens": tokens}
    assert unseen([(Question("q", asked, ""), answer(asked))], answer) == ["x"]
