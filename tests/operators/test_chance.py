"""Random numbers: each draw is new, of the right type, and of the distribution that the source names."""

import numpy as np
import onnx
import onnx.helper
import pytest

import converter
from tests import models
from tests.emitted import read, run

SHAPE = (40, 500)
DOUBLE, INT32, FLOAT16 = onnx.TensorProto.DOUBLE, onnx.TensorProto.INT32, onnx.TensorProto.FLOAT16
TARGETS = ["pytorch", "keras"]


def draws(target, op_type, data=None, **attributes):
    """What two calls of the emitted code give."""
    inputs = {} if data is None else {"x": data}
    infos = [
        onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ]
    node = onnx.helper.make_node(op_type, list(inputs), ["y"], **attributes)
    graph = onnx.helper.make_graph([node], "chance", infos, [onnx.ValueInfoProto(name="y")])
    graph = read(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 22)], ir_version=10))
    return [run(graph, target, inputs)[0] for _ in range(2)]


def assert_moments(y, again, mean, deviation, dtype):
    assert (y != again).any(), "the second call gives the numbers of the first"
    assert y.dtype == dtype
    numbers = np.stack([y, again]).astype(np.float64)
    tolerance = 5 * deviation / np.sqrt(numbers.size)  # of a mean; a deviation comes out nearer still
    assert abs(numbers.mean() - mean) < tolerance
    assert abs(numbers.std() - deviation) < tolerance


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("attributes", [{}, {"dtype": DOUBLE}, {"seed": 1.0}])
def test_normal_like(target, attributes):
    x = np.zeros(SHAPE, np.float32)
    y, again = draws(target, "RandomNormalLike", x, mean=3.0, scale=0.5, **attributes)
    assert_moments(y, again, 3, 0.5, np.float64 if "dtype" in attributes else np.float32)
    assert np.mean(abs(y - 3) < 0.5) == pytest.approx(0.6827, abs=0.02)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-2.0, 1.0)])
def test_uniform_like(target, low, high):
    y, again = draws(target, "RandomUniformLike", np.zeros(SHAPE, np.float32), low=low, high=high)
    assert_moments(y, again, (low + high) / 2, (high - low) / np.sqrt(12), np.float32)
    assert low <= y.min() < low + 0.01
    assert high - 0.01 < y.max() <= high


@pytest.mark.parametrize("target", TARGETS)
def test_of_a_shape(target):
    y, again = draws(target, "RandomNormal", shape=SHAPE, mean=1.0, dtype=DOUBLE)
    assert_moments(y, again, 1, 1, np.float64)
    y, again = draws(target, "RandomUniform", shape=SHAPE, high=3.0)
    assert_moments(y, again, 1.5, 3 / np.sqrt(12), np.float32)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("attributes", [{}, {"dtype": INT32}, {"seed": 2.0}])
def test_bernoulli(target, attributes):
    x = np.full(SHAPE, 0.3)
    x[:, 0], x[:, 1] = 0, 1
    y, again = draws(target, "Bernoulli", x, **attributes)
    assert not y[:, 0].any()
    assert y[:, 1].all()
    assert_moments(y[:, 2:], again[:, 2:], 0.3, np.sqrt(0.3 * 0.7), np.int32 if "dtype" in attributes else np.float64)


@pytest.mark.parametrize("target", TARGETS)
def test_multinomial(target):
    odds = np.array([0.1, 0.2, 0.7])
    x = np.log(5 * np.tile(odds, (2, 1))).astype(np.float32)
    y, again = draws(target, "Multinomial", x, sample_size=20000)
    assert y.shape == (2, 20000)
    assert y.dtype == np.int32
    assert (y != again).any()
    np.testing.assert_allclose(np.bincount(y.ravel(), minlength=3) / y.size, odds, atol=0.02)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("known", [True, False])
def test_dropout_that_trains(target, known):
    x, given = np.full(SHAPE, 2, np.float32), [np.array(0.25, np.float32), np.array(True)]
    feeds = {"x": x} | ({} if known else dict(zip("rt", given, strict=True)))
    infos = [
        onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in feeds.items()
    ]
    node = onnx.helper.make_node("Dropout", ["x", "r", "t"], ["y", "mask"])
    held = [onnx.numpy_helper.from_array(array, name) for name, array in zip("rt", given, strict=True)] if known else []
    graph = onnx.helper.make_graph([node], "drop", infos, [onnx.ValueInfoProto(name=name) for name in ("y", "mask")], held)
    graph = read(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 22)], ir_version=10))
    y, mask = run(graph, target, feeds)
    assert mask.dtype == bool
    assert mask.mean() == pytest.approx(0.75, abs=0.02)
    np.testing.assert_allclose(y, np.where(mask, 2 / 0.75, 0), rtol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_a_random_output_is_not_called_equal(target, tmp_path):
    nodes = [
        onnx.helper.make_node("RandomNormalLike", ["x"], ["noise"], name="noise"),
        onnx.helper.make_node("Add", ["x", "noise"], ["noisy"]),
        onnx.helper.make_node("Relu", ["x"], ["y"]),
    ]
    path = models.save(tmp_path / "noise.onnx", nodes, {"x": ["batch", 4]}, {"noisy": ["batch", 4], "y": ["batch", 4]})
    report = converter.convert(path, to=target, out=tmp_path / "out").report
    assert not report.ok
    assert list(report.outputs) == ["y"]
    assert report.outputs["y"].ok
    assert "output 'noisy' is random (node 'noise' (RandomNormalLike) draws numbers)" in report.findings[0]
