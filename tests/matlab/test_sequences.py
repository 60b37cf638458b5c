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


# Projected weights, states ---------------------------------------------------------------------------------------------------


def projected(class_name, gates, units, channels, inner, outer, **properties):
    """The layer, and W and R as the documentation writes them: products with Q Q'."""
    w, r, b = normal(gates * units, inner), normal(gates * units, outer), normal(gates * units)
    q, o = normal(channels, inner), normal(units, outer)
    item = layer(
        "rnn", class_name, NumHiddenUnits=[units], InputProjectorSize=[inner], OutputProjectorSize=[outer], InputWeights=w,
        RecurrentWeights=r, Bias=b[:, None], InputProjector=q, OutputProjector=o, **{"OutputMode": "sequence"} | properties,
    )  # fmt: skip
    return item, w, r, b, q, o


def test_projected_lstm(read):
    item, w, r, b, q, o = projected("LSTMProjectedLayer", 4, 5, 4, 3, 2)
    x, h, c, expected = normal(4, 6), np.zeros(5), np.zeros(5), []
    for step in x.T:
        i, f, g, out = np.split(w @ (q.T @ step) + r @ (o.T @ h) + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(out) * np.tanh(c)
        expected.append(h)
    np.testing.assert_allclose(run(read(sequence(4), item), x), np.stack(expected, axis=1), atol=1e-5)


@pytest.mark.parametrize("mode", ["after-multiplication", "before-multiplication"])
def test_projected_gru(read, mode):
    item, w, r, b, q, o = projected("GRUProjectedLayer", 3, 5, 4, 3, 2, ResetGateMode=mode)
    x, h, expected = normal(4, 6), np.zeros(5), []
    for step in x.T:
        wr, wz, wh = np.split(w @ (q.T @ step) + b, 3)
        rr, rz, rh = np.split(r @ (o.T @ h), 3)
        reset, update = sigmoid(wr + rr), sigmoid(wz + rz)
        candidate = np.tanh(wh + (reset * rh if mode.startswith("after") else r[10:] @ (o.T @ (reset * h))))
        h = (1 - update) * candidate + update * h
        expected.append(h)
    np.testing.assert_allclose(run(read(sequence(4), item), x), np.stack(expected, axis=1), atol=1e-5)


def test_a_projector_of_another_size_is_told(read):
    item, *_ = projected("LSTMProjectedLayer", 4, 5, 4, 3, 2)
    item[2]["InputProjector"] = normal(3, 4)
    with pytest.raises(converter.ConversionError, match="InputProjector is 3×4; expected 4×3"):
        read(sequence(4), item)


def stepped(x, w, r, b, h, c):
    """An LSTM from the states it is given: every step, and the last states."""
    steps = []
    for step in x.T:
        i, f, g, o = np.split(w @ step + r @ h + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        steps.append(h)
    return np.stack(steps, axis=1), h, c


def test_states_that_the_layer_holds(read):
    h, c, x = normal(5), normal(5), normal(3, 6)
    item, w, r, b = recurrent("LSTMLayer", 4, 5, 3, HiddenState=h[:, None], CellState=c[:, None])
    np.testing.assert_allclose(run(read(sequence(), item), x), stepped(x, w, r, b, h, c)[0], atol=1e-5)


@pytest.mark.parametrize("mode", ["sequence", "last"])
@pytest.mark.parametrize("names", [{}, {"InputNames": cell(["in", "hidden", "cell"])}], ids=["saved", "exported"])
def test_states_that_come_in_and_go_out(read, mode, names):
    flags = {"HasStateInputs": True, "HasStateOutputs": True, "OutputMode": mode}
    item, w, r, b = recurrent("LSTMLayer", 4, 5, 3, **flags, **names)
    features = [layer(name, "FeatureInputLayer", InputSize=[5], Normalization="none") for name in ("c", "h")]
    wires = [("h", "rnn/hidden"), ("in", "rnn/in"), ("c", "rnn/cell")]
    ends = cell(["rnn/cell", "rnn", "rnn/hidden"])
    graph = read(sequence(), *features, item, connections=wires, input_names=cell(["in", "h", "c"]), output_names=ends)
    x, h, c = normal(2, 3, 6), normal(2, 5), normal(2, 5)
    session = onnxruntime.InferenceSession(to_model(graph).SerializeToString())
    cells, out, hidden = session.run(None, {"in": x, "h": h, "c": c})
    for sample in range(2):
        steps, last_h, last_c = stepped(x[sample], w, r, b, h[sample], c[sample])
        np.testing.assert_allclose(out[sample], steps if mode == "sequence" else steps[:, -1], atol=1e-5)
        np.testing.assert_allclose(hidden[sample], last_h, atol=1e-5)
        np.testing.assert_allclose(cells[sample], last_c, atol=1e-5)


def test_the_state_of_one_gru_begins_another(read):
    first, w, r, b = recurrent("GRULayer", 3, 4, 3, HasStateOutputs=True, OutputMode="last")
    second, v, s, d = recurrent("GRULayer", 3, 4, 3, HasStateInputs=True)
    first, second = ("encoder", *first[1:]), ("decoder", *second[1:])
    wires = [("in", "encoder"), ("in", "decoder/in"), ("encoder/hidden", "decoder/hidden")]
    graph = read(sequence(), first, second, connections=wires, output_names=cell(["decoder"]))
    x = normal(3, 6)
    h, expected = gru(x, w, r, b, "after-multiplication")[:, -1], []
    for step in x.T:
        (wr, wz, wh), (rr, rz, rh) = np.split(v @ step + d, 3), np.split(s @ h, 3)
        reset, update = sigmoid(wr + rr), sigmoid(wz + rz)
        h = (1 - update) * np.tanh(wh + reset * rh) + update * h
        expected.append(h)
    np.testing.assert_allclose(run(graph, x), np.stack(expected, axis=1), atol=1e-5)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_layers_with_states_are_converted_and_equal(read, tmp_path, target):
    held, *_ = recurrent("LSTMLayer", 4, 4, 3, HiddenState=normal(4, 1), CellState=normal(4, 1))
    first, *_ = recurrent("GRULayer", 3, 5, 4, HasStateOutputs=True)
    second, *_ = recurrent("GRULayer", 3, 5, 5, HasStateInputs=True, OutputMode="last")
    small, *_ = projected("LSTMProjectedLayer", 4, 6, 4, 3, 2)
    items = [held, ("small", *small[1:]), ("encoder", *first[1:]), ("decoder", *second[1:])]
    wires = [
        ("in", "rnn"),
        ("rnn", "small"),
        ("rnn", "encoder"),
        ("encoder", "decoder/in"),
        ("encoder/hidden", "decoder/hidden"),
    ]
    read(sequence(), *items, connections=wires)
    assert converter.convert(tmp_path / "table.mat", target, tmp_path / target).report.ok


@pytest.mark.parametrize(
    ("class_name", "directions", "state", "reason"),
    [
        ("BiLSTMLayer", 2, normal(8, 1), "which half of its states"),
        ("LSTMLayer", 1, normal(4, 3), "holds 12 numbers as hidden state"),
    ],
)
def test_states_that_say_too_little_are_refused(read, class_name, directions, state, reason):
    item, *_ = recurrent(class_name, 4, 4, 3, directions=directions, HiddenState=state)
    node = read(sequence(), item).nodes[0]
    assert node.domain == MATLAB_DOMAIN
    assert reason in node["reason"]


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


def test_grouped_convolution_over_time(read):
    weights, bias, x = normal(3, 2, 4, 3), normal(1, 4, 3), normal(6, 9)
    item = layer("conv", "GroupedConvolution1DLayer", FilterSize=[3], NumGroups=[3], NumChannelsPerGroup=[2],
                 NumFiltersPerGroup=[4], Stride=[2], DilationFactor=[1], PaddingMode="manual", PaddingSize=[0, 0],
                 Weights=weights, Bias=bias)  # fmt: skip
    expected = np.stack(
        [
            np.concatenate(
                [np.einsum("ck,kcn->n", x[2 * g : 2 * g + 2, t : t + 3], weights[..., g]) + bias[0, :, g] for g in range(3)]
            )
            for t in (0, 2, 4, 6)
        ],
        axis=1,
    )
    np.testing.assert_allclose(run(read(sequence(6), item), x), expected, atol=1e-5)


def test_transposed_convolution_over_time(read):
    weights, x = normal(4, 2, 3), normal(3, 5)
    item = layer("up", "TransposedConvolution1DLayer", FilterSize=[4], NumChannels=[3], NumFilters=[2], Stride=[2],
                 CroppingMode="manual", CroppingSize=[1, 0], Weights=weights)  # fmt: skip
    expected = np.zeros((2, 12))
    for step in range(5):
        expected[:, 2 * step : 2 * step + 4] += np.einsum("c,knc->nk", x[:, step], weights)
    np.testing.assert_allclose(run(read(sequence(), item), x), expected[:, 1:], atol=1e-5)


@pytest.mark.parametrize("over", ["auto", "channel-only", "batch-excluded", None])
def test_layer_normalization_of_sequences(read, over):
    """Without OperationDimension, as before R2023a, over all steps."""
    scale, offset, x = normal(3, 1), normal(3, 1), normal(3, 5)
    options = {"OperationDimension": over} if over else {}
    item = layer("norm", "LayerNormalizationLayer", NumChannels=[3], Epsilon=[1e-5], Scale=scale, Offset=offset, **options)
    axes = 0 if over in ("auto", "channel-only") else (0, 1)
    expected = (x - x.mean(axis=axes)) / np.sqrt(x.var(axis=axes) + 1e-5) * scale + offset
    graph = read(sequence(), item)
    np.testing.assert_allclose(run(graph, x), expected, atol=1e-4)
    assert any("before R2023a" in note for note in graph.notes) == (over is None)


def test_rms_normalization_of_each_step(read):
    scale, x = normal(3, 1), normal(3, 5)
    item = layer("norm", "RMSNormalizationLayer", NumChannels=[3], Epsilon=[1e-3], Scale=scale)
    graph = read(sequence(), item)
    np.testing.assert_allclose(run(graph, x), x / np.sqrt((x**2).mean(axis=0) + 1e-3) * scale, atol=1e-5)
    assert any("over the channels" in note for note in graph.notes)


def test_normalization_and_prelu_of_each_channel_at_each_step(read):
    scale, offset, mean, variance, alpha = (normal(3, 1) for _ in range(5))
    norm = layer("norm", "BatchNormalizationLayer", NumChannels=[3], Epsilon=[1e-5], Scale=scale, Offset=offset,
                 TrainedMean=mean, TrainedVariance=variance**2)  # fmt: skip
    x = normal(3, 5)
    y = (x - mean) / np.sqrt(variance**2 + 1e-5) * scale + offset
    graph = read(sequence(), norm, layer("prelu", "PReLULayer", Alpha=alpha))
    np.testing.assert_allclose(run(graph, x), np.where(y < 0, alpha * y, y), atol=1e-5)
