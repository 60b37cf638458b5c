"""Number types besides float32: layers compute in the type of their weights, unsigned numbers as wider ones."""

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import pytest

from tests.emitted import judge, read, run

TARGETS = ["pytorch", "keras"]


def model(nodes, x, outputs, weights):
    kind = onnx.helper.np_dtype_to_tensor_dtype(x.dtype)
    inputs = [onnx.helper.make_tensor_value_info("x", kind, ["batch", *x.shape[1:]])]
    infos = [onnx.helper.make_tensor_value_info(name, kind, None) for name in outputs]
    tensors = [onnx.numpy_helper.from_array(array.astype(x.dtype), name) for name, array in weights.items()]
    graph = onnx.helper.make_graph(nodes, "typed", inputs, infos, tensors)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float16, 4e-3), (np.float64, 1e-12)])
def test_layers_have_the_type_of_their_weights(dtype, tolerance, target):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 6)).astype(dtype)
    weights = {"fc.weight": rng.standard_normal((5, 6)), "fc.bias": rng.standard_normal(5)}
    weights |= {"norm.weight": rng.standard_normal(5), "norm.bias": rng.standard_normal(5)}
    nodes = [
        onnx.helper.make_node("Gemm", ["x", "fc.weight", "fc.bias"], ["h"], name="fc", transB=1),
        onnx.helper.make_node("LayerNormalization", ["h", "norm.weight", "norm.bias"], ["y"], name="norm"),
    ]
    proto = model(nodes, x, ["y"], weights)
    have, want = run(read(proto), target, {"x": x})[0], judge(proto, {"x": x})[0]
    assert have.dtype == want.dtype == dtype
    np.testing.assert_allclose(have, want, rtol=0, atol=tolerance * abs(want).max())


@pytest.mark.parametrize("target", TARGETS)
def test_convolution_in_16_bits(target):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 7, 6)).astype(np.float16)
    weights = {"conv.weight": rng.standard_normal((4, 3, 3, 3)) / 5, "conv.bias": rng.standard_normal(4)}
    proto = model([onnx.helper.make_node("Conv", ["x", *weights], ["y"], name="conv")], x, ["y"], weights)
    have, want = run(read(proto), target, {"x": x})[0], judge(proto, {"x": x})[0]
    assert have.dtype == np.float16
    np.testing.assert_allclose(have, want, rtol=0, atol=4e-3 * abs(want).max())


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
@pytest.mark.parametrize("op_type", ["Add", "Mul", "Max"])
def test_unsigned_numbers_beside_those_of_the_file(op_type, dtype, target):
    x = np.array([[1, 7, 3]], dtype)
    proto = model([onnx.helper.make_node(op_type, ["x", "c"], ["y"])], x, ["y"], {"c": np.array([5, 2, 9])})
    have, want = run(read(proto), target, {"x": x})[0], judge(proto, {"x": x})[0]
    assert have.dtype == want.dtype
    np.testing.assert_array_equal(have, want)
