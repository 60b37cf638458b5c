"""A network that amplifies rounding is not failed for it, and not excused from more than it."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file, save_file

import converter
from converter.verification.judge import Judge
from tests.models import save


@pytest.fixture
def steep(tmp_path):
    """Two matrix products and an exponential that shows the last bits of their sums."""
    rng = np.random.default_rng(0)
    first = rng.standard_normal((400, 300)).astype(np.float32)
    second = (0.07 * rng.standard_normal((300, 10))).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "second"], ["scores"]),
        helper.make_node("Exp", ["scores"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "steep",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 400])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")],
    )
    path = tmp_path / "steep.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def test_rounding_is_measured_not_failed(steep, tmp_path):
    report = converter.convert(steep, to="pytorch", out=tmp_path / "out").report
    output = report.outputs["y"]
    assert report.ok
    assert output.max_relative_error > 1e-6
    assert output.tolerance.name == "float32, amplified"
    assert output.tolerance.relative <= 1e-3


def test_a_wrong_weight_is_not_excused(steep, tmp_path):
    conversion = converter.convert(steep, to="pytorch", out=tmp_path / "out", verify=False)
    file = tmp_path / "out" / "model.safetensors"
    weights = load_file(file)
    key = max(weights, key=lambda name: weights[name].size)
    weights[key][0] *= 1.01
    save_file(weights, file)
    assert not conversion.verify().ok


def test_weights_that_nearly_cancel_are_measured_too(tmp_path):
    """The inputs' last bits say nothing here: the sum of the weights is what is left of large numbers."""
    weight = np.random.default_rng(1).standard_normal((512, 1)).astype(np.float32)
    weight[-1] = -weight[:-1].sum(dtype=np.float64)
    nodes = [
        helper.make_node("Greater", ["x", "never"], ["greater"]),
        helper.make_node("Not", ["greater"], ["not"]),
        helper.make_node("Cast", ["not"], ["ones"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["ones", "w"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "cancelling",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 512])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1])],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(np.float32(1e6), "never")],
    )
    path = tmp_path / "cancelling.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    with Judge(converter.read(path)) as judge:
        inputs = {"x": np.ones((1, 512), np.float32)}
        plain = judge.answer(inputs)["y"]
        assert judge.other_answers("optimiser", [inputs])[0]["y"] == plain
        assert judge.other_answers("weights", [inputs])[0]["y"] != plain
        assert judge.answer(inputs)["y"] == plain


def test_the_judge_answers_where_its_optimiser_makes_what_it_cannot_run(tmp_path):
    """QLinearGlobalAveragePool, made of a pooling between quantised values, takes one scale alone."""
    weights = {
        "scale": np.float32([0.1, 0.2]),
        "zero": np.uint8([0, 0]),
        "one": np.float32(0.05),
        "none": np.uint8(3),
    }
    node = helper.make_node
    nodes = [
        node("QuantizeLinear", ["x", "scale", "zero"], ["a"], axis=1),
        node("DequantizeLinear", ["a", "scale", "zero"], ["b"], axis=1),
        node("GlobalAveragePool", ["b"], ["c"]),
        node("QuantizeLinear", ["c", "one", "none"], ["d"]),
        node("DequantizeLinear", ["d", "one", "none"], ["y"]),
    ]
    path = save(tmp_path / "m.onnx", nodes, {"x": ["batch", 2, 3, 3]}, {"y": ["batch", 2, 1, 1]}, weights)
    with Judge(converter.read(path)) as judge:
        inputs = {"x": np.ones((1, 2, 3, 3), np.float32)}
        (moved,) = judge.other_answers("optimiser", [inputs])
        assert moved["y"].shape == judge.answer(inputs)["y"].shape
