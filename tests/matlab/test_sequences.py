"""Layers over sequences, run by onnxruntime, against NumPy one step after the other; sequences are (channels, time)."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from layer_table import cell, layer

import converter
from converter.emitters.onnx import to_model
from converter.graph import MATLAB_DOMAIN

RANDOM = np.random.default_rng(11)


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def run(graph, *sequences):
    """What the network makes of (channels, time)."""
    session = onnxruntime.InferenceSession(to_model(graph).SerializeToString())
    feed = {value.name: x[None] for value, x in zip(graph.inputs, sequences, strict=True)}
    (answer,) = session.run(None, feed)
    return answer[0]


def sequence(channels=3, **properties):
    return layer("in", "SequenceInputLayer", InputSize=[channels], **{"Normalization": "none"} | properties)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def hard_sigmoid(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def lstm(x, w, r, b, gate=sigmoid, state=np.tanh):
    """Rows of the gates: input, forget, candidate, output."""
    units = r.shape[1]
    h, c, steps = np.zeros(units), np.zeros(units), []
    for step in x.T:
        i, f, g, o = np.split(w @ step + r @ h + b, 4)
        c = gate(f) * c + gate(i) * state(g)
        h = gate(o) * state(c)
        steps.append(h)
    return np.stack(steps, axis=1)


def gru(x, w, r, b, mode):
    """Rows of the gates: reset, update, candidate."""
    units = r.shape[1]
    b, rb = np.split(b, 2) if mode.startswith("recurrent") else (b, np.zeros(3 * units))
    h, steps = np.zeros(units), []
    for step in x.T:
        wr, wz, wh = np.split(w @ step + b, 3)
        rr, rz, rh = np.split(r @ h + rb, 3)
        reset, update = sigmoid(wr + rr), sigmoid(wz + rz)
        before = mode == "before-multiplication"
        candidate = np.tanh(wh + (r[2 * units :] @ (reset * h) if before else reset * rh))
        h = (1 - update) * candidate + update * h
        steps.append(h)
    return np.stack(steps, axis=1)


def recurrent(class_name, gates, units, channels, directions=1, parts=1, **properties):
    w, r = normal(directions * gates * units, channels), normal(directions * gates * units, units)
    b = normal(directions * parts * gates * units)
    return layer(
        "rnn", class_name, NumHiddenUnits=[units], InputWeights=w, RecurrentWeights=r, Bias=b[:, None],
        **{"OutputMode": "sequence"} | properties,
    ), w, r, b  # fmt: skip


@pytest.mark.parametrize("mode", ["sequence", "last"])
@pytest.mark.parametrize("units", [4, 1])
def test_lstm(read, mode, units):
    item, w, r, b = recurrent("LSTMLayer", 4, units, 3, OutputMode=mode)
    x = normal(3, 6)
    expected = lstm(x, w, r, b)
    np.testing.assert_allclose(run(read(sequence(), item), x), expected if mode == "sequence" else expected[:, -1], atol=1e-5)


def test_lstm_with_other_activations(read):
    item, w, r, b = recurrent("LSTMLayer", 4, 4, 3, StateActivationFunction="softsign", GateActivationFunction="hard-sigmoid")
    x = normal(3, 6)
    expected = lstm(x, w, r, b, hard_sigmoid, lambda v: v / (1 + np.abs(v)))
    np.testing.assert_allclose(run(read(sequence(), item), x), expected, atol=1e-5)


@pytest.mark.parametrize("mode", ["sequence", "last"])
def test_bilstm(read, mode):
    item, w, r, b = recurrent("BiLSTMLayer", 4, 4, 3, directions=2, OutputMode=mode)
    x = normal(3, 6)
    forward = lstm(x, w[:16], r[:16], b[:16])
    backward = lstm(x[:, ::-1], w[16:], r[16:], b[16:])[:, ::-1]
    expected = np.concatenate([forward, backward])
    last = np.concatenate([forward[:, -1], backward[:, 0]])
    graph = read(sequence(), item)
    np.testing.assert_allclose(run(graph, x), expected if mode == "sequence" else last, atol=1e-5)
    assert any("each direction" in note for note in graph.notes) == (mode == "last")


@pytest.mark.parametrize("mode", ["after-multiplication", "before-multiplication", "recurrent-bias-after-multiplication"])
def test_gru(read, mode):
    item, w, r, b = recurrent("GRULayer", 3, 4, 3, parts=2 if mode.startswith("recurrent") else 1, ResetGateMode=mode)
    x = normal(3, 6)
    np.testing.assert_allclose(run(read(sequence(), item), x), gru(x, w, r, b, mode), atol=1e-5)


def test_a_classifier_of_sequences(read):
    first, w, r, b = recurrent("LSTMLayer", 4, 5, 3)
    mean, weights, bias, x = normal(3, 1), normal(2, 5), normal(2, 1), normal(3, 7)
    graph = read(
        sequence(Normalization="zerocenter", Mean=mean),
        first,
        layer("drop", "DropoutLayer", Probability=[0.2]),
        layer("fc", "FullyConnectedLayer", InputSize=[5], OutputSize=[2], Weights=weights, Bias=bias),
        layer("prob", "SoftmaxLayer"),
    )
    y = weights @ lstm(x - mean, w, r, b) + bias
    np.testing.assert_allclose(run(graph, x), np.exp(y) / np.exp(y).sum(axis=0), atol=1e-5)
    assert graph.layers[0].description == "Sequence input with 3 dimensions with 'zerocenter' normalization"


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_recurrent_layers_are_converted_and_equal(read, tmp_path, target):
    one, *_ = recurrent("BiLSTMLayer", 4, 4, 3, directions=2)
    two, *_ = recurrent("GRULayer", 3, 5, 8, OutputMode="last")
    fc = layer("fc", "FullyConnectedLayer", OutputSize=[2], Weights=normal(2, 5), Bias=normal(2, 1))
    read(sequence(), one, ("gru", *two[1:]), fc)
    conversion = converter.convert(tmp_path / "table.mat", target, tmp_path / target)
    assert conversion.report.ok


def test_states_that_come_from_outside_are_refused_by_name(read):
    for properties in ({"HasStateInputs": True}, {"HiddenState": np.ones((4, 1))}):
        item, *_ = recurrent("LSTMLayer", 4, 4, 3, **properties)
        graph = read(sequence(), item, connections=[("in", "rnn")], input_names=cell(["in"]))
        assert graph.nodes[0].domain == MATLAB_DOMAIN
        assert "state" in graph.nodes[0]["reason"]


# Convolution and pooling over time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("properties", "left", "right", "stride", "dilation"),
    [
        ({"PaddingMode": "manual", "PaddingSize": [2, 1], "Stride": [2]}, 2, 1, 2, 1),
        ({"PaddingMode": "causal", "PaddingSize": [0, 0], "Stride": [1], "DilationFactor": [2]}, 4, 0, 1, 2),
        ({"PaddingMode": "same", "PaddingSize": [0, 0], "Stride": [1]}, 1, 1, 1, 1),
    ],
    ids=["manual", "causal", "same"],
)
def test_convolution_over_time(read, properties, left, right, stride, dilation):
    weights, bias, x = normal(3, 3, 4), normal(1, 4), normal(3, 9)
    item = layer("conv", "Convolution1DLayer", FilterSize=[3], NumChannels=[3], NumFilters=[4], Weights=weights, Bias=bias,
                 **properties)  # fmt: skip
    padded = np.pad(x, ((0, 0), (left, right)))
    starts = range(0, padded.shape[1] - 2 * dilation, stride)
    windows = [padded[:, start : start + 2 * dilation + 1 : dilation] for start in starts]
    expected = np.stack([np.einsum("ck,kcn->n", window, weights) for window in windows], axis=1) + bias.T
    np.testing.assert_allclose(run(read(sequence(), item), x), expected, atol=1e-5)


@pytest.mark.parametrize(("class_name", "function"), [("MaxPooling1DLayer", np.max), ("AveragePooling1DLayer", np.mean)])
def test_pooling_over_time(read, class_name, function):
    item = layer("pool", class_name, PoolSize=[3], Stride=[2], PaddingMode="manual", PaddingSize=[0, 0])
    x = normal(3, 9)
    expected = np.stack([function(x[:, start : start + 3], axis=1) for start in (0, 2, 4, 6)], axis=1)
    np.testing.assert_allclose(run(read(sequence(), item), x), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("class_name", "function"), [("GlobalMaxPooling1DLayer", np.max), ("GlobalAveragePooling1DLayer", np.mean)]
)
def test_global_pooling_takes_the_time_away(read, class_name, function):
    weights, x = normal(2, 3), normal(3, 9)
    graph = read(sequence(), layer("pool", class_name), layer("fc", "FullyConnectedLayer", OutputSize=[2], Weights=weights))
    np.testing.assert_allclose(run(graph, x), weights @ function(x, axis=1), atol=1e-5)


def test_transposed_convolution_over_time(read):
    weights, x = normal(4, 2, 3), normal(3, 5)
    item = layer("up", "TransposedConvolution1DLayer", FilterSize=[4], NumChannels=[3], NumFilters=[2], Stride=[2],
                 CroppingMode="manual", CroppingSize=[1, 0], Weights=weights)  # fmt: skip
    expected = np.zeros((2, 12))
    for step in range(5):
        expected[:, 2 * step : 2 * step + 4] += np.einsum("c,knc->nk", x[:, step], weights)
    np.testing.assert_allclose(run(read(sequence(), item), x), expected[:, 1:], atol=1e-5)


def test_layer_normalization_at_each_step(read):
    scale, offset, x = normal(3, 1), normal(3, 1), normal(3, 5)
    item = layer("norm", "LayerNormalizationLayer", NumChannels=[3], Epsilon=[1e-5], Scale=scale, Offset=offset)
    expected = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5) * scale + offset
    np.testing.assert_allclose(run(read(sequence(), item), x), expected, atol=1e-4)
