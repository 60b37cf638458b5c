"""MAT-files: which variables they hold, and a variable as plain Python values.

The byte layout is that of MathWorks' "MAT-File Level 5 File Format" (versions 5, 6 and 7). scipy reads the numbers; the
directory is read here, because scipy's own stops at files with MATLAB objects and trusts every size it is told.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import scipy.io
from scipy.io.matlab import MatlabFunction, MatlabObject, MatlabOpaque, MatReadError

from converter.errors import Problem, ReadError

EXPORT_SCRIPT = Path(__file__).with_name("export_network.m")
EXPORT_ADVICE = f"In MATLAB, run export_network(net, 'table.mat') with the script {EXPORT_SCRIPT} and convert that file."

_HEADER_BYTES = 128
_MATRIX, _COMPRESSED = 14, 15
_STRUCT, _OBJECT, _FUNCTION, _OPAQUE = 2, 3, 16, 17
_CLASSES = {
    1: "cell array", 2: "struct", 3: "object", 4: "char", 5: "sparse", 6: "double", 7: "single", 8: "int8", 9: "uint8",
    10: "int16", 11: "uint16", 12: "int32", 13: "uint32", 14: "int64", 15: "uint64", 16: "function handle", 17: "object",
}  # fmt: skip

_MAXIMUM_BYTES = 2**31
"""Size of one variable in memory. Source: MATLAB's documentation of ``save``, "2^31 bytes per variable" up to version 7."""
_DEFLATE_RATIO = 1032
"""No deflate stream grows more. Source: zlib's "Technical Details"."""

_DAMAGED = (MatReadError, ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError, OSError, zlib.error)
"""What scipy raises on the bytes of a damaged file."""


@dataclass(frozen=True)
class Variable:
    """One variable of a MAT-file as its directory tells it. ``class_name`` is set for objects, ``shape`` is not."""

    name: str
    kind: str
    shape: tuple[int, ...] = ()
    class_name: str = ""

    @property
    def is_struct(self) -> bool:
        return self.kind == "struct"

    def __str__(self) -> str:
        if self.class_name:
            return f"'{self.name}' (object of class {self.class_name})"
        return f"'{self.name}' ({self.kind} {'×'.join(map(str, self.shape))})"


@dataclass(frozen=True)
class Foreign:
    """A MATLAB object or function handle inside a variable, whose content stays closed."""

    class_name: str


def directory(path: Path) -> list[Variable]:
    """The variables of a MAT-file of version 5, 6 or 7, without reading their content.

    Raises ReadError for every other file, saying what it seems to be.
    """
    try:
        with open(path, "rb") as file:
            header = file.read(_HEADER_BYTES)
            order = _byte_order(header, path)
            size = path.stat().st_size
            variables = []
            while file.tell() < size:
                variable = _next_variable(file, size, order, path)
                if variable is not None and variable.name:
                    variables.append(variable)
    except OSError as error:
        raise ReadError(f"cannot be opened: {error.strerror}.", str(path)) from error
    return variables


def load(path: Path, name: str) -> Any:
    """The content of variable ``name``: see ``plain`` for its types. Raises ReadError where the bytes are damaged."""
    try:
        content = scipy.io.loadmat(path, variable_names=[name], struct_as_record=True, chars_as_strings=True)
    except NotImplementedError as error:
        raise ReadError(f"variable '{name}' cannot be read: {error}. {EXPORT_ADVICE}", str(path)) from error
    except _DAMAGED as error:
        raise _damaged(path, f"variable '{name}' cannot be read ({error})") from error
    return plain(content[name])


def plain(value: Any) -> Any:
    """What scipy returns as plain Python.

    A 1-by-1 struct becomes a dict, any other struct array a list of dicts in MATLAB's order, text a str (several rows: a list
    of str), a cell array an object ndarray of its shape, numbers and logicals stay an ndarray (of two axes at least).
    """
    if isinstance(value, MatlabOpaque):
        names = value.dtype.names or ()
        return Foreign(_text(value["s2"].item()) if "s2" in names and value.size == 1 else "unknown")
    if isinstance(value, MatlabObject):
        return Foreign(value.classname)
    if isinstance(value, MatlabFunction):
        return Foreign("function_handle")
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.names is not None:
        records = [{name: plain(record[name]) for name in value.dtype.names} for record in value.flatten(order="F")]
        return records[0] if value.shape == (1, 1) else records
    if value.dtype.kind == "U":
        rows = [str(row).rstrip("\0") for row in value.reshape(-1)]
        return "" if not rows else rows[0] if len(rows) == 1 else [row.rstrip() for row in rows]
    if value.dtype == object:
        if value.size == 1 and value.item() is None:  # what scipy makes of a struct without fields
            return {}
        cell = np.empty(value.shape, dtype=object)
        for index in np.ndindex(value.shape):
            cell[index] = plain(value[index])
        return cell
    return value


def _byte_order(header: bytes, path: Path) -> str:
    """The sign of ``struct`` for the file's byte order, where the header is one of a MAT-file this reader knows."""
    if not header:
        raise ReadError("the file is empty.", str(path))
    if header.startswith(b"version https://git-lfs"):
        raise ReadError("is a Git LFS pointer, not the file itself. Run: git lfs pull", str(path))
    if header.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise ReadError(
            "is a MAT-file of version 7.3 (HDF5), which is not read yet. "
            "Load it in MATLAB and save it again with save(file, 'network', '-v7').",
            str(path),
        )
    if header[:4] in (b"\0\0\0\0", b"\n\0\0\0", b"\x32\0\0\0", b"\0\0\x03\xe8"):
        raise ReadError(f"seems to be a MAT-file of version 4, which holds matrices and no network. {EXPORT_ADVICE}", str(path))
    if header[126:128] in (b"IM", b"MI"):
        return "<" if header[126:128] == b"IM" else ">"
    if header.startswith(b"MATLAB"):
        raise _damaged(path, f"its header has {len(header)} bytes instead of {_HEADER_BYTES} that tell the byte order")
    raise ReadError(f"is no MAT-file (it begins with {header[:16]!r}). {EXPORT_ADVICE}", str(path))


def _next_variable(file: BinaryIO, size: int, order: str, path: Path) -> Variable | None:
    """Read the head of the element at the file's position and go to the next one."""
    start = file.tell()
    tag = file.read(8)
    if len(tag) < 8:
        raise _damaged(path, f"it ends within the tag at byte {start}")
    kind, length = struct.unpack(order + "II", tag)
    end = start + 8 + length
    if end > size:
        raise _damaged(path, f"the element at byte {start} goes on to byte {end}, but the file has {size}")
    head = file.read(min(length, 4096))
    file.seek(end)
    if kind == _COMPRESSED:
        try:
            head = zlib.decompressobj().decompress(head, 4096)
        except zlib.error as error:
            raise _damaged(path, f"the compressed element at byte {start} cannot be read ({error})") from error
        if len(head) < 8:
            raise _damaged(path, f"the compressed element at byte {start} is too short")
        kind, unpacked = struct.unpack(order + "II", head[:8])
        if unpacked > length * _DEFLATE_RATIO + 64:
            raise _damaged(path, f"the element at byte {start} claims {unpacked} bytes, more than {length} compressed can hold")
        length, head = unpacked, head[8:]
    if kind != _MATRIX:
        return None
    if length > _MAXIMUM_BYTES:
        raise ReadError(f"the element at byte {start} claims {length} bytes; MATLAB allows {_MAXIMUM_BYTES}.", str(path))
    try:
        return _describe(head, order)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise _damaged(path, f"the head of the element at byte {start} cannot be read ({error})") from error


def _describe(head: bytes, order: str) -> Variable:
    """A variable from the first bytes of its element: flags, dimensions, name, and an object's class."""
    parts = _elements(head, order)
    number = struct.unpack(order + "I", next(parts)[:4])[0] & 0xFF
    kind = _CLASSES.get(number, f"class {number}")
    if number == _OPAQUE:  # no dimensions: name, type system, class
        name, _, class_name = next(parts), next(parts), next(parts)
        return Variable(name.decode(), kind, class_name=class_name.decode())
    dimensions = next(parts)
    shape = struct.unpack(f"{order}{len(dimensions) // 4}i", dimensions)
    name = next(parts).decode()
    return Variable(name, kind, shape, next(parts).decode() if number == _OBJECT else "")


def _elements(data: bytes, order: str):
    """The payload of each element in ``data``; up to 4 bytes stand inside the tag itself."""
    position = 0
    while True:
        kind, length = struct.unpack(order + "II", data[position : position + 8])
        if kind >> 16:
            length = kind >> 16
            yield data[position + 4 : position + 4 + length]
            position += 8
        else:
            yield data[position + 8 : position + 8 + length]
            position += 8 + length + -length % 8


def _damaged(path: Path, detail: str) -> ReadError:
    return ReadError(
        Problem(f"the MAT-file is damaged or truncated: {detail}.", advice="Save or download it again."), str(path)
    )


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
