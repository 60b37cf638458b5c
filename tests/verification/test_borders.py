"""Bounds, thresholds and ties are found in a model, and questions bring numbers to them."""

import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import converter
from converter.verification.borders import borders, large_numbers, near_borders
from tests.models import save

node = helper.make_node
INT64 = TensorProto.INT64


def found(path, nodes, inputs, weights=None):
    return borders(onnx.load(save(path / "m.onnx", nodes, inputs, {"y": None}, weights or {})))


def test_a_threshold_is_followed_back_through_scales(tmp_path):
    nodes = [
        node("Sub", ["x", "mean"], ["c"]),
        node("Div", ["c", "deviation"], ["s"]),
        node("Transpose", ["s"], ["t"], perm=[1, 0]),
        node("Less", ["t", "threshold"], ["y"]),
    ]
    weights = {"mean": np.float32(2), "deviation": np.float32(4), "threshold": np.float32(0.75)}
    border = found(tmp_path, nodes, {"x": ["batch", 4]}, weights).inputs["x"]
    assert border.equal and 0.75 * 4 + 2 in border.numbers


def test_halves_are_rounded_behind_a_factor(tmp_path):
    nodes = [node("Mul", ["two", "x"], ["d"]), node("Round", ["d"], ["y"])]
    border = found(tmp_path, nodes, {"x": ["batch", 4]}, {"two": np.float32(2)}).inputs["x"]
    assert {-0.75, -0.25, 0.25, 0.75} <= set(border.numbers)


def test_sums_of_many_have_no_borders_that_inputs_reach(tmp_path):
    nodes = [node("MatMul", ["x", "w"], ["h"]), node("Clip", ["h", "low", "high"], ["y"])]
    weights = {"w": np.ones((4, 4), np.float32), "low": np.float32(0), "high": np.float32(6)}
    known = found(tmp_path, nodes, {"x": ["batch", 4]}, weights)
    assert not known.inputs and known.inside == {"h": [0.0, 6.0]}


@pytest.mark.parametrize(
    ("nodes", "whole"),
    [
        ([node("Mul", ["n", "n"], ["y"])], ["n"]),
        ([node("Gather", ["table", "n"], ["y"])], []),
        ([node("Add", ["n", "n"], ["m"]), node("ConstantOfShape", ["m"], ["y"])], []),
        ([node("Cast", ["n"], ["f"], to=1), node("Floor", ["f"], ["y"])], ["n"]),
    ],
)
def test_indices_and_sizes_are_no_numbers(tmp_path, nodes, whole):
    table = {"table": np.ones((4, 4), np.float32)}
    assert found(tmp_path, nodes, {"n": (INT64, ["batch"])}, table).whole == whole


def test_numbers_come_to_borders_and_to_each_other(tmp_path):
    nodes = [node("Clip", ["x", "low", "high"], ["y"])]
    weights = {"low": np.float32(-0.3), "high": np.float32(0.7)}
    border = found(tmp_path, nodes, {"x": ["batch", 50]}, weights).inputs["x"]
    generator = np.random.default_rng(0)
    array = near_borders(generator.standard_normal((3, 50)).astype(np.float32), border, generator)
    assert np.isin(np.float32([-0.3, 0.7]), array).all() and (array > 0.7).any() and (array < -0.3).any()
    assert len(np.unique(array)) < array.size / 2


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.uint32])
def test_large_numbers_need_all_their_bits(dtype):
    numbers = large_numbers(np.zeros((10, 10), dtype), np.random.default_rng(0))
    half = 2 ** (4 * numbers.itemsize - 1)
    assert numbers.dtype == dtype and (numbers >= half).any()
    assert all(abs(int(number)) ** 2 <= np.iinfo(dtype).max for number in numbers.flat)
    assert (numbers < 0).any() == (np.iinfo(dtype).min < 0)


def test_a_bound_inside_is_passed_by_larger_numbers(tmp_path):
    """Noise brings nothing beyond 100, so that code without the bound would be equal."""
    nodes = [node("MatMul", ["x", "w"], ["h"]), node("Clip", ["h", "low", "high"], ["y"])]
    weights = {"w": np.float32(0.3) * np.eye(6, dtype=np.float32), "low": np.float32(-100), "high": np.float32(100)}
    path = save(tmp_path / "m.onnx", nodes, {"x": ["batch", 6]}, {"y": ["batch", 6]}, weights)
    conversion = converter.convert(path, to="pytorch", out=tmp_path / "out")
    assert conversion.report.ok
    code = tmp_path / "out" / "model.py"
    text = code.read_text()
    wrong = re.sub(r"(?<!-)\b100\.0", "101.0", text)
    assert wrong != text
    code.write_text(wrong)
    assert not conversion.verify().ok


@pytest.mark.parametrize(
    ("operator", "right", "wrong"), [("Less", "<", "<="), ("GreaterOrEqual", ">=", ">"), ("Greater", ">", ">=")]
)
def test_equal_numbers_are_compared(tmp_path, operator, right, wrong):
    nodes = [node(operator, ["a", "b"], ["y"])]
    path = save(tmp_path / "m.onnx", nodes, {"a": ["batch", 5], "b": ["batch", 5]}, {"y": (TensorProto.BOOL, ["batch", 5])})
    conversion = converter.convert(path, to="pytorch", out=tmp_path / "out", verify=False)
    code = tmp_path / "out" / "model.py"
    text = code.read_text()
    assert f"a {right} b" in text
    code.write_text(text.replace(f"a {right} b", f"a {wrong} b"))
    assert not conversion.verify().ok


FAULTS = [
    ("mode", "== 37", "== 36"),
    ("ids", "ids == 1", "ids == 2"),
    ("missing", "torch.isnan(x)", "torch.isinf(x)"),
]


@pytest.mark.parametrize(("kind", "old", "new"), FAULTS)
def test_what_few_numbers_show_is_found(tmp_path, kind, old, new):
    """A setting that is compared with a number, the token that fills up a text, a number that is missing."""
    weights = {"w": np.eye(6, dtype=np.float32) / 3, "table": np.arange(120, dtype=np.float32).reshape(60, 2) % 7 - 3}
    weights |= {"one": np.int64(1), "number": np.int64(37), "zero": np.float32(0)}
    nodes, inputs = {
        "mode": (
            [
                node("Equal", ["mode", "number"], ["is"]),
                node("MatMul", ["x", "w"], ["h"]),
                node("Where", ["is", "h", "x"], ["y"]),
            ],
            {"x": ["batch", 6], "mode": (INT64, [])},
        ),
        "ids": (
            [
                node("Equal", ["ids", "one"], ["is"]),
                node("Not", ["is"], ["kept"]),
                node("Cast", ["kept"], ["f"], to=1),
                node("Gather", ["table", "ids"], ["rows"]),
                node("ReduceMax", ["rows"], ["most"], axes=[2], keepdims=0),
                node("Mul", ["most", "f"], ["y"]),
            ],
            {"ids": (INT64, ["batch", "length"])},
        ),
        "missing": (
            [
                node("IsNaN", ["x"], ["is"]),
                node("Where", ["is", "zero", "x"], ["h"]),
                node("MatMul", ["h", "w"], ["y"]),
            ],
            {"x": ["batch", 6]},
        ),
    }[kind]
    read = {name: array for name, array in weights.items() if any(name in each.input for each in nodes)}
    path = save(tmp_path / "m.onnx", nodes, inputs, {"y": None}, read)
    conversion = converter.convert(path, to="pytorch", out=tmp_path / "out")
    assert conversion.report.ok
    path = conversion.folder / "model.py"
    assert old in path.read_text(), path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert not conversion.verify().ok
