"""What onnxruntime's own operators can say and no standard one can: refused with the reason, and kept as it is in ONNX."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import converter
from converter.operators import refusals
from tests.emitted import read
from tests.onnx_reader.fused import Form, Weight, assert_close
from tests.onnx_reader.models import random
from tests.onnx_reader.test_attention import BIAS, PROJECTION, K, Q, V, X, grouped
from tests.onnx_reader.test_dynamic_lstm import lstm
from tests.onnx_reader.test_few_bits import product
from tests.onnx_reader.test_fused import FEATURES, TOKENS, convolution

PACKED = random(2, 5, 2, 3, 4)
ONE_HEAD = {"num_heads": 2}
SINK = [None, None, None, Weight(random(4))]


def with_inputs(form: Form, *inputs: object) -> Form:
    return Form(form.op_type, [*form.inputs, *inputs], form.attributes, form.outputs)


def with_lengths() -> Form:
    form = lstm(batch=2)
    form.inputs[4] = np.array([7, 5], np.int32)
    return form


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        (convolution("Gelu"), "activation 'Gelu'"),
        (Form("MultiHeadAttention", [PACKED], ONE_HEAD), "packs keys and values"),
        (Form("MultiHeadAttention", [Q, random(2, 6, 2, 2, 4)], ONE_HEAD), "packs keys and values"),
        (
            Form("MultiHeadAttention", [Q, K, V, *[None] * 5, Weight(np.array([0], np.int32))], ONE_HEAD),
            "input 'past_sequence_length'",
        ),
        (Form("Attention", [X, PROJECTION, BIAS], {"num_heads": 2, "do_rotary": 1}), "attribute 'do_rotary' 1"),
        (Form("Attention", [X, PROJECTION, BIAS, np.ones((2, 1, 9, 9), np.int32)], ONE_HEAD), "mask of 4 axes"),
        (Form("Attention", [X, PROJECTION, BIAS, np.zeros(8, np.int32)], ONE_HEAD), "one axis of 8, and the batch is 2"),
        (grouped(5, smooth_softmax=1), "'smooth_softmax' is 1"),
        (grouped(5, causal=0), "'causal' is 0"),
        (with_inputs(grouped(5), None, None, *SINK[1:]), "input 'head_sink'"),
        (with_inputs(grouped(5, do_rotary=1), np.zeros((2, 5), np.int64)), "input 'position_ids'"),
        (Form("SkipLayerNormalization", [TOKENS, TOKENS, FEATURES], {}, "11"), "its output 'mean'"),
        (product(4, groups=True, zeros="packed"), "'g_idx' and 'zero_points'"),
        (product(4, weight_prepacked=1), "attribute 'weight_prepacked' 1"),
        (with_lengths(), "lengths of single samples"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_is_refused_with_its_reason(form, reason, target):
    (problem,) = refusals(read(form.model()), target)
    assert reason in problem.reason
    assert "'fused'" in problem.where


def test_every_refusal_is_told_at_once(tmp_path):
    model = convolution("Gelu").model()
    model.graph.node[0].output[0] = "between"
    second = model.graph.node.add()
    second.CopyFrom(model.graph.node[0])
    second.input[:], second.output[:], second.name = ["between", "x1"], ["y0"], "second"
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(converter.ConversionError) as found:
        converter.convert(tmp_path / "model.onnx", to="pytorch", out=tmp_path / "out")
    assert ["'fused'" in str(found.value.problems[0]), "'second'" in str(found.value.problems[1])] == [True, True]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", [grouped(5, smooth_softmax=1), with_lengths()], ids=str)
def test_stays_as_it_is_in_onnx(form):
    assert_close(form, "onnx")


@pytest.mark.parametrize(
    ("attributes", "reason"), [({"kernel": [1]}, "attribute kernel"), ({"alpha": 1}, "FLOAT is expected"), ({}, "")]
)
def test_forms_that_its_schema_does_not_know_are_wrong(attributes, reason):
    form = Form("QuickGelu", [TOKENS] if reason else [], attributes)
    with pytest.raises(converter.ConversionError, match=reason or "has 0 inputs"):
        read(form.model())
