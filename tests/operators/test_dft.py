"""Fourier transforms held to the scale of their result: where numbers cancel, the suite's tolerance is below one rounding."""

import numpy as np
import pytest

from tests import emitted
from tests.backend import cases

NAMES = [f"test_dft{kind}{old}" for kind in ("", "_axis", "_inverse", "_rfft") for old in ("", "_opset19")]


@pytest.mark.parametrize("target", cases.TARGETS)
@pytest.mark.parametrize("name", NAMES)
def test_equals_an_exact_transform(name, target):
    (case,) = [case for case in cases.cases("node") if case.name == name]
    model, ((inputs, outputs),) = case.read()
    feeds = {info.name: cases.plain(array) for info, array in zip(model.graph.input, inputs, strict=True)}
    (have,) = emitted.run(emitted.read(model), target, feeds)
    x = np.asarray(inputs[0], np.float64)
    z = x[..., 0] + 1j * x[..., 1] if x.shape[-1] == 2 else x[..., 0]
    transform = np.fft.ifft if "inverse" in name else np.fft.rfft if "rfft" in name else np.fft.fft
    exact = [np.stack([y.real, y.imag], -1) for y in (transform(z, axis=axis) for axis in (1, 2))]
    (want,) = [y for y in exact if y.shape == outputs[0].shape and np.allclose(y, outputs[0], rtol=1e-3, atol=1e-3)]
    assert have.dtype == np.float32
    np.testing.assert_allclose(have, want, rtol=0, atol=3e-7 * abs(want).max())
