"""MAT-files of version 7.3, which are HDF5 files: the same values as ``container`` gives, from the package h5py.

How MATLAB writes its values in HDF5 was measured on its files: attributes tell the class, axes stand in reverse, a cell array
is an array of references, a struct a group, a struct array a group of arrays of references. An HDF5 file can also point to
other files, ask for filters that are loaded as plugins, and claim sizes it does not have: none of it is followed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from converter.errors import Problem, ReadError
from converter.readers.matlab.container import (
    DEFLATE_RATIO,
    MAXIMUM_DEPTH,
    DamagedError,
    Foreign,
    Object,
    Variable,
    damaged,
)

INSTALL = 'Install what reads them: pip install "converter[matlab]".'

_HEADER_BYTES, _SIGNATURE = 512, b"\x89HDF"
_SUBSYSTEM = "#subsystem#"
_NUMBERS = {
    "double": "f8", "single": "f4", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "int64": "i8", "uint64": "u8", "logical": "u1",
}  # fmt: skip
_DEFLATE, _SHUFFLE, _CHECKSUM = 1, 2, 3  # the filters that the library itself has, by their numbers in HDF5
_OLD_OBJECT = 2  # MATLAB_object_decode; 1 is a function handle, 3 an object of the newer kind
_SMALL = 2**20


def is_hdf(path: Path) -> bool:
    """Whether the file is of version 7.3, an HDF5 file with or without MATLAB's header of 512 bytes before it."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEADER_BYTES + len(_SIGNATURE))
    except OSError:  # ``container.directory`` says why
        return False
    return head.startswith((b"MATLAB 7.3", _SIGNATURE)) or head[_HEADER_BYTES:] == _SIGNATURE


def directory(path: Path) -> list[Variable]:
    """The variables, without reading their content. Raises ReadError where the file is none of MATLAB's."""
    with _opened(path) as file:
        variables = [_variable(name, item) for name, item in file.members(file.root)]
        if variables and not any(variable.kind for variable in variables):
            names = ", ".join(f"'{variable.name}'" for variable in variables[:6])
            reason = f"it is an HDF5 file, but no MAT-file: what it holds ({names}) has no MATLAB class."
            if any(variable.name in ("model_weights", "layers", "_layer_checkpoint_dependencies") for variable in variables):
                reason += " It seems to be from Keras."
            raise ReadError(Problem(reason, advice="MAT-files, ONNX files and printed lists of layers are read."))
    return variables


def load(path: Path, variable: Variable) -> Any:
    """The content of ``variable``, one of ``directory(path)``, as ``container.load`` gives it."""
    with _opened(path, f"variable '{variable.name}'") as file:
        return file.value(file.member(file.root, variable.name))


def subsystem(path: Path) -> tuple[list[Any], str] | None:
    """What the objects of the file hold, as ``container.subsystem`` gives it."""
    with _opened(path, "what its objects hold") as file:
        group = file.member(file.root, _SUBSYSTEM)
        shared = None if group is None else file.member(group, "MCOS")
        return None if shared is None else (list(file.cells(shared).flatten(order="F")), "<")


@contextmanager
def _opened(path: Path, what: str = "") -> Iterator[_File]:
    try:
        import h5py
    except ImportError:
        reason = "it is a MAT-file of version 7.3, which takes the package h5py to read."
        raise ReadError(Problem(reason, advice=f"{INSTALL} Or save it in MATLAB with the option '-v7'."), str(path)) from None
    try:
        with h5py.File(path, "r") as root:
            yield _File(h5py, root, path.stat().st_size)
    except (DamagedError, MemoryError, OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        detail = " ".join(str(error).split())[:200] or type(error).__name__
        raise damaged(path, f"{what or 'it'} cannot be read: {detail}") from None


class _File:
    """An open file; ``size`` in bytes bounds how many values it can hold."""

    def __init__(self, h5py: Any, root: Any, size: int):
        self.h5py, self.root = h5py, root
        self.left = size

    def members(self, group: Any) -> Iterator[tuple[str, Any]]:
        for name in group:
            if not name.startswith("#"):  # the places of references and of objects, and streams of Simulink
                yield name, self.member(group, name)

    def member(self, group: Any, name: str) -> Any:
        """What a group holds under a name, None where there is nothing."""
        links, key = group.id.links, name.encode()
        if not links.exists(key):
            return None
        if links.get_info(key).type != self.h5py.h5l.TYPE_HARD:
            raise DamagedError(f"'{name}' is a link to another place, which MATLAB never writes")
        return group[name]

    def value(self, item: Any, depth: int = 0) -> Any:
        self.left -= 1
        if self.left < 0:
            raise DamagedError("its cells hold one another")
        if depth > MAXIMUM_DEPTH:
            raise DamagedError(f"its values are nested more than {MAXIMUM_DEPTH} deep")
        kind, attributes = _class(item), item.attrs
        if "MATLAB_sparse" in attributes:
            return Foreign("sparse")
        if "MATLAB_empty" in attributes and np.any(attributes["MATLAB_empty"]):
            return self._empty(kind, self._sizes(item))
        if kind == "function_handle":
            return Foreign("function_handle")
        if kind == "struct":
            return self._structs(item, depth)
        if kind == "cell":
            return self.cells(item, depth)
        if kind == "char":
            return _text(self._array(item))
        if kind in _NUMBERS:
            array = self._array(item)
            return array if array.dtype.kind == "c" else array.astype(_NUMBERS[kind], copy=False)
        if "MATLAB_object_decode" in attributes:
            if int(attributes["MATLAB_object_decode"]) == _OLD_OBJECT:
                value = self._structs(item, depth)
                return Object(kind, value) if isinstance(value, dict) else Foreign(kind)
            return Foreign(kind, self._array(item) if isinstance(item, self.h5py.Dataset) else None)
        raise DamagedError(f"a value is of the unknown class '{kind}'")

    def cells(self, item: Any, depth: int = 0) -> np.ndarray:
        """The values that an array of references names."""
        references = self._array(item)
        cells = np.empty(references.shape, object)
        for index in np.ndindex(references.shape):
            cells[index] = self._named(references[index], depth)
        return cells

    def _named(self, reference: Any, depth: int) -> Any:
        if not isinstance(reference, self.h5py.Reference) or not reference:
            raise DamagedError("a cell names nothing")
        return self.value(self.root[reference], depth + 1)

    def _structs(self, group: Any, depth: int) -> Any:
        """A struct as a dictionary, a struct array as a list of them, in MATLAB's order of fields."""
        if not isinstance(group, self.h5py.Group):
            raise DamagedError("a struct is no group")
        held = dict(self.members(group))
        order = group.attrs.get("MATLAB_fields")
        order = order if isinstance(order, np.ndarray) else []
        fields = ["".join(letter.decode("latin-1") for letter in name) for name in order]
        names = [name for name in fields if name in held] + [name for name in held if name not in fields]
        if not names or any(not isinstance(held[name], self.h5py.Dataset) or _class(held[name]) for name in names):
            return {name: self.value(held[name], depth + 1) for name in names}
        columns = [[self._named(item, depth) for item in self._array(held[name]).ravel(order="F")] for name in names]
        if len({len(column) for column in columns}) != 1:
            raise DamagedError("the fields of a struct array are of different sizes")
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def _sizes(self, item: Any) -> tuple[int, ...]:
        sizes = tuple(int(size) for size in self._array(item).ravel())
        if not sizes or len(sizes) > 32 or min(sizes) < 0:
            raise DamagedError(f"an empty value has sizes {sizes[:32]}")
        return sizes

    def _empty(self, kind: str, shape: tuple[int, ...]) -> Any:
        if kind == "struct":
            return {} if math.prod(shape) == 1 else []  # without fields, or without elements
        if math.prod(shape):
            raise DamagedError(f"an empty value has sizes {shape}")
        if kind == "char":
            return ""
        return np.zeros(shape, _NUMBERS.get(kind, object) if kind != "canonical empty" else "f8")

    def _array(self, item: Any) -> np.ndarray:
        """An array in MATLAB's order of axes. What it claims is checked against what is stored before memory is taken."""
        if not isinstance(item, self.h5py.Dataset):
            raise DamagedError("a group stands where numbers should")
        layout = item.id.get_create_plist()
        filters = [layout.get_filter(index)[0] for index in range(layout.get_nfilters())]
        if item.is_virtual or item.external:
            raise DamagedError("an array lies in another file, which MATLAB never writes")
        if not {*filters} <= {_DEFLATE, _SHUFFLE, _CHECKSUM} or len({*filters}) < len(filters):
            raise DamagedError(f"an array is packed with filter {filters[-1]}, which MATLAB never uses")
        size = math.prod(item.shape or ()) * item.dtype.itemsize
        stored = item.id.get_storage_size()
        if size > stored * (DEFLATE_RATIO if _DEFLATE in filters else 1):
            raise DamagedError(f"an array claims {size} bytes, more than its {stored} can hold")
        if item.chunks is not None and math.prod(item.chunks) * item.dtype.itemsize > max(size, _SMALL):
            raise DamagedError("an array is packed in pieces larger than itself")
        array = item[()]
        if not isinstance(array, np.ndarray):
            array = np.asarray(array)
        if array.dtype.names == ("real", "imag"):
            array = array["real"] + 1j * array["imag"]
        elif array.dtype.names:
            raise DamagedError(f"an array has fields {', '.join(array.dtype.names)}")
        return array.T


def _class(item: Any) -> str:
    kind = item.attrs.get("MATLAB_class", b"")
    return kind.decode("latin-1") if isinstance(kind, bytes) else str(kind)


def _text(codes: np.ndarray) -> str | list[str]:
    if codes.dtype.kind not in "ui":
        raise DamagedError("text is stored as something else than numbers")
    rows = [row.astype("<u2").tobytes().decode("utf-16-le", "replace") for row in np.atleast_2d(codes)]
    return rows[0] if len(rows) == 1 else [row.rstrip() for row in rows]


def _variable(name: str, item: Any) -> Variable:
    kind = _class(item)
    is_object = "MATLAB_object_decode" in item.attrs and kind != "function_handle"
    shape = tuple(reversed(getattr(item, "shape", None) or (1, 1)))
    kind = {"cell": "cell array", "function_handle": "function handle", "": ""}.get(kind, kind)
    return Variable(name, "object" if is_object else kind, shape, kind if is_object else "", 0)
