"""A name is given again once what it stood for is no longer read, never before."""

import numpy as np
import onnx
import onnx.parser
import pytest

from converter.emitters import emit
from tests.emitted import judge, read, run

TARGETS = pytest.mark.parametrize("target", ["keras", "pytorch"])


def code_of(text: str, feeds: dict[str, np.ndarray], target: str) -> str:
    """The code of a network, which computes what onnxruntime does."""
    model = onnx.parser.parse_model(text)
    for found, wanted in zip(run(read(model), target, feeds), judge(model, feeds), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    return emit(read(model), target).code


@TARGETS
def test_halves_that_are_over_give_their_names_to_the_next(target):
    code = code_of(
        """<ir_version: 11, opset_import: ["": 23]> main_graph (float[n, 4] x) => (float[n, 4] y) {
            getitem, getitem_1 = Split <axis: int = -1, num_outputs: int = 2>(x)
            u = Sin(getitem)
            v = Mul(u, getitem_1)
            whole = Concat <axis: int = -1>(v, getitem)
            getitem_2, getitem_3 = Split <axis: int = -1, num_outputs: int = 2>(whole)
            c = Cos(getitem_2)
            d = Mul(c, getitem_3)
            y = Concat <axis: int = -1>(d, getitem_2)
        }""",
        {"x": np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)},
        target,
    )
    assert code.count("first, second = ") == 2


@TARGETS
def test_what_a_later_round_of_a_loop_reads_keeps_its_name(target):
    """Each round reads what was halved before the loop, then halves something of its own."""
    code_of(
        """<ir_version: 11, opset_import: ["": 23]> main_graph (float[2, 4] x) => (float[2, 2] y) {
            rounds = Constant <value_int = 3>()
            true = Constant <value = bool {1}>()
            getitem, getitem_1 = Split <axis: int = -1, num_outputs: int = 2>(x)
            product = Mul(getitem, getitem_1)
            y = Loop(rounds, true, product) <body = body (int64 i, bool go, float[2, 2] state) => (bool on, float[2, 2] next) {
                on = Identity(go)
                sum = Add(state, getitem)
                both = Add(sum, getitem_1)
                wide = Concat <axis: int = -1>(both, state)
                getitem_2, getitem_3 = Split <axis: int = -1, num_outputs: int = 2>(wide)
                c = Sin(getitem_2)
                d = Mul(c, getitem_3)
                next = Sub(d, getitem_2)
            }>
        }""",
        {"x": np.random.default_rng(0).standard_normal((2, 4)).astype(np.float32)},
        target,
    )
