"""A matrix that an embedding and a product share is one weight of a Keras model."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import converter

TABLE = np.random.default_rng(0).standard_normal((7, 4)).astype(np.float32)
FORMS = {
    "transposed": (TABLE.T.copy(), True),
    "of numbers of its own": (TABLE.T + np.float32(1e-6), False),
    "another order": (TABLE.T[:, ::-1].copy(), False),
}


def language_model(matrix: np.ndarray, table: np.ndarray = TABLE) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Gather", ["embed.weight", "tokens"], ["embedded"]),
        helper.make_node("Tanh", ["embedded"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "head.weight"], ["scores"]),
    ]
    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["n", "steps"])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", "steps", 7])
    weights = [numpy_helper.from_array(table, "embed.weight"), numpy_helper.from_array(matrix, "head.weight")]
    graph = helper.make_graph(nodes, "language", [tokens], [scores], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


@pytest.mark.parametrize("form", FORMS)
def test_tied_embedding(form, tmp_path):
    matrix, tied = FORMS[form]
    onnx.save(language_model(matrix), tmp_path / "net.onnx")
    conversion = converter.convert(tmp_path / "net.onnx", "keras", out=tmp_path / "keras")
    assert conversion.report.ok
    model = conversion.load()
    assert len(model.weights) == (1 if tied else 2)
    assert ("ReversibleEmbedding" in (tmp_path / "keras" / "model.py").read_text()) == tied


def test_a_table_of_one_number_is_not_tied(tmp_path):
    ones = np.ones_like(TABLE)
    onnx.save(language_model(ones.T.copy(), ones), tmp_path / "net.onnx")
    conversion = converter.convert(tmp_path / "net.onnx", "keras", out=tmp_path / "keras", verify=False)
    assert len(conversion.load().weights) == 2


def test_a_table_that_is_looked_up_twice_is_one_weight_and_other_products_stay(tmp_path):
    """A decoder's tokens too, and products that come after the tied one."""
    model = language_model(TABLE.T.copy())
    more = [
        helper.make_node("Gather", ["embed.weight", "others"], ["also"]),
        helper.make_node("MatMul", ["also", "head.weight"], ["second"]),
        helper.make_node("MatMul", ["second", "last.weight"], ["third"]),
    ]
    model.graph.node.extend(more)
    model.graph.initializer.append(numpy_helper.from_array(np.eye(7, 3, dtype=np.float32), "last.weight"))
    model.graph.input.append(helper.make_tensor_value_info("others", TensorProto.INT64, ["n", "steps"]))
    model.graph.output.append(helper.make_tensor_value_info("third", TensorProto.FLOAT, ["n", "steps", 3]))
    onnx.save(model, tmp_path / "net.onnx")
    conversion = converter.convert(tmp_path / "net.onnx", "keras", out=tmp_path / "keras")
    assert conversion.report.ok
    assert len(conversion.load().weights) == 2
