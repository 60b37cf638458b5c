"""Sizes in their normal form mean what was written, and equal ones are equal."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.emitters.sizes import written
from converter.sizes import Size, symbols_of
from converter.sizes import expression as e

a, b, c = (Size.symbol(name) for name in "abc")
SIZES = st.dictionaries(st.sampled_from("abc"), st.integers(0, 9), min_size=3).map(dict)

_STEPS = {
    "+": (lambda x, y: x + y, lambda x, y: x + y),
    "-": (lambda x, y: x - y, lambda x, y: x - y),
    "*": (lambda x, y: x * y, lambda x, y: x * y),
    "min": (e.least, min),
    "max": (e.greatest, max),
    "==": (e.equal, lambda x, y: int(x == y)),
    "<": (e.less, lambda x, y: int(x < y)),
    "and": (lambda x, y: e.both(e.equal(x, y), e.less(x, 5)), lambda x, y: int(x == y and x < 5)),
    "or": (lambda x, y: e.either(e.equal(x, y), e.less(x, 5)), lambda x, y: int(x == y or x < 5)),
    "where": (lambda x, y: e.choose(e.less(x, y), x, 2 * y), lambda x, y: x if x < y else 2 * y),
    "not": (lambda x, y: e.negate(e.less(x, y)), lambda x, y: int(not x < y)),
    "//": (lambda x, y: e.floor_divide(x, 3), lambda x, y: x // 3),
    "ceiling": (lambda x, y: e.ceiling_divide(x, 4), lambda x, y: -(-x // 4)),
    "/": (lambda x, y: e.divide(x, 2 - 5), lambda x, y: int(x / -3)),
    "without fraction": (lambda x, y: e.divide(x, 4), lambda x, y: int(x / 4)),
    "%": (lambda x, y: e.modulo(x, 6), lambda x, y: x % 6),
}
LEAVES = st.one_of(st.sampled_from([(x, str(x)) for x in (a, b, c)]), st.integers(-4, 9).map(lambda n: (n, n)))


@st.composite
def expressions(draw, depth=4):
    """(the size, a function of the symbols' numbers that computes it directly)."""
    if depth == 0 or draw(st.booleans()):
        size, leaf = draw(LEAVES)
        return size, (lambda numbers: numbers[leaf]) if isinstance(leaf, str) else (lambda numbers: leaf)
    ours, plain = _STEPS[draw(st.sampled_from(sorted(_STEPS)))]
    (x, of_x), (y, of_y) = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    return ours(x, y), lambda numbers: plain(of_x(numbers), of_y(numbers))


def value(size, numbers):
    """The size by the code that is printed for it."""
    return int(eval(ast.unparse(written(size)), {}, dict(numbers)))


@given(expressions(), SIZES)
def test_printed_code_computes_what_was_meant(pair, numbers):
    size, plain = pair
    assert value(size, numbers) == plain(numbers)


@given(expressions(), SIZES)
def test_bounds_hold(pair, numbers):
    size, plain = pair
    low, high = e.bounds(size)
    assert low is None or low <= plain(numbers)
    assert high is None or plain(numbers) <= high


@given(expressions(3), expressions(3), SIZES)
def test_exact_quotients(one, other, numbers):
    (x, of_x), (y, of_y) = one, other
    quotient = e.exact_quotient(x, y)
    if quotient is not None:
        assert value(quotient, numbers) * of_y(numbers) == of_x(numbers)
    if y != 0:
        assert e.exact_quotient(x * y, y) == x


@pytest.mark.parametrize(
    ("ours", "same"),
    [
        (e.floor_divide(a, 1), a),
        (e.floor_divide(a * b * 768, a * b), 768),
        (e.floor_divide(a * (b + c) * 12, a * 12), b + c),
        (e.floor_divide(a * (b + c), b + c), a),
        (e.floor_divide(e.floor_divide(a, 2), 2), e.floor_divide(a, 4)),
        (e.floor_divide(a - 1, 2) + 1, e.floor_divide(a + 1, 2)),
        (e.ceiling_divide(a, 2), e.floor_divide(a + 1, 2)),
        (e.least(a, a + b), a),
        (e.greatest(a, a + b), a + b),
        (e.least(a, b), e.least(b, a)),
        (a - e.least(a, 1), e.greatest(a - 1, 0)),
        (e.equal(a, -1), 0),
        (e.equal(a * b, b * a), 1),
        (e.less(a, a + 1), 1),
        (e.choose(e.equal(a, -1), 1, a), a),
        (e.modulo(4 * a + 6, 4), 2),
        (e.divide(a + b, 2), e.floor_divide(a + b, 2)),
    ],
)
def test_equal_sizes_are_equal(ours, same):
    if isinstance(ours, Size) and e.Operation("//", (a, b)) in {atom for term in ours.terms for atom in term}:
        pytest.fail("a quotient was left")
    assert ours == same
    assert hash(ours) == hash(same)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (a * b, "a * b"),
        (2 * a + 1, "2 * a + 1"),
        (a - 3, "a - 3"),
        (a * b + a * c, "a * (b + c)"),
        (e.ceiling_divide(a, 3), "(a + 2) // 3"),
        (e.floor_divide(a + 1, 2) * b, "(a + 1) // 2 * b"),
        (e.least(a, 512), "min(a, 512)"),
        (e.greatest(a, b), "max(a, b)"),
        (e.divide(a - b, 2), "int((a - b) / 2)"),
        (e.choose(e.less(a, b), a, 1), "a if a < b else 1"),
        (e.negate(e.equal(a, 1)), "a != 1"),
    ],
)
def test_written_as_a_person_would(size, text):
    assert ast.unparse(written(size)) == text


def test_symbols():
    assert symbols_of(e.floor_divide(a + 1, b) + 2) == {"a", "b"}


@given(expressions(2), st.integers(0, 9), SIZES)
def test_the_lesser_of_two_is_taken_apart(pair, number, numbers):
    size, plain = pair
    sides = e.least_of(e.least(size, number))
    if sides is not None:
        assert min(value(side, numbers) for side in sides) == min(plain(numbers), number)
