"""Networks from MATLAB. ``specs/matlab.md`` says which files are read and what each layer means."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from converter.errors import Problem, ReadError
from converter.graph import Graph, Source
from converter.readers.matlab import container, display, explain, hdf, mcos, network, search
from converter.readers.matlab.container import Variable
from converter.readers.matlab.explain import listed
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
    except RecursionError:  # objects may hold one another, which is sound in a file but not in a network
        raise ReadError("its networks hold themselves, or one another, without end.", str(path)) from None


def _parsed(path: Path, wanted: str | None) -> tuple[LayerTable, str]:
    """The layer table that the file holds or that its content amounts to, and what it is called."""
    if (text := display.read(path)) is not None:
        if wanted is not None:
            raise ReadError(Problem("a variable can be chosen in a .mat file only.", advice="Leave it out."))
        return display.parse(text), "printed MATLAB layers"
    storage = hdf if hdf.is_hdf(path) else container
    variables = storage.directory(path)
    root = None if wanted is None else re.split(r"[.{(]", wanted, maxsplit=1)[0]
    if root is not None and root not in [variable.name for variable in variables]:
        raise ReadError(f"has no variable '{wanted}'. It holds {listed(map(str, variables))}.")
    contents = _contents(path, storage, [variable for variable in variables if root in (None, variable.name)])
    every = search.networks(contents)
    found = [network for network in every if wanted is None or network.is_at(wanted)]
    if not found and every:
        raise ReadError(f"has no network '{wanted}', but {listed(map(str, every))}. Choose with --variable.")
    if not found:
        raise ReadError(explain.no_network(variables, contents))
    if len(found) > 1 and found[1].rank == found[0].rank:
        raise ReadError(f"holds {len(found)} networks: {listed(map(str, found), 20)}. Choose one with --variable.")
    return found[0].parse(), found[0].kind


_HOLDERS = ("struct", "cell array", "object")
"""Kinds of variables that may hold a network."""


def _contents(path: Path, storage: ModuleType, variables: list[Variable]) -> dict[str, Any]:
    """The variables that may hold a network, with the objects in them."""
    held = {variable.name: storage.load(path, variable) for variable in variables if variable.kind in _HOLDERS}
    shared = storage.subsystem(path) if held else None
    if shared is None:
        return held
    try:
        shared = mcos.Objects(*shared)
        return {name: shared.resolved(value) for name, value in held.items()}
    except container.DamagedError as error:
        raise container.damaged(path, str(error)) from error


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
