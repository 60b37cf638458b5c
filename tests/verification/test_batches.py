"""Batch sizes that the source itself cannot run."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import converter


def fixed(path, rows, result):
    """A Reshape to so many rows behind an input whose first size is called a batch."""
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        "fixed",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, result)],
        [numpy_helper.from_array(np.array([rows, 2, 3]), "shape")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def test_a_batch_that_the_source_cannot_run_is_left_out_and_named(tmp_path):
    source = fixed(tmp_path / "one.onnx", 1, [1, 2, 3])
    report = converter.convert(source, to="pytorch", out=tmp_path / "out", seeds=(0,)).report
    assert report.ok
    assert {case.shapes["x"][0] for case in report.cases} == {1}
    assert any("seed 0, batch 3" in warning for warning in report.warnings)


def test_another_batch_is_tried_where_none_of_the_usual_ones_runs(tmp_path):
    source = fixed(tmp_path / "two.onnx", 2, [2, 2, 3])
    report = converter.convert(source, to="pytorch", out=tmp_path / "out", seeds=(0,)).report
    assert report.ok
    assert {case.shapes["x"][0] for case in report.cases} == {2}


def test_nothing_is_proven_where_no_batch_runs(tmp_path):
    source = fixed(tmp_path / "five.onnx", 5, [5, 2, 3])
    report = converter.convert(source, to="pytorch", out=tmp_path / "out", seeds=(0,)).report
    assert not report.ok
    assert "onnxruntime cannot run the source" in report.findings[0]
