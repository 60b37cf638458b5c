"""Operators in float64 are what NumPy computes by their definition, also where onnxruntime's own are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest
from onnx import TensorProto, helper

from converter.verification.exact import coarse, in_float64, in_sequence
from converter.verification.judge import _move_factors, _nudged_factors


def _answer(
    node: onnx.NodeProto, feeds: dict[str, np.ndarray], opset: int, *, exact: bool, how: Callable = in_float64
) -> np.ndarray:
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in feeds.items()]
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    model = helper.make_model(
        helper.make_graph([node], "one", ports, [result]), opset_imports=[helper.make_opsetid("", opset)], ir_version=10
    )
    if exact:
        places = coarse(model)
        assert list(places) == [0]
        how(model, places)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, feeds)[0]


@pytest.mark.parametrize("opset", [9, 13, 18])
@pytest.mark.parametrize("size", [1, 3, 5])
def test_lrn(opset, size):
    """Small numbers behind large ones, of which onnxruntime loses digits."""
    x = np.random.default_rng(0).standard_normal((2, 9, 4, 5)).astype(np.float32)
    x[:, ::2] *= 1000
    node = helper.make_node("LRN", ["x"], ["y"], size=size, alpha=0.01, beta=0.6, bias=0.5)
    wide, alpha, beta = x.astype(np.float64), np.float64(np.float32(0.01)), np.float64(np.float32(0.6))
    sums = np.stack([(wide[:, max(0, c - (size - 1) // 2) : c + size // 2 + 1] ** 2).sum(1) for c in range(x.shape[1])], axis=1)
    wanted = (wide / (0.5 + alpha / size * sums) ** beta).astype(np.float32)
    np.testing.assert_allclose(_answer(node, {"x": x}, opset, exact=True), wanted, rtol=2e-7)
    np.testing.assert_allclose(_answer(node, {"x": x}, opset, exact=False), wanted, rtol=2e-2)


@pytest.mark.parametrize("opset", [9, 13, 18])
def test_instance_normalization(opset):
    random = np.random.default_rng(1)
    feeds = {
        name: random.standard_normal(shape).astype(np.float32) for name, shape in (("x", (2, 3, 9, 7)), ("s", 3), ("b", 3))
    }
    node = helper.make_node("InstanceNormalization", list(feeds), ["y"], epsilon=1e-3)
    x, scale, bias = (array.astype(np.float64) for array in feeds.values())
    centred = x - x.mean((2, 3), keepdims=True)
    normal = centred / np.sqrt((centred**2).mean((2, 3), keepdims=True) + np.float64(np.float32(1e-3)))
    wanted = normal * scale[:, None, None] + bias[:, None, None]
    np.testing.assert_allclose(_answer(node, feeds, opset, exact=True), wanted, rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize("opset", [11, 13, 19])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("places", ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"])
@pytest.mark.parametrize(("factors", "given"), [((1.5, 0.3), "scales"), ((0.1, 4.0), "scales"), ((2.5, 0.75), "sizes")])
def test_resizing(opset, mode, places, factors, given):
    """Within float32 places of what onnxruntime computes, which are off by a millionth of a pixel, and nearer to float64."""
    x = np.random.default_rng(4).standard_normal((2, 3, 10, 200)).astype(np.float32)
    scales = np.float32([1, 1, *factors])
    node = helper.make_node("Resize", ["x", "", "s", "z"], ["y"], mode=mode, coordinate_transformation_mode=places)
    feeds = {"x": x, "s": scales, "z": (scales * x.shape).astype(np.int64)}
    wanted, found = (_resized(node, feeds, given, opset, exact=exact) for exact in (False, True))
    assert found.shape == wanted.shape
    assert 0 < np.abs(found - wanted).max() < 2e-4


def test_corners_that_are_aligned_stay():
    x = np.linspace(0, 1, 160, dtype=np.float32).reshape(1, 1, 1, 160)
    node = helper.make_node("Resize", ["x", "", "s"], ["y"], mode="linear", coordinate_transformation_mode="align_corners")
    feeds = {"x": x, "s": np.float32([1, 1, 1, 2.5]), "z": np.int64([1, 1, 1, 400])}
    found = _resized(node, feeds, "scales", 18, exact=True)
    np.testing.assert_allclose(found.ravel(), np.linspace(0, 1, 400), rtol=2e-7)


def _resized(node: onnx.NodeProto, feeds: dict[str, np.ndarray], given: str, opset: int, *, exact: bool) -> np.ndarray:
    """Its result, of the scales that are held by the model or of the sizes."""
    node = onnx.NodeProto.FromString(node.SerializeToString())
    node.input[:] = ["x", "r", "s"] if given == "scales" else ["x", "r", "e", "z"]
    held = {"r": np.float32([]), "e": np.float32([]), **{name: feeds[name] for name in "sz"}}
    shape = feeds["z"].tolist() if given == "sizes" else [*feeds["x"].shape[:2], None, None]
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, feeds["x"].shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [onnx.numpy_helper.from_array(array, name) for name, array in held.items() if name in node.input],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    if exact:
        in_float64(model, coarse(model))
        assert len(model.graph.node) > 1
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
        None, {"x": feeds["x"]}
    )[0]


@pytest.mark.parametrize("opset", [18, 21])
def test_group_normalization(opset):
    """Of an image far from zero, of which onnxruntime loses digits."""
    random = np.random.default_rng(2)
    x = (random.standard_normal((2, 6, 5, 4)) + 50).astype(np.float32)
    count = 6 if opset == 21 else 3  # a number for each channel, or for each group
    feeds = {
        "x": x,
        "s": random.standard_normal(count).astype(np.float32),
        "b": random.standard_normal(count).astype(np.float32),
    }
    node = helper.make_node("GroupNormalization", list(feeds), ["y"], epsilon=1e-3, num_groups=3)
    groups = x.astype(np.float64).reshape(2, 3, -1)
    centred = groups - groups.mean(2, keepdims=True)
    normal = centred / np.sqrt((centred**2).mean(2, keepdims=True) + np.float64(np.float32(1e-3)))
    scale, bias = (np.repeat(feeds[name].astype(np.float64), 6 // count)[:, None, None] for name in ("s", "b"))
    wanted = normal.reshape(x.shape) * scale + bias
    np.testing.assert_allclose(_answer(node, feeds, opset, exact=True), wanted, rtol=3e-7, atol=1e-7)
    assert np.abs(_answer(node, feeds, opset, exact=False) - wanted).max() > 1e-5


@pytest.mark.parametrize("opset", [13, 18])
@pytest.mark.parametrize("kind", ["GlobalAveragePool", "ReduceMean", "ReduceL2"])
def test_reductions(opset, kind):
    """Of an image of many pixels, of whose numbers the sum is small."""
    x = np.random.default_rng(3).standard_normal((2, 3, 500, 500)).astype(np.float32)
    attributes = {} if kind == "GlobalAveragePool" else {"axes": [2, 3], "keepdims": 1}
    if opset == 18 and attributes:  # there the axes are an input; without it these are all
        x, attributes = x[:1, :1], {"keepdims": 1}
    wide = x.astype(np.float64)
    wanted = np.sqrt((wide**2).sum((2, 3), keepdims=True)) if kind == "ReduceL2" else wide.mean((2, 3), keepdims=True)
    node = helper.make_node(kind, ["x"], ["y"], **attributes)
    exact, plain = (_answer(node, {"x": x}, opset, exact=each) for each in (True, False))
    np.testing.assert_allclose(exact, wanted, rtol=2e-7)
    assert np.abs(plain - wanted).max() > 1e-6 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("shape", "found"), [([1, 3, 7, 7], []), (["n", 3, 7, 7], []), (["n", 3, "h", 7], [0]), ([1, 3, 64, 64], [0])]
)
def test_a_sum_of_few_numbers_is_not_coarse(shape, found):
    ports = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, shape),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, None),
    ]
    graph = helper.make_graph([helper.make_node("GlobalAveragePool", ["x"], ["y"])], "one", ports[:1], ports[1:])
    assert list(coarse(helper.make_model(graph))) == found


@pytest.mark.parametrize("kind", ["Sigmoid", "Elu", "Celu", "Selu"])
def test_activations(kind):
    """Of numbers near zero, or far below, where onnxruntime loses half of the digits."""
    x = np.array([-40, -15, -9, -1e-5, 1e-5, 3], np.float32)
    attributes = {"alpha": 0.5} if kind in ("Elu", "Celu") else {}
    wide = x.astype(np.float64)
    alpha, gamma = (0.5, 1.0) if attributes else (1.67326319217681884765625, 1.05070102214813232421875)
    below = np.expm1(wide / alpha if kind == "Celu" else wide) * alpha
    wanted = 1 / (1 + np.exp(-wide)) if kind == "Sigmoid" else gamma * np.where(wide < 0, below, wide)
    node = helper.make_node(kind, ["x"], ["y"], **attributes)
    np.testing.assert_allclose(_answer(node, {"x": x}, 13, exact=True), wanted, rtol=1e-7)
    assert (np.abs(_answer(node, {"x": x}, 13, exact=False) / wanted - 1)).max() > 1e-4


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("GlobalAveragePool", {}),
        ("ReduceMean", {"axes": [-2, -1], "keepdims": 0}),
        ("ReduceMean", {"axes": [3, 2, 1], "keepdims": 1}),
        ("ReduceL1", {"axes": [2], "keepdims": 1}),
    ],
)
def test_sums_of_one_number_after_another(kind, attributes):
    """Of equal numbers, of which each is rounded the same way when it is added to a large sum; others are as they are."""
    x = np.full((2, 3, 1200, 20), 0.3, np.float32)
    axes = sorted(axis % 4 for axis in attributes.get("axes", [2, 3]))
    rows = np.moveaxis(x, axes, range(-len(axes), 0)).reshape(*(x.shape[axis] for axis in range(4) if axis not in axes), -1)
    wanted = np.cumsum(rows, -1, dtype=np.float32)[..., -1] / np.float32(rows.shape[-1])
    node = helper.make_node(kind, ["x"], ["y"], **attributes)
    found, plain = _answer(node, {"x": x}, 12, exact=True, how=in_sequence), _answer(node, {"x": x}, 12, exact=False)
    assert found.shape == plain.shape
    np.testing.assert_allclose(found.reshape(-1), plain.reshape(-1) if kind == "ReduceL1" else wanted.reshape(-1), rtol=1e-7)
    assert kind == "ReduceL1" or np.abs(found / 0.3 - 1).max() > 3e-6


def test_a_normalisation_of_one_number_after_another():
    """Of equal numbers: what the mean is off by is all that is left of them."""
    x = np.full((2, 3, 300, 40), 0.3, np.float32)
    feeds = {"x": x, "s": np.ones(3, np.float32), "b": np.zeros(3, np.float32)}
    node = helper.make_node("InstanceNormalization", list(feeds), ["y"], epsilon=1e-5)
    off = x[0, 0, 0, 0] - np.cumsum(x[0, 0], dtype=np.float32)[-1] / np.float32(12000)
    found = _answer(node, feeds, 12, exact=True, how=in_sequence)
    np.testing.assert_allclose(found, off / np.sqrt(off**2 + np.float32(1e-5)), rtol=1e-3)
    assert np.abs(found).max() > 1e-3
    assert np.abs(_answer(node, feeds, 12, exact=True)).max() == 0


def test_places_between_pixels_are_moved_by_a_last_bit_and_no_size_is():
    factors = np.array([1, 1, 1.5, np.float32(4 / 3), np.float32(2 / 3)], np.float32)
    moved = _nudged_factors(factors)
    assert (moved[:2] == 1).all()
    assert (moved[2:] != factors[2:]).all()
    for size in range(1, 200):
        np.testing.assert_array_equal(np.floor(size * moved), np.floor(size * factors))


def test_no_pixel_becomes_another_by_a_last_bit():
    """Of two images that are resized by one constant, that between pixels gets one of its own."""
    graph = onnx.parser.parse_graph(
        """g (float[n, 1, 4, 4] x) => (float y, float z) <float[4] scales = {1, 1, 2, 3}> {
        y = Resize <mode = "nearest"> (x, , scales)  z = Resize <mode = "cubic"> (x, , scales)
        }"""
    )
    assert _move_factors(graph)
    held = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    nearest, between = (held[node.input[2]] for node in graph.node)
    np.testing.assert_array_equal(nearest, [1, 1, 2, 3])
    assert between.tolist()[:3] == [1, 1, 2]
    assert between[3] > 3
    assert not _move_factors(onnx.parser.parse_graph("g (float[n] x) => (float y) { y = Relu (x) }"))


@pytest.mark.parametrize("other", [None, TensorProto.DOUBLE])
def test_numbers_of_a_type_that_inference_does_not_know_are_float32_where_all_are(other):
    """ImageScaler is no operator of ONNX any more; onnxruntime runs it."""
    nodes = [
        helper.make_node("ImageScaler", ["x"], ["scaled"], scale=1.0, bias=[0.0, 1.0]),
        helper.make_node("InstanceNormalization", ["scaled", "s", "b"], ["y"]),
        helper.make_node("ReduceMean", ["y"], ["mean"], axes=[2]),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", (1, 2, 90, 80)),)]
    result = helper.make_tensor_value_info("mean", TensorProto.FLOAT, None)
    weights = [onnx.numpy_helper.from_array(np.ones(2, np.float32), name) for name in "sb"]
    if other is not None:
        weights.append(onnx.numpy_helper.from_array(np.ones(2, np.float64), "other"))
    graph = helper.make_graph(nodes, "old", ports, [result], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 7)], ir_version=5)
    places = coarse(model)
    assert list(places) == ([1] if other is None else [])
    x = np.random.default_rng(0).standard_normal((1, 2, 90, 80)).astype(np.float32)
    plain = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    in_float64(model, places)
    exact = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    np.testing.assert_allclose(exact, plain, rtol=1e-3, atol=1e-3)
