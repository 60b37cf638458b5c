"""The table of operators says what the rooms say; its counts are of the last run."""

from __future__ import annotations

from converter.operators.registry import rooms
from tests.backend import operators


def test_table_is_of_this_code():
    counts = operators.read()
    assert operators.PATH.read_text() == operators.text(counts), "run `python -m tests.backend.operators --keep`"
    assert sum(total for _, total in counts.values()) > 1800


def test_table_names_each_operator():
    rows = {row.split("|")[1].strip(): row for row in operators.table({})}
    assert len(rows) == len(operators.versions().keys() | rooms().keys())
    assert rows["Relu"] == "| Relu | 1, 14 | yes | yes |  |"
    gradient = rows["ai.onnx.preview.training:Gradient"]
    assert gradient.endswith("no | no | refused: it asks for a derivative by the names of other nodes' tensors |")
