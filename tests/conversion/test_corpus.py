"""Real files with stored inputs and answers, through both targets: the emitted code gives the stored answers.

They lie in ``CONVERTER_CORPUS``, or ``../shared/corpus/models``. The answers are those of onnxruntime with its optimiser, which
sums in another order (``probe`` in specs/verification.md) and moves quantised results by one quantum.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import converter
from tests.emitted import run
from tests.passes.test_corpus import CORPUS, FILES

TOLERANCE = 1e-4
QUANTUM = 1 / 255

pytestmark = pytest.mark.skipif(not FILES, reason=f"no models in {CORPUS}")
every_file = pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
both_targets = pytest.mark.parametrize("target", ["pytorch", "keras"])


@both_targets
@every_file
def test_emitted_code_gives_the_stored_answers(path, target):
    graph = converter.read(path)
    inputs, answers = _stored(path)
    found = run(graph, target, {value.name: inputs[value.name] for value in graph.inputs})
    for value, array in zip(graph.outputs, found, strict=True):
        _assert_equal(path, value.name, array, answers[value.name])


@pytest.mark.exports
@both_targets
@every_file
def test_written_model_is_equal_and_gives_the_stored_answers(path, target, tmp_path):
    conversion = converter.convert(path, to=target, out=tmp_path / "model", verify=True)
    assert conversion.report.ok, conversion.report
    inputs, answers = _stored(path)
    for name, array in conversion.run(inputs).items():
        _assert_equal(path, name, array, answers[name])


def _stored(path: Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """(inputs by name, answers by name)."""
    with np.load(path.with_suffix(".npz"), allow_pickle=True) as stored:
        parts = [{name[len(kind) :]: stored[name] for name in stored if name.startswith(kind)} for kind in ("in__", "out__")]
    return parts[0], parts[1]


def _assert_equal(path: Path, name: str, found: Any, answer: np.ndarray) -> None:
    if isinstance(found, list):  # of maps, which are stored as the rows of their values
        found = np.array([list(row.values()) for row in found], answer.dtype)
    assert found.shape == answer.shape, name
    assert found.dtype == answer.dtype, name
    if answer.dtype.kind not in "fiub":
        assert found.tolist() == answer.tolist(), name
        return
    scale = np.abs(answer).max(initial=1e-6)
    allowed = 0 if answer.dtype.kind != "f" else max(TOLERANCE * scale, QUANTUM if path.name.startswith("quant__") else 0)
    np.testing.assert_allclose(found, answer, rtol=0, atol=allowed, err_msg=name)
