"""A trained table that is looked up at known places stays one, with the names of the source; equal by onnxruntime."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import converter
from converter.graph import Graph
from tests.onnx_reader.models import assert_same_answer, model, node, random, read_normalised

INDEX = np.random.default_rng(0).integers(-7, 7, (4, 4))
EXPORTED = [
    node("Reshape", ["attn.index", "all"], ["flat"]),
    node("Unsqueeze", ["flat", "last"], ["column"]),
    node("GatherND", ["attn.table", "column"], ["rows"]),
    node("Reshape", ["rows", "shape"], ["apart"]),
]
"""What torch.export makes of ``table[index.view(-1)].view(4, 4, -1)``."""
LEGACY = [
    node("Reshape", ["attn.index", "all"], ["flat"]),
    node("Gather", ["attn.table", "flat"], ["rows"]),
    node("Reshape", ["rows", "shape"], ["apart"]),
]
PLAIN = [node("Gather", ["attn.table", "attn.index"], ["apart"])]
BIAS = [node("Transpose", ["apart"], ["bias"], perm=[2, 0, 1]), node("Add", ["x", "bias"], ["y"])]


def _model(nodes: list[onnx.NodeProto], index: np.ndarray = INDEX) -> onnx.ModelProto:
    shapes = {"all": np.array([-1]), "last": np.array([-1]), "shape": np.array([4, 4, -1])}
    weights = {"attn.table": random(7, 3), "attn.index": index, **shapes}
    return model(nodes, {"x": ["n", 3, 4, 4]}, ["y"], weights)


def _read(proto: onnx.ModelProto, tmp_path) -> Graph:
    graph = read_normalised(proto, tmp_path)
    assert_same_answer(graph, proto, {"x": random(2, 3, 4, 4)})
    return graph


@pytest.mark.parametrize("form", [EXPORTED, LEGACY, PLAIN], ids=["exported", "legacy", "plain"])
def test_names_and_shapes_are_those_of_the_source(form, tmp_path):
    graph = _read(_model([*form, *BIAS]), tmp_path)
    assert [each.op_type for each in graph.nodes] == ["Gather", "Transpose", "Add"]
    weights = {value.name: (value.shape, value.weight.trainable) for value in graph.weights()}
    assert weights == {"attn.table": ((7, 3), True), "attn.index": ((4, 4), False)}


def test_index_that_was_flat_in_the_source(tmp_path):
    graph = _read(_model([*EXPORTED, *BIAS], INDEX.reshape(-1)), tmp_path)
    assert [each.op_type for each in graph.nodes] == ["Gather", "Reshape", "Transpose", "Add"]
    assert {value.name: value.shape for value in graph.weights()}["attn.index"] == (16,)


def test_a_lookup_along_another_axis(tmp_path):
    """``table[:, index]``, which torch.export writes with that axis first; to another order than that it is turned."""
    nodes = [
        node("Transpose", ["attn.turned"], ["rows_first"], perm=[1, 0]),
        node("Reshape", ["attn.index", "all"], ["flat"]),
        node("Unsqueeze", ["flat", "last"], ["column"]),
        node("GatherND", ["rows_first", "column"], ["rows"]),
        node("Reshape", ["rows", "shape"], ["apart"]),
        *BIAS,
    ]
    proto = _model(nodes)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(random(3, 7), "attn.turned"))
    for each in proto.graph.node:
        each.metadata_props.add(key="pkg.torch.onnx.name_scopes", value="['', 'attn', 'op']")
        each.metadata_props.add(key="pkg.torch.onnx.class_hierarchy", value="['net.Net', 'net.Attention', 'op']")
    graph = _read(proto, tmp_path)
    assert [(each.op_type, each.attributes.get("axis")) for each in graph.nodes] == [("Gather", 1), ("Add", None)]
    assert {value.name: value.shape for value in graph.weights()} == {"attn.turned": (3, 7), "attn.index": (4, 4)}


@pytest.mark.parametrize("target", ["keras", "pytorch"])
def test_the_targets_compute_it(target, tmp_path):
    onnx.save(_model([*EXPORTED, *BIAS]), tmp_path / "net.onnx")
    conversion = converter.convert(tmp_path / "net.onnx", target, out=tmp_path / "out")
    assert conversion.report.ok
    lookup = {"pytorch": "self.attn_table[self.attn_index]", "keras": "ops.take("}[target]
    assert lookup in (tmp_path / "out" / "model.py").read_text()


def test_a_table_of_which_each_row_is_taken_once_is_a_weight(tmp_path):
    once = [node("Gather", ["attn.table", "order"], ["w"]), node("MatMul", ["x", "w"], ["y"])]
    proto = model(once, {"x": [2, 3, 4, 4]}, ["y"], {"attn.table": random(4, 3), "order": np.array([2, 0, 1, 3])})
    assert [each.op_type for each in _read(proto, tmp_path).nodes] == ["MatMul"]


def test_a_weight_of_a_layer_is_computed(tmp_path):
    """Whatever it was looked up in: scales by groups, say."""
    by_groups = [
        node("Gather", ["attn.table", "groups"], ["scales"]),
        node("Mul", ["scales", "rows"], ["w"]),
        node("MatMul", ["x", "w"], ["y"]),
    ]
    weights = {"attn.table": random(2, 3), "groups": np.array([0, 0, 1, 1]), "rows": random(4, 3)}
    proto = model(by_groups, {"x": [2, 3, 4, 4]}, ["y"], weights)
    assert [each.op_type for each in _read(proto, tmp_path).nodes] == ["MatMul"]
