"""The measures themselves: what they count, and that they see what is wrong."""

import pytest

from tests.originals.code import letter_numbers, model_code_lines, mypy_findings, numbered, ruff_findings, transposes

EMITTED = '''"""A network.

Input x: float32 (batch, 3)
"""

from pathlib import Path

import torch
from torch import nn


def expanded(x, shape):
    """A helper that is copied into files."""
    return x


# What comes now is the network.
class Network(nn.Module):
    """A network."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(
            3, 4
        )  # over three lines

    def forward(self, x):
        from torch.nn import functional

        text = """a text

# of three lines"""
        return self.fc(x)


def load_model():
    """The model."""
    return Network().eval()


if __name__ == "__main__":
    print(load_model())
'''


def test_lines_are_those_that_say_something():
    lines = model_code_lines(EMITTED)
    helper, boilerplate = 2, 2 + 2
    text = 2  # the first and the last line: the second is blank, and no comment begins in a text
    assert lines.network == len(["class", "def", "super"]) + 3 + len(["def"]) + text + len(["return"])
    assert lines.own == lines.network + helper
    assert lines.code == lines.own + boilerplate


def test_a_line_of_comment_or_nothing_counts_for_nothing():
    longer = EMITTED.replace("class Network", "\n# more\n\n    # more\nclass Network")
    assert model_code_lines(longer) == model_code_lines(EMITTED)


def test_a_decorator_counts():
    longer = EMITTED.replace("class Network", "@final\nclass Network")
    assert model_code_lines(longer).network == model_code_lines(EMITTED).network + 1


def test_names_of_a_letter_and_a_number_are_those_the_source_has_not():
    code = "def forward(self, x, x3):\n    x1 = x\n    h_2 = self.conv1(x1)\n    self.v9 = relu_4 = h_2\n    return x5"
    assert letter_numbers(code, {"x1"}) == ["h_2", "v9", "x3"]
    assert numbered(code, {"x1"}) == ["h_2", "relu_4", "v9", "x3"]


def test_transposes_are_counted_where_they_are_written():
    code = "x = ops.transpose(x, (0, 2, 1))\ny = layers.Permute((2, 1))(x.permute(0, 1))\nz = ops.reshape(x, (1,))"
    assert transposes(code) == 3


def test_ruff_finds_what_is_unused_and_what_is_misnamed(tmp_path):
    path = tmp_path / "model.py"
    path.write_text("import os\n\n\ndef Forward(x):\n    return x\n")
    assert ruff_findings(path) == {"F401": 1, "N802": 1}


def test_mypy_finds_a_wrong_type(tmp_path):
    pytest.importorskip("mypy")
    path = tmp_path / "model.py"
    path.write_text('def size(x: int) -> str:\n    return x\n\n\nsize("3")\n')
    assert mypy_findings(path) == {"return-value": 1, "arg-type": 1}
