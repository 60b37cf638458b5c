"""The rooms stay small: what is regular belongs into a table, what is shared into a function."""

from pathlib import Path

import converter.operators
from converter.operators import table


def test_rooms_are_short():
    lines = sum(len(path.read_text().splitlines()) for path in Path(converter.operators.__file__).parent.glob("*.py"))
    both = [row for row in table() if row["pytorch"] and row["keras"]]
    assert lines / len(both) <= 20
