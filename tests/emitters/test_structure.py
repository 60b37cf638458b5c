"""Module calls that exporters leave in a file become classes, sequences and lists, with the source's keys."""

from __future__ import annotations

import ast
import random
import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from converter.emitters import emit
from converter.readers.scopes import scope_of
from tests.emitted import judge, keras_model, pytorch_model, read, run

RANDOM = np.random.default_rng(7)
START = RANDOM.bit_generator.state


@pytest.fixture(autouse=True)
def same_numbers_alone_and_together() -> None:
    RANDOM.bit_generator.state = START


class Network:
    """Builds an ONNX model whose nodes are named by the modules that call them, as torch's older exporter does."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def add(self, scope: str, op_type: str, *inputs: str, types: str = "", **attributes) -> str:
        output = f"v{len(self.nodes)}"
        name = f"/{scope}/{op_type}".replace("//", "/")
        name += f"_{len(self.nodes)}" if any(node.name == name for node in self.nodes) else ""
        self.nodes.append(helper.make_node(op_type, inputs, [output], name=name, **attributes))
        return output

    def weight(self, name: str, *shape: int) -> str:
        if all(tensor.name != name for tensor in self.weights):
            scale = max(4, np.sqrt(np.prod(shape[1:])))  # sums of many stay numbers of one
            self.weights.append(numpy_helper.from_array((RANDOM.standard_normal(shape) / scale).astype(np.float32), name))
        return name

    def conv(self, scope: str, path: str, x: str, channels: int, filters: int) -> str:
        weights = [self.weight(f"{path}.weight", filters, channels, 3, 3), self.weight(f"{path}.bias", filters)]
        return self.add(scope, "Conv", x, *weights, kernel_shape=[3, 3], pads=[1, 1, 1, 1])

    def model(self, output: str, channels: int = 4) -> onnx.ModelProto:
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", channels, 5, 6])
        y = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "main_graph", [x], [y], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def block(net: Network, scope: str, path: str, x: str, channels: int, filters: int) -> str:
    inside = net.conv(f"{scope}/conv1", f"{path}.conv1", x, channels, filters)
    inside = net.add(f"{scope}/act", "Relu", inside)
    inside = net.conv(f"{scope}/conv2", f"{path}.conv2", inside, filters, channels)
    return net.add(scope, "Add", inside, x)


def emitted(model: onnx.ModelProto):
    return emit(read(model), "pytorch")


def equal(model: onnx.ModelProto, target: str = "pytorch") -> None:
    feeds = {"x": RANDOM.standard_normal((2, 4, 5, 6)).astype(np.float32)}
    (wanted,) = judge(model, feeds)
    (found,) = run(read(model), target, feeds)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def classes(code: str) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in ast.parse(code).body if isinstance(node, ast.ClassDef)}


def test_equal_blocks_are_one_class_and_their_run_is_a_sequence():
    net, x = Network(), "x"
    for place, filters in enumerate((8, 8, 16)):
        x = block(net, f"stage/stage.{place}", f"stage.{place}", x, 4, filters)
    model = net.model(x)
    found = emitted(model)
    assert list(classes(found.code)) == ["ResidualBlock", "Model"]
    assert re.search(r"self.stage = nn.Sequential\(\s+ResidualBlock\(8\), ResidualBlock\(8\), ResidualBlock\(16\)", found.code)
    assert "def __init__(self, hidden_channels):" in found.code
    assert "return self.conv2(F.relu(self.conv1(x), inplace=True)) + x" in found.code
    assert set(found.weights) == {f"stage.{i}.conv{j}.{k}" for i in range(3) for j in (1, 2) for k in ("weight", "bias")}
    equal(model)


def test_calls_that_do_the_same_are_one_class_whatever_they_are_called():
    """``conv1`` and ``cell3a.branch1``, ``cell3a`` and ``cell3b``; a name of many is that of what they do."""
    net = Network()

    def convolved(scope: str, x: str, channels: int, filters: int) -> str:
        return net.add(scope, "Relu", net.conv(f"{scope}/conv", f"{scope.replace('/', '.')}.conv", x, channels, filters))

    x, channels = convolved("conv1", "x", 4, 6), 6
    for cell, (one, other) in {"cell3a": (3, 4), "cell3b": (5, 6)}.items():
        parts = [convolved(f"{cell}/branch1", x, channels, one), convolved(f"{cell}/branch2", x, channels, other)]
        x, channels = net.add(cell, "Concat", *parts, axis=1), one + other
    model = net.model(x)
    found = emitted(model)
    assert list(classes(found.code)) == ["ConvReLU", "Cell", "Model"]
    assert "self.conv1 = ConvReLU(4, 6)" in found.code
    assert "self.cell3b = Cell(7, 5, 6)" in found.code
    assert {"conv1.conv.weight", "cell3a.branch2.conv.bias"} <= set(found.weights)
    equal(model)


def test_variants_without_a_class_in_the_source_that_ask_for_much_are_two():
    """Blocks of three convolutions, and of two that have groups and dilations: as one class, they would ask for all of it."""
    net, x, channels = Network(), "x", 4

    def convolved(scope: str, x: str, channels: int, filters: int, group: int = 1, dilation: int = 1) -> str:
        path = re.sub(r"stage/", "", scope).replace("/", ".")
        weights = [net.weight(f"{path}.weight", filters, channels // group, 3, 3), net.weight(f"{path}.bias", filters)]
        options = {"kernel_shape": [3, 3], "pads": [dilation] * 4, "dilations": [dilation] * 2, "group": group}
        return net.add(scope, "Conv", x, *weights, **options)

    widths = [(8, 6, 6, 1, 1), (12, 10, 8, 1, 1), (14, 15, 12, 1, 1), (18, 0, 6, 2, 2), (24, 0, 6, 3, 1), (8, 0, 4, 4, 2)]
    for place, (wide, middle, filters, group, dilation) in enumerate(widths):
        scope = f"stage/stage.{place}"
        x = convolved(f"{scope}/first", x, channels, wide, 1 if middle else 2, dilation)
        x = convolved(f"{scope}/middle", x, wide, middle) if middle else x
        x = convolved(f"{scope}/last", x, middle or wide, filters, group)
        x, channels = net.add(scope, "Abs", x), filters
    model = net.model(x)
    found = emitted(model)
    assert len(classes(found.code)) == 3
    assert "is not None" not in found.code
    equal(model)


def test_numbered_modules_of_one_place_are_a_sequence_there():
    net, x, channels = Network(), "x", 4
    for place, filters in enumerate((6, 8)):
        scope, path = f"stage/stage.{place}", f"stage.{place}"
        inside = net.conv(f"{scope}/down/down.0", f"{path}.down.0", x, channels, 5)
        inside = net.conv(f"{scope}/down/down.1", f"{path}.down.1", inside, 5, filters)
        x, channels = net.add(scope, "Mul", inside, net.conv(f"{scope}/conv", f"{path}.conv", x, channels, filters)), filters
    model = net.model(x)
    found = emitted(model)
    assert len(classes(found.code)) == 2
    assert "self.down = nn.Sequential(" in found.code
    assert "stage.1.down.1.weight" in found.weights
    equal(model)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_a_list_of_modules_has_no_call_of_its_own(target):
    net, x = Network(), "x"
    for place in range(3):
        x = block(net, f"encoder/layer.{place}", f"encoder.layer.{place}", x, 4, 8)
    model = net.model(net.add("", "Relu", x))
    if target == "pytorch":
        found = emitted(model)
        assert "self.layer = nn.ModuleList([ResidualBlock() for _ in range(3)])" in found.code
        assert "for layer in self.layer:\n            x = layer(x)" in found.code
        assert "encoder.layer.2.conv1.weight" in found.weights
    equal(model, target)


def test_names_that_no_attribute_has_are_keys_of_a_dictionary():
    net, x = Network(), "x"
    for place, filters in enumerate((8, 16)):
        path = f"trunk.stage-{place}"
        x = block(net, f"trunk/trunk.stage-{place}", path, x, 4, filters)
    model = net.model(x)
    found = emitted(model)
    assert "OrderedDict({'stage-0': " in found.code.replace('"', "'")
    assert "trunk.stage-1.conv2.weight" in found.weights
    equal(model)


def test_equal_ones_of_such_names_are_written_once():
    net, x = Network(), "x"
    for place, filters in enumerate((6, 8, 8, 8)):
        path = f"trunk.block1-{place}"
        x = block(net, f"trunk/block1-{place}", path, x, 4, filters)
    model = net.model(x)
    found = emitted(model)
    assert '**{f"block1-{i}": Block1(8) for i in range(1, 4)}' in found.code
    assert "trunk.block1-3.conv1.weight" in found.weights
    equal(model)


def test_such_a_name_outside_a_sequence_is_asked_for():
    net = Network()
    first = net.conv("side-a", "side-a", "x", 4, 4)
    second = net.conv("side-b", "side-b", "x", 4, 4)
    model = net.model(net.add("", "Add", first, second))
    found = emitted(model)
    assert {"side-a.weight", "side-b.bias"} <= found.weights.keys()
    equal(model)


def test_stages_of_other_depths_are_no_classes_of_their_own():
    net, x = Network(), "x"
    for stage, depth in enumerate((2, 1)):
        for place in range(depth):
            scope = f"trunk/trunk.{stage}/trunk.{stage}.block-{place}"
            x = block(net, scope, f"trunk.{stage}.block-{place}", x, 4, 8)
    model = net.model(x)
    tell_types(model, {"": "net.Net", r"trunk\.\d": "net.Stage", r"trunk\.\d\.block-\d": "net.Block"})
    assert list(classes(emitted(model).code)) == ["Block", "Net"]
    equal(model)


def test_a_vector_with_axes_of_size_one_is_the_vector_of_the_source():
    net = Network()
    shape = numpy_helper.from_array(np.array([1, 4, 1, 1]), "shape")
    net.weights.append(shape)
    x = net.conv("block/conv", "block.conv", "x", 4, 4)
    x = net.add("block", "Mul", x, net.add("block", "Reshape", net.weight("block.gamma", 4), "shape"))
    model = net.model(x)
    found = emitted(model)
    assert found.weights["block.gamma"].shape == (4,)
    assert "self.gamma.reshape((1, -1, 1, 1))" in found.code
    equal(model)


def test_what_did_nothing_in_a_sequence_leaves_its_place():
    net = Network()
    x = net.conv("features/features.1", "features.1", "x", 4, 8)
    x = net.add("features/features.2", "Relu", x)
    x = net.conv("features/features.4", "features.4", x, 8, 4)
    model = net.model(x)
    found = emitted(model)
    assert set(found.weights) == {"features.1.weight", "features.1.bias", "features.4.weight", "features.4.bias"}
    assert found.code.count("nn.Identity()") == 2
    equal(model)


def test_a_module_called_twice_has_its_weights_once():
    net = Network()
    x = block(net, "body", "body", "x", 4, 8)
    x = net.add("", "Relu", x)
    x = block(net, "body", "body", x, 4, 8)
    model = net.model(x)
    for node in model.graph.node:
        path = ".".join(node.name.split("/")[1:-1])
        scopes = ["", *([path.partition(".")[0]] if path else []), *([path] if "." in path else []), "op"]
        node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=repr(scopes))
        node.name = ""
    assert len(emitted(model).weights) == 4
    equal(model)


def test_weights_read_outside_their_module():
    """A tied weight: the second reader lies in another module."""
    net = Network()
    x = net.conv("first/conv", "first.conv", "x", 4, 4)
    x = net.add("", "Relu", x)
    x = net.add("second/conv", "Conv", x, "first.conv.weight", "first.conv.bias", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    model = net.model(x)
    assert "self.second.conv.weight = self.first.conv.weight" in emitted(model).code
    equal(model)


def test_a_variable_may_have_the_name_of_a_helper_that_is_not_needed():
    """``attention``, which is a function for attention with a cache, too."""
    net = Network()
    x = net.conv("attention", "attention", "x", 4, 4)
    gate = x
    for name in ("first", "second", "third"):
        gate = net.conv(name, name, gate, 4, 4)
    model = net.model(net.add("", "Mul", x, gate))
    code = emitted(model).code
    assert "attention = self.attention(x)" in code
    assert "def attention(" not in code
    equal(model)


@pytest.mark.parametrize("equal_numbers", [True, False])
def test_a_matrix_that_an_exporter_turned_is_tied_to_the_one_that_it_was(equal_numbers):
    net = Network()
    net.weight("embed.weight", 4, 6)
    net.weight("val_7", 6, 4)
    if equal_numbers:
        net.weights[1] = numpy_helper.from_array(numpy_helper.to_array(net.weights[0]).T.copy(), "val_7")
    x = net.add("embed", "MatMul", "x", net.add("embed", "Transpose", "embed.weight", perm=[1, 0]))
    assert x is not None
    model = net.model(net.add("head", "MatMul", net.add("", "Relu", net.add("", "MatMul", x, "embed.weight")), "val_7"))
    assert ("self.head.weight = " in emitted(model).code) == equal_numbers


def test_a_convolution_that_took_up_a_batch_normalisation_is_in_its_own_module():
    """The optimiser of torch's exporter leaves it in the scope of the BatchNorm, under the name of the convolution's weight."""
    net = Network()
    x = net.conv("stem/norm", "stem.conv", "x", 4, 8)
    x = net.conv("body/body.0/body.0.1", "body.0.0", net.add("", "Relu", x), 8, 4)
    model = net.model(x)
    tell_types(model, {r"stem\.norm|body\.0\.1": "torch.nn.modules.batchnorm.BatchNorm2d", "stem": "net.Stem"})
    for tensor in model.graph.initializer:
        tensor.name = tensor.name.replace(".bias", ".weight_bias")  # as that optimiser calls it
    for node in model.graph.node:
        node.input[:] = [name.replace(".bias", ".weight_bias") for name in node.input]
    found = emitted(model)
    assert {"stem.conv.weight", "stem.conv.bias", "body.0.0.weight", "body.0.0.bias"} == set(found.weights)
    assert "norm" not in found.code.replace("normal", "")
    equal(model)


def test_modules_that_are_called_past_the_one_that_holds_them():
    """``self.model.decoder(x)``, which torch's older exporter says of "decoder"."""
    net = Network()
    x = block(net, "decoder/layers.0", "model.decoder.layers.0", "x", 4, 8)
    x = block(net, "decoder/layers.1", "model.decoder.layers.1", x, 4, 8)
    model = net.model(net.conv("head", "head", x, 4, 4))
    found = emitted(model)
    assert {"model.decoder.layers.1.conv2.weight", "head.bias"} < set(found.weights)
    equal(model)


@pytest.mark.parametrize("bias", ["constant", "attn.in_bias"])
def test_a_layer_of_no_name_of_its_own_beside_one_of_the_same_module(bias):
    """Only the layer whose weights have no name loses its place; all others stay in their classes."""
    net, x = Network(), "x"
    for place in range(2):
        scope, path = f"layers.{place}/attn", f"layers.{place}.attn"
        weights = [net.weight(f"val_{place}", 8, 4, 3, 3), net.weight(f"{bias}_{place}", 8)]
        x = net.add(scope, "Conv", x, *weights, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        x = net.conv(scope, f"{path}.out", net.add(scope, "Relu", x), 8, 4)
        x = net.conv(f"layers.{place}/conv", f"layers.{place}.conv", x, 4, 4)
    model = net.model(x)
    found = emitted(model)
    assert list(classes(found.code)) == ["Attn", "Layer", "Model"]
    assert {"layers.0.attn.out.weight", "layers.1.attn.out.bias", "layers.1.conv.weight"} < set(found.weights)
    equal(model)


def test_a_weight_of_the_module_around_that_one_statement_reads_twice():
    net = Network()
    x = net.conv("body/gate/conv", "body.gate.conv", "x", 4, 4)
    scale = net.weight("body.scale", 4, 1, 1)
    x = net.add("body/gate", "Where", net.add("body/gate", "Greater", x, "x"), scale, scale)
    model = net.model(net.conv("body/conv", "body.conv", x, 4, 4))
    assert {"body.conv.weight", "body.gate.conv.weight", "body.gate.scale"} < set(emitted(model).weights)
    equal(model)


def test_calls_that_are_interleaved():
    net = Network()
    a = net.conv("left/conv1", "left.conv1", "x", 4, 8)
    b = net.conv("right/conv1", "right.conv1", "x", 4, 8)
    a = net.conv("left/conv2", "left.conv2", a, 8, 4)
    b = net.conv("right/conv2", "right.conv2", b, 8, 4)
    model = net.model(net.add("", "Add", a, b))
    assert "left.conv1.weight" in emitted(model).weights
    equal(model)


def test_values_that_leave_a_call_in_several_ways():
    net = Network()
    inside = net.conv("body/conv1", "body.conv1", "x", 4, 4)
    result = net.conv("body/conv2", "body.conv2", inside, 4, 4)
    model = net.model(net.add("", "Mul", net.add("", "Add", inside, result), "x"))
    equal(model)


@pytest.mark.parametrize("name", ["import os", "9" * 9, "²", "class", "a.b-c", "x" * 30_000, "self"])
def test_hostile_scopes(name):
    net = Network()
    x = block(net, "body", "body", "x", 4, 8)
    model = net.model(x)
    for node in model.graph.node:
        scopes, types = ["", name, f"{name}.{name}", "op"], ["Net", 'x"); import os', "__import__('os')", "aten"]
        node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=repr(scopes))
        node.metadata_props.add(key="pkg.torch.onnx.class_hierarchy", value=repr(types))
    assert "import os" not in emitted(model).code
    equal(model)


@pytest.mark.parametrize("text", ["", "[", "__import__('os')", "['', 1]", "['a'" + ", 'b'" * 9000, "[" * 5000])
def test_scopes_that_are_no_lists(text):
    net = Network()
    model = net.model(block(net, "body", "body", "x", 4, 8))
    for node in model.graph.node:
        node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=text)
    equal(model)


def test_a_sequence_with_a_function_between_its_modules():
    """A product of a value and its own sigmoid is no chain of modules."""
    net = Network()
    x = net.conv("body/body.0", "body.0", "x", 4, 8)
    x = net.add("body/body.1", "Mul", x, net.add("body/body.1", "Cos", x))
    x = net.conv("body/body.2", "body.2", x, 8, 4)
    model = net.model(x)
    assert set(emitted(model).weights) == {f"body.{i}.{k}" for i in (0, 2) for k in ("weight", "bias")}
    equal(model)


@pytest.mark.parametrize("between", ["Relu", "Cos"])
def test_a_model_that_is_a_sequence_itself(between):
    net = Network()
    x = net.conv("0", "0", "x", 4, 8)
    x = net.add("1", between, x)
    x = net.conv("2", "2", x, 8, 4)
    equal(net.model(x))


def test_a_model_of_numbered_blocks_that_is_no_sequence():
    net = Network()
    x = block(net, "0", "0", "x", 4, 8)
    x = net.add("1", "Cos", x)
    x = block(net, "2", "2", x, 4, 6)
    model = net.model(x)
    assert "layer_2.conv1.weight" in emitted(model).weights
    equal(model)


def test_a_module_that_only_some_blocks_have():
    """Where it is missing it is the identity; its numbers are asked for only where it is there."""
    net, x, channels = Network(), "x", 4
    for place, (filters, shortcut) in enumerate([(6, True), (6, False), (8, True), (8, False), (8, False)]):
        scope, path = f"stage/stage.{place}", f"stage.{place}"
        inside = net.conv(f"{scope}/conv1", f"{path}.conv1", x, channels, 5)
        inside = net.conv(f"{scope}/conv2", f"{path}.conv2", inside, 5, filters)
        kept = net.conv(f"{scope}/skip", f"{path}.skip", x, channels, filters) if shortcut else x
        x, channels = net.add(scope, "Add", inside, kept), filters
    model = net.model(x)
    found = emitted(model)
    assert list(classes(found.code)) == ["ResidualBlock", "Model"]
    assert "if in_channels != out_channels" in found.code
    assert re.search(r"ResidualBlock\(4, 6\),\s+ResidualBlock\(6, 6\)", found.code)
    equal(model)


def test_a_module_of_which_the_shapes_do_not_tell_whether_it_is_there():
    net, x = Network(), "x"
    for place, gate in enumerate([True, False, True]):
        scope, path = f"stage/stage.{place}", f"stage.{place}"
        x = net.conv(f"{scope}/conv", f"{path}.conv", x, 4, 4)
        x = net.conv(f"{scope}/gate", f"{path}.gate", x, 4, 4) if gate else x
        x = net.add(scope, "Abs", x)
    model = net.model(x)
    assert "Stage(gate=True), Stage(), Stage(gate=True)" in emitted(model).code
    equal(model)


def rolled(net: Network, scope: str, x: str, by: int) -> str:
    """Axis 2 moved on by so many."""
    numbers = {"from": -by, "last": 2**63 - 1, "zero": 0, "axis": 2}
    names = {name: f"{name}{number}" for name, number in numbers.items()}
    have = {tensor.name for tensor in net.weights}
    for name, number in numbers.items():
        if names[name] not in have:
            net.weights.append(numpy_helper.from_array(np.array([number]), names[name]))
    end = net.add(scope, "Slice", x, names["from"], names["last"], names["axis"])
    start = net.add(scope, "Slice", x, names["zero"], names["from"], names["axis"])
    return net.add(scope, "Concat", end, start, axis=2)


def test_what_numbers_can_make_the_identity_needs_no_condition():
    """Blocks that roll what they read and roll it back are of one class with those that do not: these roll it by 0."""
    net, x = Network(), "x"
    for place, shift in enumerate([0, 2, 0, 1]):
        scope, path = f"stage/stage.{place}", f"stage.{place}"
        x = rolled(net, scope, x, -shift) if shift else x
        x = net.conv(f"{scope}/conv", f"{path}.conv", x, 4, 4)
        x = rolled(net, scope, x, shift) if shift else x
        x = net.add(scope, "Abs", x)
    model = net.model(x)
    code = emitted(model).code
    assert "Stage(), Stage(shift=2), Stage(), Stage(shift=1)" in code
    assert "torch.roll(self.conv(torch.roll(x, -self.shift, 2)), self.shift, 2)" in code
    equal(model)


def test_blocks_that_take_turns_are_written_once():
    """Stages whose every other block rolls differ in a number, their depth, and in how far the blocks roll."""
    net, x = Network(), "x"
    for stage, (depth, shift) in enumerate([(2, 2), (4, 1), (2, 0)]):
        x = net.conv(f"stages/stages.{stage}/first", f"stages.{stage}.first", x, 4, 4)
        for place in range(depth):
            inside = f"blocks.{place}"
            scope, path = f"stages/stages.{stage}/blocks/{inside}", f"stages.{stage}.{inside}"
            x = rolled(net, scope, x, shift) if shift and place % 2 else x
            x = net.conv(f"{scope}/conv", f"{path}.conv", x, 4, 4)
            x = net.add(scope, "Abs", x)
    model = net.model(x)
    found = emitted(model)
    assert re.search(r"\*\(\w+\(shift=shift if i % 2 else 0\) for i in range\(depth\)\)", found.code)
    assert re.search(
        r"\(\w+\(2, 2\), \w+\(1, 4\), \w+\(0, 2\)\)|\(\w+\(2, shift=2\), \w+\(4, shift=1\), \w+\(2\)\)", found.code
    )
    assert "stages.1.blocks.3.conv.weight" in found.weights
    equal(model)


def test_a_weight_that_only_some_blocks_add():
    net, x = Network(), "x"
    for place, mask in enumerate([True, False, True]):
        scope, path = f"stage/stage.{place}", f"stage.{place}"
        inside = net.conv(f"{scope}/conv", f"{path}.conv", x, 4, 4)
        if mask:
            added = net.add(scope, "Mul", net.weight(f"{path}.mask", 4, 5, 6), x)
            inside = net.add(scope, "Add", inside, added)
        x = net.add(scope, "Abs", inside)
    model = net.model(x)
    found = emitted(model)
    assert re.search(r"ResidualBlock\(mask=True\),\s+ResidualBlock\(\),\s+ResidualBlock\(mask=True\)", found.code)
    assert "self.mask = nn.Parameter(torch.ones(4, 5, 6)) if mask else None" in found.code
    assert "if self.mask is not None:" in found.code
    assert {key for key in found.weights if "mask" in key} == {"stage.0.mask", "stage.2.mask"}
    equal(model)


def test_stages_of_one_width_are_a_loop():
    net, x, channels, place = Network(), "x", 4, 0
    for filters, depth in ((6, 2), (8, 1), (8, 3)):
        for _ in range(depth):
            x = net.conv(f"features/features.{place}", f"features.{place}", x, channels, filters)
            x = net.add(f"features/features.{place + 1}", "Relu", x)
            channels, place = filters, place + 2
        x = net.add(f"features/features.{place}", "MaxPool", x, kernel_shape=[2, 2], pads=[1, 1, 1, 1])
        place += 1
    model = net.model(x)
    code = emitted(model).code
    assert "for channels, depth in ((6, 2), (8, 1), (8, 3)):" in code
    assert "nn.Conv2d(in_channels, channels, 3, padding=1),\n                    nn.ReLU(inplace=True),\n" in code
    assert code.count("nn.MaxPool2d") == 1
    equal(model)


def test_runs_of_a_class_of_the_source_are_that_class():
    net, x, width = Network(), "x", 4
    for place, depth in enumerate((4, 5), 1):
        parts = [x]
        for number in range(1, depth + 1):
            scope, path = f"block{place}/layer{number}", f"block{place}.layer{number}"
            joined = net.add(scope, "Concat", *parts, axis=1) if number > 1 else x
            inside = net.add(scope, "Relu", net.conv(f"{scope}/conv1", f"{path}.conv1", joined, width, 8))
            parts.append(net.conv(f"{scope}/conv2", f"{path}.conv2", inside, 8, 3))
            width += 3
        x = net.add(f"block{place}", "Concat", *parts, axis=1)
    model = net.model(x)
    tell_types(model, {r"block\d": "net.DenseBlock", r"block\d\.layer\d": "net.DenseLayer"})
    found = emitted(model)
    assert list(classes(found.code)) == ["DenseLayer", "DenseBlock", "Model"]
    assert 'self.add_module(f"layer{i + 1}", DenseLayer(in_channels + 3 * i))' in found.code
    assert "self.block2 = DenseBlock(16, 5)" in found.code
    assert "block2.layer5.conv2.bias" in found.weights
    equal(model)


def products(*, turned: bool = False) -> onnx.ModelProto:
    """Two products with a bias over the last axis, in two modules, of matrices that the file holds (in, out) or turned."""
    net, x = Network(), "x"
    for place, sizes in enumerate([(6, 8), (8, 5)]):
        path = f"fc{place}"
        matrix = net.weight(f"{path}.weight", *(sizes[::-1] if turned else sizes))
        matrix = net.add(path, "Transpose", matrix, perm=[1, 0]) if turned else matrix
        x = net.add(path, "Add", net.add(path, "MatMul", x, matrix), net.weight(f"{path}.bias", sizes[1]))
    return net.model(x)


def test_a_class_that_holds_the_matrix_of_a_product_as_it_stands():
    """The source's keys in the source's shapes; in Keras a dense layer holds it so anyway."""
    model = products()
    tell_types(model, {r"fc\d": "net.Conv1D"})
    found = emitted(model)
    assert list(classes(found.code)) == ["Conv1D", "Model"]
    assert "self.weight = nn.Parameter(torch.zeros(in_features, out_features))" in found.code
    assert "return x @ self.weight + self.bias" in found.code
    assert "self.fc1 = Conv1D(8, 5)" in found.code
    assert {key: weight.shape for key, weight in found.weights.items()} == {
        "fc0.weight": (6, 8), "fc0.bias": (8,), "fc1.weight": (8, 5), "fc1.bias": (5,),
    }  # fmt: skip
    equal(model)
    equal(model, "keras")


def test_such_a_class_without_a_name():
    """The older exporter tells no classes, but turns the matrix of every ``nn.Linear``."""
    model = products()
    found = emitted(model)
    assert "return x @ self.weight + self.bias" in found.code
    assert found.weights["fc1.weight"].shape == (8, 5)
    equal(model)


@pytest.mark.parametrize(
    ("kind", "turned"), [("torch.nn.modules.linear.Linear", False), ("", True), ("net.Conv1D", True)], ids=str
)
def test_products_in_any_other_class_are_linear(kind, turned):
    """Those of torch's own class, of one that is not told and turns its matrix, and of one of another that does."""
    model = products(turned=turned)
    tell_types(model, {r"fc\d": kind})
    found = emitted(model)
    assert "nn.Linear(" in found.code
    assert "@" not in found.code
    assert found.weights["fc1.weight"].shape == (5, 8)
    equal(model)


def test_a_matrix_that_an_exporter_computed_is_linear():
    net = Network()
    y = net.add("", "MatMul", "x", net.weight("val_3", 6, 5))
    model = net.model(y)
    tell_types(model, {"": "net.Classifier"})
    assert "nn.Linear(6, 5, bias=False)" in emitted(model).code


def tell_types(model: onnx.ModelProto, types: dict[str, str]) -> None:
    """Say the classes of modules as torch's exporter does, by path."""
    for node in model.graph.node:
        paths = [module.path for module in scope_of(node)]
        found = [next((kind for pattern, kind in types.items() if re.fullmatch(pattern, path)), "") for path in paths]
        node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=repr([*paths, "op"]))
        node.metadata_props.add(key="pkg.torch.onnx.class_hierarchy", value=repr([*found, "op"]))


def mobile(net, place, x, channels, filters, width, *, squeeze=0, residual=True, activation="Relu"):
    """An inverted residual: what it has depends on its numbers."""
    scope, path, start, step = f"stage/stage.{place}", f"stage.{place}", x, 0

    def inside(x, channels, filters, activation):
        nonlocal step
        here = f"{scope}/block/block.{step}"
        x = net.conv(f"{here}/{here.rpartition('/')[2]}.0", f"{path}.block.{step}.0", x, channels, filters)
        x = net.add(f"{here}/{here.rpartition('/')[2]}.1", activation, x) if activation else x
        step += 1
        return x

    if width != channels:
        x = inside(x, channels, width, activation)
    x = inside(x, width, width, activation)
    if squeeze:
        here = f"{scope}/block/block.{step}"
        scale = net.add(f"{here}/fc1", "Tanh", net.conv(f"{here}/fc1", f"{path}.block.{step}.fc1", x, width, squeeze))
        x = net.add(
            here, "Mul", x, net.add(here, "Sigmoid", net.conv(f"{here}/fc2", f"{path}.block.{step}.fc2", scale, squeeze, width))
        )
        step += 1
    x = inside(x, width, filters, "")
    return net.add(scope, "Add", x, start) if residual else x


def test_a_weight_that_only_some_attentions_add_to_the_one_that_is_their_mask():
    net, x = Network(), "x"
    for place, masked in enumerate([False, True, False, True]):
        scope, path = f"stage/stage.{place}", f"stage.{place}"
        turned = net.add(scope, "Transpose", x, perm=[0, 1, 3, 2])
        mask = net.weight(f"{path}.bias", 1, 4, 5, 5)
        if masked:
            largest = net.add(scope, "ReduceMax", x, axes=[2, 3], keepdims=1)
            above = net.add(scope, "Greater", largest, net.add(scope, "ReduceMin", largest, axes=[1], keepdims=1))
            added = [net.weight(f"{path}.{name}", 1, 1, 5, 5) for name in ("above", "below")]
            mask = net.add(scope, "Add", mask, net.add(scope, "Where", above, *added))
        scores = net.add(scope, "Add", net.add(scope, "MatMul", x, turned), mask)
        x = net.add(scope, "MatMul", net.add(scope, "Softmax", scores, axis=-1), x)
    model = net.model(x)
    found = emitted(model)
    assert list(classes(found.code)) == ["Attention", "Model"]
    assert re.search(r"mask = self.bias\n +if self.\w+ is not None:", found.code)
    equal(model)


def test_sizes_of_what_comes_in_are_asked_for():
    net, x = Network(), "x"
    for place, (channels, height, width) in enumerate([(4, 12, 8), (8, 6, 4)]):
        scope, path = f"merge/merge.{place}", f"merge.{place}"

        def sizes(*numbers: int) -> str:
            net.weights.append(numpy_helper.from_array(np.array(numbers), f"sizes{len(net.weights)}"))
            return net.weights[-1].name

        x = net.conv(f"{scope}/conv1", f"{path}.conv1", x, channels, channels)
        x = net.add(scope, "Reshape", x, sizes(-1, channels, height // 2, 2, width // 2, 2))
        x = net.add(scope, "Transpose", x, perm=[0, 1, 3, 5, 2, 4])
        x = net.add(scope, "Reshape", x, sizes(-1, 4 * channels, height // 2, width // 2))
        x = net.conv(f"{scope}/conv2", f"{path}.conv2", x, 4 * channels, 2 * channels)
    model = net.model(x)
    for size, wanted in zip(model.graph.input[0].type.tensor_type.shape.dim[1:], (4, 12, 8), strict=True):
        size.dim_value = wanted
    code = emitted(model).code
    assert "channels, height, width = x.shape[1:]" in code
    assert ".reshape(-1, channels, height // 2, 2, width // 2, 2)" in code
    feeds = {"x": RANDOM.standard_normal((2, 4, 12, 8)).astype(np.float32)}
    np.testing.assert_allclose(run(read(model), "pytorch", feeds)[0], judge(model, feeds)[0], rtol=1e-4, atol=1e-4)


def test_a_kernel_that_is_computed_of_a_weight_has_its_sizes():
    net, x = Network(), "x"
    for place, (channels, filters, size) in enumerate([(4, 6, 3), (6, 4, 1), (4, 8, 3)]):
        scope, path = f"stem/stem.{place}", f"stem.{place}"

        def numbers(values: list, kind: type = np.int64) -> str:
            net.weights.append(numpy_helper.from_array(np.array(values, kind), f"numbers{len(net.weights)}"))
            return net.weights[-1].name

        weight = net.weight(f"{path}.weight", filters, channels, size, size)
        kernel = net.add(scope, "Reshape", weight, numbers([1, filters, channels * size * size]))
        kernel = net.add(scope, "Mul", kernel, numbers(0.5 + place, np.float32))
        kernel = net.add(scope, "Tanh", kernel)
        kernel = net.add(scope, "Reshape", kernel, numbers([filters, channels, size, size]))
        x = net.add(scope, "Conv", x, kernel, kernel_shape=[size] * 2, pads=[size // 2] * 4)
    model = net.model(x)
    tell_types(model, {r"stem\.\d": "net.Standardized"})
    code = emitted(model).code
    assert "def __init__(self, in_channels, out_channels, kernel_size, scale):" in code
    assert "torch.zeros(out_channels, in_channels, kernel_size, kernel_size)" in code
    assert "self.weight.reshape(1, self.out_channels, -1)" in code
    assert ".reshape(self.weight.shape)" in code
    equal(model)


def test_stages_of_other_depths_are_one_class():
    net, x = Network(), "x"
    for stage, depth in enumerate((1, 2, 4)):
        x = net.conv(f"stages/stages.{stage}/down", f"stages.{stage}.down", x, 4, 4)
        for place in range(depth):
            path = f"stages.{stage}.blocks.{place}"
            x = block(net, f"stages/stages.{stage}/blocks/blocks.{place}", path, x, 4, 8)
    model = net.model(x)
    tell_types(model, {r"stages\.\d": "net.Stage", r"stages\.\d\.blocks\.\d": "net.Block"})
    code = emitted(model).code
    assert "*(Block() for _ in range(depth))" in code
    assert "Stage(1), Stage(2), Stage(4)" in code
    equal(model)


def test_what_blocks_lack_is_told_by_their_numbers():
    """Inverted residuals of one class, however they differ: no number in the name of a class, and the keys of the source."""
    net, x, channels = Network(), "x", 4
    blocks = [
        (4, 4, 0, True, "Relu"),
        (6, 8, 0, False, "Relu"),
        (6, 10, 3, True, "Relu"),
        (8, 12, 5, False, "HardSwish"),
        (8, 9, 2, True, "HardSwish"),
        (8, 9, 0, True, "Relu"),
    ]
    for place, (filters, width, squeeze, residual, activation) in enumerate(blocks):
        x = mobile(net, place, x, channels, filters, width, squeeze=squeeze, residual=residual, activation=activation)
        channels = filters
    # eighteen convolutions in a row: weights small enough that numbers do not grow
    net.weights = [numpy_helper.from_array(numpy_helper.to_array(w) * np.float32(0.4), w.name) for w in net.weights]
    model = net.model(x)
    squeezes = {scope_of(node)[-2].path: "net.Squeeze" for node in model.graph.node if "fc" in node.name}
    tell_types(model, {r"stage\.\d": "net.Inverted", r".*block": "torch.nn.modules.container.Sequential"} | squeezes)
    found = emitted(model)
    assert list(classes(found.code)) == ["ConvAct", "Squeeze", "Inverted", "Model"]
    assert "Inverted(6, 10, 6, nn.ReLU, squeeze_channels=3)" in found.code
    assert "self.use_residual = in_channels == out_channels" in found.code
    assert "if in_channels != hidden_channels:" in found.code
    assert " is not None:" in found.code
    assert "stage.0.block.1.0.weight" in found.weights
    assert "stage.2.block.2.fc1.weight" in found.weights
    equal(model)


def test_blocks_with_other_activations_are_one_class():
    net, x = Network(), "x"
    for place, activation in enumerate(["Relu", "Relu", "HardSwish"]):
        inside = net.conv(f"stage/stage.{place}/conv1", f"stage.{place}.conv1", x, 4, 8)
        inside = net.add(f"stage/stage.{place}", activation, inside)
        x = net.add(
            f"stage/stage.{place}", "Add", net.conv(f"stage/stage.{place}/conv2", f"stage.{place}.conv2", inside, 8, 4), x
        )
    model = net.model(x)
    tell_types(model, {r"stage\.\d": "net.Block"})
    code = emitted(model).code
    assert list(classes(code)) == ["Block", "Model"]
    assert "Block(nn.Hardswish)" in code
    assert "self.activation = activation(inplace=True)" in code
    assert "self.activation(self.conv1(x))" in code
    equal(model)


def test_a_module_of_a_pooling_alone_is_that_pooling():
    net = Network()
    x = net.add("pooling/pool", "MaxPool", net.conv("conv", "conv", "x", 4, 4), kernel_shape=[2, 2], strides=[1, 1])
    model = net.model(net.add("pooling", "Flatten", x))
    tell_types(model, {"pooling": "net.SelectPool"})
    code = emitted(model).code
    assert list(classes(code)) == ["Model"]
    assert "self.pooling = nn.MaxPool2d(2, stride=1)" in code
    assert "torch.flatten(self.pooling(self.conv(x)), 1)" in code
    equal(model)


def test_numbers_that_are_equal_by_chance_are_two_parameters():
    net, x = Network(), "x"
    for place, (stride, pad) in enumerate([(2, 2), (1, 1), (3, 3)]):
        weights = [net.weight(f"stage.{place}.conv.weight", 4, 4, 3, 3), net.weight(f"stage.{place}.conv.bias", 4)]
        inside = net.add(f"stage/stage.{place}/conv", "Conv", x, *weights, strides=[stride] * 2, pads=[pad] * 4)
        x = net.add(f"stage/stage.{place}", "Abs", inside)
    model = net.model(x)
    assert "stride=stride, padding=padding" in emitted(model).code or "padding=padding, stride=stride" in emitted(model).code
    equal(model)


def test_a_list_that_is_called_in_part():
    """Between the modules of a sequence a function runs, so that it is a list; one of its members is taken apart too."""
    net, x = Network(), "x"
    for place in range(4):
        scope = f"body/body.{place}"
        if place == 0:
            x = net.conv(f"{scope}/{scope.rpartition('/')[2]}.0", "body.0.0", x, 4, 4)
            x = net.add(scope, "Mul", x, net.add(scope, "Cos", x))
        else:
            x = block(net, scope, f"body.{place}", x, 4, 8)
    equal(net.model(x))


def test_numbers_that_grow_by_equal_steps_are_written_once():
    net, x = Network(), "x"
    for place in range(5):
        x = block(net, f"stage/stage.{place}", f"stage.{place}", x, 4, 8 + 2 * place)
    found = emitted(net.model(x))
    assert "*(ResidualBlock(8 + 2 * i) for i in range(5))" in found.code
    equal(net.model(x))


def test_dense_layers_are_one_class():
    """Each layer of a DenseNet joins all that came before it, as PyTorch's exporters write it."""
    net, parts = Network(), ["x"]
    for place in range(1, 6):
        scope, path = f"dense/layer{place}", f"dense.layer{place}"
        x = net.add(scope, "Concat", *parts, axis=1) if place > 1 else "x"
        inside = net.add(scope, "Relu", net.conv(f"{scope}/conv1", f"{path}.conv1", x, 4 + 3 * (place - 1), 8))
        parts.append(net.conv(f"{scope}/conv2", f"{path}.conv2", inside, 8, 3))
    model = net.model(net.add("dense", "Concat", *parts, axis=1))
    found = emitted(model)
    assert list(classes(found.code)) == ["Layer", "Model"]
    assert 'OrderedDict({f"layer{i + 1}": Layer(4 + 3 * i) for i in range(5)})' in " ".join(found.code.split()).replace(
        "( { ", "({"
    ).replace(" } )", "})")
    equal(model)


@pytest.mark.parametrize("seed", range(40))
def test_any_scopes(seed):
    """Layers in modules of any shape: lists in lists, layers that hold others, pieces of one module far apart."""
    chance, net, values, scope = random.Random(seed), Network(), ["x"], []
    for _ in range(chance.randint(3, 14)):
        while scope and chance.random() < 0.35:
            scope.pop()
        while len(scope) < 3 and chance.random() < 0.5:
            scope.append(chance.choice(["0", "1", "2", "a", "b", "h.0", "h.1", "act", "body"]))
        path, around = ".".join(scope), "/".join(scope)
        x = values[-1] if chance.random() < 0.75 else chance.choice(values)
        kind = chance.choice(["Conv", "Conv", "Relu", "Add", "Cos", "Mul"])
        if kind == "Conv":
            inside = chance.choice([f"{path}.conv", f"{path}.conv2", f"{path}.0", path or "top"]).strip(".")
            values.append(net.conv(around, inside, x, 4, 4))
        else:
            values.append(net.add(around, kind, x, *([] if kind in ("Relu", "Cos") else [chance.choice(values)])))
    model = net.model(values[-1])
    for node in model.graph.node:
        paths = [""]
        for part in node.name.split("/")[1:-1]:
            paths.append(f"{paths[-1]}.{part}".strip("."))
        node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=repr([*paths, "op"]))
        node.name = ""
    feeds = {"x": RANDOM.standard_normal((2, 4, 5, 6)).astype(np.float32)}
    (wanted,), (found,) = judge(model, feeds), run(read(model), "pytorch", feeds)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_weight_beside_a_layer_of_the_module_keeps_its_key():
    """A padding computed inside a convolution's module: the layer takes another name, the constant keeps its own."""
    net = Network()
    x = net.add("conv", "Add", "x", net.weight("conv.shift", 1, 4, 1, 1))
    x = net.add("conv", "Conv", x, net.weight("conv.weight", 4, 4, 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    x = net.add("conv", "Relu", net.add("conv", "Mul", x, net.weight("conv.gain", 1, 4, 1, 1)))
    equal(net.model(x))


def normalised(*constants: np.ndarray) -> onnx.ModelProto:
    net = Network()
    for name, numbers in zip(("scale", "bias"), constants, strict=True):
        net.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(numbers)))
    return net.model(net.add("norm", "InstanceNormalization", "x", "scale", "bias"))


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("neutral", [True, False])
def test_an_instance_normalisation_without_weights(neutral, target):
    model = normalised(np.ones(4, np.float32), np.float32([0, 0, 0, 0 if neutral else 1]))
    equal(model, target)
    assert bool(emit(read(model), target).weights) is not neutral


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_a_scale_of_a_module_of_its_own_stays_a_weight(target):
    net = Network()
    held = [net.weight(f"bn.{name}", 4) for name in ("weight", "bias", "running_mean")]
    net.weights.append(numpy_helper.from_array(np.float32([1, 2, 3, 4]), "bn.running_var"))
    x = net.add("bn", "BatchNormalization", "x", *held, "bn.running_var")
    model = net.model(net.add("scale", "Mul", x, net.weight("scale.gamma", 4, 1, 1)))
    equal(model, target)
    found = emit(read(model), target)
    assert len(found.weights) == 5
    assert any("gamma" in key for key in found.weights)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_a_dropout_keeps_its_share(target):
    net = Network()
    net.weights.append(numpy_helper.from_array(np.float32(0.3), "ratio"))
    model = net.model(net.add("drop", "Dropout", "x", "ratio"))
    equal(model, target)
    x = np.ones((50, 4, 5, 6), np.float32)
    if target == "pytorch":
        torch = pytest.importorskip("torch")
        numbers = pytorch_model(emitted(model)).train()(torch.from_numpy(x)).numpy()
    else:
        numbers = np.asarray(keras_model(emit(read(model), "keras"))(x, training=True))
    assert 0.25 < (numbers == 0).mean() < 0.35
    np.testing.assert_allclose(numbers[numbers != 0], 1 / 0.7, rtol=1e-5)


@pytest.mark.parametrize("places", [(0, 1, 2, 3), (0, 2, 1, 3), (0, 1, 2)])
def test_what_is_taken_apart_along_an_axis_is_so_in_one_line(places):
    net = Network()
    whole = net.conv("", "conv", "x", 4, 4)
    for place in range(4):
        net.weights.append(numpy_helper.from_array(np.array(place), f"place{place}"))
    first, *others = [net.add("", "Gather", whole, f"place{place}", axis=1) for place in places]
    for other in others:
        first = net.add("", "Sub", first, other)
    model = net.model(first)
    assert ("self.conv(x).unbind(1)" in emitted(model).code) == (places == (0, 1, 2, 3))
    equal(model)


def test_parts_of_what_is_taken_apart_are_called_by_the_layer_also_where_others_stand_between():
    net = Network()
    whole = net.conv("attn/qkv", "attn.qkv", "x", 4, 3)
    for place in range(3):
        net.weights.append(numpy_helper.from_array(np.array(place), f"place{place}"))
    first = net.add("attn", "Sin", net.add("attn", "Gather", whole, "place0", axis=1))
    second, third = (net.add("attn", "Gather", whole, f"place{place}", axis=1) for place in (1, 2))
    model = net.model(net.add("attn", "Sub", net.add("attn", "Mul", first, second), third))
    assert "query, key, value = self.qkv(x).unbind(1)" in emitted(model).code
    equal(model)


def test_what_attention_makes_keys_and_values_of_is_the_memory():
    net = Network()
    encoded = net.add("encoder", "Tanh", net.conv("encoder/conv", "encoder.conv", "x", 4, 4))
    x = net.conv("start", "start", "x", 4, 4)
    for place in range(2):
        scope, path = f"layers/layers.{place}", f"layers.{place}"
        query, key, value = (
            net.add(f"{scope}/{name}", "MatMul", given, net.weight(f"{path}.{name}.weight", 6, 6))
            for name, given in (("q", x), ("k", encoded), ("v", encoded))
        )
        scores = net.add(scope, "MatMul", query, net.add(scope, "Transpose", key, perm=[0, 1, 3, 2]))
        out = net.add(scope, "MatMul", net.add(scope, "Softmax", scores, axis=-1), value)
        x = net.add(scope, "Add", x, out)
    model = net.model(x)
    code = emitted(model).code
    assert "def forward(self, x, memory):" in code
    assert "memory = self.encoder(x)" in code
    equal(model)


def test_what_is_taken_away_with_its_sign_turned_is_added():
    net = Network()
    model = net.model(net.add("", "Sub", net.add("", "Sin", "x"), net.add("", "Neg", net.add("", "Cos", "x"))))
    code = emitted(model).code
    assert "- -" not in code
    equal(model)


@pytest.mark.parametrize(("target", "text"), [("pytorch", "torch.stack(["), ("keras", "ops.stack([")])
@pytest.mark.parametrize(("new", "axis"), [(4, -1), (4, 4), (3, 3), (3, -1)])
def test_what_gets_an_axis_each_and_is_put_together_along_it_is_stacked(new, axis, target, text):
    net = Network()
    net.weights.append(numpy_helper.from_array(np.array([new]), "new"))
    parts = [net.add("", "Unsqueeze", net.add("", kind, "x"), "new") for kind in ("Sin", "Cos")]
    model = net.model(net.add("", "Concat", *parts, axis=axis))
    assert (text in emit(read(model), target).code) == (new == axis % 5)
    equal(model, target)


def test_a_weight_between_numbered_modules_is_no_member_of_their_container():
    """nn.ModuleDict takes modules alone."""
    net = Network()
    x = net.conv("blocks/0", "blocks.0", "x", 4, 4)
    x = net.add("blocks", "Mul", x, net.weight("blocks.scale", 1, 4, 1, 1))
    x = net.conv("blocks/1", "blocks.1", x, 4, 4)
    x = net.add("", "Add", x, "x")
    code = emitted(net.model(x)).code
    assert "self.scale = nn.Parameter(" in code
    equal(net.model(x))
