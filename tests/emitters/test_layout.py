"""Any chain of operators that move, merge and broadcast axes computes the same with channels last."""

import itertools
import math
import sys

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import converter
from converter.emitters.layout import Layout, matching_blocks, plan
from converter.operators.registry import room_of
from tests.emitted import assert_equal
from tests.models import save


class Chain:
    """A model that grows by one random operator at a time; ``shape`` is the current value's, batch 2 first."""

    def __init__(self, draw):
        self.draw, self.rng = draw, np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.nodes, self.weights, self.values = [], [], []
        self.shape = (2, draw(st.sampled_from([4, 6])), draw(st.integers(2, 4)), draw(st.integers(2, 4)))
        self.first, self.name = self.shape, "x"

    def weight(self, array):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def numbers(self, *shape):
        return self.weight(self.rng.standard_normal(shape).astype(np.float32))

    def add(self, op_type, inputs, shape, **attributes):
        self.values.append((self.name, self.shape))
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs, [output], **attributes))
        self.name, self.shape = output, tuple(shape)

    def step(self):
        rank = len(self.shape)
        choices = ["relu", "transpose", "softmax", "broadcast", "reshape"]
        choices += ["conv", "norm"] if rank == 4 else []
        choices += ["dense"] if rank == 2 else ["flatten"]
        choices += ["again"] if any(shape == self.shape for _, shape in self.values) else []
        choices += ["concat"] if any(self._joins(shape) for _, shape in self.values) else []
        getattr(self, self.draw(st.sampled_from(choices)))()

    def relu(self):
        self.add("Relu", [self.name], self.shape)

    def conv(self):
        channels = self.draw(st.sampled_from([4, 6]))
        weights = [self.numbers(channels, self.shape[1], 3, 3), self.numbers(channels)]
        self.add("Conv", [self.name, *weights], (2, channels, *self.shape[2:]), pads=[1, 1, 1, 1])

    def norm(self):
        channels = self.shape[1]
        weights = [self.numbers(channels), self.numbers(channels), self.numbers(channels)]
        variance = self.weight(self.rng.uniform(0.5, 2, channels).astype(np.float32))
        self.add("BatchNormalization", [self.name, *weights, variance], self.shape)

    def transpose(self):
        perm = [0, *self.draw(st.permutations(range(1, len(self.shape))))]
        self.add("Transpose", [self.name], [self.shape[axis] for axis in perm], perm=perm)

    def softmax(self):
        self.add("Softmax", [self.name], self.shape, axis=self.draw(st.integers(1, len(self.shape) - 1)))

    def broadcast(self):
        kept = self.draw(st.integers(1, len(self.shape) - 1))
        shape = [size if self.draw(st.booleans()) else 1 for size in self.shape[-kept:]]
        inputs = [self.name, self.numbers(*shape)]
        self.add(self.draw(st.sampled_from(["Add", "Mul"])), self.draw(st.permutations(inputs)), self.shape)

    def again(self):
        other = self.draw(st.sampled_from([name for name, shape in self.values if shape == self.shape]))
        self.add("Add", [self.name, other], self.shape)

    def _joins(self, shape):
        return len(shape) == len(self.shape) and sum(a != b for a, b in zip(shape, self.shape, strict=True)) <= 1

    def concat(self):
        name, shape = self.draw(st.sampled_from([value for value in self.values if self._joins(value[1])]))
        different = [axis for axis, sizes in enumerate(zip(shape, self.shape, strict=True)) if sizes[0] != sizes[1]]
        axis = different[0] if different else self.draw(st.integers(1, len(shape) - 1))
        if axis == 0:
            return
        joined = [a + b if i == axis else a for i, (a, b) in enumerate(zip(shape, self.shape, strict=True))]
        if math.prod(joined) < 1000:
            self.add("Concat", [self.name, name], joined, axis=axis)

    def reshape(self):
        sizes = list(self.shape[1:])
        for _ in range(self.draw(st.integers(1, 2))):
            at = self.draw(st.integers(0, len(sizes) - 1))
            factors = [f for f in range(2, sizes[at]) if sizes[at] % f == 0]
            if factors and len(sizes) < 4:
                factor = self.draw(st.sampled_from(factors))
                sizes[at : at + 1] = [factor, sizes[at] // factor]
            elif at + 1 < len(sizes):
                sizes[at : at + 2] = [sizes[at] * sizes[at + 1]]
        self.add("Reshape", [self.name, self.weight(np.array([0, *sizes], np.int64))], (2, *sizes))

    def flatten(self):
        self.add("Flatten", [self.name], (2, math.prod(self.shape[1:])), axis=1)

    def dense(self):
        out = self.draw(st.sampled_from([4, 6]))
        weights = [self.numbers(out, self.shape[1]), self.numbers(out)]
        self.add("Gemm", [self.name, *weights], (2, out), transB=1)

    def model(self):
        graph = helper.make_graph(
            self.nodes,
            "chain",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *self.first[1:]])],
            [helper.make_tensor_value_info(self.name, TensorProto.FLOAT, ["batch", *self.shape[1:]])],
            self.weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@st.composite
def chains(draw) -> tuple[onnx.ModelProto, np.ndarray]:
    chain = Chain(draw)
    for _ in range(draw(st.integers(2, 9))):
        chain.step()
    chain.relu()
    return chain.model(), chain.rng.standard_normal(chain.first).astype(np.float32)


@pytest.mark.parametrize("target", ["keras", "pytorch"])
@given(case=chains())
def test_chain(target, case):
    model, x = case
    assert_equal(model, target, {"x": x})


def test_two_layers_in_a_row_take_one_activation():
    """Found by a chain: the activation went into both layers, and one was lost."""
    weights = {"w0": (4, 6), "w1": (4,), "w2": (4, 4), "w3": (4,)}
    rng = np.random.default_rng(0)
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w0", "w1"], ["a"], transB=1),
            helper.make_node("Gemm", ["a", "w2", "w3"], ["b"], transB=1),
            helper.make_node("Relu", ["b"], ["y"]),
        ],
        "two",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(rng.standard_normal(s).astype(np.float32), n) for n, s in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert_equal(model, "keras", {"x": rng.standard_normal((2, 6)).astype(np.float32)})


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("shape", [(2, 1), (4, 1, 1), (1, 2), (2,), (1, 2, 1), (1, 4, 1, 1)])
def test_a_term_that_looks_like_a_bias(shape, swapped):
    """Found by a chain: Keras on TensorFlow adds (2, 1) to (4, 2, 2) along the wrong axis."""
    rng = np.random.default_rng(0)
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["w", "x"] if swapped else ["x", "w"], ["a"]),
            helper.make_node("Sum", ["a", "w", "x"], ["y"]),
        ],
        "bias",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4, 2, 2])],
        [numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert_equal(model, "keras", {"x": rng.standard_normal((2, 4, 2, 2)).astype(np.float32)})


def test_one_weight_in_two_orders_of_axes():
    """A cube of a weight has the same shape in every order, and is read channels last and as it is."""
    rng = np.random.default_rng(0)
    weights = {"kernel": rng.standard_normal((4, 4, 3, 3)), "cube": rng.standard_normal((4, 4, 4))}
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["filtered"], pads=[1, 1, 1, 1]),
        helper.make_node("Mul", ["filtered", "cube"], ["y"]),
        helper.make_node("Mul", ["other", "cube"], ["z"]),
    ]
    ports = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4, 4, 4])
        for name in ("image", "other", "y", "z")
    }
    tensors = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "cube", [ports["image"], ports["other"]], [ports["y"], ports["z"]], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    feeds = {name: rng.standard_normal((2, 4, 4, 4)).astype(np.float32) for name in ("image", "other")}
    assert_equal(model, "keras", feeds)


@pytest.mark.parametrize("target", ["keras", "pytorch"])
@pytest.mark.parametrize("shape", [(4, 1), (1, 4), (4,), (1,), (), (4, 4)])
def test_the_addend_of_a_product(shape, target):
    """A column of four is no bias of four outputs."""
    rng = np.random.default_rng(0)
    weights = {"b": rng.standard_normal((3, 4)), "c": rng.standard_normal(shape)}
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "b", "c"], ["y"], beta=0.5)],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 4])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert_equal(model, target, {"x": rng.standard_normal((4, 3)).astype(np.float32)})


def test_blocks_of_a_reshape():
    assert matching_blocks(("n", 4, 6, 6), ("n", 2, 2, 36)) == [([0], [0]), ([1], [1, 2]), ([2, 3], [3])]
    assert matching_blocks(("n", 8, 1, 1), ("n", 8)) == [([0], [0]), ([1, 2, 3], [1])]
    assert matching_blocks(("n", 4), ("n", 2, 3)) is None or matching_blocks(("n", None, 4), ("n", 2, 2)) is None


def test_blocks_of_sizes_whose_product_has_a_name():
    assert matching_blocks(("n", "t", 3, 4), ("n*t", 12)) == [([0, 1], [0]), ([2, 3], [1])]
    assert matching_blocks(("n*t", 6), ("t", "n", 2, 3)) == [([0], [0, 1]), ([1], [2, 3])]
    assert matching_blocks(("n", "t + 1", 3), ("n*t + 1", 3)) is None


def emitted(nodes, sizes, output, tmp_path):
    """The Keras code for a model with input ``x``, weights of ones in it, and how its inputs are stored."""
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)],
        [
            numpy_helper.from_array(np.array([-1, 3, 8, 6]), "images"),
            numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w"),
            numpy_helper.from_array(np.ones((1, 20, 3), np.float32), "k"),
            numpy_helper.from_array(np.ones((1, 20, 5), np.float32), "r"),
        ],
    )
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    conversion = converter.convert(path, "keras", tmp_path / "out")
    assert conversion.report.ok
    return conversion.inputs[0].axes, (tmp_path / "out" / "model.py").read_text(encoding="utf-8")


def test_images_over_time_are_stored_channels_last(tmp_path):
    nodes = [helper.make_node("Reshape", ["x", "images"], ["i"]), helper.make_node("Conv", ["i", "w"], ["y"])]
    axes, code = emitted(nodes, ["n", "t", 3, 8, 6], ["m", 4, 6, 4], tmp_path)
    assert axes == (0, 1, 3, 4, 2)
    assert "transpose" not in code


@pytest.mark.parametrize("target", [[0, -1], [0, 4, 16]])
def test_what_is_stored_with_its_batch_last_is_flattened_all_the_same(target, tmp_path):
    """A batch of masks is resized as the channels of one image, as torch writes it."""
    nodes = [
        helper.make_node("Unsqueeze", ["x", "first"], ["one"]),
        helper.make_node("Resize", ["one", "", "scales"], ["r"], mode="nearest"),
        helper.make_node("Squeeze", ["r", "first"], ["s"]),
        helper.make_node("Reshape", ["s", "target"], ["y"]),
    ]
    weights = {"first": np.array([0]), "scales": np.float32([1, 1, 2, 2]), "target": np.array(target)}
    shape = ["b", 64] if len(target) == 2 else ["b", 4, 16]
    path = save(tmp_path / "m.onnx", nodes, {"x": ["b", 4, 4]}, {"y": shape}, weights)
    assert_equal(onnx.load(path), "keras", {"x": np.random.default_rng(0).standard_normal((3, 4, 4)).astype(np.float32)})


def test_sequences_are_stored_as_recurrent_layers_read_them(tmp_path):
    """Whatever axis the source has time on, Keras has it behind the batch, between two layers too."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["steps"], perm=[2, 0, 1]),
        helper.make_node("LSTM", ["steps", "k", "r"], ["h"], hidden_size=5),
        helper.make_node("Squeeze", ["h", "one"], ["s"]),
        helper.make_node("Transpose", ["s"], ["y"], perm=[1, 2, 0]),
    ]
    nodes.insert(0, helper.make_node("Constant", [], ["one"], value_ints=[1]))
    axes, code = emitted(nodes, ["n", 3, "t"], ["n", 5, "t"], tmp_path)
    assert axes == (0, 2, 1)
    assert "transpose" not in code
    assert "swapaxes" not in code


def test_networks_may_be_deeper_than_python_recurses(tmp_path):
    """What a convolution asks for is followed to the input, and the order of flat axes to what multiplies by a weight."""
    depth = sys.getrecursionlimit() + 100
    names = ["x", *(f"before{n}" for n in range(depth))]
    nodes = [helper.make_node("Relu", [a], [b]) for a, b in itertools.pairwise(names)]
    nodes += [helper.make_node("Conv", [names[-1], "w"], ["c"]), helper.make_node("Flatten", ["c"], ["after0"])]
    names = [f"after{n}" for n in range(depth)]
    nodes += [helper.make_node("Sigmoid", [a], [b]) for a, b in itertools.pairwise(names)]
    nodes.append(helper.make_node("Gemm", [names[-1], "v"], ["y"]))
    weights = {"w": np.ones((4, 3, 3, 3), np.float32), "v": np.ones((16, 2), np.float32)}
    graph = converter.read(save(tmp_path / "deep.onnx", nodes, {"x": ["b", 3, 4, 4]}, {"y": ["b", 2]}, weights))
    layouts = plan(graph, lambda node: room_of(node).layout)
    assert layouts.of(graph.inputs[0]) == Layout.channels_last(4)
    assert layouts.of(graph.nodes[-1].inputs[0]).flat


def test_layout_follows_removed_axes():
    assert Layout.channels_last(4).without([2, 3]) == Layout((0, 1))
    assert Layout((0, 2, 3, 1)).stored_axis(-3) == 3


@pytest.mark.parametrize("target", ["keras", "pytorch"])
@pytest.mark.parametrize("perm", [None, [0, 2, 1]])
def test_axes_are_moved_where_their_number_is_unknown(perm, target):
    """The axes of the result of a computed Reshape are counted only when it runs: no plan can hold their order."""
    attributes = {} if perm is None else {"perm": perm}
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["r"]), helper.make_node("Transpose", ["r"], ["y"], **attributes)]
    ports = [
        helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [2, 12]),
        helper.make_tensor_value_info("shape", onnx.TensorProto.INT64, ["axes"]),
        helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None),
    ]
    graph = helper.make_graph(nodes, "unknown", ports[:2], ports[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    x = np.random.default_rng(0).standard_normal((2, 12)).astype(np.float32)
    assert_equal(model, target, {"x": x, "shape": np.array([2, 3, 4])})
