"""Quantised operators of onnxruntime's own, answered by onnxruntime and by what is emitted."""

from __future__ import annotations

import numpy as np

from tests.onnx_reader.fused import Form, Weight, assert_close, assert_within_a_quantum, parametrize
from tests.onnx_reader.models import random


def integers(*shape: int, dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    limits = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(limits.min, limits.max + 1, shape).astype(dtype)


def scale(number: float, *shape: int) -> Weight:
    return Weight(np.full(shape, number, np.float32))


def zero(number: int, dtype: type = np.uint8, *shape: int) -> Weight:
    return Weight(np.full(shape, number, dtype))


IMAGE, SIGNED = integers(2, 3, 6, 5), integers(2, 3, 6, 5, dtype=np.int8)
LAST = integers(2, 6, 5, 3)


def unary(op_type: str, x: np.ndarray = IMAGE, y_scale: float = 0.004, y_zero: int = 3, **attributes) -> Form:
    parameters = [scale(0.05), zero(100, x.dtype), scale(y_scale), zero(y_zero, x.dtype)]
    return Form(op_type, [x, *parameters], attributes)


POOL = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}
KERNEL = integers(4, 3, 3, 3, seed=1)
CONVOLUTION = [scale(0.02), zero(120), Weight(KERNEL), scale(0.01), zero(128), scale(0.1), zero(130)]
BIAS = Weight(np.array([50, -900, 0, 2000], np.int32))


FACTORS = [integers(5, 8), scale(0.03), zero(100), Weight(integers(8, 6, seed=1)), scale(0.02), zero(128)]
COLUMNS = Weight(np.linspace(0.01, 0.05, 6, dtype=np.float32))
TURNED = [integers(5, 8), scale(0.03), zero(100), Weight(integers(6, 8, dtype=np.int8)), COLUMNS, zero(0, np.int8, 6)]


@parametrize(
    [
        *(
            Form(op, [IMAGE, scale(0.03), zero(110), integers(2, 3, 6, 5, seed=1), scale(0.02), zero(9), scale(0.05), zero(7)])
            for op in ("QLinearAdd", "QLinearMul")
        ),
        Form(
            "QLinearAdd",
            [SIGNED, scale(0.03), zero(0, np.int8), Weight(SIGNED[0, :1, :1]), scale(0.02), zero(0, np.int8),
             scale(0.0517), zero(4, np.int8)],
        ),
        Form(
            "QLinearMul",
            [SIGNED, scale(0.03), zero(1, np.int8), Weight(SIGNED[0]), scale(0.02), zero(-5, np.int8),
             scale(0.0873), zero(3, np.int8)],
        ),
        Form(
            "QLinearConcat",
            [scale(0.04), zero(90), IMAGE, scale(0.03), zero(110), integers(2, 1, 6, 5, seed=1), scale(0.05), zero(9)],
            {"axis": 1},
        ),
        Form(
            "QLinearConcat",
            [scale(0.04), zero(0, np.int8), SIGNED, scale(0.03), zero(11, np.int8), SIGNED, scale(0.01), zero(9, np.int8)],
            {"axis": -1},
        ),
        unary("QLinearSigmoid"),
        unary("QLinearSigmoid", SIGNED),
        Form("QLinearSigmoid", [IMAGE, scale(0.02), None, scale(0.004), None]),
        Form("QLinearSigmoid", [IMAGE, scale(0.02, 1), zero(9, np.uint8, 1), scale(0.004, 1), zero(2, np.uint8, 1)]),
        unary("QLinearLeakyRelu", alpha=0.3, y_scale=0.05),
        unary("QLinearLeakyRelu", SIGNED, y_scale=0.05, y_zero=-40),
        unary("QLinearSoftmax", y_scale=1 / 256, opset=13, axis=-1),
        unary("QLinearSoftmax", y_scale=1 / 255, opset=13, axis=1),
        unary("QLinearSoftmax", y_scale=0.0042, opset=13, axis=1),
        unary("QLinearSoftmax", SIGNED, y_scale=1 / 256, opset=13, axis=2, y_zero=-128),
        unary("QLinearSoftmax", y_scale=1 / 256, opset=12, axis=3),
        unary("QLinearSoftmax", y_scale=1 / 256, opset=12, axis=2),
        unary("QLinearAveragePool", y_scale=0.0473, y_zero=100, **POOL),
        unary("QLinearAveragePool", SIGNED, y_scale=0.0473, y_zero=90, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        unary("QLinearAveragePool", y_scale=0.0473, y_zero=100, count_include_pad=1, **POOL),
        unary("QLinearAveragePool", y_scale=0.0473, y_zero=100, kernel_shape=[3, 3], auto_pad="SAME_UPPER"),
        unary("QLinearAveragePool", LAST, y_scale=0.0473, y_zero=100, channels_last=1, **POOL),
        unary("QLinearGlobalAveragePool", integers(3, 5, 6, 5), y_scale=0.02, y_zero=100),
        unary("QLinearGlobalAveragePool", integers(3, 6, 5, 4), y_scale=0.02, y_zero=100, channels_last=1),
        Form("QLinearConv", [IMAGE, *CONVOLUTION], {"pads": [1, 0, 1, 1]}),
        Form("QLinearConv", [LAST, *CONVOLUTION, BIAS], {"channels_last": 1, "strides": [2, 1], "auto_pad": "SAME_LOWER"}),
        Form("NhwcMaxPool", [LAST], POOL),
        Form("QuantizeLinear", [random(2, 3, 4), scale(0.02), zero(120)]),
        Form("QuantizeLinear", [random(2, 3, 4), Weight(COLUMNS.array[:3]), zero(5, np.int8, 3)], {"axis": 1}),
        Form("QuantizeLinear", [random(2, 3, 4), scale(0.0002), zero(30000, np.uint16)]),
        Form(
            "QLinearWhere",
            [IMAGE[0] > 99, IMAGE, scale(0.03), zero(110), IMAGE[::-1].copy(), scale(0.02), zero(9), scale(0.0517), zero(7)],
        ),
        Form("QGemm", [*FACTORS, Weight(np.arange(-900, 900, 300, dtype=np.int32)), scale(0.071), zero(99)], {"alpha": 0.5}),
        Form("QGemm", [*FACTORS, None, scale(0.071), zero(99)]),
        Form("NhwcMaxPool", [SIGNED], {"kernel_shape": [2, 2], "dilations": [2, 1], "ceil_mode": 1}),
    ]
)  # fmt: skip
def test_integers_are_within_a_quantum(form, target):
    assert_within_a_quantum(form, target)


A, B = random(2, 5, 8), integers(8, 6, seed=1)


@parametrize(
    [
        Form("DynamicQuantizeMatMul", [A, Weight(B), scale(0.02), zero(128)]),
        Form("DynamicQuantizeMatMul", [A, Weight(B), scale(0.02, 1), zero(120, np.uint8, 1), Weight(random(6))]),
        Form("DynamicQuantizeMatMul", [A, Weight(B.astype(np.int8)), COLUMNS, None, Weight(random(6))]),
        Form("DynamicQuantizeMatMul", [A, Weight(B.astype(np.int8)), COLUMNS, zero(0, np.int8, 6)]),
        Form("DequantizeLinear", [integers(2, 3), scale(0.02), zero(120)]),
        Form("DequantizeLinear", [integers(2, 6, dtype=np.int8), COLUMNS, zero(3, np.int8, 6)], {"axis": 1}),
        Form("QGemm", [*TURNED, Weight(np.arange(-900, 900, 300, dtype=np.int32))], {"transB": 1}),
        Form("MatMulIntegerToFloat", [integers(2, 5, 8), Weight(B), scale(0.03), scale(0.02), zero(100), zero(128)]),
        Form("MatMulIntegerToFloat", [integers(5, 8), B, scale(0.03), scale(0.02), None, None, Weight(random(6))]),
        Form(
            "MatMulIntegerToFloat",
            [integers(5, 8), Weight(B.astype(np.int8)), scale(0.03, 1), COLUMNS, zero(9, np.uint8, 1), zero(0, np.int8, 6)],
        ),
    ]
)  # fmt: skip
def test_products_are_equal(form, target):
    assert_close(form, target)
