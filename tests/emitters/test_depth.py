"""Networks of more operations in a row than Python has calls."""

import sys

from onnx import helper

import converter
from converter.emitters import emit
from tests.emitted import fresh_keras_model
from tests.models import save


def chain(path, depth):
    """Functions of which no two in a row are one."""
    kinds = ["Neg", "Sin"]
    nodes = [helper.make_node(kinds[n % 2], ["x" if n == 0 else f"v{n}"], [f"v{n + 1}"]) for n in range(depth)]
    return converter.read(save(path, nodes, {"x": ["b", 2]}, {f"v{depth}": ["b", 2]}))


def test_keras_may_go_as_deep_as_the_network(tmp_path):
    found = emit(chain(tmp_path / "deep.onnx", 1100), "keras")
    assert "import sys" in found.code
    limit = sys.getrecursionlimit()
    try:
        assert fresh_keras_model(found).output_shape == (None, 2)
    finally:
        sys.setrecursionlimit(limit)


def test_what_is_not_deep_leaves_the_limit_alone(tmp_path):
    assert "sys" not in emit(chain(tmp_path / "shallow.onnx", 100), "keras").code
