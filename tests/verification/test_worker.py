"""The process of the emitted code: whatever ends it without an answer is said in words."""

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
