"""Module calls that exporters leave in a file become functions and loops in Keras; layers keep their names."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Collection
from unittest import mock

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from converter.emitters import emit
from tests.emitted import judge, read, run
from tests.emitters.test_structure import RANDOM, Network


class Blocks(Network):
    """Adds layers whose sizes differ from block to block."""

    def add(self, scope: str, op_type: str, *inputs: str, **attributes) -> str:
        output = super().add(scope, op_type, *inputs, **attributes)
        same = sum(node.name.startswith(self.nodes[-1].name) for node in self.nodes[:-1])
        self.nodes[-1].name += f"_{same}" if same else ""
        return output

    def conv(self, scope: str, path: str, x: str, channels: int, filters: int, *, size: int = 3, stride: int = 1) -> str:
        weights = [self.weight(f"{path}.weight", filters, channels, size, size), self.weight(f"{path}.bias", filters)]
        sizes = {"kernel_shape": [size] * 2, "pads": [size // 2] * 4, "strides": [stride] * 2}
        return self.add(scope, "Conv", x, *weights, **sizes)

    def sizes(self, *sizes: int) -> str:
        self.weights.append(numpy_helper.from_array(np.array(sizes), f"sizes{len(self.weights)}"))
        return self.weights[-1].name

    def residual(self, path: str, x: str, channels: int, filters: int, *, size: int = 3, stride: int = 1) -> str:
        """A block with a projection where it changes the shape."""
        scope = _scope(path)
        inside = self.conv(f"{scope}/conv1", f"{path}.conv1", x, channels, filters, size=size, stride=stride)
        inside = self.add(f"{scope}/act", "Relu", inside)
        inside = self.conv(f"{scope}/conv2", f"{path}.conv2", inside, filters, filters)
        if stride != 1 or channels != filters:
            x = self.conv(f"{scope}/project", f"{path}.project", x, channels, filters, size=1, stride=stride)
        return self.add(scope, "Relu", self.add(scope, "Add", inside, x))


def _scope(path: str) -> str:
    """ "layer1.0" as the older exporter writes it: "layer1/layer1.0"."""
    parts = path.split(".")
    return "/".join(parts[:1] + [f"{before}.{part}" for before, part in itertools.pairwise(parts)])


def functions(code: str) -> dict[str, str]:
    """The functions of blocks, with their text."""
    nodes = [node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.unparse(node) for node in nodes if node.name not in ("build_model", "load_model")}


def checked(model: onnx.ModelProto, shared: Collection[str] = ()) -> str:
    """The code, which computes what onnxruntime does, and whose layers, but shared ones, are named as the file's weights."""
    shape = [size.dim_value or 2 for size in model.graph.input[0].type.tensor_type.shape.dim]
    feeds = {"x": RANDOM.standard_normal(shape).astype(np.float32)}
    found, wanted = run(read(model), "keras", feeds), judge(model, feeds)
    for have, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-4)
    emitted = emit(read(model), "keras")
    layers = {re.sub(r"\.(weight|bias)$", "", tensor.name).replace(".", "_") for tensor in model.graph.initializer}
    layers = {name for name in layers if not name.startswith("sizes")}
    assert {path.partition("/")[0] for path in emitted.weights} - {*shared} == layers - {"shared"}
    return emitted.code


def test_blocks_become_a_function_with_the_numbers_that_differ():
    net = Blocks()
    x = net.residual("layer1.0", "x", 4, 6, stride=2)
    x = net.residual("layer2.0", x, 6, 12, stride=1)
    code = checked(net.model(net.residual("layer3.0", x, 12, 24, stride=2)))
    (text,) = functions(code).values()
    assert text.startswith("def layer(x, filters, name, strides=1):")
    assert "layers.Conv2D(filters, 1, strides=strides, name=f'{name}_project')(x)" in text
    assert 'x = layer(x, 12, name="layer2_0")' in code


def test_an_activation_that_differs_in_an_argument_is_no_argument_of_its_layer():
    net = Blocks()
    x = "x"
    for place, approximate in enumerate(("none", "tanh", "none")):
        path, scope = f"layer1.{place}", _scope(f"layer1.{place}")
        inside = net.conv(f"{scope}/conv1", f"{path}.conv1", x, 3, 3)
        inside = net.add(f"{scope}/act", "Gelu", inside, approximate=approximate)
        inside = net.conv(f"{scope}/conv2", f"{path}.conv2", inside, 3, 3)
        x = net.add(scope, "Relu", net.add(scope, "Add", inside, x))
    model = net.model(x, 3)
    model.opset_import[0].version = 20
    (text,) = functions(checked(model)).values()
    assert "approximate=approximate" in text


def test_a_projection_stands_under_a_condition_of_the_shapes():
    net = Blocks()
    x = "x"
    for place, (channels, filters, stride) in enumerate([(4, 6, 2), (6, 6, 1), (6, 12, 1), (12, 12, 2)]):
        x = net.residual(f"blocks.{place}", x, channels, filters, stride=stride)
    (text,) = functions(checked(net.model(x))).values()
    assert "if strides != 1 or x.shape[-1] != filters:" in text


def test_a_projection_before_all_else_leaves_the_input():
    net = Blocks()
    x = "x"
    for place, (channels, filters) in enumerate([(4, 6), (6, 6), (6, 12)]):
        scope, path = f"blocks/blocks.{place}", f"blocks.{place}"
        shortcut = net.conv(f"{scope}/project", f"{path}.project", x, channels, filters, size=1) if channels != filters else x
        inside = net.add(f"{scope}/act", "Relu", net.conv(f"{scope}/conv1", f"{path}.conv1", x, channels, filters))
        inside = net.conv(f"{scope}/conv2", f"{path}.conv2", inside, filters, filters)
        x = net.add(scope, "Relu", net.add(scope, "Add", inside, shortcut))
    (text,) = functions(checked(net.model(x))).values()
    assert "shortcut = x\n    if x.shape[-1] != filters:" in text.replace("shortcut.shape", "x.shape")


@pytest.mark.parametrize(
    ("sums", "wanted"),
    [([1, 3], "if x.shape[-1] == filters:"), ([1], "if residual:")],
    ids=["where the shapes let it", "where nothing tells"],
)
def test_a_sum_that_some_blocks_have(sums, wanted):
    net = Blocks()
    x = "x"
    for place, (channels, filters) in enumerate([(4, 6), (6, 6), (6, 12), (12, 12)]):
        scope, path = f"blocks/blocks.{place}", f"blocks.{place}"
        inside = net.add(f"{scope}/act", "Relu", net.conv(f"{scope}/conv1", f"{path}.conv1", x, channels, filters))
        inside = net.conv(f"{scope}/conv2", f"{path}.conv2", inside, filters, filters)
        x = net.add(scope, "Add", inside, x) if place in sums else inside
    (text,) = functions(checked(net.model(x))).values()
    assert wanted in text


def test_what_is_padded_only_for_large_kernels():
    net = Blocks()
    x = "x"
    for place, size in enumerate([1, 3, 5, 1]):
        scope, path = f"blocks/blocks.{place}", f"blocks.{place}"
        x = net.add(scope, "Tanh", net.conv(f"{scope}/conv", f"{path}.conv", x, 4, 4, size=size))
        x = net.add(scope, "Exp", net.add(scope, "Neg", x))
    (text,) = functions(checked(net.model(x))).values()
    assert "if kernel_size != 1:\n        x = layers.ZeroPadding2D(kernel_size // 2)(x)" in text


def test_equal_calls_become_a_loop():
    net = Blocks()
    x = net.residual("layer1.0", "x", 4, 6)
    for place in range(1, 5):
        x = net.residual(f"layer1.{place}", x, 6, 6)
    code = checked(net.model(x))
    assert 'for i in range(1, 5):\n        x = layer(x, name=f"layer1_{i}")' in code


def test_equal_layers_become_a_loop_that_counts_as_the_source_does():
    net = Blocks()
    x = "x"
    for place in range(3):
        x = net.conv(f"features/features.{2 * place}", f"features.{2 * place}", x, 4, 4)
        x = net.add(f"features/features.{2 * place + 1}", "Relu", x)
    code = checked(net.model(x))
    assert "for i in range(0, 5, 2):" in code
    assert 'name=f"features_{i}"' in code


def test_stages_of_more_of_the_same_are_loops_and_no_variants():
    net = Blocks()
    x = "x"
    for stage, depth in enumerate((7, 4, 9), 1):
        for place in range(depth):
            x = net.residual(f"stage{stage}.{place}", x, 4, 4)
        x = net.add(f"stage{stage}", "Tanh", x)
    code = checked(net.model(x))
    assert [code.count(f"for i in range({depth}):") for depth in ("1, 7", 4, 9)] == [1, 1, 1]
    assert len(functions(code)) == 1


def test_a_loop_over_numbers():
    net = Blocks()
    x = net.conv("stem", "stem", "x", 4, 4)
    for stage, (channels, filters) in enumerate([(4, 6), (6, 10), (10, 12)], 1):
        x = net.residual(f"stages.{stage}", x, channels, filters, stride=2)
    code = checked(net.model(x))
    assert 'for i, filters in enumerate([6, 10, 12], 1):\n        x = stage(x, filters, name=f"stages_{i}")' in code


def test_concatenated_features_go_on_from_those_before():
    net = Blocks()
    features = [net.conv("stem", "stem", "x", 4, 4)]
    for place in range(5):
        scope, path = f"layers/layers.{place}", f"layers.{place}"
        x = features[0] if len(features) == 1 else net.add(scope, "Concat", *features, axis=1)
        x = net.conv(f"{scope}/conv1", f"{path}.conv1", x, 4 + 2 * place, 6)
        x = net.add(scope, "Relu", x)
        features.append(net.conv(f"{scope}/conv2", f"{path}.conv2", x, 6, 2))
    code = checked(net.model(net.conv("last", "last", net.add("", "Concat", *features, axis=1), 14, 3)))
    assert len(functions(code)) == 1
    assert "for i in range(5):" in code
    assert max(len(node.args[0].elts) for node in ast.walk(ast.parse(code)) if _concatenates(node)) == 2


def _concatenates(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "ops.concatenate"


def test_concatenated_along_another_axis_is_not_the_same():
    net = Blocks()
    a, b = net.add("", "Relu", "x"), net.add("", "Neg", "x")
    first = net.add("", "Concat", a, b, axis=1)
    second = net.add("", "Concat", a, b, a, axis=2)
    third = net.add("", "Concat", b, a, b, axis=1)
    x = net.conv("last", "last", first, 8, 3)
    model = net.model(x)
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in (second, third))
    checked(model)


@pytest.mark.parametrize("sizes", [(3, 5), (5, 7, 3)])
def test_the_padding_follows_the_kernel(sizes):
    net = Blocks()
    x = "x"
    for place, size in enumerate(sizes):
        x = net.residual(f"blocks.{place}", x, 4, 4, size=size)
    (text,) = functions(checked(net.model(x))).values()
    assert "layers.ZeroPadding2D(kernel_size // 2)(x)" in text


def test_a_padding_that_is_twice_the_stride_is_its_own_number():
    net = Blocks()
    x = "x"
    for place, (pads, stride) in enumerate([(1, 1), (2, 2), (1, 1)]):
        scope, path = f"blocks/blocks.{place}", f"blocks.{place}"
        weights = [net.weight(f"{path}.conv.weight", 4, 4, 3, 3), net.weight(f"{path}.conv.bias", 4)]
        sizes = {"kernel_shape": [3] * 2, "pads": [pads] * 4, "strides": [stride] * 2}
        x = net.add(f"{scope}/conv", "Conv", x, *weights, **sizes)
        for op_type in ("Relu", "Exp", "Neg", "Exp"):
            x = net.add(scope, op_type, x)
        x = net.conv(f"{scope}/out", f"{path}.out", x, 4, 4)
    (text,) = functions(checked(net.model(x))).values()
    assert text.startswith("def block(x, padding, name, strides=1):")


def test_a_width_that_is_always_twice_another():
    net = Blocks()
    x, channels = "x", 4
    for place, filters in enumerate([6, 8]):
        scope, path = f"blocks/blocks.{place}", f"blocks.{place}"
        x = net.conv(f"{scope}/conv1", f"{path}.conv1", x, channels, filters)
        x = net.add(scope, "Relu", x)
        x = net.conv(f"{scope}/conv2", f"{path}.conv2", x, filters, 2 * filters)
        channels = 2 * filters
    (text,) = functions(checked(net.model(x))).values()
    assert text.startswith("def block(x, filters, name):")
    assert "layers.Conv2D(2 * filters, 3, name=f'{name}_conv2')" in text


def test_a_module_called_twice_is_made_once():
    """Its layers are shared, so that its calls stay where they are."""
    net = Blocks()
    x = net.residual("block", "x", 4, 4)
    code = checked(net.model(net.residual("block", x, 4, 4)))
    assert code.count('name="block_conv1"') == 1


def test_a_layer_called_twice_inside_each_block():
    net = Blocks()
    x = "x"
    for place in range(3):
        scope, path = f"blocks/blocks.{place}", f"blocks.{place}"
        x = net.conv(f"{scope}/conv", f"{path}.conv", x, 4, 4)
        x = net.add(scope, "Relu", x)
        x = net.conv(f"{scope}/conv_1", f"{path}.conv", x, 4, 4)
        x = net.add(scope, "Add", x, net.conv(f"{scope}/other", f"{path}.other", x, 4, 4))
    (text,) = functions(checked(net.model(x))).values()
    assert "conv = layers.Conv2D(4, 3, name=f'{name}_conv')" in text


def test_a_layer_called_in_several_blocks_is_handed_to_them():
    net = Blocks()
    x = "x"
    for place in range(3):
        scope, path = f"blocks/blocks.{place}", f"blocks.{place}"
        x = net.conv(f"{scope}/conv1", f"{path}.conv1", x, 4, 4)
        x = net.add(scope, "Relu", x)
        x = net.conv(f"{scope}/shared", "shared", x, 4, 4)
        x = net.conv(f"{scope}/conv2", f"{path}.conv2", x, 4, 4)
    (text,) = functions(checked(net.model(x), {"blocks_0_shared"})).values()
    assert text.startswith("def block(x, blocks_0_shared, name):")


def test_a_block_with_two_outputs():
    net = Blocks()
    x, skips = "x", []
    for place in range(3):
        scope, path = f"blocks/blocks.{place}", f"blocks.{place}"
        skips.append(net.conv(f"{scope}/side", f"{path}.side", x, 4, 4))
        x = net.conv(f"{scope}/conv1", f"{path}.conv1", x, 4, 4)
        x = net.add(f"{scope}/act", "Relu", x)
        x = net.conv(f"{scope}/conv2", f"{path}.conv2", x, 4, 4)
    for skip in skips:
        x = net.add("", "Add", x, skip)
    (text,) = functions(checked(net.model(x))).values()
    assert re.search(r"return \(?\w+, \w+\)?$", text)


def test_weights_of_blocks_hang_on_a_tensor_of_theirs():
    net = Blocks()
    x = net.conv("stem", "stem", "x", 4, 4)
    for place in range(3):
        scope, path = f"blocks/blocks.{place}", f"blocks.{place}"
        scale = net.weight(f"{path}.scale", 4, 1, 1)
        inside = net.add(scope, "Mul", net.conv(f"{scope}/conv", f"{path}.conv", x, 4, 4), scale)
        inside = net.add(scope, "Add", inside, net.add(scope, "Exp", net.add(scope, "Neg", inside)))
        x = net.add(scope, "Mul", net.add(scope, "Add", inside, x), scale)
    (text,) = functions(checked(net.model(x))).values()
    assert "inputs" not in text


def test_what_stands_once_is_written_where_it_stands():
    net = Blocks()
    x = net.residual("first", "x", 4, 6)
    code = checked(net.model(net.conv("last", "last", x, 6, 2)))
    assert functions(code) == {}


def test_two_blocks_that_differ_in_what_they_do():
    net = Blocks()
    x = "x"
    for place, op_type in enumerate(["Relu", "Exp", "Relu", "Exp", "Relu", "Exp"]):
        scope, path = f"blocks/blocks.{place}", f"blocks.{place}"
        x = net.conv(f"{scope}/conv1", f"{path}.conv1", x, 4, 4)
        x = net.add(scope, op_type, x)
        x = net.conv(f"{scope}/conv2", f"{path}.conv2", x, 4, 4)
        x = net.add(scope, "Add", x, net.add(scope, "Sigmoid", x))
    assert list(functions(checked(net.model(x)))) == ["block", "block_with_exp"]


def test_an_activation_that_differs_is_an_argument():
    net = Blocks()
    x = "x"
    for place, op_type in enumerate(["Relu", "Tanh", "Relu"]):
        scope, path = f"blocks/blocks.{place}", f"blocks.{place}"
        inside = net.add(scope, op_type, net.add(scope, "Sin", net.conv(f"{scope}/conv1", f"{path}.conv1", x, 4, 4)))
        inside = net.add(scope, op_type, net.conv(f"{scope}/conv2", f"{path}.conv2", inside, 4, 4))
        x = net.add(scope, "Add", inside, x)
    code = checked(net.model(x))
    (text,) = functions(code).values()
    assert "out = activation(out)" in text
    assert "layers.Conv2D(4, 3, activation=activation, name=f'{name}_conv2')" in text
    assert 'block(x, ops.tanh, name="blocks_1")' in code


def test_an_activation_that_some_blocks_lack_may_be_none():
    net = Blocks()
    x = "x"
    for place, op_type in enumerate(["Relu", None, "Relu", None]):
        scope, path = f"blocks/blocks.{place}", f"blocks.{place}"
        x = net.add(scope, "Sin", net.conv(f"{scope}/conv", f"{path}.conv", x, 4, 4))
        x = net.add(scope, "Neg", net.add(scope, op_type, x) if op_type else x)
    code = checked(net.model(x))
    (text,) = functions(code).values()
    assert "activation=None):" in text
    assert "if activation is not None:\n        x = activation(x)" in text
    assert "block(x, activation=ops.relu, name=" in code


def test_sizes_of_what_comes_in_are_asked_for():
    net = Blocks()
    x = "x"
    for place, (channels, height, width) in enumerate([(4, 12, 8), (8, 6, 4)]):
        scope, path = f"merge/merge.{place}", f"merge.{place}"
        parts = net.sizes(-1, channels, height // 2, 2, width // 2, 2)
        x = net.add(f"{scope}/parts", "Reshape", net.conv(f"{scope}/conv1", f"{path}.conv1", x, channels, channels), parts)
        x = net.add(scope, "Transpose", x, perm=[0, 1, 3, 5, 2, 4])
        x = net.add(scope, "Reshape", x, net.sizes(-1, 4 * channels, height // 2, width // 2))
        x = net.conv(f"{scope}/conv2", f"{path}.conv2", x, 4 * channels, 2 * channels)
    model = net.model(x)
    for size, wanted in zip(model.graph.input[0].type.tensor_type.shape.dim[1:], (4, 12, 8), strict=True):
        size.dim_value = wanted
    code = checked(model)
    (text,) = functions(code).values()
    assert "def merge(x, name):\n    height, width, channels = x.shape[1:]" in text
    assert "layers.Conv2D(2 * channels, 3, name=f'{name}_conv2')" in text


def test_variables_of_numbered_modules_are_called_as_what_holds_them():
    net = Blocks()
    parts = [net.residual(f"branch{place}.1", "x", 4, 6 + place) for place in (1, 2, 3)]
    code = checked(net.model(net.add("", "Concat", *parts, axis=1)))
    assert "x = ops.concatenate([branch1, branch2, x], axis=-1)" in code


def test_what_goes_around_a_part_is_x_and_the_part_is_out():
    net = Blocks()
    kept = net.add("down", "Abs", net.conv("down", "down", "x", 4, 4))
    inside = net.add("around", "Sin", net.conv("around/conv", "around.conv", kept, 4, 4))
    code = checked(net.model(net.add("around", "Add", inside, kept)))
    assert "x = ops.abs(x)\n    out = layers.ZeroPadding2D(1)(x)" in code


@pytest.mark.parametrize(
    ("what", "wanted"),
    [("group", "depthwise_block"), ("weight", "block_with_gain")],
)
def test_blocks_that_cannot_be_one_are_named_by_what_sets_them_apart(what, wanted):
    net = Blocks()
    x = "x"
    for place in range(6):
        scope, path = f"blocks/blocks.{place}", f"blocks.{place}"
        if place % 2 and what == "group":
            weights = [net.weight(f"{path}.conv.weight", 4, 1, 3, 3), net.weight(f"{path}.conv.bias", 4)]
            x = net.add(f"{scope}/conv", "Conv", x, *weights, kernel_shape=[3, 3], pads=[1] * 4, group=4)
        else:
            x = net.conv(f"{scope}/conv", f"{path}.conv", x, 4, 4)
        if place % 2 and what == "weight":
            x = net.add(scope, "Mul", net.weight(f"{path}.gain", 4, 1, 1), net.add(scope, "Exp", x))
        x = net.add(scope, "Sin", net.add(scope, "Tanh", net.add(scope, "Cos", x)))
    assert functions(emit(read(net.model(x)), "keras").code).keys() == {"block", wanted}


@pytest.mark.parametrize("name", ["name", "x", "i", "layers", "filters", "build_model", "Weight", "for", "lambda", "0"])
def test_hostile_names_of_modules(name):
    net = Blocks()
    x = "x"
    for place in range(3):
        scope, path = f"{name}/{name}.{place}", f"{name}.{place}"
        x = net.conv(f"{scope}/{name}", f"{path}.{name}", x, 4, 4)
        x = net.add(scope, "Relu", x)
        x = net.conv(f"{scope}/conv2", f"{path}.conv2", x, 4, 4)
        x = net.add(scope, "Add", x, net.add(scope, "Sigmoid", x))
    model = net.model(x)
    feeds = {"x": RANDOM.standard_normal((2, 4, 5, 6)).astype(np.float32)}
    np.testing.assert_allclose(run(read(model), "keras", feeds)[0], judge(model, feeds)[0], rtol=1e-4, atol=1e-4)


def test_a_model_with_two_outputs_of_blocks():
    net = Blocks()
    first = net.residual("layer1.0", "x", 4, 4)
    second = net.residual("layer2.0", first, 4, 4)
    third = net.residual("layer3.0", second, 4, 4)
    model = net.model(third)
    model.graph.output.append(helper.make_tensor_value_info(first, TensorProto.FLOAT, None))
    checked(model)


def test_no_layer_has_the_name_that_keras_gives_an_operation():
    keras = pytest.importorskip("keras")
    network = Blocks()
    for name, sizes in (("first", (0, 8, 15)), ("last", (-1, 15))):
        network.weights.append(numpy_helper.from_array(np.array(sizes, np.int64), name))
    x = network.add("", "Relu", network.add("", "Reshape", "x", "first"))
    model = network.model(network.add("", "Reshape", x, "last"))
    keras.backend.clear_session()  # or an operation is "reshape_17" by now
    feeds = {"x": RANDOM.standard_normal((2, 4, 5, 6)).astype(np.float32)}
    np.testing.assert_array_equal(run(read(model), "keras", feeds)[0], judge(model, feeds)[0])
    code = emit(read(model), "keras").code
    assert "layers.Reshape" in code
    assert "ops.reshape" in code


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=2, max_size=4), st.booleans())
def test_parts_that_only_some_blocks_have_leave_no_variable_unset(blocks, adds):
    """One block has all parts; whichever the others lack, the first or the last or several in a row, what they give is set."""
    net = Blocks()
    x = "x"
    for place, parts in enumerate([[True] * 4, *blocks]):
        path, begin = f"layers.{place}", x
        scope = _scope(path)
        for number, has in enumerate(parts):
            if has:
                x = net.conv(f"{scope}/conv{number}", f"{path}.conv{number}", x, 4, 4)
        x = net.add(scope, "Relu", x)
        x = net.add(scope, "Add", x, begin) if adds else x
    with mock.patch("converter.emitters.keras.formatted", lambda code: code):
        checked(net.model(x))
