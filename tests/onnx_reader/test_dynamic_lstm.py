"""DynamicQuantizeLSTM: weights of 8 bits, inputs and states that are rounded as the network runs."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import onnxruntime
import pytest

import converter
from converter.emitters import emit
from tests.emitted import judge, read, run
from tests.onnx_reader.fused import Form, Weight, answers, parametrize
from tests.onnx_reader.models import random

SIZE, INPUTS = 8, 6


def rounded(weight: np.ndarray, *, gates: bool, signed: bool) -> list[np.ndarray]:
    """Integers, scales and zero points, for each direction or for each of its gates."""
    largest = np.abs(weight).max(axis=1) if gates else np.abs(weight).max(axis=(1, 2))
    scale = (largest / 127).astype(np.float32)
    zero = 0 if signed else 130
    dtype = np.int8 if signed else np.uint8
    integers = np.clip(np.round(weight / (scale[:, None] if gates else scale[:, None, None])) + zero, *_limits(dtype))
    return [integers.astype(dtype), scale, np.full(scale.shape, zero, dtype)]


def _limits(dtype: type) -> tuple[int, int]:
    return np.iinfo(dtype).min, np.iinfo(dtype).max


def lstm(
    time: int = 7, batch: int = 1, *, direction: str = "forward", gates: bool = False, signed: bool = True,
    biased: bool = True, states: bool = False, peepholes: bool = False, outputs: str = "111", **attributes: object,
) -> Form:  # fmt: skip
    count = 2 if direction == "bidirectional" else 1
    options = {"gates": gates, "signed": signed}
    w, w_scale, w_zero = map(Weight, rounded(random(count, INPUTS, 4 * SIZE, seed=1) / 3, **options))
    r, r_scale, r_zero = map(Weight, rounded(random(count, SIZE, 4 * SIZE, seed=2) / 3, **options))
    bias = Weight(random(count, 8 * SIZE, seed=3) / 3) if biased else None
    first = [random(count, batch, SIZE, seed=seed) / 2 if states else None for seed in (4, 5)]
    p = Weight(random(count, 3 * SIZE, seed=6) / 3) if peepholes else None
    inputs = [random(time, batch, INPUTS), w, r, bias, None, *first, p, w_scale, w_zero, r_scale, r_zero]
    attributes = {"hidden_size": SIZE, "direction": direction, **attributes}
    return Form("DynamicQuantizeLSTM", inputs, attributes, outputs)


@parametrize(
    [
        lstm(),
        lstm(biased=False, outputs="011"),
        lstm(gates=True, states=True),
        lstm(direction="reverse", outputs="1"),
        lstm(direction="bidirectional"),
        lstm(direction="bidirectional", gates=True, states=True),
        lstm(signed=False),
        lstm(peepholes=True, clip=1.5),
        lstm(activations=["Sigmoid", "Tanh", "Relu"]),
        lstm(input_forget=1),
    ]
)
def test_answers_as_onnxruntime_does(form, target):
    for want, have in answers(form, target):
        np.testing.assert_allclose(have, want, rtol=0, atol=1e-5)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_state_is_rounded_by_the_range_of_all_samples(target):
    """onnxruntime's threads share the samples and round by the range of their own, so the answer is that of one thread."""
    form = lstm(batch=5, states=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    expected = onnxruntime.InferenceSession(form.model().SerializeToString(), options).run(None, form.feeds)
    for want, have in zip(expected, run(read(form.model()), target, form.feeds), strict=True):
        np.testing.assert_allclose(have, want, rtol=0, atol=1e-5)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_weights_keep_8_bits(target):
    emitted = emit(read(lstm(biased=False).model()), target)
    weights = {weight.shape: weight.dtype.name for weight in emitted.weights.values()}
    assert weights == {(1, INPUTS, 4 * SIZE): "int8", (1, SIZE, 4 * SIZE): "int8", (1,): "float32"}


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_shapes_are_known_behind_it(target):
    """The rank decides what Squeeze and a transposing product are."""
    form = lstm(direction="bidirectional")
    model = form.model()
    model.graph.node.add(op_type="Squeeze", input=["y0", "axes"], output=["flat"])
    model.graph.node.append(onnx.helper.make_node("FusedMatMul", ["flat"] * 2, ["z"], domain="com.microsoft", transB=1))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2]), "axes"))
    del model.graph.output[:]
    model.graph.output.add(name="z")
    (want,), (have,) = judge(model, form.feeds), run(read(model), target, form.feeds)
    assert have.shape == want.shape == (7, 2, 2)
    np.testing.assert_allclose(have, want, rtol=0, atol=1e-5)


def test_batch_of_one_stays():
    """Freed, it would round by the range of several samples, which the file never does."""
    assert read(lstm().model()).inputs[0].shape == (7, 1, INPUTS)


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_open_sizes_are_proven(target, tmp_path):
    model = lstm().model()
    time, batch, _ = model.graph.input[0].type.tensor_type.shape.dim
    time.dim_param, batch.dim_param = "time", "batch"
    onnx.save(model, tmp_path / "lstm.onnx")
    report = converter.convert(tmp_path / "lstm.onnx", to=target, out=tmp_path / "out").report
    assert report.ok, report
    assert len({case.shapes["x0"] for case in report.cases}) > 2
