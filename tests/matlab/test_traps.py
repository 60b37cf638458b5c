"""What trips readers of MATLAB's networks: each case from a layer table and from saved objects, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from layer_table import layer

import converter
from tests.matlab.answers import run

RANDOM = np.random.default_rng(9)
LEARNABLE = {"Weights", "Bias", "Scale", "Offset"}


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


@pytest.fixture(params=["table", "objects"])
def network(request, read, tmp_path):
    """Reads layers (class, name, properties) after an image, from either kind of file; with rows they are a graph."""

    def write_and_read(size, *layers, rows=None):
        first = "image" if rows is None else next(b for a, b in rows if a == "image")
        if request.param == "table":
            image = layer("image", "ImageInputLayer", InputSize=list(size), Normalization="none")
            return read(image, *(layer(name, kind, **values) for kind, name, values in layers), connections=rows)
        pytest.importorskip("matio", reason="mat-io, which reads MATLAB objects, is not installed")
        from tests.matlab import saved

        def stored(kind, name, values):
            held = {key: saved.learnable(value) if key in LEARNABLE and isinstance(value, np.ndarray) else value
                    for key, value in values.items()}  # fmt: skip
            return saved.layer(kind, Name=name, **held)

        items = [stored(*item) for item in layers]
        if rows is not None:  # mat-io writes connections of a network inside a layer only
            inner = [(a, b) for a, b in rows if a != "image"]
            items = [saved.layer("NetworkLayer", Name="net", Network=saved.dlnetwork(items, inner))]
            assert first == layers[0][1]
        image = saved.layer("ImageInputLayer", Name="image", InputSize=list(size), Normalization=np.zeros((0, 0)))
        saved.save(tmp_path / "net.mat", "v7", layers=[image, *items])
        return converter.read(tmp_path / "net.mat")

    return write_and_read


WINDOW = {"PaddingMode": "manual", "PaddingSize": [0, 1, 0, 1], "Stride": [2, 2]}


def test_padding_below_and_to_the_right(network):
    """[0 1 0 1], as SqueezeNet and ResNet-101 have it: never half of it on each side."""
    weights, bias, x = normal(3, 3, 2, 4), normal(1, 1, 4), normal(6, 8, 2)
    sizes = {"FilterSize": [3, 3], "NumChannels": [2], "NumFilters": [4], "DilationFactor": [1, 1]}
    graph = network((6, 8, 2), ("Convolution2DLayer", "conv", WINDOW | sizes | {"Weights": weights, "Bias": bias}))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, [(0, 1), (0, 1), (0, 0)]), (3, 3), axis=(0, 1))[::2, ::2]
    np.testing.assert_allclose(run(graph, x), np.einsum("ijcab,abcn->ijn", windows, weights) + bias[0], atol=1e-4)


def test_padding_of_a_maximum_never_wins(network):
    x = -1 - np.abs(normal(6, 8, 2))
    graph = network((6, 8, 2), ("MaxPooling2DLayer", "pool", WINDOW | {"PoolSize": [3, 3]}))
    padded = np.pad(x, [(0, 1), (0, 1), (0, 0)], constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))[::2, ::2]
    np.testing.assert_array_equal(run(graph, x), windows.max(axis=(3, 4)))


@pytest.mark.parametrize(("kind", "function"), [("Max", np.max), ("Average", np.mean)])
def test_a_stride_larger_than_the_window(network, kind, function):
    x = normal(9, 7, 2)
    sizes = {"PoolSize": [2, 2], "Stride": [4, 3], "PaddingMode": "manual", "PaddingSize": [0, 0, 0, 0]}
    graph = network((9, 7, 2), (f"{kind}Pooling2DLayer", "pool", sizes))
    windows = np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(0, 1))[::4, ::3]
    np.testing.assert_allclose(run(graph, x), function(windows, axis=(3, 4)), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("filters", [1, 3])
def test_axes_of_size_one_that_saving_drops(network, channels, filters):
    """Convolution, normalisation, transposed convolution and a dense layer of one output, with one channel or one filter."""
    x, w, b, scale = (
        normal(4, 5, channels),
        normal(2, 3, channels, filters),
        normal(1, 1, filters),
        1 + normal(1, 1, filters) ** 2,
    )
    up, bias, dense = normal(2, 3, 1, filters), normal(1, 1), normal(3, 5, 1)
    sides = {"Stride": [1, 1], "DilationFactor": [1, 1], "PaddingMode": "manual", "PaddingSize": [0, 0, 0, 0]}
    graph = network(
        (4, 5, channels),
        ("Convolution2DLayer", "conv", sides | {"FilterSize": [2, 3], "NumChannels": [channels], "NumFilters": [filters],
                                                "Weights": np.squeeze(w, axis=3) if filters == 1 else w, "Bias": b}),
        ("BatchNormalizationLayer", "norm", {"NumChannels": [filters], "Epsilon": [1e-3], "Scale": scale, "Offset": b,
                                             "TrainedMean": b, "TrainedVariance": scale}),
        ("TransposedConvolution2DLayer", "up", {"FilterSize": [2, 3], "NumChannels": [filters], "NumFilters": [1],
                                                "Stride": [1, 1], "CroppingMode": "manual", "CroppingSize": [1, 0, 0, 2],
                                                "Weights": up.reshape(2, 3) if filters == 1 else up, "Bias": bias}),
        ("FullyConnectedLayer", "fc", {"InputSize": [3, 3, 1], "OutputSize": [1], "Weights": dense[:, :3, 0], "Bias": bias}),
    )  # fmt: skip
    windows = np.lib.stride_tricks.sliding_window_view(x, (2, 3), axis=(0, 1))
    maps = np.einsum("ijcab,abcn->ijn", windows, w) + b[0]
    maps = (maps - b[0]) / np.sqrt(scale[0] + 1e-3) * scale[0] + b[0]
    full = sum(scipy.signal.convolve2d(maps[:, :, c], up[:, :, 0, c]) for c in range(filters)) + bias[0, 0]
    cut = full[1:, : full.shape[1] - 2]
    np.testing.assert_allclose(run(graph, x), [(cut * dense[:, :3, 0]).sum() + bias[0, 0]], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("backwards", [False, True])
def test_ports_of_connections_in_any_order(network, backwards):
    """a - b is no b - a: the rows say which port, their order says nothing."""
    x = normal(3, 4, 2)
    rows = [("image", "first"), ("first", "join/in1"), ("second", "join/in2"), ("first", "second")]
    graph = network(
        (3, 4, 2),
        ("LeakyReLULayer", "first", {"Scale": [0.5]}),
        ("SigmoidLayer", "second", {}),
        ("DepthConcatenationLayer", "join", {"NumInputs": [2]}),
        rows=rows[::-1] if backwards else rows,
    )
    first = np.where(x < 0, x / 2, x)
    np.testing.assert_allclose(run(graph, x), np.concatenate([first, 1 / (1 + np.exp(-first))], axis=2), atol=1e-6)


def test_flattening_runs_down_the_columns(network):
    x = normal(3, 4, 2)
    graph = network((3, 4, 2), ("FlattenLayer", "flat", {"NumFlattenDimensions": [3]}))
    np.testing.assert_array_equal(run(graph, x), x.ravel(order="F"))


def test_words_in_the_language_of_the_user_decide_nothing(network):
    x = normal(3, 4, 2)
    graph = network((3, 4, 2), ("SigmoidLayer", "s", {"Type": "双曲線正接", "Description": "Tanh"}))
    np.testing.assert_allclose(run(graph, x), 1 / (1 + np.exp(-x)), atol=1e-6)
    assert (graph.layers[1].type, graph.layers[1].description) == ("Sigmoid", "sigmoid")
