"""A Keras model that cannot be functional is a class of its own, and a model like any other: it trains, saves and loads."""

import importlib.util
import re

import numpy as np
import onnx
import onnx.parser
import pytest

import converter
from converter.emitters import emit
from tests.emitted import read

keras = pytest.importorskip("keras")

# Convolution, batch normalisation, LSTM; a branch that depends on the numbers; a loop that ends when they say so.
MODEL = """
<ir_version: 10, opset_import: ["" : 21]>
steps (float[N, 3, 8, 7] x) => (float[N, 5] y, float[R, N, 5] rounds)
  <int64[1] zero = {0}, int64 most = {4}, bool yes = {1}, float limit = {0.1}> {
    h = Conv <pads = [0, 1, 1, 2], strides = [2, 1]> (x, conv_weight, conv_bias)
    n = BatchNormalization (h, norm_scale, norm_bias, norm_mean, norm_variance)
    r = Relu (n)
    p = GlobalAveragePool (r)
    f = Flatten (p)
    u = Unsqueeze (f, zero)
    all, last = LSTM <hidden_size = 5> (u, lstm_W, lstm_R, lstm_B)
    state = Squeeze (last, zero)
    total = ReduceSum <keepdims = 0> (state)
    positive = Greater (total, limit)
    b = If (positive) <
      then_branch = t () => (float[N, 5] a) { a = Gemm <transB = 1> (state, fc_weight, fc_bias) },
      else_branch = e () => (float[N, 5] c) { c = Neg (state) }>
    y, rounds = Loop (most, yes, b) <
      body = body (int64 i, bool go, float[N, 5] s) => (bool more, float[N, 5] s2, float[N, 5] out) {
        m = MatMul (s, step_weight)
        s2 = Tanh (m)
        sum = ReduceSum <keepdims = 0> (s2)
        more = Greater (sum, limit)
        out = Identity (s2)
      }>
  }"""
SHAPES = {
    "conv.weight": (4, 3, 3, 3),
    "conv.bias": (4,),
    "norm.scale": (4,),
    "norm.bias": (4,),
    "norm.mean": (4,),
    "norm.variance": (4,),
    "lstm.W": (1, 20, 4),
    "lstm.R": (1, 20, 5),
    "lstm.B": (1, 40),
    "fc.weight": (5, 5),
    "fc.bias": (5,),
    "step.weight": (5, 5),
}


@pytest.fixture(scope="module")
def conversion(tmp_path_factory):
    folder = tmp_path_factory.mktemp("subclass")
    model, rng = onnx.parser.parse_model(MODEL), np.random.default_rng(1)
    for node in [*model.graph.node, *(node for each in model.graph.node for a in each.attribute for node in a.g.node)]:
        dotted = {name.replace(".", "_"): name for name in SHAPES}  # the parser takes no dots
        node.input[:] = [dotted.get(name, name) for name in node.input]
    for name, shape in SHAPES.items():
        array = rng.standard_normal(shape).astype(np.float32)
        array = np.abs(array) + 0.5 if name == "norm.variance" else array
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    onnx.save(model, folder / "steps.onnx")
    return converter.convert(folder / "steps.onnx", to="keras", out=folder / "keras")


@pytest.fixture
def model(conversion):
    return conversion.load()


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).standard_normal((2, 8, 7, 3)).astype(np.float32)


def assert_same(one, other, image):
    for a, b in zip(one(image), other(image), strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_is_equal_with_its_weights(conversion, model):
    assert conversion.report.ok, conversion.report.findings
    assert type(model).__name__ == "Steps"  # not Functional
    assert sum(np.prod(weight.shape) for weight in model.weights) == sum(
        np.prod(shape) - (20 if name == "lstm.B" else 0) for name, shape in SHAPES.items()
    )  # Keras has one bias for an LSTM, the sum of the two


def test_it_prints_its_layers(model, capsys):
    model.summary()
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("conv", "norm", "lstm", "fc"))


@pytest.mark.parametrize("named", [False, True])
def test_it_saves_and_loads_whole(model, image, tmp_path, named):
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", custom_objects={"Steps": type(model)} if named else None)
    assert_same(loaded, model, image)


def test_it_saves_and_loads_weights(model, image, tmp_path):
    model.save_weights(tmp_path / "model.weights.h5")
    fresh = type(model)()
    assert any((a - b).any() for a, b in zip(fresh.get_weights(), model.get_weights(), strict=True))
    fresh.load_weights(tmp_path / "model.weights.h5")
    assert_same(fresh, model, image)


def test_it_trains(model, image):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients are taken with TensorFlow")
    import tensorflow as tf

    with tf.GradientTape() as tape:
        y, _ = model(image)
        loss = tf.reduce_mean(tf.square(y - 1))
    gradients = dict(zip((w.path for w in model.trainable_weights), tape.gradient(loss, model.trainable_weights), strict=True))
    reached = {path for path, gradient in gradients.items() if gradient is not None and np.abs(gradient).max() > 0}
    assert {"conv/kernel", "norm/gamma", "lstm/lstm_cell/kernel", "step/kernel"} <= reached
    weights = [weight for weight in model.trainable_weights if weight.path in reached]
    keras.optimizers.SGD(0.01).apply([gradients[weight.path] for weight in weights], weights)
    assert np.mean(np.square(model(image)[0] - 1)) < loss


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_it_runs_on_other_backends(conversion, backend, monkeypatch):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    monkeypatch.setenv("KERAS_BACKEND", backend)
    report = conversion.verify()
    assert report.ok, report.findings
    assert backend in report.versions


def test_its_weights_are_under_the_name_of_its_class():
    """A helper is named ``Random``, so the class is not."""
    model = onnx.parser.parse_model(
        """<ir_version: 10, opset_import: ["" : 18]>
        random (float[n, 4, h, w] x) => (float[n, 4, a, b] y) <float[4] scales = {1, 1, 0.5, 0.5}> {
          half = Resize <mode = "cubic"> (x, , scales)
          y = Mul (half, weight)
        }"""
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((4, 1, 1), np.float32), "weight"))
    emitted = emit(read(model), "keras")
    (name,) = re.findall(r"class (\w+)\(keras.Model\)", emitted.code)
    assert name != "Random" and [key.partition("/")[0] for key in emitted.weights] == [name]
