"""onnxruntime's own operators on float16: what a lift adds has the type of its inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx

import converter
from tests.models import save
from tests.onnx_reader.fused import Form, Weight, answers, parametrize
from tests.onnx_reader.test_attention import COS, POSITIONS, SIN, K, Q, V, X, grouped
from tests.onnx_reader.test_few_bits import product
from tests.onnx_reader.test_fused import FEATURES, TOKENS, matmul


def half(form: Form) -> Form:
    def rounded(value):
        if isinstance(value, Weight):
            return Weight(rounded(value.array))
        return value.astype(np.float16) if value is not None and value.dtype == np.float32 else value

    return replace(form, inputs=[rounded(value) for value in form.inputs])


@parametrize(
    [
        half(form)
        for form in (
            grouped(5, do_rotary=1),
            grouped(1, 6),
            product(4),
            product(4, zeros="packed", bias=True),
            product(4, zeros="float"),
            Form("SkipLayerNormalization", [TOKENS, TOKENS[::-1].copy(), FEATURES]),
            Form("SkipSimplifiedLayerNormalization", [TOKENS, TOKENS[::-1].copy(), FEATURES]),
            Form("QuickGelu", [TOKENS]),
            Form("FastGelu", [TOKENS, FEATURES]),
            matmul((2, 3, 4, 5), (2, 3, 6, 5), transB=1, alpha=0.5),
            Form("RotaryEmbedding", [X, POSITIONS, COS, SIN]),
            Form("MultiHeadAttention", [Q, K, V, None, np.array([[1, 1, 1, 1, 0, 0]] * 2, np.int32)], {"num_heads": 2}),
        )
    ]
)
def test_answers_as_onnxruntime_does(form, target):
    """Within two units in the last place of the largest number."""
    for want, have in answers(form, target):
        assert want.dtype == np.float16
        np.testing.assert_allclose(have.astype(float), want.astype(float), rtol=0, atol=2**-9 * np.abs(want).max())


def test_a_file_tells_which_types_of_16_bits_it_names(tmp_path):
    """What it does not name is no excuse for rounding to it."""
    node = onnx.helper.make_node
    plain = [node("Relu", ["x"], ["y"])]
    cast = [node("Cast", ["x"], ["h"], to=onnx.TensorProto.BFLOAT16), node("Cast", ["h"], ["y"], to=onnx.TensorProto.FLOAT)]
    for nodes, named in ((plain, set()), (cast, {"bfloat16"})):
        path = save(tmp_path / "m.onnx", nodes, {"x": ["batch", 4]}, {"y": ["batch", 4]})
        assert converter.read(path).source.halves == named
