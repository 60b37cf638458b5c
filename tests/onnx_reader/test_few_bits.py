"""Products with weights of a few bits."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from converter.emitters import emit
from tests.emitted import read
from tests.onnx_reader.fused import Form, Weight, assert_close, parametrize
from tests.onnx_reader.models import random


def product(
    bits: int,
    inputs: int = 48,
    block: int = 16,
    *,
    zeros: str = "",
    groups: bool = False,
    bias: bool = False,
    **attributes: int,
) -> Form:
    """Six outputs; ``zeros`` are the zero points: "packed", "float" or those that are left out."""
    rng = np.random.default_rng(0)
    blocks, outputs = -(-inputs // block), 6
    weight = rng.integers(0, 256, (outputs, blocks, block * bits // 8)).astype(np.uint8)
    packed = rng.integers(0, 256, (outputs, -(-blocks * bits // 8))).astype(np.uint8)
    given = {"packed": packed, "float": random(outputs, blocks) + 2 ** (bits - 1)}
    optional = [given.get(zeros), (np.arange(inputs) * 7 % blocks).astype(np.int32) if groups else None, random(outputs)]
    optional = [None if array is None else Weight(array) for array in (optional if bias else optional[:2])]
    scales = Weight(np.abs(random(outputs, blocks, seed=1)) * 0.1 + 0.01)
    sizes = {"K": inputs, "N": outputs, "bits": bits, "block_size": block}
    return Form("MatMulNBits", [random(2, 3, inputs), Weight(weight), scales, *optional], sizes | attributes)


@parametrize(
    [
        *(product(bits) for bits in (2, 4, 8)),
        *(product(bits, zeros="packed") for bits in (2, 4, 8)),
        product(4, zeros="float"),
        product(4, inputs=40),
        product(4, inputs=40, zeros="packed", bias=True),
        product(4, 96, 32, bias=True, accuracy_level=1),
        product(4, groups=True),
    ]
)
def test_answers_as_onnxruntime_does(form, target):
    assert_close(form, target)


def table(bits: int, *, packed: bool = True, zeros: bool = False) -> Form:
    """Ten rows of 32 numbers, in blocks of 16."""
    rng = np.random.default_rng(0)
    if packed:
        data = rng.integers(0, 256, (10, 32 * bits // 8)).astype(np.uint8)
        points = rng.integers(0, 256, (10, -(-2 * bits // 8))).astype(np.uint8)
    else:
        data, points = (rng.integers(0, 16, (10, size)).astype(ml_dtypes.uint4) for size in (32, 2))
    scales = Weight(np.abs(random(10, 2, seed=1)) + 0.01)
    inputs = [Weight(data), np.array([[3, 0, 9], [3, 7, 1]]), scales, *([Weight(points)] if zeros else [])]
    return Form("GatherBlockQuantized", inputs, {"bits": bits, "block_size": 16, "gather_axis": 0, "quantize_axis": 1})


@parametrize(
    [
        *(table(bits) for bits in (4, 8)),
        *(table(bits, zeros=True) for bits in (4, 8)),
        table(4, packed=False),
        table(4, packed=False, zeros=True),
    ]
)
def test_rows_of_a_table(form, target):
    assert_close(form, target)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_weights_stay_small(target):
    emitted = emit(read(product(4, 96, 32).model()), target)
    assert sum(weight.nbytes for weight in emitted.weights.values()) <= 96 * 6 + 3 * 6 * 4


def test_rounding_of_inputs_is_noted():
    (note,) = read(product(4, accuracy_level=4).model()).notes
    assert "accuracy_level 4" in note
