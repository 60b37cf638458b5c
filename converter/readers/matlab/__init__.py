"""Networks from MATLAB. ``specs/matlab.md`` says which files are read and what each layer means."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from converter.errors import Problem, ReadError
from converter.graph import Graph, Source
from converter.readers.matlab import container, network, table
from converter.readers.matlab.container import EXPORT_ADVICE, Variable


def read(path: str | Path, variable: str | None = None) -> Graph:
    """The network in a MAT-file of version 5, 6 or 7 that holds a layer table, in channels-first order.

    ``variable`` chooses where the file holds several. Raises ReadError for a file without a layer table, a damaged one, or one
    that contradicts itself; a layer class nobody knows is no error here.
    """
    path = Path(path)
    variables = container.directory(path)
    name, value = _choose(path, variables, variable)
    try:
        parsed = table.parse(value, name)
        producer = f"MATLAB {parsed.release}".strip() if parsed.release[:1] in ("", "R") else parsed.release
        source = Source(str(path), "MATLAB layer table", producer, _sha256(path))
        return network.build(parsed, path.stem, source)
    except ReadError as error:
        raise ReadError(error.problems, str(path)) from error


def _choose(path: Path, variables: list[Variable], wanted: str | None) -> tuple[str, dict[str, Any]]:
    """Name and content of the layer table."""
    held = ", ".join(map(str, variables)) or "no variable"
    if wanted is not None and wanted not in [variable.name for variable in variables]:
        raise ReadError(f"has no variable '{wanted}'. It holds {held}.", str(path))
    candidates = [v for v in variables if v.kind == "struct" and wanted in (None, v.name)]
    contents = {v.name: container.load(path, v) for v in candidates}
    tables = {name: value for name, value in contents.items() if table.is_table(value)}
    if len(tables) > 1:
        names = ", ".join(f"'{name}'" for name in tables)
        raise ReadError(f"holds {len(tables)} networks: {names}. Choose one with --variable.", str(path))
    if not tables:
        raise ReadError(_no_table(held, variables), str(path))
    return next(iter(tables.items()))


def _no_table(held: str, variables: list[Variable]) -> Problem:
    objects = [variable for variable in variables if variable.class_name]
    shallow = [variable for variable in objects if variable.class_name == "network"]
    if shallow:
        reason = f"'{shallow[0].name}' is a shallow network (feedforwardnet, patternnet), a kind that is not read."
        return Problem(f"no layer table in this file. It holds {held}: {reason}", advice="")
    if objects:
        reason = "Only MATLAB itself can open its objects."
        return Problem(f"no layer table in this file. It holds {held}. {reason}", advice=EXPORT_ADVICE)
    reason = "A layer table is a struct with the field 'layer_table_version'."
    return Problem(f"no network in this file. It holds {held}. {reason}", advice=EXPORT_ADVICE)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
