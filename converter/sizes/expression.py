"""Integers that depend on the sizes of tensors, in a normal form in which equal ones are equal.

A ``Size`` is a polynomial with integer coefficients. Its atoms are symbols (a size that is known by name, never below zero) and
operations that a polynomial cannot say: quotients, remainders, the lesser, a choice. A plain ``int`` is a size that is known.
Every function here takes and gives both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Operation:
    """``name`` of ``arguments``: one of // % max (of one argument: it or 0, whichever is greater) int (a quotient without its
    fraction) == < not and or where."""

    name: str
    arguments: tuple[Number, ...]

    @cached_property
    def text(self) -> str:
        parts = [str(argument) for argument in self.arguments]
        if self.name in ("//", "%", "==", "<"):
            sides = (part if part.isidentifier() or part.isdigit() else f"({part})" for part in parts)
            return self.name.join(sides)
        return f"{self.name}({', '.join(parts)})"

    @property
    def is_condition(self) -> bool:
        return self.name in ("==", "<", "not", "and", "or")

    def __str__(self) -> str:
        return self.text


Atom = str | Operation
Monomial = tuple[Atom, ...]
"""A product of atoms in the order of their text; () is 1."""


class Size:
    """A polynomial that is no plain number. ``terms`` maps each product of atoms to its coefficient, which is never 0."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: Mapping[Monomial, int]):
        self.terms = dict(terms)
        self._hash = hash(frozenset(self.terms.items()))

    @classmethod
    def symbol(cls, name: str) -> Size:
        return cls({(name,): 1})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Size) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __add__(self, other: Number) -> Number:
        return _sum((self, other))

    __radd__ = __add__

    def __mul__(self, other: Number) -> Number:
        pairs = ((a, b) for a in self.terms.items() for b in terms_of(other).items())
        return _polynomial((_sorted((*m, *n)), a * b) for (m, a), (n, b) in pairs)

    __rmul__ = __mul__

    def __neg__(self) -> Number:
        return self * -1

    def __sub__(self, other: Number) -> Number:
        return self + -1 * other

    def __rsub__(self, other: Number) -> Number:
        return -self + other

    def __str__(self) -> str:
        text = ""
        for monomial, factor in sorted(self.terms.items(), key=lambda term: (-len(term[0]), _key(term[0]))):
            parts = [str(atom) for atom in monomial]
            if abs(factor) != 1 or not parts:
                parts.insert(0, str(abs(factor)))
            sign = (" - " if text else "-") if factor < 0 else (" + " if text else "")
            text += sign + "*".join(parts)
        return text

    def __repr__(self) -> str:
        return f"Size({self})"


Number = int | Size


def terms_of(number: Number) -> dict[Monomial, int]:
    if isinstance(number, Size):
        return number.terms
    return {(): int(number)} if number else {}


def _key(monomial: Monomial) -> tuple[str, ...]:
    return tuple(map(str, monomial))


def _sorted(monomial: Iterable[Atom]) -> Monomial:
    return tuple(sorted(monomial, key=str))


def _polynomial(terms: Iterable[tuple[Monomial, int]]) -> Number:
    total: dict[Monomial, int] = {}
    for monomial, factor in terms:
        total[monomial] = total.get(monomial, 0) + factor
    total = {monomial: factor for monomial, factor in total.items() if factor}
    return Size(total) if total.keys() - {()} else total.get((), 0)


def _sum(numbers: Iterable[Number]) -> Number:
    return _polynomial(term for number in numbers for term in terms_of(number).items())


def _operation(name: str, *arguments: Number) -> Size:
    return Size({(Operation(name, arguments),): 1})


def symbols_of(number: Number) -> set[str]:
    """The symbols a number depends on, also within operations."""
    found: set[str] = set()
    for monomial in terms_of(number):
        for atom in monomial:
            found |= {atom} if isinstance(atom, str) else set().union(*map(symbols_of, atom.arguments))
    return found


# What is known of a number -------------------------------------------------------------------------------------------------


def bounds(number: Number) -> tuple[int | None, int | None]:
    """The least and the greatest it can be, None where it has no such bound. A symbol is 0 at least."""
    low: int | None = 0
    high: int | None = 0
    for monomial, factor in terms_of(number).items():
        least, most = 1, 1
        for atom in monomial:
            first, last = (0, None) if isinstance(atom, str) else _bounds(atom)
            if first is None or first < 0 or least is None:
                least, most = None, None
            else:
                least, most = least * first, None if most is None or last is None else most * last
        ends = [None if end is None else end * factor for end in (least, most)]
        first, last = ends if factor > 0 else ends[::-1]
        low = None if low is None or first is None else low + first
        high = None if high is None or last is None else high + last
    if low is None and (pair := least_of(number)) is not None:
        ends = [bounds(side)[0] for side in pair]
        low = None if None in ends else min(ends)
    return low, high


def _bounds(operation: Operation) -> tuple[int | None, int | None]:
    ends = [bounds(argument) for argument in operation.arguments]
    name, lows, highs = operation.name, [end[0] for end in ends], [end[1] for end in ends]
    if operation.is_condition:
        return 0, 1
    if name in ("//", "int", "%"):
        divisor = operation.arguments[1]
        if not is_natural(divisor):
            return None, None
        if name == "%":
            return 0, divisor - 1 if isinstance(divisor, int) else None
        if isinstance(divisor, int):
            low, high = (None if end is None else end // divisor for end in ends[0])
            return low, None if high is None else high + (name == "int")
        return (0, highs[0]) if lows[0] is not None and lows[0] >= 0 else (None, None)
    if name == "where":
        lows, highs = lows[1:], highs[1:]
        return None if None in lows else min(lows), None if None in highs else max(highs)
    return max(lows[0] or 0, 0), None if highs[0] is None else max(highs[0], 0)


def is_natural(number: Number) -> bool:
    """Whether it cannot be below zero."""
    low, _ = bounds(number)
    return low is not None and low >= 0


def is_plain(number: Number) -> bool:
    """Whether it is sums, products and quotients only, which tensors compute as numbers do."""
    atoms = [atom for monomial in terms_of(number) for atom in monomial if isinstance(atom, Operation)]
    return all(atom.name in ("//", "%") and all(map(is_plain, atom.arguments)) for atom in atoms)


def settled(number: Number, natural: Callable[[Number], bool]) -> Number:
    """The number with ``d`` for each max(d, 0) of which ``natural`` says that it is never below zero."""
    if isinstance(number, int):
        return number
    total: Number = 0
    for monomial, factor in number.terms.items():
        product: Number = factor
        for atom in monomial:
            is_floor = isinstance(atom, Operation) and atom.name == "max" and natural(atom.arguments[0])
            product = product * (atom.arguments[0] if is_floor else Size({(atom,): 1}))
        total = total + product
    return total


def is_condition(number: Number) -> bool:
    """Whether it is true or false."""
    (monomial, factor), *others = terms_of(number).items() or [((), 0)]
    return not others and factor == 1 and len(monomial) == 1 and isinstance(monomial[0], Operation) and monomial[0].is_condition


# Arithmetic ----------------------------------------------------------------------------------------------------------------


def exact_quotient(a: Number, b: Number) -> Number | None:
    """The polynomial ``q`` with ``a == q * b``, None where there is none."""
    divisor = terms_of(b)
    if not divisor:
        return None
    leading = max(divisor, key=_rank)
    rest, quotient = a, []
    while rest != 0:
        monomial = max(terms_of(rest), key=_rank)
        missing = _without(monomial, leading)
        factor, remainder = divmod(terms_of(rest)[monomial], divisor[leading])
        if missing is None or remainder:
            return None
        part = _polynomial([(missing, factor)])
        quotient.append(part)
        rest = rest - part * b
    return _sum(quotient)


def _rank(monomial: Monomial) -> tuple[int, tuple[str, ...]]:
    return len(monomial), _key(monomial)


def _without(monomial: Monomial, part: Monomial) -> Monomial | None:
    left = list(monomial)
    for atom in part:
        if atom not in left:
            return None
        left.remove(atom)
    return tuple(left)


def floor_divide(a: Number, b: Number) -> Number:
    """a // b for a positive ``b``."""
    exact = exact_quotient(a, b)
    if exact is not None:
        return exact
    if not isinstance(b, int):
        return _operation("//", a, b)
    if isinstance(a, int):
        return a // b
    whole = _polynomial((monomial, factor // b) for monomial, factor in a.terms.items() if not monomial or factor % b == 0)
    rest = a - whole * b
    if isinstance(rest, int):
        return whole + rest // b
    (monomial, factor), *others = rest.terms.items()
    if not others and factor == 1 and len(monomial) == 1:
        (atom,) = monomial
        if isinstance(atom, Operation) and atom.name == "//" and isinstance(atom.arguments[1], int):
            return whole + floor_divide(atom.arguments[0], atom.arguments[1] * b)
    if rest.terms[max(rest.terms, key=_rank)] < 0:  # rounded up, which has one form only
        return whole - floor_divide(b - 1 - rest, b)
    common = math.gcd(b, *rest.terms.values())
    if common > 1:
        return whole + floor_divide(exact_quotient(rest, common), b // common)
    return whole + _operation("//", rest, b)


def ceiling_divide(a: Number, b: Number) -> Number:
    """The quotient rounded up, for a positive ``b``."""
    return -1 * floor_divide(-1 * a, b)


def divide(a: Number, b: Number, is_natural: Callable[[Number], bool] = is_natural) -> Number | None:
    """The quotient without its fraction, as integers divide in ONNX: -7 / 2 is -3. None for what divides by zero."""
    if b == 0:
        return None
    exact = exact_quotient(a, b)
    if exact is not None:
        return exact
    if isinstance(a, int) and isinstance(b, int):
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    if not is_natural(b):
        return _operation("int", a, b)
    if is_natural(a):
        return floor_divide(a, b)
    return -1 * floor_divide(-1 * a, b) if is_natural(-1 * a) else _operation("int", a, b)


def modulo(a: Number, b: Number) -> Number | None:
    """The remainder with the sign of the divisor. None for what divides by zero."""
    if b == 0:
        return None
    if isinstance(a, int) and isinstance(b, int):
        return a % b
    if exact_quotient(a, b) is not None:
        return 0
    if isinstance(b, int) and b > 0:
        terms = [term for product in terms_of(a).items() for term in _without_remainder(*product, b)]
        half = (b - 1) // 2
        a = _polynomial((monomial, (f + half) % b - half) for monomial, f in terms_of(_polynomial(terms)).items())
    return a % b if isinstance(a, int) and isinstance(b, int) else _operation("%", a, b)


def _without_remainder(monomial: Monomial, factor: int, b: int) -> Iterable[tuple[Monomial, int]]:
    """What leaves the same remainder by ``b``, without a remainder by ``b`` inside."""
    if len(monomial) == 1 and isinstance(monomial[0], Operation) and monomial[0].name == "%" and monomial[0].arguments[1] == b:
        return [(inner, factor * more) for inner, more in terms_of(monomial[0].arguments[0]).items()]
    return [(monomial, factor)]


def greatest(a: Number, b: Number) -> Number:
    return b + _positive(a - b)


def least(a: Number, b: Number) -> Number:
    return a - _positive(a - b)


def least_of(number: Number) -> tuple[Number, Number] | None:
    """The two numbers of which this one is known to be the lesser, as ``least`` says it."""
    for monomial, factor in terms_of(number).items():
        if factor == -1 and len(monomial) == 1 and isinstance(monomial[0], Operation) and monomial[0].name == "max":
            rest = number + Size({monomial: 1})
            return rest, rest - monomial[0].arguments[0]
    return None


def _positive(number: Number) -> Number:
    """The number, or 0 where it is below: what says the lesser and the greater of two, so that equal ones agree."""
    if is_natural(number):
        return number
    if is_natural(-1 * number):
        return 0
    turned = -1 * number
    first = max(terms_of(number), key=_rank)
    return _operation("max", number) if terms_of(number)[first] > 0 else number + _operation("max", turned)


def _ordered(a: Number, b: Number) -> tuple[Number, Number]:
    return (a, b) if isinstance(b, int) or (not isinstance(a, int) and str(a) <= str(b)) else (b, a)


# Conditions: 0 or 1 --------------------------------------------------------------------------------------------------------


def equal(a: Number, b: Number) -> Number:
    low, high = bounds(a - b)
    if low == high == 0:
        return 1
    apart = (low is not None and low > 0) or (high is not None and high < 0)
    return 0 if apart else _operation("==", *_ordered(a, b))


def less(a: Number, b: Number) -> Number:
    low, high = bounds(b - a)
    if low is not None and low > 0:
        return 1
    return 0 if high is not None and high <= 0 else _operation("<", a, b)


def negate(a: Number) -> Number:
    return int(not a) if isinstance(a, int) else _operation("not", a)


def both(a: Number, b: Number) -> Number:
    known = next((x for x in (a, b) if isinstance(x, int)), None)
    if known is not None:
        return (b if known is a else a) if known else 0
    return a if a == b else _operation("and", a, b)


def either(a: Number, b: Number) -> Number:
    known = next((x for x in (a, b) if isinstance(x, int)), None)
    if known is not None:
        return 1 if known else (b if known is a else a)
    return a if a == b else _operation("or", a, b)


def choose(condition: Number, a: Number, b: Number) -> Number:
    """``a`` where the condition holds, otherwise ``b``."""
    if isinstance(condition, int):
        return a if condition else b
    return a if a == b else _operation("where", condition, a, b)
