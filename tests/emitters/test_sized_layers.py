"""What a functional Keras model asks for when it runs: sizes, by small layers."""

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
