"""MAT-files of version 5 with objects of MATLAB's old kind, which scipy cannot write: they lie there as structs do."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_CELL, _STRUCT, _OBJECT, _CHAR, _DOUBLE = 1, 2, 3, 4, 6
_INT8, _INT32, _UINT16, _UINT32, _NUMBERS, _MATRIX = 1, 5, 4, 6, 9, 14
_NAME_BYTES = 32


@dataclass
class Instance:
    """An object of ``class_name`` with these fields."""

    class_name: str
    fields: dict[str, Any]


def save(path: Path, **variables: Any) -> None:
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    path.write_bytes(header + b"".join(_matrix(value, name) for name, value in variables.items()))


def _element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def _matrix(value: Any, name: str = "") -> bytes:
    """Dictionaries are structs, object arrays and lists are cells (of one column), text is text, the rest are numbers."""
    if isinstance(value, dict | Instance):
        fields = value.fields if isinstance(value, Instance) else value
        kind, shape = (_OBJECT if isinstance(value, Instance) else _STRUCT), (1, 1)
        content = _element(_INT8, value.class_name.encode()) if isinstance(value, Instance) else b""
        names = b"".join(field.encode().ljust(_NAME_BYTES, b"\0") for field in fields)
        content += struct.pack("<HHI", _INT32, 4, _NAME_BYTES) + _element(_INT8, names)
        content += b"".join(_matrix(item) for item in fields.values())
    elif isinstance(value, str):
        kind, shape = _CHAR, (1 if value else 0, len(value))
        content = _element(_UINT16, value.encode("utf-16-le"))
    elif isinstance(value, list) or (isinstance(value, np.ndarray) and value.dtype == object):
        array = value if isinstance(value, np.ndarray) else _column(value)
        kind, shape = _CELL, array.shape
        content = b"".join(_matrix(item) for item in array.flatten(order="F"))
    else:
        array = np.atleast_2d(np.asarray(value, np.float64))
        kind, shape = _DOUBLE, array.shape
        content = _element(_NUMBERS, array.tobytes(order="F"))
    head = _element(_UINT32, struct.pack("<II", kind, 0)) + _element(_INT32, struct.pack(f"<{len(shape)}i", *shape))
    return _element(_MATRIX, head + _element(_INT8, name.encode()) + content)


def _column(items: list[Any]) -> np.ndarray:
    array = np.empty((len(items), 1), object)
    for index, item in enumerate(items):
        array[index, 0] = item
    return array
