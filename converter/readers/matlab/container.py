"""MAT-files: which variables they hold, and a variable as plain Python values.

The byte layout is that of MathWorks' "MAT-File Level 5 File Format" (versions 5, 6 and 7). scipy's reader trusts every size it
is told: damaged bytes and deep nesting end the whole process there, so files from strangers are parsed here, every length
checked against the bytes that are left.
"""

from __future__ import annotations

import itertools
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from converter.errors import Problem, ReadError

EXPORT_SCRIPT = Path(__file__).with_name("export_network.m")
EXPORT_ADVICE = f"In MATLAB, run export_network(net, 'table.mat') with the script {EXPORT_SCRIPT} and convert that file."

_HEADER_BYTES = 128
_HEAD_BYTES = 4096  # flags, dimensions, name and class of a variable stand well within
_MATRIX, _COMPRESSED = 14, 15

_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}

_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE, _FUNCTION, _OPAQUE = 1, 2, 3, 4, 5, 16, 17
_CLASSES = {
    _CELL: "cell array", _STRUCT: "struct", _OBJECT: "object", _CHAR: "char", _SPARSE: "sparse", 6: "double", 7: "single",
    8: "int8", 9: "uint8", 10: "int16", 11: "uint16", 12: "int32", 13: "uint32", 14: "int64", 15: "uint64",
    _FUNCTION: "function handle", _OPAQUE: "object",
}  # fmt: skip
_DTYPES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_COMPLEX_FLAG = 0x0800

_MAXIMUM_BYTES = 2**31
"""Size of one variable in memory. Source: MATLAB's documentation of ``save``, "2^31 bytes per variable" up to version 7."""
DEFLATE_RATIO = 1032
"""No deflate stream grows more. Source: zlib's "Technical Details"."""
_PIECE = 2**16
"""Bytes that are unpacked at a time."""
MAXIMUM_DEPTH = 100
"""Cells in structs in cells ...: far more than people nest, far less than Python's stack."""


@dataclass(frozen=True)
class Variable:
    """One variable of a MAT-file as its directory tells it. ``class_name`` is set for objects, which may have no ``shape``."""

    name: str
    kind: str
    shape: tuple[int, ...]
    class_name: str
    start: int
    """Position of its element in the file."""

    def __str__(self) -> str:
        if self.class_name:
            return f"'{self.name}' (object of class {self.class_name})"
        return f"'{self.name}' ({self.kind} {'×'.join(map(str, self.shape))})"


@dataclass(frozen=True)
class Object:
    """An object with its saved properties."""

    class_name: str
    properties: dict[str, Any]

    @property
    def saved(self) -> dict[str, Any]:
        """The properties, those that ``saveobj`` returned before the others."""
        inner = self.properties.get("any")
        return {**self.properties, **inner} if isinstance(inner, dict) else self.properties


@dataclass(frozen=True)
class Foreign:
    """A value whose content stays closed: a function handle, a sparse matrix, an object of the newer kind.

    Such an object is only named where it stands; ``handle`` is what stands there of it, by which ``mcos`` finds its content in
    the subsystem of the file.
    """

    class_name: str
    handle: Any = None


class DamagedError(Exception):
    """The bytes contradict the format."""


def directory(path: Path) -> list[Variable]:
    """The variables of a MAT-file of version 5, 6 or 7, without reading their content.

    Raises ReadError for every other file, saying what it seems to be.
    """
    return [variable for variable in _elements(path) if variable.name]


def _elements(path: Path) -> list[Variable]:
    """The variables, and the nameless one that holds what MATLAB objects share."""
    try:
        with open(path, "rb") as file:
            header = file.read(_HEADER_BYTES)
            parser = _Parser(_byte_order(header, path))
            size = path.stat().st_size
            variables = []
            while (start := file.tell()) < size:
                kind, length = parser.tag(file.read(8))
                end = start + 8 + length
                if end > size:
                    raise DamagedError(f"the element at byte {start} goes on to byte {end}, but the file has {size}")
                file.seek(start)
                kind, _, head = parser.element(file, _HEAD_BYTES)
                file.seek(end)
                if kind == _MATRIX:
                    variables.append(parser.variable(head, start))
    except OSError as error:
        raise ReadError(f"cannot be opened: {error.strerror}.", str(path)) from error
    except DamagedError as error:
        raise damaged(path, str(error)) from error
    return variables


def load(path: Path, variable: Variable) -> Any:
    """The content of ``variable``, one of ``directory(path)``.

    A 1-by-1 struct becomes a dict, any other struct array a list of dicts in MATLAB's order, text a str (several rows: a list
    of str), a cell array an object ndarray of its shape, numbers an ndarray (of two axes at least, as stored), an object of
    the old kind, which lies in the file as a struct does, an ``Object``. Raises ReadError where the bytes are damaged.
    """
    try:
        with open(path, "rb") as file:
            parser = _Parser(_byte_order(file.read(_HEADER_BYTES), path))
            file.seek(variable.start)
            _, length, content = parser.element(file, _MAXIMUM_BYTES)
        if len(content) < length:
            raise DamagedError(f"it holds {len(content)} bytes instead of {length}")
        return parser.value(content, 0)
    except (DamagedError, MemoryError) as error:
        raise damaged(path, f"variable '{variable.name}' cannot be read: {error}") from error


def subsystem(path: Path) -> tuple[list[Any], str] | None:
    """What the objects of the file hold, as ``mcos`` reads it: a list of values, and their byte order. None: there is nothing.

    The subsystem is a small MAT-file of its own in a nameless array of bytes, which the file's header points to.
    """
    with open(path, "rb") as file:
        header = file.read(_HEADER_BYTES)
    order = _byte_order(header, path)
    (start,) = struct.unpack(order + "Q", header[116:124])
    for variable in _elements(path):
        if not variable.name and variable.start == start and variable.kind == "uint8":
            data = memoryview(load(path, variable).ravel(order="F"))
            inner = "<" if bytes(data[2:4]) == b"IM" else ">"
            parser = _Parser(inner)
            try:
                shared = next((parser.value(part, 0) for kind, part in parser.elements(data[8:]) if kind == _MATRIX), None)
            except DamagedError as error:
                raise damaged(path, f"what its objects hold cannot be read: {error}") from error
            held = shared.get("MCOS") if isinstance(shared, dict) else None
            if isinstance(held, Foreign) and isinstance(held.handle, np.ndarray) and held.handle.dtype == object:
                return list(held.handle.flatten(order="F")), inner
    return None


@dataclass(frozen=True)
class _Parser:
    """Elements of a MAT-file, in the byte order that ``order`` names as ``struct`` does."""

    order: str

    def tag(self, data: bytes) -> tuple[int, int]:
        """Type and length in bytes of the element that begins with ``data``."""
        if len(data) < 8:
            raise DamagedError("it ends within the tag of an element")
        return struct.unpack(self.order + "II", data[:8])

    def element(self, file: BinaryIO, limit: int) -> tuple[int, int, memoryview]:
        """Type, length and content, up to ``limit`` bytes, of the element where ``file`` stands, unpacked if it is packed."""
        kind, length = self.tag(file.read(8))
        if kind != _COMPRESSED:
            return kind, length, memoryview(file.read(min(length, limit)))
        pieces = _unpacked(file, length)
        first = next(pieces, b"")
        kind, claimed = self.tag(first[:8])
        if claimed > length * DEFLATE_RATIO:
            raise DamagedError(f"an element claims {claimed} bytes, more than {length} compressed bytes can hold")
        if claimed > _MAXIMUM_BYTES:
            raise DamagedError(f"an element claims {claimed} bytes; MATLAB allows {_MAXIMUM_BYTES}")
        content = bytearray(min(claimed, limit))  # one memory from the start: joining pieces takes twice as much
        filled = 0
        for piece in itertools.chain([first[8:]], pieces):
            part = piece[: len(content) - filled]
            content[filled : filled + len(part)] = part
            filled += len(part)
            if filled == len(content):
                break
        return kind, claimed, memoryview(content)[:filled]

    def elements(self, data: memoryview) -> Iterator[tuple[int, memoryview]]:
        """Type and content of each element in ``data``; up to 4 bytes stand inside the tag itself."""
        position = 0
        while position < len(data):
            kind, length = self.tag(bytes(data[position : position + 8]))
            start = position + 8
            after = start + length + -length % 8
            if kind >> 16:
                kind, length, start, after = kind & 0xFFFF, kind >> 16, position + 4, position + 8
            if start + length > len(data):
                raise DamagedError(f"an element of {length} bytes stands where {len(data) - start} are left")
            yield kind, data[start : start + length]
            position = after

    def head(self, parts: Iterator[tuple[int, memoryview]]) -> tuple[int, bool, tuple[int, ...], str, str]:
        """Class, whether complex, dimensions, name, and the class name of an object."""
        flags = int(self.numbers(*_next(parts))[0])
        kind, is_complex = flags & 0xFF, bool(flags & _COMPLEX_FLAG)
        if kind == _OPAQUE:  # no dimensions: name, type system, class
            name, _, class_name = (_text(*_next(parts)) for _ in range(3))
            return kind, is_complex, (), name, class_name
        shape = tuple(int(size) for size in self.numbers(*_next(parts)))
        if len(shape) < 2 or min(shape) < 0:
            raise DamagedError(f"an array has dimensions {shape}")
        name = _text(*_next(parts))
        return kind, is_complex, shape, name, _text(*_next(parts)) if kind == _OBJECT else ""

    def variable(self, data: bytes, start: int) -> Variable:
        kind, _, shape, name, class_name = self.head(self.elements(memoryview(data)))
        return Variable(name, _CLASSES.get(kind, f"class {kind}"), shape, class_name, start)

    def value(self, data: memoryview, depth: int) -> Any:
        """The array in ``data``, the content of a matrix element; see ``load`` for its types."""
        if not data:
            return np.zeros((0, 0))
        if depth > MAXIMUM_DEPTH:
            raise DamagedError(f"its values are nested more than {MAXIMUM_DEPTH} deep")
        parts = self.elements(data)
        kind, is_complex, shape, _, class_name = self.head(parts)
        if kind == _OPAQUE:
            handle = next(parts, None)
            return Foreign(class_name, None if handle is None else self.value(handle[1], depth + 1))
        if kind in (_FUNCTION, _SPARSE):
            return Foreign({_FUNCTION: "function_handle", _SPARSE: "sparse"}[kind])
        if kind == _CELL:
            return self.cell(parts, shape, depth)
        if kind == _STRUCT:
            return self.structs(parts, shape, depth)
        if kind == _OBJECT:
            value = self.structs(parts, shape, depth)
            return Object(class_name, value) if isinstance(value, dict) else Foreign(class_name)
        if kind == _CHAR:
            return _rows(_text(*_next(parts)), shape)
        if kind not in _DTYPES:
            raise DamagedError(f"an array is of the unknown class {kind}")
        real = self.array(_next(parts), kind, shape)
        return real + 1j * self.array(_next(parts), kind, shape) if is_complex else real

    def cell(self, parts: Iterator[tuple[int, memoryview]], shape: tuple[int, ...], depth: int) -> np.ndarray:
        values = [self.value(data, depth + 1) for kind, data in parts if kind == _MATRIX]
        if len(values) != math.prod(shape):
            raise DamagedError(f"a cell array of {math.prod(shape)} elements holds {len(values)}")
        flat = np.empty(len(values), dtype=object)
        for index, value in enumerate(values):
            flat[index] = value
        return flat.reshape(shape, order="F")

    def structs(self, parts: Iterator[tuple[int, memoryview]], shape: tuple[int, ...], depth: int) -> Any:
        width = int(self.numbers(*_next(parts))[0])
        names = bytes(_next(parts)[1])
        if width < 1 or len(names) % width:
            raise DamagedError(f"field names of {width} bytes each do not fill {len(names)}")
        fields = [names[i : i + width].split(b"\0")[0].decode("utf-8", "replace") for i in range(0, len(names), width)]
        values = [self.value(data, depth + 1) for kind, data in parts if kind == _MATRIX]
        count = math.prod(shape) if fields else min(math.prod(shape), 1)
        if len(values) != count * len(fields):
            raise DamagedError(f"{count} structs of {len(fields)} fields hold {len(values)} values")
        records = [dict(zip(fields, values[i * len(fields) : (i + 1) * len(fields)], strict=True)) for i in range(count)]
        return records[0] if math.prod(shape) == 1 else records

    def numbers(self, kind: int, data: memoryview) -> np.ndarray:
        """At least one number, as stored."""
        if kind not in _NUMBERS:
            raise DamagedError(f"an element of type {kind} stands where numbers should")
        dtype = np.dtype(self.order + _NUMBERS[kind])
        if not data or len(data) % dtype.itemsize:
            raise DamagedError(f"{len(data)} bytes stand where numbers of {dtype.itemsize} bytes should")
        return np.frombuffer(data, dtype)

    def array(self, part: tuple[int, memoryview], kind: int, shape: tuple[int, ...]) -> np.ndarray:
        """An array of class ``kind``, which may be stored as a smaller type."""
        stored = self.numbers(*part) if part[1] else np.zeros(0)
        if stored.size != math.prod(shape):
            raise DamagedError(f"an array of {math.prod(shape)} numbers holds {stored.size}")
        return stored.astype(_DTYPES[kind], copy=False).reshape(shape, order="F")


def _unpacked(file: BinaryIO, length: int) -> Iterator[bytes]:
    """What ``length`` compressed bytes hold, in pieces of at most ``_PIECE`` bytes."""
    stream = zlib.decompressobj()
    try:
        while length and not stream.eof and (data := file.read(min(length, _PIECE))):
            length -= len(data)
            piece = stream.decompress(data, _PIECE)
            while piece:
                yield piece
                piece = stream.decompress(stream.unconsumed_tail, _PIECE)
    except zlib.error as error:
        raise DamagedError(f"a compressed element cannot be unpacked ({error})") from error


def _next(parts: Iterator[tuple[int, memoryview]]) -> tuple[int, memoryview]:
    part = next(parts, None)
    if part is None:
        raise DamagedError("an array ends too early")
    return part


def _text(kind: int, data: memoryview) -> str:
    if kind not in _TEXTS:
        raise DamagedError(f"an element of type {kind} stands where text should")
    return bytes(data).decode(_TEXTS[kind], "replace")


def _rows(text: str, shape: tuple[int, ...]) -> str | list[str]:
    """Text as stored, column by column, as its rows."""
    count = shape[0]
    if count <= 1 or not text:
        return text
    if len(text) != math.prod(shape):
        raise DamagedError(f"text of {math.prod(shape)} characters holds {len(text)}")
    return [text[row::count].rstrip() for row in range(count)]


def _byte_order(header: bytes, path: Path) -> str:
    """The sign of ``struct`` for the file's byte order, where the header is one of a MAT-file this reader knows."""
    if not header:
        raise ReadError("the file is empty.", str(path))
    if header.startswith(b"version https://git-lfs"):
        raise ReadError("is a Git LFS pointer, not the file itself. Run: git lfs pull", str(path))
    if header[:4] in (b"\0\0\0\0", b"\n\0\0\0", b"\x32\0\0\0", b"\0\0\x03\xe8"):
        raise ReadError(f"seems to be a MAT-file of version 4, which holds matrices and no network. {EXPORT_ADVICE}", str(path))
    if header[126:128] in (b"IM", b"MI"):
        return "<" if header[126:128] == b"IM" else ">"
    if header.startswith(b"MATLAB"):
        raise damaged(path, f"its header has {len(header)} bytes instead of {_HEADER_BYTES} that tell the byte order")
    if header.startswith(b"%YAML"):
        raise ReadError(
            "is a text file in YAML, as Unity saves its materials (.mat too), and no MAT-file of MATLAB.", str(path)
        )
    raise ReadError(f"is no MAT-file (it begins with {header[:16]!r}). {EXPORT_ADVICE}", str(path))


def damaged(path: Path, detail: str) -> ReadError:
    return ReadError(
        Problem(f"the MAT-file is damaged or truncated: {detail}.", advice="Save or download it again."), str(path)
    )
