"""Shallow networks, of files written here, against what their properties say in NumPy: columns are samples, as in MATLAB."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import scipy.io

import converter
from converter.emitters.onnx import to_model
from converter.errors import ReadError
from converter.readers import matlab
from tests.matlab.old_objects import Instance, save

RANDOM = np.random.default_rng(5)
EMPTY = np.zeros((0, 0))


def normal(*shape):
    return RANDOM.standard_normal(shape)


def grid(rows):
    """A cell array from rows of cells."""
    array = np.empty((len(rows), len(rows[0])), object)
    for index in np.ndindex(array.shape):
        array[index] = rows[index[0]][index[1]]
    return array


def minmax(low, high, **fields):
    low, high = np.reshape(low, (-1, 1)), np.reshape(high, (-1, 1))
    return {"xmin": low, "xmax": high, "ymin": -1, "ymax": 1, "no_change": 0} | fields


def port(size, *steps):
    """An input or output: process functions with their settings."""
    return {"size": size, "processFcns": grid([[name for name, _ in steps]]) if steps else [],
            "processSettings": grid([[item for _, item in steps]]) if steps else []}  # fmt: skip


def part(size, transfer, name="", combine="netsum"):
    return {"name": name, "size": size, "transferFcn": transfer, "netInputFcn": combine}


def network(inputs, layers, IW, LW, b, outputs, **fields):  # noqa: N803 - MATLAB's names
    """Weights are rows of cells, [] where there is no connection."""

    def connected(rows):
        return np.array([[float(np.size(cell) > 0) for cell in row] for row in rows])

    shown = np.array([[float(isinstance(item, dict)) for item in outputs]])
    return Instance("network", {
        "numInputDelays": 0, "numLayerDelays": 0, "inputs": list(inputs), "layers": list(layers),
        "outputs": grid([outputs]), "inputConnect": connected(IW), "layerConnect": connected(LW),
        "biasConnect": connected([[item] for item in b]), "outputConnect": shown,
        "IW": grid(IW), "LW": grid(LW), "b": grid([[item] for item in b]),
    } | fields)  # fmt: skip


def run(tmp_path, net, *columns):
    save(tmp_path / "net.mat", net=net)
    graph = matlab.read(tmp_path / "net.mat")
    session = onnxruntime.InferenceSession(to_model(graph).SerializeToString())
    feed = {value.name: x.T.astype(np.float32) for value, x in zip(graph.inputs, columns, strict=True)}
    answers = session.run(None, feed)
    return [answer.T for answer in answers]


def two_layers(transfer="tansig", last="purelin", steps=(), backwards=(), count=3, outputs=2):
    weights = normal(5, count), normal(outputs, 5)
    biases = normal(5, 1), normal(outputs, 1)
    net = network(
        [port(count, *steps)], [part(5, transfer, "Hidden"), part(outputs, last, "Output")],
        [[weights[0]], [EMPTY]], [[EMPTY, EMPTY], [weights[1], EMPTY]], list(biases),
        [EMPTY, port(outputs, *backwards)],
    )  # fmt: skip
    return net, weights, biases


TRANSFER = {
    "purelin": lambda n: n,
    "tansig": lambda n: 2 / (1 + np.exp(-2 * n)) - 1,
    "logsig": lambda n: 1 / (1 + np.exp(-n)),
    "poslin": lambda n: np.maximum(n, 0),
    "softmax": lambda n: np.exp(n) / np.exp(n).sum(axis=0),
    "satlin": lambda n: np.clip(n, 0, 1),
    "satlins": lambda n: np.clip(n, -1, 1),
    "radbas": lambda n: np.exp(-(n**2)),
    "radbasn": lambda n: np.exp(-(n**2)) / np.exp(-(n**2)).sum(axis=0),
    "tribas": lambda n: np.maximum(0, 1 - np.abs(n)),
    "hardlim": lambda n: (n >= 0).astype(float),
    "hardlims": lambda n: np.where(n >= 0, 1, -1),
    "elliotsig": lambda n: n / (1 + np.abs(n)),
}


@pytest.mark.parametrize("transfer", TRANSFER)
def test_transfer_functions(tmp_path, transfer):
    net, weights, biases = two_layers(transfer)
    x = normal(3, 4)
    expected = weights[1] @ TRANSFER[transfer](weights[0] @ x + biases[0]) + biases[1]
    np.testing.assert_allclose(run(tmp_path, net, x)[0], expected, atol=1e-5)


@pytest.mark.parametrize("stored", ["range", "gain"])
def test_inputs_are_mapped_forwards_and_outputs_backwards(tmp_path, stored):
    low, high, t_low, t_high = [0.0, -5, 10], [2.0, 5, 30], [100.0, -1], [300.0, 1]
    settings = [minmax(a, b) for a, b in ((low, high), (t_low, t_high))]
    if stored == "gain":
        settings = [item | {"gain": 2 / (item["xmax"] - item["xmin"]), "xoffset": item["xmin"]} for item in settings]
        for item in settings:
            del item["xmin"], item["xmax"]
    net, weights, biases = two_layers(steps=[("mapminmax", settings[0])], backwards=[("mapminmax", settings[1])])
    x = RANDOM.uniform(np.c_[low], np.c_[high], (3, 6))
    scaled = 2 * (x - np.c_[low]) / (np.c_[high] - np.c_[low]) - 1
    y = weights[1] @ np.tanh(weights[0] @ scaled + biases[0]) + biases[1]
    expected = (y + 1) / 2 * (np.c_[t_high] - np.c_[t_low]) + np.c_[t_low]
    np.testing.assert_allclose(run(tmp_path, net, x)[0], expected, rtol=1e-4, atol=1e-4)


def test_mapstd(tmp_path):
    mean, deviation = np.array([[1.0], [2], [3]]), np.array([[2.0], [0.5], [4]])
    settings = {"xmean": mean, "xstd": deviation, "ymean": 0, "ystd": 1, "no_change": 0}
    t_mean, t_deviation = np.array([[5.0], [6]]), np.array([[3.0], [7]])
    back = {"xmean": t_mean, "xstd": t_deviation, "ymean": 0, "ystd": 1, "no_change": 0}
    net, weights, biases = two_layers(steps=[("mapstd", settings)], backwards=[("mapstd", back)])
    x = normal(3, 4)
    y = weights[1] @ np.tanh(weights[0] @ ((x - mean) / deviation) + biases[0]) + biases[1]
    np.testing.assert_allclose(run(tmp_path, net, x)[0], y * t_deviation + t_mean, atol=1e-4)


def test_constant_rows_are_left_out_and_put_back_in_the_right_order(tmp_path):
    """Forwards first the constant rows go, then the rest is mapped; backwards the other way round."""
    drop = {"keep": np.array([1, 3, 4]), "remove": 2, "constants": 7, "no_change": 0}
    scale = minmax([0, 0, 0], [4, 4, 4])
    back = {"keep": np.array([1, 3]), "remove": 2, "value": 9, "no_change": 0}
    net, weights, biases = two_layers(
        steps=[("removeconstantrows", drop), ("mapminmax", scale)],
        backwards=[("removeconstantrows", back), ("mapminmax", minmax([0, 0], [10, 20]))],
    )
    net.fields["inputs"][0]["size"] = 4
    x = RANDOM.uniform(0, 4, (4, 5))
    y = weights[1] @ np.tanh(weights[0] @ (x[[0, 2, 3]] / 2 - 1) + biases[0]) + biases[1]
    y = (y + 1) / 2 * [[10], [20]]
    np.testing.assert_allclose(run(tmp_path, net, x)[0], [y[0], np.full(5, 9), y[1]], atol=1e-4)


def test_steps_that_change_nothing_are_left_out(tmp_path):
    same = {"no_change": 1, "keep": np.array([1, 2, 3]), "remove": EMPTY}
    net, weights, biases = two_layers(last="softmax", steps=[("removeconstantrows", same)])
    x = normal(3, 4)
    y = TRANSFER["softmax"](weights[1] @ np.tanh(weights[0] @ x + biases[0]) + biases[1])
    np.testing.assert_allclose(run(tmp_path, net, x)[0], y, atol=1e-5)
    assert len(matlab.read(tmp_path / "net.mat").layers) == 3


def test_a_cascade_reads_all_that_came_before(tmp_path):
    a, b, c, d = normal(4, 3), normal(2, 3), normal(2, 4), normal(2, 1)
    net = network([port(3)], [part(4, "logsig"), part(2, "purelin")], [[a], [b]], [[EMPTY, EMPTY], [c, EMPTY]],
                  [EMPTY, d], [EMPTY, port(2)])  # fmt: skip
    x = normal(3, 5)
    np.testing.assert_allclose(run(tmp_path, net, x)[0], b @ x + c @ TRANSFER["logsig"](a @ x) + d, atol=1e-5)


def test_two_inputs_and_two_outputs(tmp_path):
    a, b, c = normal(4, 3), normal(4, 2), normal(1, 4)
    net = network([port(3), port(2)], [part(4, "tansig"), part(1, "purelin")], [[a, b], [EMPTY, EMPTY]],
                  [[EMPTY, EMPTY], [c, EMPTY]], [normal(4, 1), EMPTY], [port(4), port(1)])  # fmt: skip
    x, z = normal(3, 5), normal(2, 5)
    hidden = np.tanh(a @ x + b @ z + net.fields["b"][0, 0])
    for found, wanted in zip(run(tmp_path, net, x, z), (hidden, c @ hidden), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_radial_basis_networks_multiply_distances_with_the_bias(tmp_path):
    centers, spread, weights, bias = normal(6, 3), RANDOM.uniform(0.5, 1, (6, 1)), normal(2, 6), normal(2, 1)
    distances = grid([[{"weightFcn": "dist", "delays": 0}], [EMPTY]])
    net = network([port(3)], [part(6, "radbas", combine="netprod"), part(2, "purelin")], [[centers], [EMPTY]],
                  [[EMPTY, EMPTY], [weights, EMPTY]], [spread, bias], [EMPTY, port(2)], inputWeights=distances)  # fmt: skip
    x = normal(3, 4)
    distance = np.linalg.norm(centers[:, :, None] - x[None], axis=1)
    np.testing.assert_allclose(run(tmp_path, net, x)[0], weights @ np.exp(-((distance * spread) ** 2)) + bias, atol=1e-5)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_a_fitted_network_is_converted_and_equal(tmp_path, target):
    net, _, _ = two_layers(
        steps=[("mapminmax", minmax([0, 0, 0], [1, 2, 3]))], backwards=[("mapminmax", minmax([0, 0], [5, 6]))]
    )
    save(tmp_path / "net.mat", net=net)
    conversion = converter.convert(tmp_path / "net.mat", target, tmp_path / target)
    assert conversion.report.ok
    assert conversion.source["kind"] == "MATLAB network"


def refusal(tmp_path, net):
    save(tmp_path / "net.mat", net=net)
    with pytest.raises(ReadError) as caught:
        matlab.read(tmp_path / "net.mat")
    return str(caught.value)


def test_dynamic_networks_are_refused(tmp_path):
    assert "numInputDelays" in refusal(tmp_path, Instance("network", two_layers()[0].fields | {"numInputDelays": 2}))
    delays = {"inputWeights": grid([[{"delays": np.array([1, 2]), "weightFcn": "dotprod"}], [EMPTY]])}
    assert "inputWeights.delays" in refusal(tmp_path, Instance("network", two_layers()[0].fields | delays))


def test_a_network_that_was_never_configured(tmp_path):
    net, _, _ = two_layers()
    net.fields["IW"] = grid([[np.zeros((5, 0))], [EMPTY]])
    assert "not configured" in refusal(tmp_path, net)


def test_what_has_no_translation_is_named(tmp_path):
    net, _, _ = two_layers("compet")
    save(tmp_path / "net.mat", net=net)
    with pytest.raises(converter.ConversionError, match=r"'Hidden'.*'compet'"):
        converter.convert(tmp_path / "net.mat", "pytorch", tmp_path / "out")


def test_several_networks_ask_for_a_choice(tmp_path):
    save(tmp_path / "net.mat", first=two_layers()[0], second=two_layers()[0])
    with pytest.raises(ReadError, match=r"'first' \(network\), 'second' \(network\).*--variable"):
        matlab.read(tmp_path / "net.mat")
    assert len(matlab.read(tmp_path / "net.mat", variable="second").layers) == 3


def test_the_writer_of_these_files_writes_what_scipy_reads(tmp_path):
    save(tmp_path / "net.mat", net=Instance("network", {"IW": grid([[normal(2, 3)], [EMPTY]]), "name": "x"}), n=3.0)
    found = scipy.io.loadmat(tmp_path / "net.mat")
    assert found["net"].classname == "network"
    assert found["net"]["IW"][0, 0][0, 0].shape == (2, 3)


def test_layers_of_one_name(tmp_path):
    """Some functions call every layer 'Layer'."""
    net, (w1, w2), (b1, b2) = two_layers()
    for layer in net.fields["layers"]:
        layer["name"] = "Layer"
    x = normal(3, 7)
    np.testing.assert_allclose(run(tmp_path, net, x)[0], w2 @ np.tanh(w1 @ x + b1) + b2, atol=1e-5)
    names = [layer.name for layer in matlab.read(tmp_path / "net.mat").layers]
    assert len({*names}) == len(names)
