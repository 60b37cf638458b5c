"""Real files with stored inputs and answers, where they are at hand: ``CONVERTER_CORPUS``, or ``../shared/corpus/models``."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from converter.emitters.onnx import to_model
from converter.passes import normalise
from converter.readers import read

CORPUS = Path(os.environ.get("CONVERTER_CORPUS", Path(__file__).parents[3] / "shared" / "corpus" / "models"))
FILES = sorted(CORPUS.glob("*.onnx"))

# onnxruntime's optimiser makes quantised graphs of the modern form invalid, or moves the result by a quantum: run as written.
_AS_WRITTEN = ("quant__", "rnn__qlstm")

pytestmark = pytest.mark.skipif(not FILES, reason=f"no models in {CORPUS}")


def _equal(ours, theirs: np.ndarray, quantum: float) -> bool:
    if isinstance(ours, list):  # a sequence of maps, stored as a table of their values
        ours = np.array([list(row.values()) for row in ours])
    ours = np.asarray(ours)
    if ours.dtype.kind not in "fiub":
        return ours.astype(str).tolist() == theirs.astype(str).tolist()
    scale = max(float(np.abs(theirs).max(initial=0)), 1e-6)
    return ours.shape == theirs.shape and np.allclose(
        ours.astype(float), theirs.astype(float), rtol=1e-4, atol=max(1e-4 * scale, quantum)
    )


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_modern_form_answers_as_the_file_did(path):
    graph = read(path)
    graph.check()
    normalise(graph)
    graph.check()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if path.name.startswith(_AS_WRITTEN):
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(to_model(graph).SerializeToString(), options, providers=["CPUExecutionProvider"])
    with np.load(path.with_suffix(".npz"), allow_pickle=True) as stored:
        answers = session.run(None, {entry.name: stored[f"in__{entry.name}"] for entry in session.get_inputs()})
        quantum = 1 / 256 if path.name.startswith("quant__") else 0
        for entry, answer in zip(session.get_outputs(), answers, strict=True):
            assert _equal(answer, stored[f"out__{entry.name}"], quantum), entry.name
