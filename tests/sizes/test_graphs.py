"""Sizes that a network computes: printed as a person writes them, and equal with onnxruntime at every size."""

from __future__ import annotations

from unittest import mock

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.emitters import emit
from tests.emitted import judge, read, run
from tests.onnx_reader.models import model, node

INT64, FLOAT = onnx.TensorProto.INT64, onnx.TensorProto.FLOAT
_TENSORS = ("torch.tensor(", ".tolist()", ".item()", "convert_to_tensor", "numbers(", "run_eagerly")


def assert_equal_at(proto, sizes, target, make):
    """The emitted code answers as onnxruntime does at each of the sizes."""
    graph = read(proto)
    with mock.patch(f"converter.emitters.{target}.formatted", lambda code: code):
        for size in sizes:
            feeds = make(*size)
            for found, wanted in zip(run(graph, target, feeds), judge(proto, feeds), strict=True):
                assert found.shape == wanted.shape
                assert found.dtype == wanted.dtype
                np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def code_of(proto, target):
    code = emit(read(proto), target).code
    start = code.index("def forward" if target == "pytorch" else "def call" if "def call" in code else "def build_model")
    return code[start : code.index("def load_model")]


def constants(**arrays):
    return {name: np.float32(array) if np.array(array).dtype.kind == "f" else np.int64(array) for name, array in arrays.items()}


# Arithmetic of any kind ----------------------------------------------------------------------------------------------------

_BINARY = ["Add", "Sub", "Mul", "Max", "Min", "Mod", "Div", "Less", "Equal"]


@st.composite
def size_graphs(draw):
    """A network whose outputs are sizes it computes, and tensors of such sizes."""
    nodes = [node("Shape", ["x"], ["shape"])]
    weights = constants(zero=[0], one=[1], first=[0], second=[1], limit=[40], factor=[0.5], quarter=[4.0])
    pool = []
    for name in ("first", "second"):
        nodes.append(node("Gather", ["shape", name], [f"size_{name}"], axis=0))
        pool.append(f"size_{name}")
    for number in draw(st.lists(st.integers(-3, 5), min_size=1, max_size=3, unique=True)):
        weights[f"number_{number}"] = np.array([number], np.int64)
        pool.append(f"number_{number}")
    for step in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from([*_BINARY, "halves", "quarters", "ceiling"]))
        a, b, name = draw(st.sampled_from(pool)), draw(st.sampled_from(pool)), f"v{step}"
        if kind in ("Div", "Mod"):
            weights[f"by_{step}"] = np.int64([draw(st.sampled_from([1, 2, 3, 7] if kind == "Mod" else [1, 2, 3, 7, -2]))])
            nodes.append(node(kind, [a, f"by_{step}"], [name]))
        elif kind in ("Less", "Equal"):
            nodes.append(node(kind, [a, b], [f"{name}_condition"]))
            nodes.append(node("Where", [f"{name}_condition", a, "one"], [name]))
        elif kind in ("halves", "quarters", "ceiling"):
            operator, by = ("Mul", "factor") if kind == "halves" else ("Div", "quarter")
            nodes += [node("Cast", [a], [f"{name}_float"], to=FLOAT), node(operator, [f"{name}_float", by], [f"{name}_part"])]
            nodes.append(node("Ceil" if kind == "ceiling" else "Floor", [f"{name}_part"], [f"{name}_whole"]))
            nodes.append(node("Cast", [f"{name}_whole"], [name], to=INT64))
        else:
            nodes.append(node(kind, [a, b], [name]))
        pool.append(name)
    last = pool[-1]
    nodes += [
        node("Max", [last, "zero"], ["natural"]),
        node("Min", ["natural", "limit"], ["length"]),
        node("ConstantOfShape", ["length"], ["filled"], value=onnx.helper.make_tensor("value", INT64, [1], [7])),
        node("Slice", ["x", "length", "limit", "one"], ["tail"]),
        node("Slice", ["x", "zero", last, "zero"], ["head"]),
        node("Concat", ["length", last], ["both"], axis=0),
        node("Add", ["both", "one"], ["more"]),
    ]
    return model(nodes, {"x": ["rows", "columns", 3]}, ["filled", "tail", "head", "more"], weights)


@given(size_graphs(), st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=3, max_size=3))
def test_any_arithmetic_pytorch(proto, sizes):
    assert_equal_at(proto, sizes, "pytorch", lambda *size: {"x": _random(*size, 3)})


@given(size_graphs(), st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_any_arithmetic_keras(proto, size):
    assert_equal_at(proto, [size], "keras", lambda *size: {"x": _random(*size, 3)})


# As exporters write it -----------------------------------------------------------------------------------------------------


def split_heads():
    """torch's older exporter: view(batch, length, heads, -1) and back."""
    nodes = [
        node("Shape", ["x"], ["s0"]), node("Gather", ["s0", "i0"], ["batch"], axis=0),
        node("Shape", ["x"], ["s1"]), node("Gather", ["s1", "i1"], ["length"], axis=0),
        node("Unsqueeze", ["batch", "axes"], ["u0"]), node("Unsqueeze", ["length", "axes"], ["u1"]),
        node("Concat", ["u0", "u1", "heads", "width"], ["target"], axis=0),
        node("Reshape", ["x", "target"], ["split"]), node("Transpose", ["split"], ["moved"], perm=[0, 2, 1, 3]),
        node("Softmax", ["moved"], ["soft"], axis=-1), node("Transpose", ["soft"], ["back"], perm=[0, 2, 1, 3]),
        node("Concat", ["u0", "u1", "all"], ["whole"], axis=0), node("Reshape", ["back", "whole"], ["y"]),
    ]  # fmt: skip
    weights = constants(i0=0, i1=1, axes=[0], heads=[4], width=[8], all=[32])
    return model(nodes, {"x": ["batch", "length", 32]}, ["y"], weights)


def expanded_mask():
    """torch's exporters: expand with -1, said by Where and Equal; positions by Range."""
    nodes = [
        node("Shape", ["mask"], ["s"]), node("Gather", ["s", "i0"], ["batch"], axis=0),
        node("Gather", ["s", "i1"], ["length"], axis=0),
        node("Unsqueeze", ["batch", "axes"], ["u0"]), node("Unsqueeze", ["length", "axes"], ["u1"]),
        node("Unsqueeze", ["mask", "middle"], ["lifted"]),
        node("Concat", ["u0", "one", "u1", "keep"], ["target"], axis=0),
        node("Shape", ["target"], ["count"]), node("ConstantOfShape", ["count"], ["ones"],
             value=onnx.helper.make_tensor("value", INT64, [1], [1])),
        node("Mul", ["ones", "keep"], ["minus"]), node("Equal", ["target", "minus"], ["left"]),
        node("Where", ["left", "ones", "target"], ["sizes"]), node("Expand", ["lifted", "sizes"], ["y"]),
        node("Range", ["start", "length", "step"], ["positions"]), node("Add", ["positions", "length"], ["shifted"]),
    ]  # fmt: skip
    weights = constants(i0=0, i1=1, axes=[0], middle=[1, 2], one=[1], keep=[-1], start=0, step=1)
    return model(nodes, {"mask": ["batch", "length"]}, ["y", "shifted"], weights)


def doubled_image():
    """tf2onnx: sizes through int32 and float, a Resize to twice the size, cut back to the size of another image."""
    nodes = [
        node("Shape", ["x"], ["s"]), node("Cast", ["s"], ["small"], to=onnx.TensorProto.INT32),
        node("Slice", ["small", "two", "four", "axes"], ["hw"]), node("Cast", ["hw"], ["f"], to=FLOAT),
        node("Mul", ["f", "scale"], ["scaled"]), node("Floor", ["scaled"], ["floored"]),
        node("Cast", ["floored"], ["wanted"], to=INT64), node("Slice", ["s", "axes", "two", "axes"], ["nc"]),
        node("Concat", ["nc", "wanted"], ["sizes"], axis=0),
        node("Resize", ["x", "", "", "sizes"], ["big"], mode="nearest", nearest_mode="floor",
             coordinate_transformation_mode="asymmetric"),
        node("Slice", ["big", "begin", "hw64", "places"], ["y"]), node("Cast", ["hw"], ["hw64"], to=INT64),
    ]  # fmt: skip
    nodes.insert(-2, nodes.pop())
    weights = constants(two=[2], four=[4], axes=[0], scale=[2.0], begin=[0, 0], places=[2, 3])
    return model(nodes, {"x": ["batch", 2, "height", "width"]}, ["y"], weights)


def padded_to_multiple():
    """Keras and torch: pad to a multiple of 8, as (8 - n % 8) % 8, and merge axes by a product."""
    nodes = [
        node("Shape", ["x"], ["s"]), node("Gather", ["s", "i1"], ["length"], axis=0),
        node("Mod", ["length", "eight"], ["rest"]), node("Sub", ["eight", "rest"], ["open"]),
        node("Mod", ["open", "eight"], ["missing"]),
        node("Concat", ["zeros", "missing", "end"], ["pads"], axis=0), node("Pad", ["x", "pads"], ["padded"]),
        node("Shape", ["padded"], ["t"]), node("Slice", ["t", "end", "two"], ["front"]),
        node("ReduceProd", ["front"], ["rows"], keepdims=1), node("Concat", ["rows", "width"], ["target"], axis=0),
        node("Reshape", ["padded", "target"], ["y"]),
    ]  # fmt: skip
    weights = constants(i1=[1], eight=[8], zeros=[0, 0, 0, 0], end=[0], two=[2], width=[6])
    return model(nodes, {"x": ["batch", "length", 6]}, ["y"], weights)


def cached_positions():
    """A decoder with a cache: positions begin where the past ends; the mask is cut from a table."""
    nodes = [
        node("Shape", ["past"], ["sp"]), node("Gather", ["sp", "i1"], ["before"], axis=0),
        node("Shape", ["ids"], ["si"]), node("Gather", ["si", "i1"], ["length"], axis=0),
        node("Add", ["before", "length"], ["total"]),
        node("Range", ["before", "total", "step"], ["positions"]), node("Gather", ["table", "positions"], ["embedded"]),
        node("Unsqueeze", ["before", "axes"], ["begin"]), node("Unsqueeze", ["total", "axes"], ["end"]),
        node("Slice", ["causal", "begin", "end", "axes"], ["some"]), node("Slice", ["some", "axes", "end", "one"], ["cut"]),
        node("Concat", ["past", "ids"], ["keys"], axis=1), node("Shape", ["keys"], ["sk"]),
        node("Gather", ["sk", "i1"], ["seen"], axis=0), node("Cast", ["seen"], ["many"], to=FLOAT),
        node("Div", ["cut", "many"], ["y"]),
    ]  # fmt: skip
    rng = np.random.default_rng(0)
    weights = constants(i1=1, axes=[0], one=[1], step=1) | {
        "table": rng.standard_normal((32, 4), np.float32), "causal": np.tril(rng.standard_normal((32, 32), np.float32))
    }  # fmt: skip
    inputs = {"past": (np.int64, ["batch", "past"]), "ids": (np.int64, ["batch", "length"])}
    return model(nodes, inputs, ["embedded", "y", "keys"], weights)


def first_state():
    """tf2onnx: a first state of one number for each sample, said by Expand."""
    nodes = [
        node("Shape", ["x"], ["s"]), node("Cast", ["s"], ["small"], to=onnx.TensorProto.INT32),
        node("Slice", ["small", "axes", "one", "axes"], ["batch"]), node("Concat", ["batch", "units"], ["packed"], axis=0),
        node("Cast", ["packed"], ["sizes"], to=INT64), node("Expand", ["number", "sizes"], ["state"]),
        node("MatMul", ["x", "kernel"], ["product"]), node("Add", ["product", "state"], ["y"]),
    ]  # fmt: skip
    weights = constants(axes=[0], one=[1], number=0.5) | {"units": np.int32([3]), "kernel": np.ones((4, 3), np.float32)}
    return model(nodes, {"x": ["batch", 4]}, ["y"], weights)


def _random(*shape):
    return np.random.default_rng(1).standard_normal(shape, np.float32)


SIZES = [(1, 5), (2, 3), (3, 8)]
GRAPHS = {
    "split_heads": (split_heads, SIZES, lambda b, n: {"x": _random(b, n, 32)}),
    "expanded_mask": (expanded_mask, SIZES, lambda b, n: {"mask": _random(b, n)}),
    "doubled_image": (doubled_image, SIZES, lambda b, n: {"x": _random(b, 2, n, n + 1)}),
    "padded_to_multiple": (padded_to_multiple, SIZES, lambda b, n: {"x": _random(b, n, 6)}),
    "first_state": (first_state, SIZES, lambda b, n: {"x": _random(b, 4)}),
    "cached_positions": (cached_positions, [(1, 0), (2, 3)],
                         lambda b, n: {"past": np.ones((b, n), np.int64), "ids": np.ones((b, 4), np.int64)}),
}  # fmt: skip


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("name", GRAPHS)
def test_as_exporters_write_it(name, target):
    make, sizes, feeds = GRAPHS[name]
    assert_equal_at(make(), sizes, target, feeds)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("split_heads", ["x = x.unflatten(-1, (4, 8))", ".flatten(2)"]),
        (
            "expanded_mask",
            ["y = x.expand(-1, 1, x.shape[3], -1)", "torch.arange(mask.shape[1], device=mask.device)", "+ mask.shape[1]"],
        ),
        ("doubled_image", ["2, 2 * x.shape[2], 2 * x.shape[3])", "out[:, :, : x.shape[2], : x.shape[3]]"]),
        ("padded_to_multiple", ["F.pad(x, (0, 0, 0, -x.shape[1] % 8))", "x.flatten(0, 1)"]),
        ("first_state", ["(x) + 0.5"]),
        (
            "cached_positions",
            [
                "torch.arange( past.shape[1], ids.shape[1] + past.shape[1], device=past.device )",
                "x[:, : ids.shape[1] + past.shape[1]] / (ids.shape[1] + past.shape[1])",
            ],
        ),
    ],
)
def test_written_as_a_person_would(name, lines):
    code = " ".join(code_of(GRAPHS[name][0](), "pytorch").split())
    for line in lines:
        assert line in code
    assert not any(text in code for text in _TENSORS), code


def test_heads_are_split_in_a_functional_keras_model():
    code = code_of(split_heads(), "keras")
    assert "layers.Reshape((-1, 4, 8)," in code
    assert "layers.Reshape((-1, 32)," in code


def test_shapes_have_the_names_of_their_sizes():
    graph = read(cached_positions())
    shapes = {value.name: value.shape for value in graph.outputs}
    assert shapes["keys"] == ("batch", "length + past")
    assert shapes["embedded"] == ("length", 4)


@pytest.mark.parametrize(("rows", "size"), [(512, "s"), (1, "s"), (0, 0)])
def test_a_table_cut_to_the_length_of_what_it_is_added_to_has_that_length(rows, size):
    """Where the table is shorter the sum does not exist; an empty one makes it empty."""
    nodes = [
        node("Shape", ["x"], ["steps"], start=1, end=2),
        node("Slice", ["table", "zero", "steps", "one"], ["positions"]),
        node("Add", ["positions", "x"], ["y"]),
    ]
    weights = constants(zero=[0], one=[1], table=np.zeros((1, rows, 4)) + 0.5)
    graph = read(model(nodes, {"x": ["b", "s", 4]}, ["y"], weights))
    assert graph.outputs[0].shape == ("b", size, 4)


def test_einsum_tells_the_size_of_each_letter():
    nodes = [node("Einsum", ["a", "b"], ["y"], equation="bct, bcs -> bts")]
    graph = read(model(nodes, {"a": ["n", 1, "s"], "b": ["n", 3, "t"]}, ["y"]))
    assert graph.outputs[0].shape == ("n", "s", "t")
