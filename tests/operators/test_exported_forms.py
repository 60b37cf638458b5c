"""Forms of operators that exporters write, each against onnxruntime: what once broke in a real file."""

from __future__ import annotations

import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from converter.emitters import emit
from tests.emitted import assert_equal, read

both_targets = pytest.mark.parametrize("target", ["pytorch", "keras"])
LOWEST = np.array(np.finfo(np.float32).min, np.float32)


def model(
    nodes: list[onnx.NodeProto], inputs: dict[str, list], weights: dict[str, np.ndarray], outputs: list[str], opset: int = 18
):
    """A model of these nodes; ``inputs`` are float32 unless (type, shape) is given."""
    infos = []
    for name, shape in inputs.items():
        kind, shape = shape if isinstance(shape, tuple) else (TensorProto.FLOAT, shape)
        infos.append(helper.make_tensor_value_info(name, kind, shape))
    results = [helper.make_empty_tensor_value_info(name) for name in outputs]
    held = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "exported", infos, results, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@both_targets
def test_pad_by_reflection(target):
    pads = np.array([0, 0, 2, 1, 0, 0, 1, 2])
    node = helper.make_node("Pad", ["x", "pads"], ["y"], mode="reflect")
    assert_equal(model([node], {"x": ["batch", 3, 6, 5]}, {"pads": pads}, ["y"]), target, {"x": numbers(2, 3, 6, 5)})


@both_targets
def test_weight_that_one_node_reads_in_two_places(target):
    """A scale of one element and one axis is no plain number, and QLinearConv multiplies by it twice."""
    weights = {
        "scale": np.array([0.0625], np.float32),
        "zero": np.zeros(1, np.int8),
        "w": np.random.default_rng(1).integers(-90, 90, (4, 3, 3), np.int8),
        "bias": np.array([200, -300, 100, 40], np.int32),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        helper.make_node("QLinearConv", ["q", "scale", "zero", "w", "scale", "zero", "scale", "zero", "bias"], ["c"]),
        helper.make_node("DequantizeLinear", ["c", "scale", "zero"], ["y"]),
    ]
    nodes[0].attribute.append(helper.make_attribute("axis", 0))
    nodes[2].attribute.append(helper.make_attribute("axis", 0))
    assert_equal(model(nodes, {"x": [1, 3, 9]}, weights, ["y"]), target, {"x": numbers(1, 3, 9)})


@both_targets
@pytest.mark.parametrize("rows", [3, "rows"])
def test_gathering_elements_of_the_first_rows(target, rows):
    node = helper.make_node("GatherElements", ["x", "i"], ["y"], axis=1)
    built = model([node], {"x": [5, 4], "i": (TensorProto.INT64, [rows, 2])}, {}, ["y"])
    assert_equal(built, target, {"x": numbers(5, 4), "i": np.array([[0, 3], [-1, 1], [2, 2]])})


@both_targets
def test_the_lowest_number_of_float32(target):
    """Masks hold it; its shortest decimal is out of float32's range."""
    nodes = [
        helper.make_node("Where", ["mask", "x", "lowest"], ["y"]),
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["z"], value=numpy_helper.from_array(LOWEST.reshape(1))),
    ]
    built = model(nodes, {"x": ["n", 3], "mask": (TensorProto.BOOL, ["n", 3])}, {"lowest": LOWEST}, ["y", "z"])
    assert_equal(built, target, {"x": numbers(2, 3), "mask": np.array([[True, False, True], [False, True, True]])})


@both_targets
def test_reshape_that_splits_an_open_size_off(target):
    """Neither of the open sizes in front is the other one."""
    node = helper.make_node("Reshape", ["x", "shape"], ["y"])
    built = model([node], {"x": ["rows", 6, 4]}, {"shape": np.array([-1, 3, 4])}, ["y"])
    assert_equal(built, target, {"x": numbers(2, 6, 4)})


@both_targets
def test_loop_that_hands_its_weights_on(target):
    """TensorFlow's loops get the weights they read as states, and give them back unchanged."""
    kinds = {"i": TensorProto.INT64, "go": TensorProto.BOOL, "goes": TensorProto.BOOL}
    inner = [
        helper.make_node("MatMul", ["state", "w"], ["product"]),
        helper.make_node("Split", ["product"], ["left", "right"], axis=-1, num_outputs=2),
        helper.make_node("Tanh", ["left"], ["next"]),
        helper.make_node("Identity", ["w"], ["same"]),
        helper.make_node("Identity", ["go"], ["goes"]),
    ]
    names = ["i", "go", "w", "state"], ["goes", "same", "next"]
    infos = [
        [helper.make_tensor_value_info(n, kinds.get(n, TensorProto.FLOAT), [] if n in kinds else None) for n in row]
        for row in names
    ]
    body = helper.make_graph(inner, "body", *infos)
    loop = helper.make_node("Loop", ["rounds", "", "weight", "x"], ["last_weight", "y"], body=body)
    weights = {"rounds": np.array(3), "weight": numbers(4, 8)}
    built = model([loop], {"x": ["batch", 4]}, weights, ["y"])
    assert_equal(built, target, {"x": numbers(2, 4)})
    (node,) = read(built).nodes
    assert len(node["body"].inputs) == 3


def if_node(condition: str, output: str, then: list[onnx.NodeProto], otherwise: list[onnx.NodeProto]) -> onnx.NodeProto:
    """An If whose branches give what their last node gives."""
    branches = [
        helper.make_graph(nodes, "branch", [], [helper.make_empty_tensor_value_info(nodes[-1].output[0])])
        for nodes in (then, otherwise)
    ]
    return helper.make_node("If", [condition], [output], then_branch=branches[0], else_branch=branches[1])


SQUEEZE_IF_ONE = [
    helper.make_node("Shape", ["x"], ["shape"]),
    helper.make_node("Gather", ["shape", "axis"], ["size"]),
    helper.make_node("Equal", ["size", "axis"], ["is_one"]),
    if_node(
        "is_one", "h", [helper.make_node("Squeeze", ["x", "axis"], ["then"])], [helper.make_node("Identity", ["x"], ["else"])]
    ),
]
"""What PyTorch's exporter writes for ``x.squeeze(1)``: the rank of the result depends on a size."""


@both_targets
def test_branch_that_a_known_size_decides(target):
    """Though the other axes are open."""
    nodes = [*SQUEEZE_IF_ONE, helper.make_node("Conv", ["h", "w"], ["y"])]
    weights = {"axis": np.array([1]), "w": numbers(4, 3, 2)}
    built = model(nodes, {"x": ["batch", 1, 3, "length"]}, weights, ["y"])
    assert [node.op_type for node in read(built).nodes] == ["Squeeze", "Conv"]
    assert_equal(built, target, {"x": numbers(2, 1, 3, 6)})


@both_targets
@pytest.mark.parametrize("size", [1, 3])
def test_convolution_tells_the_rank_that_branches_leave_open(target, size):
    """In a branch of another If too."""
    conv = [helper.make_node("Relu", ["h"], ["r"]), helper.make_node("Conv", ["r", "w"], ["c"], kernel_shape=[2])]
    nodes = [*SQUEEZE_IF_ONE, if_node("flag", "y", conv, [helper.make_node("Identity", ["h"], ["same"])])]
    shape = [1, 1, 3, 6] if size == 1 else [2, 3, 6]
    inputs = {"x": ["n", "channels", *["length"] * (len(shape) - 2)], "flag": (TensorProto.BOOL, [])}
    inputs["x"] = [None] * len(shape)
    built = model(nodes, inputs, {"axis": np.array([1]), "w": numbers(4, 3, 2)}, ["y"])
    feeds = {"x": numbers(*shape), "flag": np.array(True)}
    assert_equal(built, target, feeds)


@both_targets
@pytest.mark.parametrize(
    ("start", "end", "step"),
    [(-1, -(2**63), -1), (-1, 0, -1), (3, -5, -2), (99, 1, -1), (2**63 - 1, -2, -1), (0, -(2**63), -1), (1, 3, -1)],
)
def test_slice_that_walks_backwards_along_an_open_axis(target, start, end, step):
    weights = {"start": np.array([start]), "end": np.array([end]), "axis": np.array([1]), "step": np.array([step])}
    node = helper.make_node("Slice", ["x", "start", "end", "axis", "step"], ["y"])
    assert_equal(model([node], {"x": ["batch", "length"]}, weights, ["y"]), target, {"x": numbers(2, 5)})


@both_targets
@pytest.mark.parametrize("computed", [False, True])
@pytest.mark.parametrize("start", [-9, -5, -2, 3])
def test_slice_that_walks_backwards_from_before_the_beginning(target, start, computed):
    """The standard lets it begin at the first element, NumPy nowhere."""
    weights = {"end": np.array([-(2**63)]), "axis": np.array([1]), "step": np.array([-1])}
    inputs, feeds = {"x": [2, 5]}, {"x": numbers(2, 5)}
    if computed:
        inputs["start"], feeds["start"] = (TensorProto.INT64, [1]), np.array([start])
    else:
        weights["start"] = np.array([start])
    node = helper.make_node("Slice", ["x", "start", "end", "axis", "step"], ["y"])
    assert_equal(model([node], inputs, weights, ["y"]), target, feeds)


@both_targets
@pytest.mark.parametrize("shape", [["n", 3], ["n"]], ids=str)
def test_slice_of_the_first_axis_alone(target, shape):
    """A symbolic tensor of Keras takes no slice that stands alone between the brackets."""
    nodes = [
        helper.make_node("Slice", ["x", "one", "end", "zero"], ["y"]),
        helper.make_node("Split", ["fixed", "sizes"], ["left", "right"], axis=0),
        helper.make_node("Abs", ["left"], ["z"]),
    ]
    weights = {"one": np.array([1]), "end": np.array([2**31 - 1]), "zero": np.array([0]), "sizes": np.array([3, 2])}
    built = model(nodes, {"x": shape, "fixed": [5]}, weights, ["y", "z"])
    assert_equal(built, target, {"x": numbers(4, 3) if len(shape) == 2 else numbers(4), "fixed": numbers(5)})


@both_targets
@pytest.mark.parametrize(("start", "end", "axis"), [(-1, 2**31 - 1, 1), (2, 3, 1), (-2, -1, -1), (0, 1, -2)])
def test_one_element_of_an_axis(target, start, end, axis):
    """TensorFlow's exporters write x[:, -1] as a slice and a Squeeze, also where the axis is open."""
    nodes = [
        helper.make_node("Slice", ["x", "start", "end", "axis"], ["part"]),
        helper.make_node("Squeeze", ["part", "axis"], ["y"]),
    ]
    weights = {"start": np.array([start]), "end": np.array([end]), "axis": np.array([axis])}
    built = model(nodes, {"x": ["batch", "time", 4]}, weights, ["y"])
    assert_equal(built, target, {"x": numbers(2, 5, 4)})
    assert [node.op_type for node in read(built).nodes] == ["Gather"]


@both_targets
def test_numbers_where_only_tensors_will_do(target):
    """First states of zeros as TensorFlow writes them, a text lengthened by one token, a loop that starts from a number."""
    body = helper.make_graph(
        [helper.make_node("Add", ["count", "one"], ["next"]), helper.make_node("Cast", ["next"], ["part"], to=1)],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("count", TensorProto.INT64, []),
        ],
        [
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.INT64, []),
            helper.make_tensor_value_info("part", TensorProto.FLOAT, []),
        ],
    )
    nodes = [
        helper.make_node("Shape", ["x"], ["sizes"]),
        helper.make_node("Expand", ["nothing", "sizes"], ["zeros"]),
        helper.make_node("Add", ["x", "zeros"], ["y"]),
        helper.make_node("Concat", ["start", "ids"], ["z"], axis=0),
        helper.make_node("Loop", ["one", "", "two"], ["last", "parts"], body=body),
    ]
    weights = {
        "nothing": np.array(0, np.float32), "start": np.array([7], np.int32), "one": np.array(1), "two": np.array(2),
    }  # fmt: skip
    inputs = {"x": ["n", 3], "ids": (TensorProto.INT32, ["length"])}
    built = model(nodes, inputs, weights, ["y", "z", "last", "parts"])
    assert_equal(built, target, {"x": numbers(2, 3), "ids": np.array([4, 5], np.int32)})


@both_targets
def test_scale_computed_from_a_size_that_is_known(target):
    """torch's older exporter takes the scale of attention from the size of the heads while the network runs."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("Reshape", ["turned", "shape"], ["heads"]),
        helper.make_node("Shape", ["heads"], ["sizes"]),
        helper.make_node("Slice", ["sizes", "last", "end"], ["size"]),
        helper.make_node("Cast", ["size"], ["number"], to=1),
        helper.make_node("Sqrt", ["number"], ["scale"]),
        helper.make_node("Div", ["heads", "scale"], ["y"]),
    ]
    weights = {"shape": np.array([0, -1, 2, 6]), "last": np.array([-1]), "end": np.array([2**31 - 1])}
    built = model(nodes, {"x": ["batch", "time", 12]}, weights, ["y"])
    assert_equal(built, target, {"x": numbers(2, 4, 12)})
    assert not any(node.op_type == "Sqrt" for node in read(built).nodes)


@both_targets
@pytest.mark.parametrize("operator", ["MatMul", "Gemm"])
def test_product_with_a_matrix_without_columns(target, operator):
    """A low-rank addition of rank 0, which is filled in later."""
    nodes = [helper.make_node(operator, ["x", "a"], ["h"]), helper.make_node(operator, ["h", "b"], ["y"])]
    weights = {"a": numbers(4, 0), "b": numbers(0, 3)}
    assert_equal(model(nodes, {"x": ["batch", 4]}, weights, ["y"]), target, {"x": numbers(2, 4)})


@both_targets
@pytest.mark.parametrize("parts", [[2], [1, 1]])
def test_split_along_the_first_axis_of_which_one_part_is_read(target, parts):
    """TensorFlow's unstacked time steps, of which there is one, or of which the last is read."""
    names = [f"part_{i}" for i in range(len(parts))]
    nodes = [helper.make_node("Split", ["x", "sizes"], names, axis=0), helper.make_node("Relu", [names[-1]], ["y"])]
    assert_equal(model(nodes, {"x": [2, "length"]}, {"sizes": np.array(parts)}, ["y"]), target, {"x": numbers(2, 3)})


@both_targets
def test_recurrent_layer_behind_branches_of_different_rank(target):
    """Its data has no known shape; the sizes of its weights are enough."""
    nodes = [
        *SQUEEZE_IF_ONE,
        helper.make_node("LSTM", ["h", "w", "r"], ["", "last"], hidden_size=4),
        helper.make_node("Relu", ["last"], ["y"]),
    ]
    weights = {"axis": np.array([1]), "w": numbers(1, 16, 3), "r": numbers(1, 16, 4)}
    assert_equal(model(nodes, {"x": [None] * 4}, weights, ["y"]), target, {"x": numbers(5, 1, 2, 3)})


def stacked(op_type: str, directions: int, *, read_between: bool = False, **options) -> onnx.ModelProto:
    """Two layers as torch writes them: the directions of each step side by side, by a Transpose and a Reshape."""
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[op_type]
    direction = "bidirectional" if directions == 2 else "forward"
    weights, nodes, x, size = {"sizes": np.array([0, 0, -1])}, [], "x", 3
    for layer in "12":
        weights[f"onnx::{op_type}_{layer}1"] = numbers(directions, gates * 4, size) / 2
        weights[f"onnx::{op_type}_{layer}2"] = numbers(directions, gates * 4, 4) / 2
        weights[f"onnx::{op_type}_{layer}3"] = numbers(directions, 2 * gates * 4)
        given = [x, *(name for name in weights if name.startswith(f"onnx::{op_type}_{layer}"))]
        nodes += [
            helper.make_node(op_type, given, [f"all{layer}"], hidden_size=4, direction=direction, **options),
            helper.make_node("Transpose", [f"all{layer}"], [f"turned{layer}"], perm=[0, 2, 1, 3]),
            helper.make_node("Reshape", [f"turned{layer}", "sizes"], [f"joined{layer}"]),
        ]
        x, size = f"joined{layer}", 4 * directions
    nodes.append(helper.make_node("Relu", [x], ["y"]))
    nodes += [helper.make_node("Abs", ["joined1"], ["z"])] * read_between
    return model(nodes, {"x": ["steps", "batch", 3]}, weights, ["y", "z"][: 1 + read_between])


@both_targets
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize(
    ("op_type", "more"),
    [("LSTM", {}), ("GRU", {"linear_before_reset": 1}), ("RNN", {}), ("RNN", {"activations": ["Relu"]})],
)
def test_recurrent_layers_that_build_on_each_other(op_type, more, directions, target):
    more = {name: value * directions if name == "activations" else value for name, value in more.items()}
    network = stacked(op_type, directions, **more)
    assert_equal(network, target, {"x": numbers(5, 2, 3)})
    if target == "pytorch":
        found = emit(read(network), target)
        assert re.findall(r"nn\.(?:LSTM|GRU|RNN)\(\s*(\d+),\s*(\d+)", found.code) == [("3", "4")]
        assert "num_layers=2" in found.code
        assert {name.rpartition(".")[2] for name in found.weights if "weight_ih" in name} == {
            f"weight_ih_l{layer}{suffix}" for layer in (0, 1) for suffix in ("", "_reverse")[:directions]
        }


@both_targets
def test_a_recurrent_layer_that_another_reader_has_is_no_part_of_the_next(target):
    network = stacked("LSTM", 2, read_between=True)
    assert_equal(network, target, {"x": numbers(5, 2, 3)})
    assert "num_layers" not in emit(read(network), target).code
