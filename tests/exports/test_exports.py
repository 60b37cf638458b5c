"""Models as exporters write them, converted and equal, at the sizes of their export and at others.

``make test-exports`` runs it. Each package that is missing skips what needs it.
"""

from __future__ import annotations

import os

import numpy as np
import onnxruntime
import pytest

import converter
from tests.exports.inputs import feeds, renamed
from tests.exports.make import EXPORTERS, export
from tests.exports.models import MODELS

TOLERANCE = 1e-5
SEED = 5

pytestmark = pytest.mark.exports


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Exports on demand, each once: (path, what the model takes)."""
    folder = tmp_path_factory.mktemp("exports")
    made = {}

    def get(model, exporter):
        if reason := model.exporters.get(exporter):
            pytest.skip(f"{exporter} cannot export it: {reason}")
        if missing := model.missing():
            pytest.skip(f"{missing} is not installed")
        name = f"{model.name}.{exporter}"
        if name not in made:
            path = folder / f"{name}.onnx"
            made[name] = path, export(model, exporter, path)
        return made[name]

    return get


CASES = [(model.name, exporter) for model in MODELS.values() for exporter in EXPORTERS[model.framework]]


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize(("name", "exporter"), CASES, ids=[".".join(case) for case in CASES])
def test_export_is_equal_at_every_size(name, exporter, target, exported, tmp_path):
    model = MODELS[name]
    path, inputs = exported(model, exporter)
    graph = converter.read(path)
    conversion = converter.convert(path, to=target, out=tmp_path / "model", verify=True)
    assert conversion.report.ok, conversion.report
    assert not conversion.report.warnings, conversion.report.warnings
    judge = _judge(path)
    for number, sizes in enumerate(model.sizes):
        given = renamed(feeds(inputs, sizes, SEED + number), graph)
        found = conversion.run(given)
        for output, answer in zip(judge.get_outputs(), judge.run(None, given), strict=True):
            _assert_equal(found[output.name], answer, f"{output.name} at {dict(sizes)}")


def _judge(path: os.PathLike) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _assert_equal(found: np.ndarray, answer: np.ndarray, name: str) -> None:
    assert found.shape == answer.shape, name
    assert found.dtype == answer.dtype, name
    scale = np.abs(answer[np.isfinite(answer)]).max(initial=1e-6) if answer.dtype.kind == "f" else 0
    np.testing.assert_allclose(found, answer, rtol=0, atol=TOLERANCE * scale, err_msg=name)
