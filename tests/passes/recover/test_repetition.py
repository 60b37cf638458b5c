"""Blocks of files that tell no modules: from the names of layers, and from what comes again."""

from __future__ import annotations

import ast
import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from converter.emitters import emit
from tests.emitted import judge, read, run

RANDOM = np.random.default_rng(11)
EPSILON = 1e-3


class Network:
    """An ONNX model that is told nothing but the names of its weights."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def add(self, op_type: str, *inputs: str, **attributes) -> str:
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs, [output], **attributes))
        return output

    def weight(self, name: str, array: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name

    def conv(self, name: str, x: str, channels: int, filters: int, **attributes) -> str:
        kernel = self.weight(f"{name}.weight", RANDOM.standard_normal((filters, channels, 3, 3)) / 6)
        bias = self.weight(f"{name}.bias", RANDOM.standard_normal(filters))
        return self.add("Conv", x, kernel, bias, kernel_shape=[3, 3], pads=[1, 1, 1, 1], **attributes)

    def norm(self, name: str, x: str, channels: int) -> str:
        parts = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}
        numbers = {key: start + 0.1 * RANDOM.random(channels) for key, start in parts.items()}
        weights = [self.weight(f"{name}.{key}", array) for key, array in numbers.items()]
        return self.add("BatchNormalization", x, *weights, epsilon=EPSILON)

    def block(self, names: tuple[str, ...], x: str, channels: int, filters: int) -> str:
        """conv, norm, relu, conv, sum with the input, relu."""
        out = self.norm(names[1], self.conv(names[0], x, channels, filters), filters)
        out = self.conv(names[2], self.add("Relu", out), filters, channels)
        return self.add("Relu", self.add("Add", out, x))

    def model(self, output: str) -> onnx.ModelProto:
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4, 5, 6])
        y = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "main_graph", [x], [y], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def equal(model: onnx.ModelProto, target: str) -> None:
    feeds = {"x": RANDOM.standard_normal((2, 4, 5, 6)).astype(np.float32)}
    (wanted,) = judge(model, feeds)
    (found,) = run(read(model), target, feeds)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def defined(code: str) -> list[str]:
    kinds = (ast.ClassDef, ast.FunctionDef)
    return [node.name for node in ast.parse(code).body if isinstance(node, kinds) and "model" not in node.name.lower()]


def layers_of(weights) -> list[str]:
    return list(dict.fromkeys(re.split("/|\\.(?=[a-z_]+$)", key)[0] for key in weights))


# The names of three layers by the number of their block, and the key of the first in PyTorch.
NAMES = {
    "numbered": (lambda i: (f"res2_{i}_branch2a", f"res2_{i}_branch2a_bn", f"res2_{i}_branch2b"), "res2.{}.branch2a"),
    "from one": (lambda i: (f"stage_{i + 1}/a/conv", f"stage_{i + 1}/a/bn", f"stage_{i + 1}/b/conv"), "stage.{1}.a_conv"),
    "Keras": (
        lambda i: (f"conv2_block{i + 1}_1_conv", f"conv2_block{i + 1}_1_bn", f"conv2_block{i + 1}_2_conv"),
        "conv2_block{1}.conv_1_conv",
    ),
    "torch": (lambda i: (f"layer1.{i}.conv1", f"layer1.{i}.bn1", f"layer1.{i}.conv2"), "layer1.{}.conv1"),
    "scopes": (lambda i: (f"net/u{i}/c1", f"net/u{i}/n1", f"net/u{i}/c2"), "u{}.c1"),
}


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize(("names", "key"), NAMES.values(), ids=NAMES)
def test_layers_that_begin_alike_are_a_block(names, key, target):
    net = Network()
    x = net.conv("net/stem" if key.startswith("u") else "stem", "x", 4, 4)
    x = net.add("MaxPool", x, kernel_shape=[2, 2], pads=[0, 0, 1, 1])
    for place, filters in enumerate((8, 8, 6, 6)):
        x = net.block(names(place), x, 4, filters)
    model = net.model(net.add("MaxPool", x, kernel_shape=[2, 2]))
    found = emit(read(model), target)
    layers = layers_of(found.weights)
    if target == "pytorch":
        assert defined(found.code) == ["ResidualBlock"]
        for place in range(4):
            assert key.format(place, place + 1) in layers
    else:
        assert defined(found.code) == ["residual_block"]
        own = [re.sub(r"\W", "_", name.removeprefix("net/")) for place in range(4) for name in names(place)]
        assert sorted(layers) == sorted(["stem", *own])
    equal(model, target)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_layers_that_have_no_names_are_counted_in_their_block(target):
    net, x = Network(), "x"
    for place in range(4):
        start = 10 * place
        x = net.block((f"n{start}", f"n{start + 1}", f"n{start + 2}"), x, 4, 8 if place % 2 else 6)
    model = net.model(net.add("MaxPool", x, kernel_shape=[2, 2]))
    found = emit(read(model), target)
    assert defined(found.code) == (["ResidualBlock"] if target == "pytorch" else ["residual_block"])
    joint = "." if target == "pytorch" else "_"
    blocks = [f"blocks{joint}{place}{joint}{name}" for place in range(4) for name in ("conv", "batch_normalization", "conv_2")]
    assert sorted(layers_of(found.weights)) == sorted(blocks)
    equal(model, target)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_counters_of_the_whole_network_are_counted_anew(target):
    net, x = Network(), "x"
    for place in range(4):
        x = net.block((f"conv_{2 * place}", f"conv_{2 * place}_bn", f"conv_{2 * place + 1}"), x, 4, 8)
    found = emit(read(model := net.model(net.add("MaxPool", x, kernel_shape=[2, 2]))), target)
    names = ("blocks.3.conv", "blocks.3.conv_bn", "blocks.3.conv_2")
    wanted = names if target == "pytorch" else [name.replace(".", "_") for name in names]
    assert layers_of(found.weights)[-3:] == list(wanted)
    equal(model, target)


def test_a_block_with_a_projection_is_another_class():
    net, x = Network(), "x"
    for place in range(9):
        path = f"res2_{place}"
        out = net.conv(f"{path}_a", x, 4, 4)
        other = net.conv(f"{path}_shortcut", x, 4, 4) if place % 3 == 0 else x
        x = net.add("Relu", net.add("Add", net.conv(f"{path}_b", out, 4, 4), other))
    found = emit(read(model := net.model(net.add("MaxPool", x, kernel_shape=[2, 2]))), "pytorch")
    assert sorted(defined(found.code)) == ["ProjectionBlock", "ResidualBlock"]
    assert "self.res2 = nn.Sequential(" in found.code
    equal(model, "pytorch")


def test_neighbours_that_grow_from_one_on_keep_their_numbers():
    net, x = Network(), "x"
    for place in range(1, 5):
        out = net.conv(f"conv2_{place}_x1", x, 4 * place, 8)
        x = net.add("Concat", x, net.conv(f"conv2_{place}_x2", net.add("Relu", out), 8, 4), axis=1)
    found = emit(read(model := net.model(net.add("Relu", net.conv("conv2_blk", x, 20, 4)))), "pytorch")
    assert 'OrderedDict({f"{i + 1}": DenseLayer(4 + 4 * i) for i in range(4)})' in " ".join(found.code.split())
    assert "conv2.4.x2" in layers_of(found.weights) and "conv2_blk" in layers_of(found.weights)
    equal(model, "pytorch")


def test_numbers_in_lists_of_layers_are_no_names():
    net, ends = Network(), []
    for place in range(4):
        x = net.add("Relu", net.conv(f"heads.{place}.0", "x", 4, 4))
        ends.append(net.conv(f"heads.{place}.2", x, 4, 4))
    found = emit(read(net.model(net.add("Sum", *ends))), "pytorch")
    assert defined(found.code) == [] and "heads_3_2" in layers_of(found.weights)


def test_a_block_that_has_the_name_of_a_layer_does_not_take_it():
    net = Network()
    x = net.conv("res2", "x", 4, 4)
    for place in range(3):
        x = net.block((f"res2_{place}_a", f"res2_{place}_n", f"res2_{place}_b"), x, 4, 8)
    found = emit(read(model := net.model(net.add("MaxPool", x, kernel_shape=[2, 2]))), "pytorch")
    assert {"res2", "res2_0.a", "res2_2.b"} <= set(layers_of(found.weights))
    equal(model, "pytorch")


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_what_does_not_come_again_stays_flat(target):
    net, x = Network(), "x"
    for name in ("conv1_a", "conv1_b", "conv2_a", "conv3_a", "conv3_b_c", "fc"):
        x = net.add("Relu", net.conv(name, x, 4, 4))
    graph = read(net.model(x))
    assert all(node.scope is None for node in graph.nodes)
    assert layers_of(emit(graph, target).weights) == ["conv1_a", "conv1_b", "conv2_a", "conv3_a", "conv3_b_c", "fc"]
