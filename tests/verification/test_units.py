"""Channels that no usual question wakes are woken by samples of another kind."""

import numpy as np
import onnx
from onnx import helper

import converter
from converter.verification.asking import ask
from converter.verification.inputs import questions
from converter.verification.judge import Judge
from converter.verification.reference import Inside
from converter.verification.units import rectifiers, waking
from tests.models import save

node = helper.make_node


def network(path, shape=("batch", 3, 8, 8)):
    """Two channels: the mean of an image, which noise hardly has, less 20; and its first pixel."""
    kernels = np.zeros((2, 3, 8, 8), np.float32)
    kernels[0], kernels[1, :, 0, 0] = 1 / 192, 1
    nodes = [
        node("Conv", ["x", "w", "b"], ["c"], kernel_shape=[8, 8]),
        node("Relu", ["c"], ["r"]),
        node("GlobalAveragePool", ["r"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "v"], ["y"]),
    ]
    weights = {"w": kernels, "b": np.float32([-20, 0]), "v": np.eye(2, dtype=np.float32)}
    return save(path / "m.onnx", nodes, {"x": list(shape)}, {"y": None}, weights)


def woken(source):
    graph = converter.read(source)
    with Judge(graph) as judge:
        asked = [next(ways) for ways in questions(graph, (0, 1, 2), (1, 3))]
        model = onnx.load(source)
        names = [*rectifiers(model), *(output.name for output in model.graph.output)]
        found = list(waking(model, Inside(judge.model, names, 2**30), asked))
        return [(question, judge.answer(question.inputs)) for question in found], asked, graph


def test_a_sleeping_channel_is_woken_and_passes_six(tmp_path):
    ((question, answers),), asked, _ = woken(network(tmp_path))
    assert (answers["y"][:, 0] > 0).any() and answers["y"].max() > 6
    assert question.batch == len(question.inputs["x"]) <= 8
    assert question.name == f"{asked[1].name}, for units that sleep"


def test_a_larger_image_is_shown_fewer_samples(tmp_path):
    ((question, answers),), *_ = woken(network(tmp_path, ("batch", 3, 200, 200)))
    assert (answers["y"][:, 0] > 0).any()
    assert question.batch <= 8


def test_a_huge_image_is_left_alone(tmp_path):
    assert not woken(network(tmp_path, ("batch", 3, 400, 400)))[0]


def test_what_nothing_wakes_is_not_asked_for(tmp_path):
    nodes = [node("Abs", ["x"], ["a"]), node("Neg", ["a"], ["n"]), node("Relu", ["n"], ["y"])]
    assert not woken(save(tmp_path / "m.onnx", nodes, {"x": ["batch", 4]}, {"y": None}, {}))[0]


def test_samples_that_overflow_are_not_asked(tmp_path):
    nodes = [node("Exp", ["x"], ["e"]), node("Relu", ["x"], ["r"]), node("Mul", ["e", "r"], ["y"])]
    for _, answers in woken(save(tmp_path / "m.onnx", nodes, {"x": ["batch", 4]}, {"y": None}, {}))[0]:
        assert np.isfinite(answers["y"]).all()


def test_verification_wakes_all(tmp_path):
    source = network(tmp_path)
    graph = converter.read(source)
    with Judge(graph) as judge:
        asked, _, _ = ask(judge, graph, (0, 1, 2), (1, 3))
        assert all(max(judge.answer(question.inputs)["y"][:, column].max() for question, _ in asked) > 0 for column in (0, 1))
