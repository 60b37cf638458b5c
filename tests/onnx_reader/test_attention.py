"""Attention as onnxruntime's optimiser and its tools for language models write it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from tests.emitted import judge, read, run
from tests.onnx_reader.fused import Form, Weight, answers, assert_close, parametrize
from tests.onnx_reader.models import random

X, PROJECTION, BIAS = random(2, 5, 8), Weight(random(8, 24) / 2), Weight(random(24, seed=1))
LENGTHS, PLACES = np.array([3, 5], np.int32), np.array([5, 4, 1, 0], np.int32)
MASK = np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1]], np.int32)
NOTHING_SEEN = np.array([[0, 0, 0, 0, 0], [1, 1, 0, 0, 0]], np.int32)
FULL_MASK = (np.arange(50).reshape(2, 5, 5) % 3 > 0).astype(np.int32)
SCORES = random(2, 2, 5, 5, seed=4)
PAST = random(2, 2, 2, 3, 4, seed=5)
LONG_MASK = np.array([[0, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 0, 0]], np.int32)


def attention(*inputs: object, outputs: str = "1", **attributes: object) -> Form:
    return Form("Attention", [X, PROJECTION, *inputs], {"num_heads": 2, **attributes}, outputs)


@parametrize(
    [
        attention(BIAS),
        attention(),
        attention(BIAS, outputs="11"),
        attention(BIAS, unidirectional=1, scale=0.3),
        attention(BIAS, LENGTHS),
        attention(BIAS, PLACES),
        attention(BIAS, MASK),
        attention(BIAS, NOTHING_SEEN, mask_filter_value=-100.0),
        attention(BIAS, np.ones((2, 1), np.int32)),
        attention(BIAS, FULL_MASK),
        attention(BIAS, MASK, unidirectional=1),
        attention(BIAS, None, None, SCORES),
        attention(BIAS, MASK, None, SCORES[:1]),
        attention(BIAS, None, PAST, outputs="11", unidirectional=1),
        attention(BIAS, LONG_MASK, PAST, outputs="11", unidirectional=1),
        Form("Attention", [X, Weight(random(8, 28) / 2), Weight(random(28))], {"num_heads": 2, "qkv_hidden_sizes": [8, 8, 12]}),
    ]
)  # fmt: skip
def test_self_attention(form, target):
    assert_close(form, target)


EIGHT_BITS = np.random.default_rng(0).integers(0, 256, (2, 5, 8)).astype(np.uint8)
ROUNDED = Weight(np.random.default_rng(1).integers(-127, 128, (8, 24)).astype(np.int8))
ONE_SCALE, GATES = Weight(np.array(0.01, np.float32)), Weight(np.linspace(0.002, 0.01, 24, dtype=np.float32))
MIDDLE, ZERO, ZEROS = (Weight(array) for array in (np.array(128, np.uint8), np.array(0, np.int8), np.zeros(24, np.int8)))


@parametrize(
    [
        Form("QAttention", [EIGHT_BITS, ROUNDED, BIAS, ONE_SCALE, ONE_SCALE, None, MIDDLE, ZERO], {"num_heads": 2}),
        Form("QAttention", [EIGHT_BITS, ROUNDED, BIAS, ONE_SCALE, GATES, LENGTHS, MIDDLE, ZEROS], {"num_heads": 2}),
        Form(
            "QAttention",
            [EIGHT_BITS, ROUNDED, BIAS, ONE_SCALE, ONE_SCALE, LONG_MASK, MIDDLE, ZERO, PAST],
            {"num_heads": 2, "unidirectional": 1}, "11",
        ),
    ]
)  # fmt: skip
def test_quantised_self_attention(form, target):
    assert_close(form, target)


Q, K, V = random(2, 5, 8), random(2, 6, 8, seed=1), random(2, 6, 12, seed=2)
K_HEADS, V_HEADS = random(2, 2, 6, 4, seed=1), random(2, 2, 6, 4, seed=2)
PAST_KEY, PAST_VALUE = random(2, 2, 3, 4, seed=3), random(2, 2, 3, 4, seed=4)
KEY_MASK = np.array([[1, 1, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1]], np.int32)
PAST_MASK = (np.arange(18).reshape(2, 9) % 4 > 0).astype(np.int32)
ALL_BIAS = Weight(random(28, seed=5))


def heads(*inputs: object, outputs: str = "1", **attributes: object) -> Form:
    return Form("MultiHeadAttention", inputs, {"num_heads": 2, **attributes}, outputs)


@parametrize(
    [
        heads(Q, K, V),
        heads(Q, K, V, ALL_BIAS, scale=0.2),
        heads(Q, K, V, None, np.array([4, 6], np.int32)),
        heads(Q, K, V, None, KEY_MASK),
        heads(Q, K, V, None, (np.arange(60).reshape(2, 5, 6) % 3 > 0).astype(np.int32)),
        heads(Q, K, V, None, None, random(1, 2, 5, 6)),
        heads(Q, K, V, None, KEY_MASK, random(2, 1, 5, 6), mask_filter_value=-50.0),
        heads(Q, K_HEADS, V_HEADS),
        heads(Q, K_HEADS, V_HEADS, None, KEY_MASK),
        heads(Q, K, V, ALL_BIAS, outputs="111"),
        heads(Q, K, V, outputs="1111"),
        heads(Q, random(2, 5, 8), random(2, 5, 12), unidirectional=1),
        heads(Q, Q[::-1], Q[:, ::-1], None, None, None, PAST_KEY, PAST_VALUE, outputs="111", unidirectional=1),
        heads(Q, K, K[::-1], None, PAST_MASK, random(2, 2, 5, 9), PAST_KEY, PAST_VALUE, outputs="111"),
    ]
)  # fmt: skip
def test_attention_in_heads(form, target):
    assert_close(form, target)


ANGLES = np.outer(np.arange(16), [1.0, 0.3]).astype(np.float32)
COS, SIN = Weight(np.cos(ANGLES)), Weight(np.sin(ANGLES))
TABLES = [Weight(function(np.outer(np.arange(16), 0.5 ** np.arange(8))).astype(np.float32)) for function in (np.cos, np.sin)]
POSITIONS = np.array([[0, 1, 2, 3, 4], [7, 3, 0, 1, 2]])


@parametrize(
    [
        Form("RotaryEmbedding", [X, POSITIONS, COS, SIN]),
        Form("RotaryEmbedding", [X, np.array([3]), COS, SIN], {"interleaved": 1}),
        Form("RotaryEmbedding", [random(2, 3, 5, 4), POSITIONS, COS, SIN]),
        Form("RotaryEmbedding", [random(2, 3, 5, 4), np.array([2]), COS, SIN]),
        Form("RotaryEmbedding", [random(2, 5, 12), POSITIONS, COS, SIN], {"num_heads": 2, "rotary_embedding_dim": 4}),
    ]
)
def test_rotary_embedding(form, target):
    assert_close(form, target)


def grouped(
    time: int, past: int = 0, *, packed: bool = False, lengths: Sequence[int] = (), cache: bool = True, **attributes: object
) -> Form:
    """Four heads of sixteen features on two keys."""
    query = random(2, time, 128 if packed else 64)
    key, value = (None, None) if packed else (random(2, time, 32, seed=1), random(2, time, 32, seed=2))
    keys = [random(2, 2, past, 16, seed=3), random(2, 2, past, 16, seed=4)] if past else [None, None]
    seqlens = np.array(lengths or [past + time] * 2, np.int32) - 1
    total = Weight(np.array(past + time, np.int32))
    tables = TABLES if attributes.get("do_rotary") else []
    inputs = [query, key, value, *keys, seqlens, total, *tables]
    return Form("GroupQueryAttention", inputs, {"num_heads": 4, "kv_num_heads": 2, **attributes}, "111" if cache else "1")


@parametrize(
    [
        grouped(5, cache=False),
        grouped(5, scale=0.3),
        grouped(5, packed=True, softcap=2.0),
        grouped(5, do_rotary=1),
        grouped(5, packed=True, do_rotary=1, rotary_interleaved=1),
        grouped(1, 6),
        grouped(1, 6, do_rotary=1, packed=True),
        grouped(1, 6, softcap=3.0, do_rotary=1),
    ]
)
def test_grouped_attention(form, target):
    assert_close(form, target)


@parametrize([grouped(9, local_window_size=3), grouped(1, 6, local_window_size=3, do_rotary=1, packed=True)])
def test_window(form, target):
    assert_close(form, target)


@parametrize([grouped(5, lengths=[3, 5]), grouped(5, lengths=[3, 5], do_rotary=1)])
def test_prompt_of_several_lengths(form, target):
    """What lies behind a sample's own length is unspecified."""
    for want, have in answers(form, target):
        time = 1 if want.ndim == 3 else 2
        np.testing.assert_allclose(have[1], want[1], atol=1e-5)
        np.testing.assert_allclose(have[0].take(range(3), time - 1), want[0].take(range(3), time - 1), atol=1e-5)


@parametrize([grouped(1, 6, lengths=[4, 7]), grouped(1, 6, lengths=[4, 7], do_rotary=1)])
def test_cache_of_several_lengths(form, target):
    """The new key stands behind each sample's own last one; what lies behind it is unspecified."""
    (want, have), *caches = answers(form, target)
    np.testing.assert_allclose(have, want, atol=1e-5)
    for want, have in caches:
        np.testing.assert_allclose(have[1], want[1], atol=1e-5)
        np.testing.assert_allclose(have[0][:, :4], want[0][:, :4], atol=1e-5)


OPEN = [
    (grouped(1, 6, do_rotary=1), {"x0": "b s", "x1": "b s", "x2": "b s", "x3": "b _ p", "x4": "b _ p", "x5": "b"}),
    (grouped(5, do_rotary=1), {"x0": "b s", "x1": "b s", "x2": "b s", "x5": "b"}),
    (attention(BIAS, LONG_MASK, PAST, outputs="11", unidirectional=1), {"x0": "b s", "x3": "b t", "x4": "_ b _ p"}),
    (attention(BIAS, LENGTHS), {"x0": "b s", "x3": "b"}),
    (heads(Q, K, V, ALL_BIAS, KEY_MASK), {"x0": "b s", "x1": "b l", "x2": "b l", "x4": "b l"}),
    (Form("RotaryEmbedding", [X, np.array([3]), COS, SIN]), {"x0": "b s"}),
]


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize(("form", "sizes"), OPEN, ids=[str(form) for form, _ in OPEN])
def test_open_sizes(form, sizes: Mapping[str, str], target):
    """Sizes of batch and time that the file leaves open; ``_`` stands for one that it does not."""
    model = form.model()
    for info in model.graph.input:
        for size, symbol in zip(info.type.tensor_type.shape.dim, sizes.get(info.name, "").split(), strict=False):
            if symbol != "_":
                size.dim_param = symbol
    found = run(read(model), target, form.feeds)
    for want, have in zip(judge(model, form.feeds), found, strict=True):
        np.testing.assert_allclose(have, want, rtol=0, atol=1e-5 * np.abs(want).max())
