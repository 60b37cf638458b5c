"""Reshapes that merge axes or part one, as a person writes them in PyTorch."""

import numpy as np
import onnx.parser
import pytest

from converter.emitters import emit
from tests.emitted import judge, read, run


@pytest.mark.parametrize(
    ("free", "target", "sizes", "text"),
    [
        ("n, t, 12", "0, 0, 3, 4", (2, 5, 12), "x.unflatten(-1, (3, 4))"),
        ("n, t, 12", "0, 0, 1, 12", (2, 5, 12), "x.unflatten(-1, (1, 12))"),
        ("n, 3, 20", "0, 3, 4, 5", (2, 3, 20), "x.unflatten(-1, (4, 5))"),
        ("n, 20, 3", "0, 4, 5, 3", (2, 20, 3), "x.unflatten(1, (4, 5))"),
        ("n, 3, h, w", "0, 0, -1", (2, 3, 4, 5), "x.flatten(2)"),
        ("n, 4, 5, 3", "0, 20, 3", (2, 4, 5, 3), "x.flatten(1, 2)"),
        ("n, 4, 1, 3", "0, 4, 3", (2, 4, 1, 3), "x.flatten(2)"),
        ("n, t, 6", "-1, 6", (2, 3, 6), "x.flatten(0, 1)"),
        ("n, 3, 4", "0, 12", (2, 3, 4), "torch.flatten(x, 1)"),
        ("n, 6", "-1, 6, 1, 1", (2, 6), "x.reshape(-1, 6, 1, 1)"),
        ("n, 4, 6", "-1, 6, 4", (2, 4, 6), "x.reshape(-1, 6, 4)"),
        ("n, 4, 6", "-1", (2, 4, 6), "x.reshape(-1)"),
        ("n, 4, 6", "-1, 8, 3", (2, 4, 6), "x.reshape(-1, 8, 3)"),
    ],
)
def test_a_reshape_says_which_axes_it_touches(free, target, sizes, text):
    rank = len(target.split(","))
    model = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["": 17]> main_graph (float[{free}] x) => (float[{", ".join("abcd"[:rank])}] y)'
        f"{{ sizes = Constant <value_ints: ints = [{target}]>() y = Reshape(x, sizes) }}"
    )
    graph, feeds = read(model), {"x": np.random.default_rng(0).standard_normal(sizes).astype(np.float32)}
    assert f"return {text}\n" in emit(graph, "pytorch").code
    np.testing.assert_array_equal(run(graph, "pytorch", feeds)[0], judge(model, feeds)[0])
