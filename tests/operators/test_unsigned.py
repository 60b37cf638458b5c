"""Numbers of type uint64 above those of int64, in which the targets compute."""

import numpy as np
import onnx.helper
import onnx.numpy_helper
import pytest

from converter.emitters import emit
from tests.emitted import judge, read, run

LARGE = np.array([0, 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1], np.uint64)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("limit", [None, 5, 2**63, LARGE[::-1]], ids=["two inputs", "small", "large", "weight"])
@pytest.mark.parametrize("op_type", ["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal", "Max", "Min", "Add", "Mul"])
def test_equals_onnxruntime(op_type, limit, target):
    node = onnx.helper.make_node(op_type, ["x", "y"], ["z"])
    ends = [
        onnx.helper.make_tensor_value_info(key, onnx.TensorProto.UINT64, ["A", "B"][i : i + 1]) for i, key in enumerate("xy")
    ]
    held = [] if limit is None else [onnx.numpy_helper.from_array(np.asarray(limit, np.uint64), "y")]
    if held:
        ends.pop()
    else:
        node = [
            onnx.helper.make_node("Unsqueeze", ["x", "one"], ["column"]),
            onnx.helper.make_node(op_type, ["column", "y"], ["z"]),
        ]
        held = [onnx.numpy_helper.from_array(np.array([1]), "one")]
    nodes = node if isinstance(node, list) else [node]
    kind = onnx.TensorProto.UINT64 if op_type in ("Max", "Min", "Add", "Mul") else onnx.TensorProto.BOOL
    results = [onnx.helper.make_tensor_value_info("z", kind, None)]
    graph = onnx.helper.make_graph(nodes, "unsigned", ends, results, held)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9)
    feeds = {"x": LARGE} | ({"y": LARGE} if limit is None else {})
    (want,), (have,) = judge(model, feeds), run(read(model), target, feeds)
    assert (have.shape, have.dtype) == (want.shape, want.dtype)
    np.testing.assert_array_equal(have, want)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize(("op_type", "noted"), [("Div", True), ("Mod", True), ("Add", False), ("Max", False)])
def test_what_is_wrong_beyond_int64_is_said(op_type, noted, target):
    ends = [onnx.helper.make_tensor_value_info(key, onnx.TensorProto.UINT64, ["A"]) for key in "xyz"]
    node = onnx.helper.make_node(op_type, ["x", "y"], ["z"], name="operation")
    graph = onnx.helper.make_graph([node], "unsigned", ends[:2], ends[2:])
    graph = read(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9))
    code = emit(graph, target).code
    assert ("from 2**63 on" in " ".join(graph.notes)) == ("Note: node 'operation'" in code) == noted
