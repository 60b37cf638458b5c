"""Networks from MATLAB. ``specs/matlab.md`` says which files are read and what each layer means."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from converter.errors import Problem, ReadError
from converter.graph import Graph, Source
from converter.readers.matlab import container, display, matconvnet, network, objects, shallow, table
from converter.readers.matlab.container import EXPORT_ADVICE, Object
from converter.readers.matlab.table import LayerTable


def read(path: str | Path, variable: str | None = None) -> Graph:
    """The network in a file from MATLAB, in channels-first order: a layer table, an object, or a printed layer array.

    ``variable`` chooses where a MAT-file holds several. Raises ReadError for a file without a network, a damaged one, or one
    that contradicts itself; a layer class nobody knows is no error here.
    """
    path = Path(path)
    try:
        parsed, kind = _parsed(path, variable)
        producer = f"MATLAB {parsed.release}".strip() if parsed.release[:1] in ("", "R") else parsed.release
        return network.build(parsed, path.stem, Source(str(path), kind, producer, _sha256(path)))
    except ReadError as error:
        raise ReadError(error.problems, error.source or str(path)) from error


def _parsed(path: Path, wanted: str | None) -> tuple[LayerTable, str]:
    """The layer table that the file holds or that its content amounts to, and what it is called."""
    if (text := display.read(path)) is not None:
        if wanted is not None:
            raise ReadError(Problem("a variable can be chosen in a .mat file only.", advice="Leave it out."))
        return display.parse(text), "printed MATLAB layers"
    if container.is_hdf(path):
        variables, contents = [], objects.load(path)
        held = ", ".join(f"'{name}'" for name in contents) or "no variable"
    else:
        variables = container.directory(path)
        held = ", ".join(map(str, variables)) or "no variable"
        contents = {v.name: container.load(path, v) for v in variables if v.kind == "struct" or v.name == "layers"}
    names = [variable.name for variable in variables] or list(contents)
    if wanted is not None and wanted.partition(".")[0].partition("{")[0] not in names:
        raise ReadError(f"has no variable '{wanted}'. It holds {held}.")
    if found := matconvnet.gathered(contents):
        chosen = {name: value for name, value in found.items() if wanted in (None, name)}
        if len(chosen) != 1:
            raise ReadError(f"holds {len(found)} MatConvNet networks: {_quoted(found)}. Choose one with --variable.")
        ((name, value),) = chosen.items()
        return matconvnet.parse(value), "MatConvNet"
    tables = {name: value for name, value in contents.items() if table.is_table(value) and wanted in (None, name)}
    if len(tables) > 1:
        raise ReadError(f"holds {len(tables)} networks: {_quoted(tables)}. Choose one with --variable.")
    if tables:
        ((name, value),) = tables.items()
        return table.parse(value, name), "MATLAB layer table"
    if any(variable.class_name not in ("", "network") for variable in variables):
        try:
            contents = objects.load(path)
        except ReadError as error:
            (problem,) = error.problems
            raise ReadError(Problem(f"it holds {held}, but {problem.reason}", advice=problem.advice)) from error
    found = [net for net in objects.networks(contents) if wanted is None or net.place == wanted or _inside(net.place, wanted)]
    if not found:
        chosen = [v for v in variables if v.class_name == shallow.CLASS and wanted in (None, v.name)]
        if len(chosen) > 1:
            raise ReadError(f"holds {len(chosen)} networks: {_quoted(v.name for v in chosen)}. Choose one with --variable.")
        if chosen and isinstance(value := container.load(path, chosen[0]), Object):
            return shallow.parse(value, chosen[0].name), "MATLAB network"
        raise ReadError(_no_network(held, [str(variable) for variable in variables if variable.kind in _NUMBERS], contents))
    first, *others = found
    equals = [other for other in others if other.rank == first.rank]
    if equals:
        raise ReadError(f"holds {len(found)} networks: {', '.join(map(str, found))}. Choose one with --variable.")
    return objects.table(first), f"MATLAB {first.class_name}"


def _inside(place: str, wanted: str) -> bool:
    return place.startswith((f"{wanted}.", f"{wanted}{{"))


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


_NUMBERS = ("single", "double")
_WEIGHT = re.compile(
    r"weights?|kernels?|filters?|bias(es)?|gamma|beta|(^|[._])(w|b|iw|lw|wi|wf|wo|wc|wg|r[ifoc]|theta)\d*($|_)", re.IGNORECASE
)
"""What people call learned arrays."""


def _no_network(held: str, arrays: list[str], contents: dict[str, Any]) -> Problem:
    arrays = [text for text in [*arrays, *_arrays(contents)] if _WEIGHT.search(text.partition(" (")[0].strip("'"))]
    if len(arrays) > 1:
        shown = ", ".join(arrays[:6]) + (f" and {len(arrays) - 6} more" if len(arrays) > 6 else "")
        reason = (
            f"it holds arrays that look like weights ({shown}), but not the layers they belong to: which there are, in which "
            "order, with which stride, padding and activation."
        )
        return Problem(reason, advice=f"Where the network itself is still there: {EXPORT_ADVICE}")
    reason = "A network is an object such as dlnetwork or DAGNetwork, or a struct with the field 'layer_table_version'."
    return Problem(f"no network in this file. It holds {held}. {reason}", advice=EXPORT_ADVICE)


def _arrays(value: Any, name: str = "") -> Iterator[str]:
    """The numeric arrays in structs, with their place and size."""
    if isinstance(value, dict):
        for field, item in value.items():
            yield from _arrays(item, f"{name}.{field}" if name else field)
    elif isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 1 and name:
        yield f"'{name}' ({'×'.join(map(str, value.shape))})"


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
