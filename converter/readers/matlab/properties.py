"""The fields of a struct with the types they must have; a wrong one is a message, never a traceback."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from converter.errors import Problem, ReadError
from converter.readers.matlab.container import Foreign

_REQUIRED = object()


def is_empty(value: Any) -> bool:
    """Whether ``value`` is MATLAB's [], '' or {}: for a layer table the same as a missing field."""
    return (
        value is None
        or (isinstance(value, np.ndarray) and value.size == 0)
        or (isinstance(value, str | list | dict) and not value)
    )


class Properties:
    """Typed access to the fields of one struct. ``where`` names the struct in messages.

    Every method takes a ``default`` for a missing or empty field; without one, such a field raises ReadError, as does a field
    of another type.
    """

    def __init__(self, values: dict[str, Any], where: str):
        self.values = values
        self.where = where

    def __contains__(self, name: str) -> bool:
        return not is_empty(self.values.get(name))

    def known(self, name: str) -> bool:
        """Whether the field holds something else than 'auto', MATLAB's word for a size that is still open."""
        value = self.values.get(name)
        return not is_empty(value) and not (isinstance(value, str) and value == "auto")

    def text(self, name: str, default: Any = _REQUIRED) -> str:
        if name not in self:
            return self._missing(name, default)
        value = self.values[name]
        if not isinstance(value, str):
            self.fail(name, "text")
        return value

    def texts(self, name: str, default: Any = _REQUIRED) -> list[str]:
        """A cell array of text in MATLAB's order, or one text."""
        if name not in self:
            return self._missing(name, default)
        value = self.values[name]
        items = value.flatten(order="F").tolist() if isinstance(value, np.ndarray) and value.dtype == object else value
        items = [items] if isinstance(items, str) else items
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            self.fail(name, "a cell array of text")
        return items

    def choice(self, name: str, *choices: str, default: Any = _REQUIRED) -> str:
        value = self.text(name, default)
        if value not in choices:
            self.fail(name, " or ".join(f"'{choice}'" for choice in choices))
        return value

    def array(self, name: str, default: Any = _REQUIRED) -> np.ndarray:
        """Real numbers in the shape of the file."""
        if name not in self:
            return self._missing(name, default)
        value = self.values[name]
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
            self.fail(name, "real numbers")
        return value

    def numbers(self, name: str, count: int | None = None, default: Any = _REQUIRED) -> tuple[float, ...]:
        """Finite numbers; one number stands for all ``count``."""
        if name not in self:
            return self._missing(name, default)
        array = self.array(name)
        expected = "finite numbers" if count is None else f"{count} finite numbers" if count > 1 else "a finite number"
        if count is not None and array.size not in (1, count):
            self.fail(name, expected)
        numbers = tuple(float(item) for item in array.flatten(order="F"))
        if not all(math.isfinite(number) for number in numbers):
            self.fail(name, expected)
        return numbers * count if count is not None and len(numbers) == 1 else numbers

    def number(self, name: str, default: Any = _REQUIRED) -> float:
        return self.numbers(name, 1)[0] if name in self else self._missing(name, default)

    def integers(self, name: str, count: int | None = None, default: Any = _REQUIRED, *, least: int = 1) -> tuple[int, ...]:
        """Whole numbers of at least ``least``; one number stands for all ``count``."""
        if name not in self:
            return self._missing(name, default)
        numbers = self.numbers(name, count)
        if not all(number.is_integer() and least <= number < 2**31 for number in numbers):
            self.fail(name, f"whole numbers of at least {least}")
        return tuple(int(number) for number in numbers)

    def integer(self, name: str, default: Any = _REQUIRED, *, least: int = 1) -> int:
        return self.integers(name, 1, least=least)[0] if name in self else self._missing(name, default)

    def opened(self, name: str, default: int) -> tuple[int, ...]:
        """Whole numbers that may be left open ('auto' or empty) until the network is built: then ``default``, what arrives."""
        return self.integers(name) if self.known(name) else (default,)

    def flag(self, name: str, default: Any = _REQUIRED) -> bool:
        return bool(self.number(name, default))

    def struct(self, name: str, default: Any = _REQUIRED) -> Properties:
        if name not in self:
            return Properties(self._missing(name, default), f"{self.where}, {name}")
        value = self.values[name]
        if not isinstance(value, dict):
            self.fail(name, "a struct")
        return Properties(value, f"{self.where}, {name}")

    def structs(self, name: str) -> Iterator[Properties]:
        """The elements of a struct array or of a cell array of structs."""
        value = self.values.get(name)
        items = value.flatten(order="F").tolist() if isinstance(value, np.ndarray) and value.dtype == object else value
        items = [items] if isinstance(items, dict) else items
        if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
            self.fail(name, "a struct array or a cell array of structs, one for each layer")
        return (Properties(item, f"{self.where}, {name}({number})") for number, item in enumerate(items, 1))

    def fail(self, name: str, expected: str) -> NoReturn:
        raise ReadError(Problem(f"{name} is {describe(self.values.get(name))}; expected {expected}.", self.where))

    def _missing(self, name: str, default: Any) -> Any:
        if default is _REQUIRED:
            raise ReadError(Problem(f"has no {name}, or an empty one.", self.where))
        return default


def describe(value: Any) -> str:
    """``value`` for a message: short values themselves, otherwise class and size."""
    if is_empty(value):
        return "empty"
    if isinstance(value, Foreign):
        return f"an object of class {value.class_name}"
    if isinstance(value, str):
        return f"'{value}'" if len(value) <= 60 else f"text of {len(value)} characters"
    if isinstance(value, dict):
        return "a struct"
    if isinstance(value, list):
        return f"a struct array of {len(value)}" if isinstance(value[0], dict) else f"{len(value)} rows of text"
    if value.dtype == object:
        return f"a cell array of {sizes(value.shape)}"
    if value.size <= 6:
        return f"[{' '.join(f'{item:g}' for item in value.flatten(order='F'))}]"
    return f"{value.dtype} of {sizes(value.shape)}"


def sizes(shape: Sequence[int]) -> str:
    """Sizes as MATLAB prints them: 5×5×48."""
    return "×".join(str(size) for size in shape)
