"""Emitted Keras code runs unchanged on every backend, and saves and loads."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import converter

BRANCHES = Path(__file__).parents[2] / "fixtures" / "branches.mat"


@pytest.mark.parametrize("backend", ["tensorflow", "torch", "jax"])
def test_backend(backend, monkeypatch, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    monkeypatch.setenv("KERAS_BACKEND", backend)
    report = converter.convert(BRANCHES, to="keras", out=tmp_path / "out").report
    assert report.ok
    assert backend in report.versions


def test_saved_model_loads(tmp_path):
    keras = pytest.importorskip("keras")
    model = converter.convert(BRANCHES, to="keras", out=tmp_path / "out", verify=False).load()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    image = np.random.default_rng(0).standard_normal((2, *model.input_shape[1:])).astype(np.float32)
    np.testing.assert_array_equal(loaded.predict_on_batch(image), model.predict_on_batch(image))
