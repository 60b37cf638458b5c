"""Templates filled with numbers read as a person writes them."""

import ast

import pytest

from converter.emitters.expressions import fill, literal


@pytest.mark.parametrize(
    ("template", "number", "text"),
    [
        ("A + B", -1.0, "x - 1.0"),
        ("A - B", -2, "x + 2"),
        ("A + B", 1.5, "x + 1.5"),
        ("A * B", -1.0, "x * -1.0"),
        ("B - A", -1.0, "-1.0 - x"),
    ],
)
def test_a_negative_number_is_subtracted(template, number, text):
    tree = fill(template, {"A": lambda: ast.Name("x", ast.Load()), "B": lambda: literal(number)})
    assert ast.unparse(tree) == text
