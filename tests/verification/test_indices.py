"""Indices that differ are excused where they name scores that do not, and nowhere else."""

import numpy as np
import onnx
import pytest
from onnx import helper

import converter
from converter.graph import Graph, Value
from converter.verification.ties import naming, with_tied_scores
from tests.models import save

SCORES = np.float32([[0.1, 5, 5.00001, 0.2], [3, 1, 2, 0], [4, 4, 1, 0]])
FIRST = np.array([2, 0, 0])


def best(operator="ArgMax"):
    graph = Graph("g", inputs=[Value("x", np.float32, (3, 4))])
    graph.add(operator, graph.inputs, {"axis": 1, "keepdims": 0})
    return graph.nodes[0]


@pytest.mark.parametrize(
    ("indices", "others", "excused"),
    [
        ([1, 0, 0], [], True),  # a near-tie
        ([2, 2, 0], [], False),  # another score
        ([1, 2, 0], [], False),  # one of each
        ([2, 0, 1], [], False),  # of equal scores, the second
        ([2, 0, 1], [[2, 0, 1]], True),  # as the judge's own answer has it
        ([4, 0, 0], [], False),
        ([-1, 0, 0], [], False),
    ],
)
def test_an_index_is_excused_by_its_score(indices, others, excused):
    found = with_tied_scores(best(), [np.array(indices)], [FIRST], {0: SCORES}, {0: [np.array(other) for other in others]})
    assert (not isinstance(found, str)) == excused
    if excused:
        assert found[0].share == found[1] == pytest.approx(1 / 3)


def test_no_place_is_named_twice_where_several_are():
    node = best("TopK")
    reference = np.array([[2, 1], [0, 2], [0, 1]])
    twice, turned = reference.copy(), reference.copy()
    twice[0] = 2
    turned[0] = 1, 2
    assert "twice" in with_tied_scores(node, [twice], [reference], {0: SCORES}, {})
    assert not isinstance(with_tied_scores(node, [turned], [reference], {0: SCORES}, {}), str)


def test_scores_that_are_not_known_excuse_nothing():
    assert isinstance(with_tied_scores(best(), [np.array([1, 0, 0])], [FIRST], {0: None}, {}), str)


def test_what_names_places_is_found_behind_casts_alone():
    node = best()
    graph = Graph("g", inputs=[Value("x", np.float32, (3, 4))])
    assert naming(graph.add("Cast", [node.output], {"to": 1})) is node
    assert naming(graph.add("Mul", [node.output, node.output])) is None
    assert naming(graph.inputs[0]) is None


@pytest.fixture
def tied(tmp_path):
    """The largest of four sums of 128 numbers, of which two are one sum in two orders."""
    rng = np.random.default_rng(0)
    half = rng.standard_normal((64, 1))
    pair = np.concatenate([np.concatenate([half, half[::-1]]), np.concatenate([half[::-1], half])], axis=1)
    weight = np.concatenate([pair, rng.standard_normal((128, 2))], axis=1).astype(np.float32)
    nodes = [
        helper.make_node("Concat", ["x", "x"], ["twice"], axis=2),
        helper.make_node("MatMul", ["twice", "w"], ["scores"], name="scores"),
        helper.make_node("ArgMax", ["scores"], ["y"], axis=2, keepdims=0),
    ]
    outputs = {"y": (onnx.TensorProto.INT64, ["batch", 200])}
    return save(tmp_path / "m.onnx", nodes, {"x": ["batch", 200, 64]}, outputs, {"w": weight})


def test_a_wrong_index_cannot_pass(tied, tmp_path):
    conversion = converter.convert(tied, to="pytorch", out=tmp_path / "out")
    assert conversion.report.ok, conversion.report
    file = tmp_path / "out" / "model.py"
    code = file.read_text()
    assert code.count("argmax(") == 1
    file.write_text(code.replace("argmax(", "argmin("))
    report = conversion.verify()
    assert not report.ok
    assert any("no near-tie" in warning for warning in report.warnings)
