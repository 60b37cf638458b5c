"""Variables of attention are called what they are to it."""

import numpy as np
import onnx
import onnx.parser
import pytest

from converter.emitters import emit
from tests.emitted import judge, read, run

HEADER = '<ir_version: 11, opset_import: ["": 23]> main_graph (float[n, 6, 24] x) => (float[n, 2, 6, 4] y)'


def attention(*nodes: str, target: str = "pytorch") -> str:
    """The code of a network that begins with the sizes of two heads, which computes what onnxruntime does."""
    constants = "heads = Constant <value_ints: ints = [0, 6, 2, 4]>()"
    model = onnx.parser.parse_model(f"{HEADER} {{ {' '.join([constants, *nodes])} }}")
    graph, feeds = read(model), {"x": np.random.default_rng(0).standard_normal((2, 6, 24)).astype(np.float32)}
    (wanted,), (found,) = judge(model, feeds), run(graph, target, feeds)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    return emit(graph, target).code


def heads(name: str, to: str) -> str:
    return f"{to}h = Reshape({name}, heads) {to} = Transpose <perm: ints = [0, 2, 1, 3]>({to}h)"


THREE = "getitem, getitem_1, getitem_2 = Split <axis: int = -1, num_outputs: int = 3>(x)"


@pytest.mark.parametrize(
    ("order", "names"),
    [(("q", "k", "v"), "query, key, value"), (("v", "k", "q"), "value, key, query"), (("k", "q", "v"), "key, query, value")],
    ids=str,
)
def test_parts_are_called_after_the_place_where_attention_reads_them(order, names):
    parts = [heads(name, to) for name, to in zip(("getitem", "getitem_1", "getitem_2"), order, strict=True)]
    code = attention(THREE, *parts, "y = Attention(q, k, v)")
    assert f"{names} = x.chunk(3, dim=-1)" in code
    assert "query = query.unflatten(" in code
    assert "F.scaled_dot_product_attention(query, key, value)" in code


def test_what_is_read_in_two_places_has_no_role():
    code = attention(THREE, *map(heads, ("getitem", "getitem_1"), "qk"), "y = Attention(q, k, k)")
    assert "query = " in code
    assert "key" not in code
    assert "value" not in code.replace("getitem", "")


def test_the_condition_of_a_mask():
    """What is taken and what is added are both the mask."""
    nodes = [
        "start, rest = Split <axis: int = -1>(x, sizes)",
        "seen = Greater(start, zero)",
        "seen_4 = Unsqueeze(seen, middle)",
        "m = Where(seen_4, zero, least)",
    ]
    constants = [
        "sizes = Constant <value_ints: ints = [6, 18]>()",
        "middle = Constant <value_ints: ints = [1]>()",
        "zero = Constant <value_float: float = 0.0>()",
        "least = Constant <value_float: float = -10000.0>()",
    ]
    parts = [heads(name, to) for name, to in zip(("getitem", "getitem_1", "getitem_2"), "qkv", strict=True)]
    code = attention(THREE, *parts, *constants, *nodes, "y = Attention(q, k, v, m)")
    assert "mask = torch.where(mask, 0.0, -10000.0)" in code
    assert "attn_mask=mask" in code


def test_views_that_are_read_once_stand_where_they_are_read():
    """Positions, another type and further axes are written into the comparison, wherever the file has them."""
    model = onnx.parser.parse_model(
        """<ir_version: 11, opset_import: ["": 23]> main_graph (float[n, 6] x, int64[n, 6] mask) => (float[n, 6] y) {
            whole = Cast <to: int = 9>(mask)
            least = Constant <value_float: float = -3.0>()
            first = Constant <value_ints: ints = [0]>()
            last = Constant <value_ints: ints = [1]>()
            head = Slice(x, first, last, last)
            seen = GreaterOrEqual(x, head)
            both = And(seen, whole)
            y = Where(both, x, least)
        }"""
    )
    rng = np.random.default_rng(0)
    feeds = {"x": rng.standard_normal((2, 6)).astype(np.float32), "mask": rng.integers(0, 2, (2, 6))}
    graph = read(model)
    (wanted,), (found,) = judge(model, feeds), run(graph, "pytorch", feeds)
    np.testing.assert_array_equal(found, wanted)
    assert "x >= x[:, :1]) & mask.to(torch.bool)" in emit(graph, "pytorch").code


def test_heads_in_keras_are_unstacked_and_called_what_they_are():
    taken = [
        f"i{place} = Constant <value_int = {place}>() p{place} = Gather <axis: int = 2>(parts, i{place}) "
        f"{to} = Transpose <perm: ints = [0, 2, 1, 3]>(p{place})"
        for place, to in enumerate("qkv")
    ]
    shape = "shape = Constant <value_ints: ints = [0, 6, 3, 2, 4]>() parts = Reshape(x, shape)"
    code = attention(shape, *taken, "y = Attention(q, k, v)", target="keras")
    assert "query, key, value = ops.unstack(x, axis=2)" in code
    assert "ops.dot_product_attention(query, key, value)" in code


def test_positions_and_the_angles_made_of_them():
    """What is counted, also as numbers of another type and shape, and what both cosine and sine are asked of."""
    model = onnx.parser.parse_model(
        """<ir_version: 11, opset_import: ["": 23]> main_graph (float[n, 6] x) => (float[n, 4] y) {
            zero = Constant <value_int = 0>()
            one = Constant <value_int = 1>()
            count = Shape <start: int = 0, end: int = 1>(x)
            stop = Squeeze(count)
            counted = Range(zero, stop, one)
            numbers = Cast <to: int = 1>(counted)
            column = Constant <value_ints: ints = [-1, 1]>()
            places = Reshape(numbers, column)
            frequency = Constant <value_floats: floats = [1.0, 0.1]>()
            turns = Mul(places, frequency)
            c = Cos(turns)
            s = Sin(turns)
            y = Concat <axis: int = 1>(c, s)
        }"""
    )
    feeds = {"x": np.zeros((5, 6), np.float32)}
    graph = read(model)
    (wanted,), (found,) = judge(model, feeds), run(graph, "pytorch", feeds)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    code = emit(graph, "pytorch").code
    assert "positions = torch.arange(x.shape[0]" in code
    assert "angles = positions" in code
    assert "torch.cos(angles)" in code
