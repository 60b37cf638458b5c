"""Control flow, sequences and optionals against onnxruntime, in models written as text (https://onnx.ai/onnx/repo-docs/Syntax.html)."""

import numpy as np
import onnx
import onnx.parser
import pytest

import converter
from converter.emitters import emit
from tests.emitted import assert_equal, judge, read, run

TARGETS = pytest.mark.parametrize("target", ["pytorch", "keras"])
HEADER = '<ir_version: 10, opset_import: ["" : 21]>\n'

BRANCH = """
g (float[N, 3] x, bool c) => (float[N, 3] y, float[N, 3] z)
  <float[3] w = {1, 2, 3}, float[3] b = {0.5, 0.25, 4}> {
    h = Mul (x, w)
    y, z = If (c) <
      then_branch = t () => (float[N, 3] a, float[N, 3] s) { d = Add (h, b)  a = Relu (d)  s = Sub (a, h) },
      else_branch = e () => (float[N, 3] a2, float[N, 3] s2) { a2 = Identity (h)  s2 = Neg (x) }>
  }"""

NESTED = """
g (float[2] x, float limit, int64 count) => (float[2] y, float[M, 2] steps) <float one = {1}> {
    start = Identity (x)
    y, steps = Loop (count, , start) <body = b (int64 i, bool keep, float[2] s) => (bool more, float[2] s_out, float[2] part) {
        total = ReduceSum <keepdims = 0> (s)
        big = Greater (total, limit)
        more = Not (big)
        s_out = If (big) <
          then_branch = t () => (float[2] a) { a = Div (s, limit) },
          else_branch = e () => (float[2] a2) { f = Cast <to = 1> (i)  g1 = Add (f, one)  a2 = Add (s, g1) }>
        part = Mul (s, one)
    }>
  }"""

SWAPPED = """
g (float[2] x, float[2] z) => (float[2] a, float[2] b, float[5, 2] parts) <int64 five = {5}, bool true = {1}> {
    a, b, parts = Loop (five, true, x, z) <
      body = body (int64 i, bool keep, float[2] p, float[2] q) => (bool keep2, float[2] p2, float[2] q2, float[2] r) {
        keep2 = Identity (keep)  p2 = Identity (q)  q2 = Add (p, q)  r = Sub (p, q)
      }>
  }"""

NO_ROUND = """
g (float[2] x, int64 count) => (float[2] a, float[M, 2] parts) <bool true = {1}> {
    a, parts = Loop (count, true, x) <body = body (int64 i, bool keep, float[2] p) => (bool keep2, float[2] p2, float[2] r) {
        keep2 = Identity (keep)  p2 = Add (p, p)  r = Neg (p)
      }>
  }"""

SCANS = """
g (float[2] state, float[2, 5] x, float[5, 2] z) => (float[2] last, float[2, 5] sums, float[5, 2] products) {
    last, sums, products = Scan <num_scan_inputs = 2, scan_input_axes = [1, 0], scan_input_directions = [0, 1],
        scan_output_axes = [1, 0], scan_output_directions = [0, 1],
        body = body (float[2] s, float[2] a, float[2] b) => (float[2] s2, float[2] sum, float[2] product) {
          sum = Add (s, a)  product = Mul (sum, b)  s2 = Tanh (product)
        }> (state, x, z)
  }"""

CONSTANT = """
g (float[2] x) => (float[2] y) <bool false = {0}> {
    h = Relu (x)
    y = If (false) <then_branch = t () => (float[2] a) { a = Neg (h) }, else_branch = e () => (float[2] b) { b = Exp (h) }>
  }"""

SEQUENCES = """
g (float[6, 2] x, int64 at) => (float[6, 2] y, float[2, 2] z, float[4, 3, 2] stacked, int64 count)
  <int64 two = {2}, int64 three = {3}, int64 last = {-1}> {
    parts = SplitToSequence <axis = 0> (x, two)
    first = SequenceAt (parts, at)
    turned = Neg (first)
    more = SequenceInsert (parts, turned, last)
    less = SequenceErase (more, at)
    y = ConcatFromSequence <axis = 0> (less)
    z = SequenceAt (more, last)
    halves = SplitToSequence <axis = 0> (x, three)
    a = SequenceAt (halves, last)
    b = Exp (a)
    four = SequenceConstruct (a, b, a, b)
    stacked = ConcatFromSequence <axis = 0, new_axis = 1> (four)
    count = SequenceLength (less)
  }"""


def model(text):
    return onnx.parser.parse_model(HEADER + text)


def random(*shape):
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


@TARGETS
@pytest.mark.parametrize("condition", [True, False])
def test_if_reads_what_stands_around_it(target, condition):
    assert_equal(model(BRANCH), target, {"x": random(4, 3), "c": np.array(condition)})


@TARGETS
@pytest.mark.parametrize(("limit", "count"), [(3, 20), (100, 4), (-100, 3)])
def test_loop_stops_by_count_or_condition(target, limit, count):
    feeds = {"x": np.float32([0.1, 0.2]), "limit": np.array(limit, np.float32), "count": np.array(count)}
    assert_equal(model(NESTED), target, feeds)


@TARGETS
def test_states_that_need_each_others_old_values_change_together(target):
    assert_equal(model(SWAPPED), target, {"x": random(2), "z": random(2) + 1})


@TARGETS
@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_loop_without_a_round_gives_an_empty_tensor(target, count):
    assert_equal(model(NO_ROUND), target, {"x": random(2), "count": np.array(count)})


@TARGETS
def test_scan_walks_any_axis_in_any_direction(target):
    assert_equal(model(SCANS), target, {"state": random(2), "x": random(2, 5), "z": random(5, 2) + 1})


@TARGETS
def test_a_known_condition_leaves_no_if(target):
    graph = read(model(CONSTANT))
    assert [node.op_type for node in graph.nodes] == ["Relu", "Exp"]
    assert_equal(model(CONSTANT), target, {"x": random(2)})


@TARGETS
@pytest.mark.parametrize("at", [0, 1, -1])
def test_sequences(target, at):
    assert_equal(model(SEQUENCES), target, {"x": random(6, 2), "at": np.array(at)})


UNTYPED = """
g (float[2, 3] x, float[4, 2, 3] z) => (float[2, 3] last, float[4, 2] sums) <float[2, 1] first = {0, 0}, int64[1] axis = {1}> {
    last, sums = Scan <num_scan_inputs = 1, body = body (s, e) => (s2, sum) {
        s2 = Add (s, e)  shape = Shape (s2)  flat = Reshape (s2, shape)  sum = ReduceSum <keepdims = 0> (flat, axis)
      }> (x, z)
  }"""

GROWING = """
g (float[1, 3] x, int64 count) => (float[N, 3] y) <bool true = {1}> {
    y = Loop (count, true, x) <body = body (int64 i, bool keep, float[M, 3] s) => (bool keep2, float[K, 3] s2) {
        keep2 = Identity (keep)  s2 = Concat <axis = 0> (s, s)
      }>
  }"""

RANGE = """
g (float[N] x, int64[1] stop) => (float[N] y) <int64[1] zero = {0}, int64[1] one = {1}> {
    places = Range (zero, stop, one)
    y = Gather (x, places)
  }"""


@TARGETS
def test_a_body_that_tells_no_types(target):
    """The state is given back in its shape, so that the body knows it and computes none at run time."""
    graph = read(model(UNTYPED))
    (scan,) = graph.nodes
    assert [value.shape for value in scan["body"].inputs] == [(2, 3), (2, 3)]
    assert [node.op_type for node in scan["body"].nodes] == ["Add", "ReduceSum"]
    assert_equal(model(UNTYPED), target, {"x": random(2, 3), "z": random(4, 2, 3)})


@TARGETS
@pytest.mark.parametrize("count", [0, 3])
def test_a_state_that_grows(target, count):
    assert_equal(model(GROWING), target, {"x": random(1, 3), "count": np.array(count)})


@TARGETS
def test_a_range_of_vectors_of_one_number(target):
    assert_equal(model(RANGE), target, {"x": random(5), "stop": np.array([5])})


PATTERN_ACROSS = """
g (float[N, 3] x, bool c) => (float[N, 3] y) <float[3] b = {1, 2, 3}> {
    h = MatMul (x, w)
    y = If (c) <then_branch = t () => (float[N, 3] a) { a = Add (h, b) }, else_branch = e () => (float[N, 3] d) { d = Neg (x) }>
  }"""


@TARGETS
@pytest.mark.parametrize("condition", [True, False])
def test_a_pattern_across_the_border_of_a_branch_is_left_alone(target, condition):
    graph = model(PATTERN_ACROSS)
    graph.graph.initializer.append(onnx.numpy_helper.from_array(random(3, 3), "w"))
    assert_equal(graph, target, {"x": random(4, 3), "c": np.array(condition)})


def _layers_in_a_branch():
    """A convolution in a branch, so that Keras has to put channels last inside and back at the end."""
    rng = np.random.default_rng(0)
    graph = model("""
g (float[N, 3, 8, 7] x, float[4, 3, 3, 3] w, float[4] b, bool c) => (float[N, 4, 8, 7] y) {
    h = Conv <pads = [1, 1, 1, 1]> (x, w, b)
    y = If (c) <
      then_branch = t () => (float[N, 4, 8, 7] a) { d = Conv <pads = [1, 1, 1, 1]> (x, w, b)  a = Add (d, h) },
      else_branch = e () => (float[N, 4, 8, 7] f) {
        p = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (h)
        f = Relu (p)
      }>
  }""")
    weights = {"w": rng.standard_normal((4, 3, 3, 3)), "b": rng.standard_normal(4)}
    graph.graph.initializer.extend(onnx.numpy_helper.from_array(a.astype(np.float32), name) for name, a in weights.items())
    del graph.graph.input[1:3]
    return graph


@TARGETS
@pytest.mark.parametrize("condition", [True, False])
def test_layers_inside_a_branch(target, condition):
    assert_equal(_layers_in_a_branch(), target, {"x": random(2, 3, 8, 7), "c": np.array(condition)})


@TARGETS
def test_a_written_model_with_branches_verifies_and_loads_again(target, tmp_path):
    path = tmp_path / "branches.onnx"
    onnx.save(_layers_in_a_branch(), path)
    assert converter.convert(path, target, tmp_path / "out").report.ok
    feeds = {"x": random(2, 3, 8, 7), "c": np.array(True)}
    (found,) = converter.open(tmp_path / "out").run(feeds).values()
    np.testing.assert_allclose(found, judge(_layers_in_a_branch(), feeds)[0], rtol=0, atol=1e-4)


def test_control_flow_is_that_of_python():
    code = emit(read(model(NESTED)), "pytorch").code
    assert "for i in range(int(count)):" in code
    assert "if not more" not in code and "break" in code
    assert "if big:" in code or "if total > limit:" in code


def test_a_keras_model_that_can_be_compiled_is_not_run_eagerly():
    assert "ops.cond(c, then_branch, else_branch)" in emit(read(_layers_in_a_branch()), "keras").code
    for text, eager in ((SCANS, False), (SWAPPED, False), (BRANCH, False), (NESTED, True), (NO_ROUND, True)):
        assert ("run_eagerly" in emit(read(model(text)), "keras").code) == eager


@TARGETS
def test_an_optional_holds_a_value_or_nothing(target):
    graph = model("""
g (optional(float[3]) x) => (bool has) { has = OptionalHasElement (x) }""")
    for given in (random(3), None):
        (found,) = run(read(graph), target, {"x": given})
        assert found == (given is not None)
