"""Resize as the targets' own functions where they compute the same, for any batch, and without transposes."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from converter.emitters import emit
from tests.emitted import judge, read, run

RANDOM = np.random.default_rng(11)


def resized(scales: list[float], shape: tuple = ("n", 3, 4, 6), **attributes) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    held = numpy_helper.from_array(np.array(scales, np.float32), "scales")
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], **attributes)
    graph = helper.make_graph([node], "resized", [x], [y], [held])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


CASES = [
    *itertools.product(
        ["nearest"],
        ["half_pixel", "pytorch_half_pixel", "asymmetric"],
        ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"],
        [(2, 2), (3, 2), (0.5, 0.5), (1.5, 2.5)],
    ),
    *itertools.product(
        ["linear"],
        ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"],
        ["floor"],
        [(2, 2), (3, 2), (0.5, 0.5), (1.5, 2.5)],
    ),
]


@pytest.mark.parametrize("target", ["keras", "pytorch"])
def test_every_way_to_resize_space_is_functional_and_equal(target):
    """Batches of any size, whichever way they are written."""
    for mode, coordinates, nearest, scales in CASES:
        model = resized([1, 1, *scales], mode=mode, coordinate_transformation_mode=coordinates, nearest_mode=nearest)
        feeds = {"x": RANDOM.standard_normal((2, 3, 4, 6)).astype(np.float32)}
        graph = read(model)
        assert target == "pytorch" or "def build_model" in emit(graph, target).code
        (wanted,), (found,) = judge(model, feeds), run(read(model), target, feeds)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5, err_msg=str((mode, coordinates, nearest, scales)))


def test_keras_repeats_pixels_with_its_own_layer():
    model = resized([1, 1, 2, 2], shape=("n", 3, "h", "w"), coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    found = emit(read(model), "keras")
    assert "layers.UpSampling2D(2)(inputs)" in found.code
    assert found.transposes == 0


def test_keras_resizes_between_pixels_with_its_own_functions():
    assert 'layers.UpSampling2D(2, interpolation="bilinear")' in emit(read(resized([1, 1, 2, 2], mode="linear")), "keras").code
    assert (
        'ops.image.resize(inputs, (6, 15), interpolation="bilinear")'
        in emit(read(resized([1, 1, 1.5, 2.5], mode="linear")), "keras").code
    )


def test_keras_resizes_between_pixels_of_free_sizes_by_a_helper():
    """Keras' own function compares sizes in Python, which a call traced for sizes that are not known refuses."""
    model = resized([1, 1, 2, 2], shape=("n", 3, "h", "w"), mode="linear")
    assert "UpSampling2D" not in emit(read(model), "keras").code
    feeds = {"x": RANDOM.standard_normal((2, 3, 4, 6)).astype(np.float32)}
    np.testing.assert_allclose(run(read(model), "keras", feeds)[0], judge(model, feeds)[0], rtol=1e-5, atol=1e-5)


def test_pytorch_says_a_factor_where_sizes_are_free():
    model = resized([1, 1, 2, 2], shape=("n", 3, "h", "w"), coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    assert "F.interpolate(x, scale_factor=2)" in emit(read(model), "pytorch").code
