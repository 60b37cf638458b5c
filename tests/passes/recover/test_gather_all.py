"""A tensor whose every element is fetched by its place is itself, by onnxruntime too."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import pytest

import converter
from converter.emitters.onnx import to_model
from converter.graph import Graph

_SIZES = """
    shape = Shape(x)  rows = Gather(shape, zero)  keys = Gather(shape, one)
    across = Range(zero, rows, one)  along = Range(zero, keys, one)
    row = Unsqueeze(across, after)  key = Unsqueeze(along, before)
"""
_PLACES = "both = Add(row, key)  wide = Shape(both)  "
_ND = _PLACES + "a = Expand(row, wide) b = Expand(key, wide) i = Unsqueeze(a, last) j = Unsqueeze(b, last) "
_FLAT = "flat = Reshape(x, column)  start = Mul(row, {})  places = Add(start, key)  found = Gather(flat, places)  "
_BACK = "goal = Shape(places)  y = Reshape(found, goal)"
FORMS = {
    "GatherND": (_ND + "places = Concat <axis = -1> (i, j)  y = GatherND(x, places)", True),
    "row-major sum": (_FLAT.format("keys") + _BACK, True),
    "GatherND of the transposed": (_ND + "places = Concat <axis = -1> (j, i)  y = GatherND(x, places)", False),
    "another stride": (_FLAT.format("one") + _BACK, False),
    "from one on": (
        _ND.replace("a = Expand(row, wide)", "none = Sub(row, row)  a = Expand(none, wide)")
        + "places = Concat <axis = -1> (i, j)  y = GatherND(x, places)",
        False,
    ),
}


def answers(model: onnx.ModelProto, graph: Graph, x: np.ndarray) -> list[np.ndarray]:
    """What onnxruntime says of a model and of the graph that was read from it."""
    files = (each.SerializeToString() for each in (model, to_model(graph)))
    sessions = (onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]) for file in files)
    return [session.run(None, {"x": x})[0] for session in sessions]


@pytest.mark.parametrize("form", FORMS)
def test_gather_all(form, tmp_path):
    body, matches = FORMS[form]
    model = onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["": 20]> net (float[n, n2] x) => (float[a, b, c, d] y)
        <int64 zero = {{0}}, int64 one = {{1}}, int64[3] after = {{1, 2, 3}}, int64[3] before = {{0, 1, 2}},
         int64[1] last = {{-1}}, int64[2] column = {{-1, 1}}> {{ {_SIZES} {body} }}""")
    onnx.save(model, tmp_path / "net.onnx")
    graph = converter.read(tmp_path / "net.onnx")
    x = np.random.default_rng(0).standard_normal((4, 4), np.float32)
    want, have = answers(model, graph, x)
    np.testing.assert_array_equal(have, want)
    assert ([node.op_type for node in graph.nodes] == ["Unsqueeze"]) == matches


@pytest.mark.parametrize(
    ("channels", "shape", "matches"),
    [([0, 1, 2], "1,3,1,1", True), ([0, 1, 2], "1,3,1", False), ([0, 2, 1], "1,3,1,1", False), ([1, 2, 3], "1,3,1,1", False)],
)
def test_as_strided(channels, shape, matches, tmp_path):
    """``as_strided`` of a tensor to its own shape, as torch.export writes it for a mean that keeps its axes."""
    rank = shape.count(",") + 1
    model = onnx.parser.parse_model(f"""<ir_version: 10, opset_import: ["": 20]> net (float[n, 3, 1, 1] x) => (float[{",".join("abcd"[:rank])}] y)
        <int64 zero = {{0}}, int64 one = {{1}}, int64 three = {{3}}, int64[1] whole = {{-1}},
         int64[{rank - 1}] after = {{{",".join(map(str, range(1, rank)))}}},
         int64[{shape}] channel = {{{",".join(map(str, channels))}}}> {{
        size = Shape(x)  rows = Gather(size, zero)  range = Range(zero, rows, one)  start = Mul(range, three)
        row = Unsqueeze(start, after)  places = Add(row, channel)  more = Add(places, zero)
        flat = Reshape(x, whole)  y = Gather(flat, more) }}""")  # noqa: E501
    onnx.save(model, tmp_path / "net.onnx")
    graph = converter.read(tmp_path / "net.onnx")
    x = np.random.default_rng(0).standard_normal((4, 3, 1, 1), np.float32)
    try:
        want, have = answers(model, graph, x)
    except onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument:
        assert not matches  # an index beyond the end
        return
    np.testing.assert_array_equal(have, want)
    assert all(node.op_type != "Gather" for node in graph.nodes) == matches
