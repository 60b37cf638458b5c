"""Attention in 16 bits, where rounding decides: both targets are nearer to the exact result than the conformance suite."""

import numpy as np
import pytest

from tests import emitted
from tests.backend import cases


def exact(q, k, v, causal):
    q, k, v = (np.asarray(array).astype(np.float64) for array in (q, k, v))
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v


@pytest.mark.parametrize("target", cases.TARGETS)
@pytest.mark.parametrize(
    "name", ["test_attention_4d_fp16", "test_attention_4d_causal_fp16", "test_attention_4d_causal_fp16_expanded"]
)
def test_nearer_than_the_suite(name, target):
    (case,) = [case for case in cases.cases("node") if case.name == name]
    model, ((inputs, outputs),) = case.read()
    feeds = {info.name: cases.plain(array) for info, array in zip(model.graph.input, inputs, strict=True)}
    (have,) = emitted.run(emitted.read(model), target, feeds)
    want = exact(*inputs[:3], causal="causal" in name)
    unit = 2.0 ** (np.floor(np.log2(abs(want))) - 10)  # in the last place
    ours, theirs = (abs((array.astype(np.float64) - want) / unit).max() for array in (have, cases.plain(outputs[0])))
    assert have.dtype == np.float16
    assert ours < min(1.5, theirs)
