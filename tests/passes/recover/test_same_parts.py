"""Parts that are taken of one tensor at several places are those of one Split, of the module around these places."""

import numpy as np
import onnx.parser
import pytest

from tests.emitted import assert_equal, read

_TEXT = """
    <ir_version: 10, opset_import: ["": 20]> net (float[b, 6] x) => (float[b, 9] y)
    <int64[2] even = {3, 3}, int64[2] odd = {2, 4}> {
        first, left = Split <axis = 1> (x, even)  a = Relu(first)
        right, second = Split <axis = -1> (x, SIZES)  b = Exp(second)
        again, rest = Split <axis = 1> (x, even)  y = Concat <axis = 1> (a, b, again)
    }
"""
SCOPES = {"first": ("", "stage", "stage.a"), "second": ("", "stage", "stage.b"), "again": ("", "stage", "stage.a")}


def _model(sizes: str) -> onnx.ModelProto:
    model = onnx.parser.parse_model(_TEXT.replace("SIZES", sizes).replace("float[b, 9]", "float[b, n]"))
    for node in model.graph.node:
        part = next((SCOPES[name] for name in node.output if name in SCOPES), ("", "stage"))
        node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=repr([*part, "op"]))
        node.metadata_props.add(
            key="pkg.torch.onnx.class_hierarchy", value=repr([*["Net", "Stage", "Part"][: len(part)], "op"])
        )
    return model


@pytest.mark.parametrize("target", ["keras", "pytorch"])
@pytest.mark.parametrize(("sizes", "count"), [("even", 1), ("odd", 2)])
def test_parts_of_one_tensor(sizes, count, target):
    model = _model(sizes)
    splits = [node for node in read(model).nodes if node.op_type == "Split"]
    assert len(splits) == count
    assert_equal(model, target, {"x": np.arange(12, dtype=np.float32).reshape(2, 6)})
    if count == 1:
        assert [module.path for module in splits[0].scope] == ["", "stage"]
