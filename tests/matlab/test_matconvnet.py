"""MatConvNet's networks against its own semantics, written in NumPy in its order of axes (height, width, channels)."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import scipy.io

import converter
from converter.emitters.onnx import to_model
from converter.errors import ReadError
from converter.readers import matlab

RANDOM = np.random.default_rng(3)


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def cell(*items):
    array = np.empty((1, len(items)), object)
    array[0, :] = items if len(items) != 1 else [items[0]]
    return array


def structs(*items):
    """A struct array; scipy writes dictionaries as structs of one."""
    names = list(dict.fromkeys(name for item in items for name in item))
    array = np.empty((1, len(items)), [(name, object) for name in names])
    for index, item in enumerate(items):
        for name in names:
            array[0, index][name] = item.get(name, np.zeros((0, 0)))
    return array


def simplenn(tmp_path, *layers, **fields):
    path = tmp_path / "net.mat"
    scipy.io.savemat(path, {"net": {"layers": cell(*layers), **fields}})
    return matlab.read(path)


def dagnn(tmp_path, layers, params=(), **fields):
    path = tmp_path / "net.mat"
    names = ("name", "type", "inputs", "outputs", "params", "block")
    rows = [dict(zip(names, (n, f"dagnn.{t}", cell(*i), cell(*o), cell(*p) if p else [], b), strict=True))
            for n, t, i, o, p, b in layers]  # fmt: skip
    values = [{"name": name, "value": value} for name, value in params]
    content = {"layers": structs(*rows), "params": structs(*values) if values else [], "vars": [], **fields}
    scipy.io.savemat(path, {"net": content})
    return matlab.read(path)


def run(graph, *images):
    session = onnxruntime.InferenceSession(to_model(graph).SerializeToString())
    feed = {value.name: image.transpose(2, 0, 1)[None] for value, image in zip(graph.inputs, images, strict=True)}
    (answer,) = session.run(None, feed)
    return answer[0].transpose(1, 2, 0)


# MatConvNet in NumPy --------------------------------------------------------------------------------------------------------


def conv(x, filters, bias=0, pad=(0, 0, 0, 0), stride=(1, 1), dilate=(1, 1)):
    """vl_nnconv: as many groups as the channels of the filters go into those of x."""
    fh, fw, fc, k = filters.shape
    x = np.pad(x, (pad[:2], pad[2:], (0, 0)))
    eh, ew = (fh - 1) * dilate[0] + 1, (fw - 1) * dilate[1] + 1
    groups = x.shape[2] // fc
    y = np.zeros(((x.shape[0] - eh) // stride[0] + 1, (x.shape[1] - ew) // stride[1] + 1, k))
    for i, j, f in np.ndindex(y.shape):
        g = f // (k // groups)
        window = x[i * stride[0] :, j * stride[1] :, g * fc : (g + 1) * fc][: eh : dilate[0], : ew : dilate[1]]
        y[i, j, f] = (window * filters[..., f]).sum()
    return y + bias


def convt(x, filters, bias=0, up=(1, 1), crop=(0, 0, 0, 0), groups=1):
    """vl_nnconvt: each number of x lays its filters on the answer."""
    fh, fw, k, fd = filters.shape
    y = np.zeros((up[0] * (x.shape[0] - 1) + fh, up[1] * (x.shape[1] - 1) + fw, k * groups))
    for i, j, d in np.ndindex(x.shape):
        g = d // (fd // groups)
        y[i * up[0] : i * up[0] + fh, j * up[1] : j * up[1] + fw, g * k : (g + 1) * k] += x[i, j, d] * filters[..., d]
    return y[crop[0] : y.shape[0] - crop[1], crop[2] : y.shape[1] - crop[3]] + bias


def pool(x, size, stride, pad, function):
    """vl_nnpool: the window is clipped to the image."""
    counts = [(n + a + b - s) // t + 1 for n, a, b, s, t in zip(x.shape, pad[::2], pad[1::2], size, stride, strict=False)]
    y = np.zeros((*counts, x.shape[2]))
    for i, j in np.ndindex(*counts):
        top, left = i * stride[0] - pad[0], j * stride[1] - pad[2]
        y[i, j] = function(x[max(top, 0) : top + size[0], max(left, 0) : left + size[1]], axis=(0, 1))
    return y


def lrn(x, size, kappa, alpha, beta):
    """vl_nnnormalize: alpha is not divided by the window."""
    y = np.zeros(x.shape)
    for c in range(x.shape[2]):
        window = x[..., max(c - (size - 1) // 2, 0) : c + size // 2 + 1]
        y[..., c] = x[..., c] / (kappa + alpha * (window**2).sum(axis=2)) ** beta
    return y


# SimpleNN -------------------------------------------------------------------------------------------------------------------

SIZE = {"normalization": {"imageSize": np.array([[9.0, 8, 4]])}}


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((3, 2, 4, 6), {}),
        ((3, 3, 4, 5), {"pad": [1.0, 2, 0, 3], "stride": [2.0, 1]}),
        ((3, 3, 2, 6), {"pad": 1.0, "stride": 2.0}),  # two groups
        ((2, 3, 1, 8), {"dilate": [2.0, 1]}),  # four groups
        ((9, 8, 4, 3), {}),  # fully connected
        ((3, 3, 4, 1), {}),  # one filter: the file has three axes
        ((9, 1, 4, 1), {}),
    ],
)
@pytest.mark.parametrize("old", [False, True], ids=["weights", "filters and biases"])
def test_conv(tmp_path, shape, options, old):
    filters, bias, x = normal(*shape), normal(1, shape[3]), normal(9, 8, 4)
    arrays = {"filters": filters, "biases": bias} if old else {"weights": cell(filters, bias)}
    graph = simplenn(tmp_path, {"type": "conv", "name": "c", **arrays, **options}, **(SIZE if old else {"meta": SIZE}))
    given = {name: (tuple(map(int, v)) if isinstance(v, list) else (int(v),) * (4 if name == "pad" else 2))
             for name, v in options.items()}  # fmt: skip
    np.testing.assert_allclose(run(graph, x), conv(x, filters, bias, **given), atol=1e-4)


def test_conv_without_bias_on_images_of_any_size(tmp_path):
    filters = normal(3, 3, 4, 5)
    graph = simplenn(tmp_path, {"type": "conv", "weights": cell(filters, np.zeros((0, 0))), "pad": 1.0}, {"type": "relu"})
    assert graph.inputs[0].shape == ("batch", 4, "height", "width")
    assert graph.nodes[0].input(2) is None
    for x in (normal(9, 8, 4), normal(5, 7, 4)):
        np.testing.assert_allclose(run(graph, x), np.maximum(conv(x, filters, pad=(1, 1, 1, 1)), 0), atol=1e-4)


@pytest.mark.parametrize(
    ("groups", "shape", "options"),
    [
        (1, (4, 4, 3, 4), {"up": (2, 2), "crop": (1, 1, 1, 1)}),
        (1, (3, 2, 5, 4), {"up": (2, 1), "crop": (0, 1, 1, 0)}),
        (2, (4, 4, 3, 4), {"up": (2, 2)}),
        (4, (4, 4, 1, 4), {"up": (2, 2), "crop": (1, 1, 1, 1)}),  # bilinear upsampling, channel by channel
    ],
)
def test_convt(tmp_path, groups, shape, options):
    filters, bias, x = normal(*shape), normal(shape[2] * groups, 1), normal(5, 6, 4)
    item = {"type": "convt", "weights": cell(filters, bias), "upsample": [float(n) for n in options["up"]],
            "crop": [float(n) for n in options.get("crop", (0, 0, 0, 0))], "numGroups": float(groups)}  # fmt: skip
    graph = simplenn(tmp_path, item, meta={"normalization": {"imageSize": [5.0, 6, 4]}})
    np.testing.assert_allclose(run(graph, x), convt(x, filters, bias[:, 0], groups=groups, **options), atol=1e-4)


@pytest.mark.parametrize("pad", [(0, 0, 0, 0), (1, 0, 0, 1), (0, 1, 0, 1)])
@pytest.mark.parametrize(("method", "function"), [("max", np.max), ("avg", np.mean)])
def test_pooling_clips_its_windows(tmp_path, method, function, pad):
    x = -np.abs(normal(9, 8, 4)) - 1  # a padding of zeros would win
    item = {"type": "pool", "method": method, "pool": [3.0, 2], "stride": [2.0, 2], "pad": [float(n) for n in pad]}
    np.testing.assert_allclose(run(simplenn(tmp_path, item, meta=SIZE), x), pool(x, (3, 2), (2, 2), pad, function), rtol=1e-5)


@pytest.mark.parametrize("kind", ["normalize", "lrn"])
def test_local_response_normalization(tmp_path, kind):
    x = normal(9, 8, 4)
    graph = simplenn(tmp_path, {"type": kind, "param": [3.0, 2, 0.3, 0.6]}, meta=SIZE)
    np.testing.assert_allclose(run(graph, x), lrn(x, 3, 2, 0.3, 0.6), rtol=1e-5)


@pytest.mark.parametrize("epsilon", [None, 1e-2])
def test_batch_normalization_holds_deviations(tmp_path, epsilon):
    g, b, mean, sigma, x = normal(4, 1), normal(4, 1), normal(4), RANDOM.uniform(0.5, 2, 4).astype(np.float32), normal(9, 8, 4)
    item = {"type": "bnorm", "weights": cell(g, b, np.stack([mean, sigma], axis=1))} | ({"epsilon": epsilon} if epsilon else {})
    graph = simplenn(tmp_path, item, meta=SIZE)
    np.testing.assert_allclose(run(graph, x), (x - mean) / sigma * g[:, 0] + b[:, 0], atol=1e-5)
    assert graph.nodes[0]["epsilon"] == (epsilon or 1e-5)


def test_a_chain_of_small_layers_ends_before_its_loss(tmp_path):
    x = normal(9, 8, 4)
    layers = [{"type": "relu", "name": "act", "leak": 0.2}, {"type": "sigmoid"}, {"type": "dropout", "rate": 0.5},
              {"type": "softmax"}, {"type": "softmaxloss", "class": np.zeros((0, 0))}]  # fmt: skip
    meta = SIZE | {"classes": {"description": cell("cat", "dog"), "name": cell("n1", "n2")}}
    meta["normalization"] = meta["normalization"] | {"averageImage": np.float32([[[120, 110, 100]]]).reshape(1, 1, 3)}
    graph = simplenn(tmp_path, *layers, meta=meta)
    y = 1 / (1 + np.exp(-np.where(x < 0, 0.2 * x, x)))
    np.testing.assert_allclose(run(graph, x), np.exp(y) / np.exp(y).sum(axis=2, keepdims=True), rtol=1e-5)
    notes = " ".join(graph.notes)
    assert "'cat', 'dog'" in notes
    assert "averageImage (120, 110, 100): subtract it before" in notes
    assert "(softmaxloss) serves training" in notes
    assert graph.source.kind == "MatConvNet"


def test_a_network_spread_over_the_variables_of_a_file(tmp_path):
    scipy.io.savemat(tmp_path / "net.mat", {"layers": cell({"type": "relu", "name": "r"}), "meta": SIZE})
    assert [node.name for node in matlab.read(tmp_path / "net.mat").nodes] == ["r"]


def test_version_7_3(tmp_path):
    matio = pytest.importorskip("matio", reason="mat-io, which reads files of version 7.3, is not installed")
    filters, bias = normal(3, 3, 4, 5), normal(1, 5)
    net = structs(
        {"layers": cell(structs({"type": np.array(["conv"]), "weights": cell(filters, bias), "pad": np.ones((1, 1))}))}
    )
    matio.save_to_mat(str(tmp_path / "net.mat"), {"net": net}, version="v7.3")
    x = normal(6, 7, 4)
    np.testing.assert_allclose(run(matlab.read(tmp_path / "net.mat"), x), conv(x, filters, bias, (1,) * 4), atol=1e-4)


# DagNN ----------------------------------------------------------------------------------------------------------------------


def test_dagnn_with_a_residual_a_concatenation_and_a_loss(tmp_path):
    f1, b1, f2, x = normal(3, 3, 4, 4), normal(4, 1), normal(1, 1, 8, 3), normal(9, 8, 4)
    layers = [  # not in topological order
        ("sum", "Sum", ["x0", "x1"], ["x2"], [], {}),
        ("conv1", "Conv", ["x0"], ["x1"], ["f1", "b1"], {"size": [3.0, 3, 4, 4], "hasBias": 1.0, "pad": 1.0, "stride": 1.0}),
        ("relu", "ReLU", ["x2"], ["x3"], [], {"leak": 0.0}),
        ("concat", "Concat", ["x3", "x1"], ["x4"], [], {"dim": 3.0}),
        ("conv2", "Conv", ["x4"], ["x5"], ["f2"], {"size": [1.0, 1, 8, 3], "hasBias": 0.0}),
        ("pool", "Pooling", ["x5"], ["x6"], [], {"method": "avg", "poolSize": [9.0, 8], "stride": 1.0, "pad": 0.0}),
        ("prob", "SoftMax", ["x6"], ["x7"], [], {}),
        ("objective", "Loss", ["x6", "label"], ["loss"], [], {"loss": "softmaxlog"}),
    ]
    graph = dagnn(tmp_path, layers, [("f1", f1), ("b1", b1), ("f2", f2)])
    assert [value.name for value in graph.inputs] == ["x0"]
    assert [value.name for value in graph.outputs] == ["prob"]
    x1 = conv(x, f1, b1[:, 0], (1,) * 4)
    x6 = conv(np.concatenate([np.maximum(x + x1, 0), x1], axis=2), f2).mean(axis=(0, 1), keepdims=True)
    np.testing.assert_allclose(run(graph, x), np.exp(x6) / np.exp(x6).sum(), rtol=1e-4)


def test_dagnn_scale_crop_normalisation_and_transposed_convolution(tmp_path):
    f, g, b, m, s, x = normal(4, 4, 4, 4), normal(4, 1), normal(4, 1), normal(4), RANDOM.uniform(1, 2, 4), normal(9, 8, 4)
    factor, offset = normal(4, 1), normal(4, 1)
    layers = [
        ("bn", "BatchNorm", ["in"], ["a"], ["g", "b", "m"], {"numChannels": 4.0, "epsilon": 1e-3}),
        ("scale", "Scale", ["a"], ["c"], ["factor", "offset"], {"hasBias": 1.0}),
        ("up", "ConvTranspose", ["c"], ["d"], ["f"], {"upsample": 2.0, "crop": 0.0, "hasBias": 0.0, "numGroups": 1.0}),
        ("crop", "Crop", ["d", "in"], ["e"], [], {"crop": [3.0, 2]}),
        ("mul", "Scale", ["e", "in"], ["out"], [], {"hasBias": 0.0}),
    ]
    params = [("g", g), ("b", b), ("m", np.stack([m, s], axis=1)), ("factor", factor), ("offset", offset), ("f", f)]
    graph = dagnn(tmp_path, layers, params, meta=SIZE)
    y = ((x - m) / s * g[:, 0] + b[:, 0]) * factor[:, 0] + offset[:, 0]
    np.testing.assert_allclose(run(graph, x), convt(y, f, up=(2, 2))[3:12, 2:10] * x, atol=1e-3)


def test_a_name_that_is_no_text_is_none(tmp_path):
    graph = simplenn(tmp_path, {"type": "relu", "name": np.ones(3)}, meta=SIZE)
    assert [node.name for node in graph.nodes] == ["layer_1"]


# Refused --------------------------------------------------------------------------------------------------------------------


def test_custom_layers_are_named(tmp_path):
    graph = simplenn(tmp_path, {"type": "relu", "name": "r"}, {"type": "SubP", "name": "shuffle"}, meta=SIZE)
    with pytest.raises(converter.ConversionError, match=r"'shuffle'.*SubP"):
        converter.convert(graph, "pytorch", tmp_path / "out")


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"type": "conv", "name": "c"}, "holds no filters"),
        ({"type": "bnorm", "name": "c", "weights": cell(normal(4, 1), normal(4, 1))}, "no moments"),
        ({"type": "bnorm", "name": "c", "weights": cell(normal(4, 1), normal(4, 1), normal(3, 2))}, "4×2"),
        ({"type": "conv", "name": "c", "weights": cell(normal(3, 3, 3, 2), normal(2, 1))}, "3 channels each, but 4 arrive"),
        ({"type": "pool", "name": "c", "pool": 2.0, "method": "median"}, "'median'"),
    ],
)
def test_what_contradicts_itself(tmp_path, item, words):
    with pytest.raises(ReadError) as caught:
        simplenn(tmp_path, item, meta=SIZE)
    assert words in str(caught.value)
    assert "'c'" in str(caught.value)
