"""Near-ties in front of an unpooling are told from an unpooling that is wrong."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

import converter
from converter.verification.compare import FLOAT32
from converter.verification.inputs import questions
from converter.verification.ties import unpooled, with_ties
from tests.models import save

node = helper.make_node
PAIRS, TIED, LENGTH = 2000, 4, 512


@pytest.fixture
def tied(tmp_path):
    """Pairs of sums, the larger of which is put back in its place. A few pairs are one sum in two orders, unless the first
    number of the input is positive."""
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((LENGTH, PAIRS, 2)).astype(np.float32)
    half = rng.standard_normal((LENGTH // 2, TIED))
    weight[:, :TIED, 0] = np.concatenate([half, half[::-1]])
    weight[:, :TIED, 1] = np.concatenate([half[::-1], half])
    nodes = [
        node("Concat", ["x", "x"], ["twice"], axis=1),
        node("MatMul", ["twice", "w"], ["sums"]),
        node("Slice", ["x", "zero", "one", "one"], ["first"]),
        node("Relu", ["first"], ["gate"]),
        node("Mul", ["gate", "apart"], ["gap"]),
        node("Add", ["sums", "gap"], ["moved"]),
        node("Reshape", ["moved", "shape"], ["image"]),
        node("MaxPool", ["image"], ["pooled", "places"], kernel_shape=[1, 2], strides=[1, 2]),
        node("MaxUnpool", ["pooled", "places"], ["y"], name="unpool", kernel_shape=[1, 2], strides=[1, 2]),
    ]
    apart = np.zeros((PAIRS, 2), np.float32)
    apart[:TIED, 1] = 100
    weights = {
        "w": weight.reshape(LENGTH, -1),
        "zero": np.array([0]),
        "one": np.array([1]),
        "apart": apart.ravel(),
        "shape": np.array([0, 1, 200, 20]),
    }
    return save(tmp_path / "m.onnx", nodes, {"x": ["batch", LENGTH // 2]}, {"y": ["batch", 1, 200, 20]}, weights)


def test_near_ties_are_no_fault(tied, tmp_path):
    report = converter.convert(tied, to="pytorch", out=tmp_path / "out").report
    output = report.outputs["y"]
    assert report.ok, report
    assert output.max_relative_error <= 1e-5 or output.tolerance.name == "float32, near-ties"


@pytest.mark.parametrize(
    "places",
    [
        "{I} + 1 - 2 * ({I} % 2)",  # the other of the two
        "torch.where({I} < 3980, {I}, {I} + 1 - 2 * ({I} % 2))",  # the same in the last row alone
    ],
)
def test_a_wrong_place_is_one(tied, tmp_path, places):
    conversion = converter.convert(tied, to="pytorch", out=tmp_path / "out", verify=False)
    file = tmp_path / "out" / "model.py"
    code = file.read_text()
    name = code.split("max_unpool2d(")[1].split(",")[1].strip()
    file.write_text(code.replace(f", {name},", f", {places.format(I=name)},"))
    assert file.read_text() != code
    assert not conversion.verify().ok


def _answers(wrong: int):
    reference = np.random.default_rng(0).standard_normal((1, 10000)).astype(np.float32)
    actual = reference.copy()
    actual[0, :wrong] += 1
    return actual, reference


@pytest.mark.parametrize(
    ("wrong", "own", "excused"),
    [
        ((0, 10), 1e-3, True),
        ((0, 30), 1e-3, False),  # more than twice as many as in the judge's own answers
        ((1, 10), 1e-3, False),  # no question is answered without a difference
        ((0, 10), 0.0, False),  # the judge has no near-ties
        ((0, 200), 0.5, False),  # too many, whatever the judge does
    ],
)
def test_few_numbers_and_not_in_every_question(wrong, own, excused):
    actual, reference = zip(*map(_answers, wrong), strict=True)
    assert (with_ties(actual, reference, own, FLOAT32) is not None) == excused


def test_what_depends_on_places_is_found(tied):
    graph = converter.read(tied)
    assert unpooled(graph.outputs[0])
    assert not unpooled(next(value for value in graph.inputs))


# Comparisons of numbers that were rounded ---------------------------------------------------------------------------------


def comparison(path, operator="Less"):
    """Whether sums are below thresholds, which those of the first question are one last bit below."""
    rng = np.random.default_rng(3)
    weights = {"w": rng.standard_normal((300, 200)).astype(np.float32), "low": np.zeros((1, 200), np.float32)}
    nodes = [helper.make_node("MatMul", ["x", "w"], ["s"]), helper.make_node(operator, ["s", "low"], ["y"], name="compare")]
    ports = {"x": [1, 300]}, {"y": (TensorProto.BOOL, [1, 200])}
    path = save(path, nodes, *ports, weights)
    session = onnxruntime.InferenceSession(save(path.with_name("sums.onnx"), nodes[:1], ports[0], {"s": [1, 200]}, weights))
    (question,) = (next(ways) for ways in questions(converter.read(path), (0,), (1,)))
    weights["low"] = np.nextafter(session.run(None, question.inputs)[0], np.float32(np.inf))
    return save(path, nodes, *ports, weights)


def test_a_comparison_that_the_last_bit_decides_is_no_fault(tmp_path):
    """The emitted sums are made a little larger than the thresholds, as another order of sums could."""
    conversion = converter.convert(comparison(tmp_path / "m.onnx"), to="pytorch", out=tmp_path / "out", verify=False)
    code = tmp_path / "out" / "model.py"
    text = code.read_text()
    wrong = text.replace(" < self.", " * (1 + 1e-6) + 1e-6 < self.")
    assert wrong != text, text
    code.write_text(wrong)
    report = conversion.verify()
    assert report.ok, report
    assert report.outputs["y"].tolerance.name == "exact, near-ties"


@pytest.mark.parametrize("change", [(" < self.", " > self."), (" < self.", " + 0.1 < self.")])
def test_a_comparison_of_numbers_further_apart_is_a_fault(tmp_path, change):
    conversion = converter.convert(comparison(tmp_path / "m.onnx"), to="pytorch", out=tmp_path / "out", verify=False)
    code = tmp_path / "out" / "model.py"
    text = code.read_text()
    assert change[0] in text, text
    code.write_text(text.replace(*change))
    report = conversion.verify()
    assert not report.ok
    assert "no near-tie" in report.outputs["y"].remark
