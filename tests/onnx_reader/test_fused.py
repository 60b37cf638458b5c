"""Operators that onnxruntime's optimiser puts together, answered by onnxruntime and by what is emitted."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.helper
import pytest

from converter.readers.microsoft import DOMAIN
from tests.emitted import judge, read, run
from tests.onnx_reader.fused import Form, Weight, assert_close, parametrize
from tests.onnx_reader.models import model, node, random

IMAGE, KERNEL = random(2, 4, 7, 6), Weight(random(6, 4, 3, 2, seed=1))
SUM = random(2, 6, 5, 5, seed=2)
ROWS, MATRIX, BIAS = random(3, 5), Weight(random(5, 4, seed=1)), Weight(random(4, seed=2))
STACK, OTHER = random(2, 3, 4, 5), random(2, 3, 5, 6, seed=1)
TOKENS, FEATURES = random(2, 7, 8), Weight(random(8, seed=1))


def convolution(activation: str, *parameters: float, **attributes) -> Form:
    options = {"activation_params": list(parameters)} if parameters else {}
    return Form("FusedConv", [IMAGE, KERNEL], {"activation": activation, **options, **attributes})


def gemm(activation: str, **attributes) -> Form:
    return Form("FusedGemm", [ROWS, MATRIX, BIAS], {"activation": activation, **attributes})


def matmul(a: tuple[int, ...], b: tuple[int, ...], **attributes) -> Form:
    return Form("FusedMatMul", [random(*a), random(*b, seed=1)], attributes)


@parametrize(
    [
        convolution("Relu"),
        convolution("Tanh", group=1, pads=[1, 0, 1, 1]),
        convolution("Sigmoid", strides=[2, 1], auto_pad="SAME_UPPER"),
        convolution("LeakyRelu", 0.3, dilations=[2, 1]),
        convolution("Clip", -0.5, 0.75),
        convolution("HardSigmoid", 0.3, 0.4),
        Form("FusedConv", [IMAGE, Weight(random(6, 2, 3, 2)), Weight(random(6))], {"activation": "Relu", "group": 2}),
        Form("FusedConv", [IMAGE, KERNEL, Weight(random(6)), SUM], {"activation": "Relu"}),
        Form("FusedConv", [IMAGE, KERNEL, None, SUM], {}),
        gemm("Relu"),
        gemm("Tanh", alpha=0.5, beta=2.0),
        gemm("LeakyRelu", activation_alpha=0.2),
        gemm("Sigmoid"),
        gemm("Softplus"),
        gemm("Softsign"),
        gemm("Elu", activation_alpha=0.7),
        gemm("HardSigmoid", activation_alpha=0.3, activation_beta=0.4),
        gemm("ThresholdedRelu", activation_alpha=0.4),
        Form("FusedGemm", [ROWS.T.copy(), Weight(random(4, 5))], {"activation": "Relu", "transA": 1, "transB": 1}),
        matmul((3, 5), (5, 4), alpha=0.25),
        matmul((2, 3, 5, 4), (2, 3, 5, 6), transA=1),
        matmul((2, 3, 4, 5), (2, 3, 6, 5), transB=1, alpha=0.5),
        matmul((2, 3, 5, 4), (2, 3, 6, 5), transA=1, transB=1),
        matmul((4, 2, 3, 5), (2, 3, 5, 6), transBatchA=1),
        matmul((5, 2, 3, 4), (2, 3, 5, 6), transBatchA=1, transA=1),
        matmul((2, 3, 4, 5), (5, 2, 3, 6), transBatchB=1),
        matmul((2, 3, 4, 5), (6, 2, 3, 5), transBatchB=1, transB=1, alpha=2.0),
        Form("FusedMatMul", [TOKENS, Weight(random(3, 8))], {"transB": 1}),
        Form("TransposeMatMul", [random(2, 5, 4), random(2, 5, 6, seed=1)], {"transA": 1, "alpha": 0.5}),
        Form("Gelu", [TOKENS]),
        Form("BiasGelu", [TOKENS, FEATURES]),
        Form("FastGelu", [TOKENS]),
        Form("FastGelu", [TOKENS, FEATURES]),
        Form("QuickGelu", [TOKENS]),
        Form("QuickGelu", [TOKENS], {"alpha": 1.0}),
        Form("Pad", [IMAGE, Weight(np.array([0, 0, 1, 2, 0, 0, 3, 0])), Weight(np.array(0.5, np.float32))]),
        Form("Pad", [IMAGE, Weight(np.array([[0, 0, 1, 2, 0, 0, 3, 0]]))], {"mode": "reflect"}),
        Form("Pad", [IMAGE, Weight(np.array([0, 0, 1, 2, 0, 0, 3, 0])), Weight(np.array([0.5], np.float32))]),
        Form("GridSample", [IMAGE, random(2, 5, 4, 2) * 0.7]),
        Form("GridSample", [IMAGE, random(2, 5, 4, 2)], {"mode": "nearest", "padding_mode": "border", "align_corners": 1}),
        Form("GridSample", [IMAGE, random(2, 5, 4, 2)], {"mode": "bicubic", "padding_mode": "reflection"}),
        Form("Trilu", [STACK]),
        Form("Trilu", [STACK, Weight(np.array(-1))], {"upper": 0}),
        Form("CDist", [random(5, 3), random(4, 3, seed=1)], {"metric": "sqeuclidean"}),
        Form("CDist", [random(5, 3), Weight(random(4, 3, seed=1))], {"metric": "euclidean"}),
        Form("Inverse", [random(2, 4, 4) + 4 * np.eye(4, dtype=np.float32)]),
        Form("LayerNormalization", [TOKENS, FEATURES, Weight(random(8))], {"epsilon": 0.01}, domain="", opset=13),
        Form("LayerNormalization", [STACK, Weight(random(4, 5))], {"axis": 2}, "101", domain="", opset=13),
        Form("SimplifiedLayerNormalization", [TOKENS, FEATURES], {"epsilon": 0.01}, domain=""),
        Form("SimplifiedLayerNormalization", [TOKENS, FEATURES], {"axis": -1}, "11", domain=""),
        Form("SkipLayerNormalization", [TOKENS, random(2, 7, 8, seed=3), FEATURES]),
        Form("SkipLayerNormalization", [TOKENS, random(7, 8), FEATURES, Weight(random(8)), Weight(random(8, seed=5))]),
        Form("SkipLayerNormalization", [TOKENS, random(1, 7, 8), FEATURES], {"epsilon": 0.1}, "1001"),
        Form("SkipSimplifiedLayerNormalization", [TOKENS, random(2, 7, 8, seed=3), FEATURES], {"epsilon": 0.1}),
        Form("SkipSimplifiedLayerNormalization", [TOKENS, random(2, 7, 8), FEATURES, Weight(random(8))], {}, "1001"),
    ]
)  # fmt: skip
def test_answers_as_onnxruntime_does(form, target):
    assert_close(form, target)


WORDS = np.array([[1, 4, 2, 9, 0], [3, 3, 7, 5, 8]], np.int32)
KINDS = np.array([[0, 0, 1, 1, 1], [0, 1, 1, 1, 0]], np.int32)
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]], np.int32)
EMBEDDINGS = [
    Weight(random(10, 8)),
    Weight(random(6, 8, seed=1)),
    Weight(random(2, 8, seed=2)),
    FEATURES,
    Weight(random(8, seed=3)),
]
WITHOUT_KINDS = [WORDS, None, *EMBEDDINGS[:2], None, *EMBEDDINGS[3:]]


TABLES = [
    Weight(np.random.default_rng(seed).integers(-127, 128, (size, 8)).astype(np.int8)) for seed, size in enumerate((10, 6, 2))
]
LINES = [Weight(np.random.default_rng(seed).integers(-127, 128, 8).astype(np.int8)) for seed in (3, 4)]
SCALES = [Weight(np.array(scale, np.float32)) for scale in (0.01, 0.02, 0.015, 0.01, 0.03)]
ZEROS = [Weight(np.array(zero, np.int8)) for zero in (3, 0, -7, 0, 1)]


@parametrize(
    [
        Form("QEmbedLayerNormalization", [WORDS, KINDS, *TABLES, *LINES, MASK, *SCALES, *ZEROS], {"epsilon": 0.1}, "11"),
        Form(
            "QEmbedLayerNormalization",
            [WORDS, None, *TABLES[:2], None, *LINES, None, *SCALES[:2], None, *SCALES[3:], *ZEROS[:2], None, *ZEROS[3:]],
            {}, "11",
        ),
        Form("EmbedLayerNormalization", [WORDS, KINDS, *EMBEDDINGS], {}, "11"),
        Form("EmbedLayerNormalization", [WORDS, KINDS, *EMBEDDINGS, MASK], {"mask_index_type": 1, "epsilon": 0.1}, "11"),
        Form("EmbedLayerNormalization", WITHOUT_KINDS, {}, "101"),
        Form("EmbedLayerNormalization", [WORDS, KINDS, *EMBEDDINGS], {}, "101"),
        Form("EmbedLayerNormalization", [*WITHOUT_KINDS, None, WORDS % 6], {}, "11"),
        Form("EmbedLayerNormalization", [*WITHOUT_KINDS, None, np.array([[3, 1, 2, 0, 5]], np.int32)], {}, "11"),
        Form("EmbedLayerNormalization", [*WITHOUT_KINDS, np.array([[1, 0, 1, 0, 1], [0, 0, 1, 1, 1]], np.int32)], {}, "11"),
    ]
)  # fmt: skip
def test_embeddings_as_onnxruntime_does(form, target):
    assert_close(form, target)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("condition", [True, False])
def test_inside_branches(condition, target):
    """A branch reads the graph around it, and its output is what the operator gives."""

    def branch(op_type: str, **attributes) -> onnx.GraphProto:
        inputs = ["x", "x"] if op_type == "FusedMatMul" else ["x"]
        inner = onnx.helper.make_node(op_type, inputs, [op_type], domain=DOMAIN, **attributes)
        return onnx.helper.make_graph([inner], op_type, [], [onnx.ValueInfoProto(name=op_type)])

    branches = {"then_branch": branch("QuickGelu", alpha=1.5), "else_branch": branch("FusedMatMul", transB=1, alpha=0.5)}
    proto = model([node("If", ["c"], ["y"], **branches)], {"c": (np.bool_, []), "x": [4, 4]}, ["y"], domains={DOMAIN: 1})
    feeds = {"c": np.array(condition), "x": random(4, 4)}
    (want,), (have,) = judge(proto, feeds), run(read(proto), target, feeds)
    np.testing.assert_allclose(have, want, rtol=0, atol=1e-5)
