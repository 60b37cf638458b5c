"""The process of the emitted code: whatever ends it without an answer is said in words."""

import json

import ml_dtypes
import numpy as np
import pytest

from converter.verification import run
from converter.verification.worker import RunError, run_model

pytestmark = pytest.mark.own_process

ENDS = {
    "exit 0": ("import os; os._exit(0)", "ended with exit code 0 before it gave an answer"),
    "exit 3": ("import os; os._exit(3)", "ended with exit code 3"),
    "exit 3 with words": (
        "import os, sys; print('about', file=sys.stderr, flush=True); os._exit(3)",
        "ended with exit code 3: about",
    ),
    "a text": ("import sys; sys.exit('two weights')", "two weights"),
    "an error": ("raise ValueError('a' * 5000)", f"ValueError: {'a' * 988}"),
    "an endless error": ("raise ValueError('a' * 500_000)", "a" * 1000),
}


@pytest.mark.parametrize(("code", "words"), ENDS.values(), ids=ENDS)
def test_a_process_without_an_answer_is_an_error_in_words(tmp_path, monkeypatch, code, words):
    (tmp_path / "program.py").write_text(code)
    monkeypatch.setattr(run, "__file__", str(tmp_path / "program.py"))
    with pytest.raises(RunError) as caught:
        run_model("pytorch", tmp_path)
    assert str(caught.value).removeprefix("ended with exit code 1: ") == words


def test_what_is_stored_is_restored_from_one_file(tmp_path):
    values = [
        np.float32([[1, -0.0], [np.nan, np.inf]]),
        np.arange(6).reshape(2, 3).T,
        np.array(True),
        np.zeros((0, 3)),
        np.array(["a", "bcd"], object),
        np.array([], object),
        np.array([1.5, -2], ml_dtypes.bfloat16),
        np.uint8([255]),
    ]
    path = tmp_path / "arrays.bin"
    with path.open("wb") as file:
        described = run.stored([values, None, {"word": 2.0}], file)
    found, nothing, words = run.restored(json.loads(json.dumps(described)), run.opened(path))
    assert nothing is None and words == {"word": 2.0}
    for value, array in zip(values, found, strict=True):
        assert type(array) is np.ndarray and array.dtype == value.dtype
        np.testing.assert_array_equal(array, value)


def test_a_file_of_no_arrays_is_empty(tmp_path):
    (tmp_path / "arrays.bin").touch()
    assert run.restored([], run.opened(tmp_path / "arrays.bin")) == []
