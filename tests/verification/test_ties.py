"""Near-ties in front of an unpooling are told from an unpooling that is wrong."""

import numpy as np
import pytest
from onnx import helper

import converter
from converter.verification.compare import FLOAT32
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
