"""Layers that scale, shift and multiply elements, of several toolboxes and of importers: against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from layer_table import layer

from converter.errors import ReadError
from converter.graph import MATLAB_DOMAIN
from tests.matlab.answers import run

RANDOM = np.random.default_rng(5)
IMAGE = layer("image", "ImageInputLayer", InputSize=[4, 3, 2], Normalization="none")
VECTOR = layer("vector", "FeatureInputLayer", InputSize=[3], Normalization="none")
AFFINE = "nnet.onnx.layer.ElementwiseAffineLayer"


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def item(class_name, **properties):
    return ("y", class_name, layer("y", "", **properties)[2])


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 2), (4, 1), (1, 3), (4, 3), (4, 3, 2)])
@pytest.mark.parametrize(
    ("class_name", "offset"),
    [("nnet.cnn.layer.ScalingLayer", "Offset"), ("rl.layer.ScalingLayer", "Bias"), (AFFINE, "Offset")],
)
def test_scale_and_offset_expand_as_in_matlab(read, class_name, offset, shape):
    x, scale, addend = normal(4, 3, 2), normal(*shape), normal(1, 1, 2)
    graph = read(IMAGE, item(class_name, Scale=scale, **{offset: addend}))
    full = scale.reshape((*shape, *(1,) * (3 - len(shape))))
    np.testing.assert_allclose(run(graph, x), full * x + addend, atol=1e-6)
    assert not any(value.weight.trainable for value in graph.weights())


def test_the_factor_of_a_residual(read):
    x = normal(4, 3, 2)
    graph = read(IMAGE, item("nnet.inceptionresnetv2.layer.ScalingFactorLayer", Scale=[0.17]))
    np.testing.assert_allclose(run(graph, x), 0.17 * x, atol=1e-6)
    assert any("taken as a factor" in note for note in graph.notes)


@pytest.mark.parametrize("shape", [(3, 1), (1, 3)])
def test_scaling_of_a_vector(read, shape):
    x, scale = normal(3), normal(*shape)
    graph = read(VECTOR, item("rl.layer.ScalingLayer", Scale=scale, Bias=np.array([[2.0]])))
    np.testing.assert_allclose(run(graph, x), scale.ravel() * x + 2, atol=1e-6)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [({"DoScale": False, "Offset": [3]}, lambda x: x + 3), ({"DoOffset": False, "Scale": [3]}, lambda x: 3 * x),
     ({"DoScale": False, "DoOffset": False}, lambda x: x)],
)  # fmt: skip
def test_parts_that_an_affine_layer_leaves_out(read, properties, expected):
    x = normal(4, 3, 2)
    np.testing.assert_allclose(run(read(IMAGE, item(AFFINE, **properties)), x), expected(x), atol=1e-6)


@pytest.mark.parametrize(
    ("properties", "words"),
    [({"Offset": [1]}, "has no Scale"), ({"Scale": [1]}, "has no Offset"), ({"Scale": [1, 2], "Offset": [0]}, "Scale is 1×2")],
)
def test_arrays_that_are_missing_or_do_not_fit(read, properties, words):
    with pytest.raises(ReadError, match=words):
        read(IMAGE, item(AFFINE, **properties))


@pytest.mark.parametrize("class_name", ["rl.layer.QuadraticLayer", "nnet.cnn.layer.QuadraticLayer"])
def test_products_of_a_vector(read, class_name):
    a, b, c = x = normal(3)
    np.testing.assert_allclose(run(read(VECTOR, item(class_name)), x), [a * a, a * b, b * b, a * c, b * c, c * c], atol=1e-6)
    assert read(IMAGE, item(class_name)).nodes[-1].domain == MATLAB_DOMAIN


@pytest.mark.parametrize(
    ("class_name", "function"),
    [
        ("rl.layer.SoftplusLayer", lambda x: np.log1p(np.exp(x))),
        ("nnet.keras.layer.SigmoidLayer", lambda x: 1 / (1 + np.exp(-x))),
        ("nnet.keras.layer.TanhLayer", np.tanh),
        ("nnet.keras.layer.GlobalAveragePooling2dLayer", lambda x: x.mean(axis=(0, 1), keepdims=True)),
        ("nnet.onnx.layer.IdentityLayer", lambda x: x),
        ("nnet.onnx.layer.SigmoidLayer", lambda x: 1 / (1 + np.exp(-x))),
        ("nnet.onnx.layer.TanhLayer", np.tanh),
    ],
)
def test_functions_of_other_packages(read, class_name, function):
    x = normal(4, 3, 2)
    np.testing.assert_allclose(run(read(IMAGE, item(class_name)), x), function(x), atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 3, 2), (1, 1, 2), (1, 1)], ids=["element", "channel", "scalar"])
@pytest.mark.parametrize("mode", ["zerocenter", "zscore", "rescale-zero-one", "rescale-symmetric"])
def test_normalization_undone(read, mode, shape):
    """In the words of the pages: add 1, times Max - Min, divided by 2, plus Min; and so for the others."""
    x, mean, low = normal(4, 3, 2), normal(*shape), normal(*shape) - 3
    deviation, high = 1 + normal(*shape) ** 2, low + 2 + normal(*shape) ** 2
    expected = {
        "zerocenter": x + mean,
        "zscore": x * deviation + mean,
        "rescale-zero-one": x * (high - low) + low,
        "rescale-symmetric": (x + 1) * (high - low) / 2 + low,
    }[mode]
    statistics = {"Mean": mean, "StandardDeviation": deviation, "Min": low, "Max": high}
    graph = read(IMAGE, layer("y", "InverseNormalizationLayer", Normalization=mode, **statistics))
    np.testing.assert_allclose(run(graph, x), expected, atol=1e-5)


def test_normalization_without_its_statistics_cannot_be_undone(read):
    with pytest.raises(ReadError, match="has no StandardDeviation"):
        read(IMAGE, layer("y", "InverseNormalizationLayer", Normalization="zscore", Mean=normal(1, 1, 2)))
