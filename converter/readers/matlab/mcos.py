"""Objects of MATLAB's newer kind (``classdef``), of which a MAT-file keeps all content in one place, its subsystem.

Where an object stands, the file has only numbers: a mark, the size of the array of objects, the number of each object and of a
class. The subsystem is a list of values. The first one is a table of bytes: names, classes, objects, and which value is which
property of which object. The values themselves follow; in them other objects stand as the same numbers. Nothing of it is code:
an object is its class's name and its values. The format is not documented by MathWorks; it was measured on files of releases
2016 to 2025, and is described by the documentation of mat-io.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from converter.readers.matlab.container import DamagedError, Foreign, Object

_MARK = 0xDD000000
_NAME, _VALUE = 0, 1  # what the number of a property stands for; another kind is the value itself
_FIRST_VALUE = 2
_ENUMERATION = "EnumerationInstanceTag"


class Objects:
    """The objects of a subsystem, whose ``values`` are read in the byte ``order`` that ``struct`` names so.

    Every object is made once, however often others hold it, and may hold itself. Raises DamagedError where the table
    contradicts itself.
    """

    def __init__(self, values: Sequence[Any], order: str):
        if not values or not isinstance(values[0], np.ndarray) or values[0].dtype != np.uint8:
            raise DamagedError("what its objects hold has no table")
        data = values[0].ravel(order="F").tobytes()
        if len(data) < 40:
            raise DamagedError("the table of its objects is cut off")
        numbers = np.frombuffer(data, f"{order}i4", len(data) // 4)
        count, ends = int(numbers[1]), [int(end) for end in numbers[2:8]]
        if ends != sorted(ends) or ends[0] < 40 or ends[-1] > len(data) or any(end % 4 for end in ends):
            raise DamagedError("the table of its objects has parts that overlap")
        regions = [numbers[start // 4 : end // 4] for start, end in itertools.pairwise(ends)]
        self.names = [name.decode("utf-8", "replace") for name in data[40 : ends[0]].split(b"\0")[:count]]
        self.classes = regions[0][: regions[0].size // 4 * 4].reshape(-1, 4)
        self.table = regions[2][: regions[2].size // 6 * 6].reshape(-1, 6)
        self.saved, self.plain = list(_records(regions[1])), list(_records(regions[3]))
        self.values = values
        self.defaults = values[-1].ravel(order="F") if isinstance(values[-1], np.ndarray) else np.zeros(0, object)
        self._made: dict[int, Any] = {}
        self._unfilled: list[int] = []
        self._read: dict[int, Any] = {}

    def resolved(self, value: Any) -> Any:
        """``value`` with every object in it: an ``Object`` or an object array of several.

        A string is text, a table a dictionary of columns, a categorical array a list of its names.
        """
        result = self._with_objects(value, in_property=False)
        while self._unfilled:  # one after the other: objects that hold one another may go deeper than Python's stack
            self._fill(self._unfilled.pop())
        return result

    def _with_objects(self, value: Any, *, in_property: bool = True) -> Any:
        if isinstance(value, Foreign):
            return self._held(value.handle, value) if value.handle is not None else value
        if isinstance(value, dict):
            if _ENUMERATION in value:
                return Foreign("enumeration")
            return {name: self._with_objects(item, in_property=in_property) for name, item in value.items()}
        if isinstance(value, Object):
            held = {name: self._with_objects(item, in_property=in_property) for name, item in value.properties.items()}
            return Object(value.class_name, held)
        if isinstance(value, list):
            return [self._with_objects(item, in_property=in_property) for item in value]
        if isinstance(value, np.ndarray) and value.dtype == object:
            cells = np.empty(value.shape, object)
            for index in np.ndindex(value.shape):
                cells[index] = self._with_objects(value[index], in_property=in_property)
            return cells
        return self._held(value, value) if in_property and _is_handle(value) else value

    def _held(self, handle: Any, otherwise: Any) -> Any:
        """The object, or the array of objects, that the numbers ``handle`` name."""
        if not _is_handle(handle):
            return Foreign(otherwise.class_name) if isinstance(otherwise, Foreign) else otherwise
        numbers = [int(number) for number in handle.ravel(order="F")]
        rank = numbers[1]
        shape, objects = tuple(numbers[2 : 2 + rank]), numbers[2 + rank : -1]
        if len(shape) != rank or math.prod(shape) != len(objects):
            raise DamagedError(f"an array of {'×'.join(map(str, shape))} objects names {len(objects)}")
        made = [self._object(number) for number in objects]
        if len(made) == 1:
            return made[0]
        array = np.empty(len(made), object)
        array[:] = made
        return array.reshape(shape, order="F")

    def _object(self, number: int) -> Any:
        if number == 0:  # a handle to an object that was deleted
            return Foreign("deleted object")
        if number not in self._made:
            if number >= len(self.table):
                raise DamagedError(f"object {number} is not among its {len(self.table)} objects")
            class_name = self._class_name(int(self.table[number][0]))
            if class_name == "string":
                self._made[number] = _strings(dict(self._saved(number)).get("any"))
            elif class_name == "categorical":
                self._made[number] = _categories(dict(self._saved(number)))
            else:
                self._made[number] = {} if class_name == "table" else Object(class_name, {})
                self._unfilled.append(number)
        return self._made[number]

    def _fill(self, number: int) -> None:
        made = self._made[number]
        properties = {name: self._property(value) for name, value in self._saved(number)}
        if isinstance(made, Object):
            made.properties.update(properties)
        else:
            names, columns = (_items(properties.get(name)) for name in ("varnames", "data"))
            made.update(dict(zip(map(str, names), map(_items, columns), strict=False)))

    def _class_name(self, number: int) -> str:
        if not 0 <= number < len(self.classes):
            raise DamagedError(f"class {number} is not among its {len(self.classes)} classes")
        package, name = (self._name(int(index)) for index in self.classes[number][:2])
        return f"{package}.{name}" if package else name

    def _name(self, number: int) -> str:
        if not 0 <= number <= len(self.names):
            raise DamagedError(f"name {number} is not among its {len(self.names)} names")
        return self.names[number - 1] if number else ""

    def _saved(self, number: int) -> Iterator[tuple[str, Any]]:
        """The properties of an object as they lie in the file: those of its class, as they begin, then its own."""
        kind, _, _, saved, plain, _ = (int(item) for item in self.table[number])
        if 0 <= kind < self.defaults.size and isinstance(self.defaults[kind], dict):
            yield from self.defaults[kind].items()
        records, index = (self.saved, saved) if saved else (self.plain, plain)
        if not 0 <= index < len(records):
            raise DamagedError(f"the properties of object {number} are not in its table")
        for name, kind, value in records[index].tolist():
            if kind == _VALUE and not 0 <= value < len(self.values) - _FIRST_VALUE:
                raise DamagedError(f"value {value} of object {number} is not among its values")
            if kind == _VALUE:
                yield self._name(name), self.values[_FIRST_VALUE + value]
            else:
                yield self._name(name), self._name(value) if kind == _NAME else np.array([[value]])

    def _property(self, value: Any) -> Any:
        """A property with its objects. What several objects share is worked out once."""
        if not (isinstance(value, dict | list) or (isinstance(value, np.ndarray) and value.dtype == object)):
            return self._with_objects(value)
        if id(value) not in self._read:  # it lives as long as ``values``
            self._read[id(value)] = self._with_objects(value)
        return self._read[id(value)]


def _is_handle(value: Any) -> bool:
    is_column = isinstance(value, np.ndarray) and value.dtype == np.uint32 and value.ndim == 2 and value.shape[1] == 1
    return is_column and value.size >= 4 and value[0, 0] == _MARK


def _records(region: np.ndarray) -> Iterator[np.ndarray]:
    """Lists of (name, kind, value): each its count, then the rows, filled up to an even number."""
    start = 0
    while start < region.size:
        count = int(region[start])
        end = start + 1 + 3 * count
        if count < 0 or end > region.size:
            raise DamagedError("the properties of its objects are cut off")
        yield region[start + 1 : end].reshape(-1, 3)
        start = end + end % 2


def _items(value: Any) -> list[Any]:
    """A column of a table as a list of what its rows hold."""
    if isinstance(value, list):
        return value
    if isinstance(value, np.ndarray):
        return value.ravel(order="F").tolist() if value.dtype == object else list(value)
    return [] if value is None else [value]


def _strings(packed: Any) -> str | list[str]:
    """An array of strings, packed into numbers of 8 bytes: version, rank, sizes, lengths, then the characters of 2 bytes."""
    if not isinstance(packed, np.ndarray) or packed.dtype != np.uint64:
        return ""
    numbers = packed.ravel(order="F")
    rank = int(numbers[1]) if numbers.size > 1 else 0
    count = math.prod(int(size) for size in numbers[2 : 2 + rank])
    if not 0 < rank < numbers.size - 1 or count > numbers.size:
        return ""
    start = 2 + rank + count
    text = numbers[start:].astype("<u8").tobytes()
    texts, position = [], 0
    for length in numbers[2 + rank : start]:
        end = position + 2 * int(length)
        texts.append(text[position:end].decode("utf-16-le", "replace"))
        position = min(end, len(text)) if length != 2**64 - 1 else position  # that length is a missing string
    return texts[0] if len(texts) == 1 else texts


def _categories(properties: dict[str, Any]) -> list[str]:
    names, codes = _items(properties.get("categoryNames")), properties.get("codes")
    if not isinstance(codes, np.ndarray) or codes.dtype.kind not in "ui":
        return []
    labels = ["<undefined>", *map(str, names)]
    return [labels[code] if 0 <= code < len(labels) else labels[0] for code in codes.ravel(order="F").tolist()]
