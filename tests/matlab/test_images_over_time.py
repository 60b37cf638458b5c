"""Sequences of images, run by onnxruntime, against NumPy image by image; videos are (time, height, width, channels)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnxruntime
import pytest
from layer_table import cell, layer

import converter
from converter.emitters.onnx import to_model
from converter.graph import MATLAB_DOMAIN

RANDOM = np.random.default_rng(12)


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def run(graph, videos):
    """What the network makes of (batch, time, height, width, channels)."""
    session = onnxruntime.InferenceSession(to_model(graph).SerializeToString())
    (value,) = graph.inputs
    (answer,) = session.run(None, {value.name: np.moveaxis(videos, -1, 2)})
    return answer


def video(*size, **properties):
    return layer("video", "SequenceInputLayer", InputSize=list(size), **{"Normalization": "none"} | properties)


def wired(layers):
    """A chain, with the second wire between 'fold' and 'unfold'."""
    leaves, enters = {"fold": "fold/out"}, {"unfold": "unfold/in"}
    wires = [(leaves.get(a, a), enters.get(b, b)) for (a, *_), (b, *_) in pairwise(layers)]
    return wires + [("fold/miniBatchSize", "unfold/miniBatchSize") for name, *_ in layers if name == "unfold"]


def convolve(image, weights, bias):
    """No padding, stride 1; weights (height, width, channels, filters)."""
    kernel = weights.shape[:2]
    rows, columns = (size - k + 1 for size, k in zip(image.shape, kernel, strict=False))
    windows = [[image[y : y + kernel[0], x : x + kernel[1]] for x in range(columns)] for y in range(rows)]
    return np.array([[np.einsum("yxc,yxcn->n", window, weights) for window in row] for row in windows]) + bias


def lstm(steps, w, r, b):
    """Rows of the gates: input, forget, candidate, output."""
    units = r.shape[1]
    h, c, result = np.zeros(units), np.zeros(units), []
    for step in steps:
        i, f, g, o = np.split(w @ step + r @ h + b, 4)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        result.append(h)
    return np.array(result)


class Classifier:
    """Convolution, batch normalisation, ReLU and max pooling of each image, flattened into an LSTM, as video networks are."""

    def __init__(self):
        self.mean, self.weights, self.bias = normal(6, 5, 3), normal(3, 2, 3, 4), normal(1, 1, 4)
        self.scale, self.offset, self.average = normal(4), normal(4), normal(4)
        self.deviation = RANDOM.uniform(1, 2, 4).astype(np.float32)
        self.w, self.r, self.b = normal(20, 16) / 4, normal(20, 5), normal(20)
        self.dense = normal(2, 5)

    def layers(self, folded):
        norm = {"Scale": self.scale, "Offset": self.offset, "TrainedMean": self.average, "TrainedVariance": self.deviation**2}
        pool = {"PoolSize": [2, 2], "Stride": [2, 2], "PaddingMode": "manual", "PaddingSize": [0, 0, 0, 0]}
        return [
            video(6, 5, 3, Normalization="zerocenter", Mean=self.mean),
            *([layer("fold", "SequenceFoldingLayer")] if folded else []),
            layer("conv", "Convolution2DLayer", FilterSize=[3, 2], NumChannels=[3], NumFilters=[4], Stride=[1, 1],
                  PaddingSize=[0, 0, 0, 0], Weights=self.weights, Bias=self.bias),
            layer("norm", "BatchNormalizationLayer", NumChannels=[4], Epsilon=[1e-5], **norm),
            layer("relu", "ReLULayer"),
            layer("pool", "MaxPooling2DLayer", **pool),
            *([layer("unfold", "SequenceUnfoldingLayer")] if folded else []),
            layer("flatten", "FlattenLayer"),
            layer("lstm", "LSTMLayer", NumHiddenUnits=[5], OutputMode="last", InputWeights=self.w, RecurrentWeights=self.r,
                  Bias=self.b[:, None]),
            layer("fc", "FullyConnectedLayer", OutputSize=[2], Weights=self.dense),
        ]  # fmt: skip

    def __call__(self, images):
        steps = []
        for image in images:
            y = convolve(image - self.mean, self.weights, self.bias[0, 0])
            y = np.maximum((y - self.average) / np.sqrt(self.deviation**2 + 1e-5) * self.scale + self.offset, 0)
            steps.append(y.reshape(2, 2, 2, 2, 4).max(axis=(1, 3)).flatten(order="F"))
        return self.dense @ lstm(steps, self.w, self.r, self.b)[-1]


@pytest.mark.parametrize("folded", [True, False], ids=["folded", "not folded"])
def test_a_classifier_of_videos(read, folded):
    network, x = Classifier(), normal(2, 7, 6, 5, 3)
    layers = network.layers(folded)
    graph = read(*layers, connections=wired(layers))
    assert graph.inputs[0].shape == ("batch", "time", 3, 6, 5)
    np.testing.assert_allclose(run(graph, x), [network(images) for images in x], atol=1e-5)
    assert run(graph, x[:, :3]).shape == (2, 2)  # any number of images


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("folded", [True, False], ids=["folded", "not folded"])
def test_videos_are_converted_and_equal(read, tmp_path, target, folded):
    layers = Classifier().layers(folded)
    read(*layers, connections=wired(layers))
    conversion = converter.convert(tmp_path / "table.mat", target, tmp_path / target)
    assert conversion.report.ok


@pytest.mark.parametrize("folded", [True, False], ids=["folded", "not folded"])
def test_images_that_come_out_have_their_steps(read, folded):
    weights, x = normal(3, 2, 3, 4), normal(2, 7, 6, 5, 3)
    conv = layer("conv", "Convolution2DLayer", FilterSize=[3, 2], NumChannels=[3], NumFilters=[4], Stride=[1, 1],
                 PaddingSize=[0, 0, 0, 0], Weights=weights)  # fmt: skip
    layers = [video(6, 5, 3), *([layer("fold", "SequenceFoldingLayer")] if folded else []), conv]
    graph = read(*layers, connections=wired(layers))
    expected = [[convolve(image, weights, 0) for image in images] for images in x]
    np.testing.assert_allclose(run(graph, x), np.moveaxis(expected, -1, 2), atol=1e-5)
    assert [value.name for value in graph.outputs] == ["conv"]
    assert graph.outputs[0].shape == ("batch", "time", 4, 4, 4)


def test_a_dense_layer_reads_each_image(read):
    weights, bias, more, x = normal(2, 24), normal(2, 1), normal(3, 2), normal(2, 5, 4, 3, 2)
    dense = layer("fc", "FullyConnectedLayer", OutputSize=[2], Weights=weights, Bias=bias)
    again = layer("again", "FullyConnectedLayer", OutputSize=[3], Weights=more)
    graph = read(video(4, 3, 2), dense, again)
    expected = [[more @ (weights @ image.flatten(order="F") + bias[:, 0]) for image in images] for images in x]
    np.testing.assert_allclose(run(graph, x), np.swapaxes(expected, 1, 2), atol=1e-5)


def test_dense_layers_between_folding_layers(read):
    weights, more, x = normal(2, 24), normal(3, 2), normal(2, 5, 4, 3, 2)
    layers = [
        video(4, 3, 2),
        layer("fold", "SequenceFoldingLayer"),
        layer("fc", "FullyConnectedLayer", OutputSize=[2], Weights=weights),
        layer("again", "FullyConnectedLayer", OutputSize=[3], Weights=more),
        layer("unfold", "SequenceUnfoldingLayer"),
        layer("average", "GlobalAveragePooling1DLayer"),
    ]
    graph = read(*layers, connections=wired(layers))
    expected = [np.mean([more @ weights @ image.flatten(order="F") for image in images], axis=0) for images in x]
    np.testing.assert_allclose(run(graph, x), expected, atol=1e-5)


def test_lines_of_pixels_over_time(read):
    """A 1-D convolution works along the pixels of each step, as does global pooling."""
    weights, x = normal(3, 2, 4), normal(2, 6, 5, 2)
    conv = layer("conv", "Convolution1DLayer", FilterSize=[3], NumChannels=[2], NumFilters=[4], Stride=[1],
                 PaddingMode="manual", PaddingSize=[0, 0], Weights=weights)  # fmt: skip
    graph = read(video(5, 2), conv, layer("average", "GlobalAveragePooling1DLayer"))
    lines = np.stack([np.einsum("btkc,kcn->btn", x[:, :, s : s + 3], weights) for s in range(3)])
    np.testing.assert_allclose(run(graph, x), np.swapaxes(lines.mean(axis=0), 1, 2), atol=1e-5)


def test_volumes_over_time(read):
    x = normal(2, 3, 4, 5, 6, 2)
    pool = layer("pool", "GlobalMaxPooling3DLayer")
    graph = read(video(4, 5, 6, 2), pool, layer("flatten", "FlattenLayer"))
    np.testing.assert_array_equal(run(graph, x), np.swapaxes(x.max(axis=(2, 3, 4)), 1, 2))


def pooling(rank, size):
    return layer("odd", f"MaxPooling{rank}DLayer", PoolSize=[size] * rank, Stride=[1] * rank, PaddingMode="manual",
                 PaddingSize=np.zeros((2, 3)) if rank == 3 else [0] * 2 * rank)  # fmt: skip


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (pooling(3, 2), "space and time at once"),
        (layer("odd", "GroupNormalizationLayer", NumGroups=[1], Epsilon=[1e-5]), "not translated for sequences of images"),
        (layer("odd", "LayerNormalizationLayer", NumChannels=[2], Epsilon=[1e-5]), "over all steps"),
        (layer("odd", "LSTMLayer", NumHiddenUnits=[2]), "not translated for sequences of images"),
        (layer("odd", "SequenceUnfoldingLayer", NumInputs=[1]), "folded"),
    ],
)
def test_what_works_over_time_is_refused(read, odd, reason):
    wires = [("video", "odd")]
    if "Unfolding" in odd[1]:
        wires = [("video", "odd/in"), ("video", "odd/miniBatchSize")]
    node = read(video(4, 3, 2), odd, connections=wires).nodes[-1]
    assert node.domain == MATLAB_DOMAIN
    assert reason in node["reason"]


def test_steps_and_no_steps_do_not_mix(read):
    image = layer("image", "ImageInputLayer", InputSize=[4, 3, 2], Normalization="none")
    add = layer("add", "AdditionLayer", NumInputs=[2])
    graph = read(
        video(4, 3, 2), image, add, connections=[("video", "add/in1"), ("image", "add/in2")], output_names=cell(["add"])
    )
    assert "some are sequences of images" in graph.nodes[-1]["reason"]
