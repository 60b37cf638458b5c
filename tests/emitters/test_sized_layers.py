"""What a functional Keras model asks for when it runs: sizes, by small layers."""

import keras
import numpy as np
import onnx.parser
import pytest

from converter.emitters import emit
from tests.emitted import assert_equal, fresh_keras_model, read

_HEAD = '<ir_version: 10, opset_import: ["": 20]> net '


def emitted(text, feeds):
    model = onnx.parser.parse_model(_HEAD + text)
    found = emit(read(model), "keras")
    assert "(keras.Model)" not in found.code
    assert_equal(model, "keras", feeds)
    return found


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_a_weight_repeated_along_an_axis_that_is_not_the_first():
    found = emitted(
        """(float[b, 3] x) => (float[2, b, 3] y) <float[2, 1, 3] query = {1, 2, 3, 4, 5, 6}> {
        sizes = Shape (x)  zero = Constant <value_ints = [0]> ()  b = Gather (sizes, zero)
        one = Constant <value_ints = [1]> ()  times = Concat <axis = 0> (one, b, one)
        tiled = Tile (query, times)  y = Add (tiled, x)
        }""",
        {"x": numbers(4, 3)},
    )
    assert "def call(self, x, like):\n        return ops.tile(x, (1, ops.shape(like)[0], 1))" in found.code


def test_what_differs_in_numbers_is_one_class():
    found = emitted(
        """(float[b, 3] x) => (float[b, 9] y) {
        sizes = Shape (x)  zero = Constant <value_ints = [0]> ()  b = Gather (sizes, zero)
        two = Constant <value_ints = [2]> ()  four = Constant <value_ints = [4]> ()
        nothing = Constant <value_float = 0.0> ()
        some = Concat <axis = 0> (b, two)  more = Concat <axis = 0> (b, four)
        a = Expand (nothing, some)  c = Expand (nothing, more)  y = Concat <axis = 1> (a, x, c)
        }""",
        {"x": numbers(2, 3)},
    )
    assert found.code.count("class Zeros") == 1
    assert "Zeros(2)(" in found.code
    assert "Zeros(4)(" in found.code
    model = fresh_keras_model(found)
    assert type(model).from_config(model.get_config()).layers[1].size == 2


def test_names_of_layers_stay_unique_where_two_classes_compute_the_same_function():
    found = emitted(
        """(float[b, 3] x) => (float[b, 17] y, float[b, 2, 2] z) {
        sizes = Shape (x)  zero = Constant <value_ints = [0]> ()  b = Gather (sizes, zero)
        two = Constant <value_ints = [2]> ()  five = Constant <value_ints = [5]> ()  four = Constant <value_ints = [4]> ()
        nothing = Constant <value_float = 0.0> ()
        s2 = Concat <axis = 0> (b, two)  s5 = Concat <axis = 0> (b, five)  s4 = Concat <axis = 0> (b, four)
        s22 = Concat <axis = 0> (b, two, two)
        z2 = Expand (nothing, s2)  z5 = Expand (nothing, s5)  z4 = Expand (nothing, s4)  z = Expand (nothing, s22)
        y = Concat <axis = 1> (z2, x, z5, x, z4)
        }""",
        {"x": numbers(2, 3)},
    )
    keras.utils.clear_session()  # it counts the uses of each class from its first one
    names = sorted(layer.name for layer in fresh_keras_model(found).layers if layer.name.startswith("zeros"))
    assert names == ["zeros", "zeros2", "zeros_1", "zeros_2"]


@pytest.mark.parametrize(
    "text",
    [
        "y = DepthToSpace <blocksize = 2> (x)",
        "y = SpaceToDepth <blocksize = 2> (x)",
        "y = ReverseSequence <batch_axis = 0, time_axis = 1> (x, lengths)",
        "y = GatherElements <axis = 3> (x, places)",
        "y = GatherND <batch_dims = 1> (x, places)",
        "y = ScatterElements <axis = 3> (x, places, part)",
    ],
)
def test_helpers_ask_when_they_run(text):
    emitted(
        "(float[b, 4, h, w] x, int64[b] lengths, int64[b, 4, h, 1] places, float[b, 4, h, 1] part) => (float[b, n, k, m] y) {"
        + text
        + "}",
        {
            "x": numbers(2, 4, 6, 2),
            "lengths": np.array([1, 2]),
            "places": np.arange(48).reshape(2, 4, 6, 1) % 2,
            "part": numbers(2, 4, 6, 1),
        },
    )


def test_a_number_times_a_tensor_is_a_layer_in_front_of_such():
    """Keras takes such a product for a sparse tensor, and asks a class with one what it gives."""
    found = emitted(
        """(float[b, 3, h, w] x) => (float[b, 3, k, m] y)
        <float factor = {0.7}, int64[8] pads = {0, 0, 1, 2, 0, 0, 2, 0}> {
        scaled = Mul (x, factor)  y = Pad <mode = "edge"> (scaled, pads)
        }""",
        {"x": numbers(2, 3, 4, 5)},
    )
    assert "layers.Rescaling(0.7)(inputs)" in found.code


@pytest.mark.parametrize("mode", ["edge", "wrap", "reflect", "constant"])
def test_free_sizes_are_padded_and_cropped(mode):
    text = f"""(float[b, 3, h, w] x) => (float[b, 3, k, m] y) <int64[8] pads = {{0, 0, 1, 2, 0, 0, 2, -1}}> {{
        y = Pad <mode = "{mode}"> (x, pads)
        }}"""
    emitted(text, {"x": numbers(2, 3, 4, 5)})
    assert_equal(onnx.parser.parse_model(_HEAD + text), "pytorch", {"x": numbers(2, 3, 4, 5)})


def test_a_column_of_unknown_length_is_added_along_its_axis():
    """``ops.add`` on TensorFlow adds it along the last one, which is as long."""
    emitted(
        """(float[b, c, l] x, float[k] bias) => (float[b, c, l] y) <int64[3] column = {1, -1, 1}> {
        turned = Reshape (bias, column)  y = Add (x, turned)
        }""",
        {"x": numbers(3, 4, 4), "bias": numbers(4)},
    )


def test_a_mask_is_added_to_as_many_heads_as_samples_of_one_token():
    found = emitted(
        "(float[b, 4, t, t] scores, float[b, 1, 1, t] mask) => (float[b, 4, t, t] y) { y = Add (scores, mask) }",
        {"scores": numbers(4, 4, 1, 1), "mask": numbers(4, 1, 1, 1)},
    )
    assert "mask + scores" in found.code


def test_an_image_of_free_sizes_is_spread_and_its_features_padded():
    """By a stride of a transposed convolution that Keras has not, and behind a layer that keeps channels last."""
    model = onnx.parser.parse_model(
        _HEAD
        + """(float[b, 4, h, w] x) => (float[b, 2, k, m] y)
        <float[4, 1, 2, 2] kernel = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
        int64[8] pads = {0, 0, 1, 2, 0, 0, 2, 0}> {
        pooled = MaxPool <kernel_shape = [2, 2]> (x)  padded = Pad <mode = "edge"> (pooled, pads)
        y = ConvTranspose <group = 2, strides = [2, 2]> (padded, kernel)
        }"""
    )
    assert_equal(model, "keras", {"x": numbers(2, 4, 4, 5)})
