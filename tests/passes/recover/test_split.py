"""A list of parts that is only taken apart is a Split."""

import numpy as np
import onnx.parser
import pytest

from converter.emitters import emit
from tests.emitted import assert_equal, read

_TEXT = """
    <ir_version: 10, opset_import: ["": 20]> net (float[b, 7] x) => (float[b, n] y) {
        size = Constant <value_int = SIZE> ()  i = Constant <value_int = 0> ()  j = Constant <value_int = -1> ()
        parts = SplitToSequence <axis = -1> (x, size)
        first = SequenceAt (parts, i)  last = SequenceAt (parts, j)  again = SequenceAt (parts, i)
        MORE
        y = Concat <axis = 1> (last, first, again)
    }
"""


@pytest.mark.parametrize("target", ["keras", "pytorch"])
@pytest.mark.parametrize("size", [3, 4])
def test_parts_of_a_list(size, target):
    model = onnx.parser.parse_model(_TEXT.replace("SIZE", str(size)).replace("MORE", ""))
    assert [node.op_type for node in read(model).nodes] == ["Split", "Concat"]
    assert_equal(model, target, {"x": np.arange(14, dtype=np.float32).reshape(2, 7)})


def test_a_list_that_is_asked_for_its_length_stays():
    more = "count = SequenceLength (parts)  number = Cast <to = 1> (count)  more = Mul (last, number)"
    model = onnx.parser.parse_model(_TEXT.replace("SIZE", "3").replace("MORE", more).replace("(last,", "(more,", 2))
    model.graph.node[-2].input[0] = "last"
    assert "SplitToSequence" in [node.op_type for node in read(model).nodes]


_COMPUTED = """
    <ir_version: 10, opset_import: ["": 20]> net (float[b, 6] x) => (float[b, 2, k] y) {
        rows = Constant <value_ints = [0]> ()  sizes = Shape (x)  b = Gather (sizes, rows)
        more = Constant <value_ints = [2, -1]> ()  target = Concat <axis = 0> (b, more)  image = Reshape (x, target)
        given = Constant <value_ints = [1, 2]> ()  i = Constant <value_int = 0> ()  j = Constant <value_int = 1> ()
        parts = SplitToSequence <axis = 2> (image, given)
        first = SequenceAt (parts, i)  last = SequenceAt (parts, j)
        again = SplitToSequence <axis = 2> (last, j)
        half = SequenceAt (again, j)
        y = Concat <axis = 2> (half, first)
    }
"""


@pytest.mark.parametrize("target", ["keras", "pytorch"])
def test_parts_of_what_a_computed_shape_gives_and_parts_of_these(target):
    model = onnx.parser.parse_model(_COMPUTED)
    graph = read(model)
    assert "SplitToSequence" not in [node.op_type for node in graph.nodes]
    assert "(keras.Model)" not in emit(graph, target).code
    assert_equal(model, target, {"x": np.arange(12, dtype=np.float32).reshape(2, 6)})
