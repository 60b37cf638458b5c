"""The printed layer array: what MATLAB shows for ``net.Layers``, pasted into a text file.

Every release prints a line for each layer: number, name in quotes, type and a description. ``pasted.py`` finds the lines,
``words.py`` knows what they say, ``details.py`` reads properties printed below. What no line shows is MATLAB's documented
default, and a note says so. Connections come from a printed table of them (``net.Connections``); without one each layer reads
the one before it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from converter.errors import Problem, ReadError
from converter.readers.matlab.container import EXPORT_ADVICE
from converter.readers.matlab.display import pasted, words
from converter.readers.matlab.display.details import Details, details
from converter.readers.matlab.display.pasted import Row
from converter.readers.matlab.display.words import Form, UnreadableError
from converter.readers.matlab.layers import ROOMS
from converter.readers.matlab.ports import input_count, is_input
from converter.readers.matlab.properties import Properties
from converter.readers.matlab.table import LayerRecord, LayerTable, Port, Problems, connected

_MAXIMUM_BYTES = 2**20
"""A listing of a thousand layers has a tenth of a megabyte; no larger file is taken for one."""

_HEADER = re.compile(r"(\d+)\s*[x×]\s*(\d+)\s+(?:\S+\s+)?Layer\s+(?:array|数组|配列|배열)", re.IGNORECASE)
_OTHER = re.compile(r"(\w*(?:network|LayerGraph|Layer|NetworkAnalyzer)) with properties", re.IGNORECASE)
_CONNECTIONS_ADVICE = "Paste what MATLAB shows for net.Connections below the list. Or:"
_LIST_ADVICE = f"In MATLAB, type net.Layers and paste what it shows, with net.Connections below it. Or: {EXPORT_ADVICE}"


def read(path: Path) -> str | None:
    """The text of a file that holds what MATLAB prints of a network, None for any other file."""
    try:
        with open(path, "rb") as file:
            content = file.read(_MAXIMUM_BYTES + 1)
    except OSError:
        return None
    text = pasted.decoded(content) if len(content) <= _MAXIMUM_BYTES else ""
    lines = pasted.lines(text)
    return text if pasted.rows(lines, words.known) or any(map(_speaks_of_a_network, lines)) else None


def _speaks_of_a_network(line: str) -> bool:
    return bool(_HEADER.search(line) or _OTHER.search(line))


def parse(text: str) -> LayerTable:
    """The layers of a listing with their connections. Raises ReadError with every problem found."""
    lines = pasted.lines(text)
    rows = pasted.rows(lines, words.known)
    if not rows:
        _no_list(lines)
    problems = Problems()
    notes = _numbered(rows)
    layers: list[tuple[LayerRecord, Form | None]] = []
    for place, row in enumerate(rows, 1):
        with problems:
            layers.append(_layer(row, row.number or place))
    problems.raise_any()
    _refuse_foreign([record.properties.text("Type") for record, form in layers if form is None], len(rows))
    records = [record for record, _ in layers]
    notes += _completeness(lines, records, problems)
    notes += _detailed(layers, list(details(lines)))
    connections = _connections(lines, records, problems, notes)
    problems.raise_any()
    notes += _fill(layers)
    return LayerTable("", "", tuple(records), connections, notes=tuple(notes))


def _layer(row: Row, number: int) -> tuple[LayerRecord, Form | None]:
    """One layer. Of a type that nobody knows, nothing is known but its words."""
    name = row.name or f"layer_{number}"
    where = f"layer {number} '{name}' ({row.kind})"
    for text in row.texts:
        try:
            found = words.reading(text)
        except UnreadableError as error:
            raise ReadError(Problem(f"{error} in '{words.normalized(text)}'.", where)) from None
        if found is not None:
            return LayerRecord(number, name, found.class_name, Properties(_arrays(found.properties), where)), found.form
    if any(map(words.typed, row.texts)):
        raise ReadError(Problem(f"its line '{row.text}' is none that MATLAB prints.", where, "Paste the whole line."))
    values = {"Type": row.kind, "Description": row.words or row.kind}
    refused = words.refused_class(row.kind)
    reason = "" if refused else f"a printed list shows no more of it than '{row.words or row.kind}'"
    return LayerRecord(number, name, refused or row.kind, Properties(values, where), reason=reason), None


def _arrays(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, str) else np.atleast_2d(np.asarray(value)) for name, value in values.items()}


# The listing as a whole -----------------------------------------------------------------------------------------------------


def _no_list(lines: Sequence[str]) -> NoReturn:
    """Refuse a text that speaks of a network without listing its layers."""
    shown = next((found[1] for line in lines if (found := _OTHER.search(line))), None)
    reason = f"shows a {shown} by its properties" if shown else "announces layers"
    raise ReadError(Problem(f"it {reason}, but no list of layers with their names, types and sizes.", advice=_LIST_ADVICE))


def _refuse_foreign(unknown: Sequence[str], count: int) -> None:
    """Refuse a list whose words are in the language of the MATLAB that printed it."""
    foreign = [kind for kind in unknown if any(character.isalpha() and not character.isascii() for character in kind)]
    if 2 * len(foreign) >= count:
        shown = ", ".join(f"'{kind}'" for kind in foreign[:3])
        reason = f"its words ({shown}) are in the language of the MATLAB that printed them; only English ones are known."
        raise ReadError(Problem(reason, advice=f"Let MATLAB print the list in English. Or: {EXPORT_ADVICE}"))


def _numbered(rows: Sequence[Row]) -> list[str]:
    if all(row.number is None for row in rows):
        return ["The lines have no numbers: they are taken as they stand, and whether one is missing does not show."]
    return []


def _completeness(lines: Sequence[str], records: list[LayerRecord], problems: Problems) -> list[str]:
    """What of the list is missing: at the end a note, elsewhere a problem."""
    names: dict[str, LayerRecord] = {}
    for record in records:
        first = names.setdefault(record.name, record)
        if first is not record and first.number != record.number:
            problems.add(f"has the name of layer {first.number}.", record.where, "Give every layer its own name.")
    numbers = [record.number for record in records]
    if len(set(numbers)) < len(numbers):
        problems.add("two lines have the same number, as where several lists stand in one file.", advice="Leave one list.")
        return []
    gaps = [(a + 1, b - 1) for a, b in pairwise([0, *sorted(numbers)]) if b - a > 1]
    if gaps:
        missing = ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in gaps)
        problems.add(f"layers are missing: {missing}.", advice="Paste the whole list.")
    elif numbers != sorted(numbers):
        problems.add("the lines do not stand in the order of their numbers.", advice="Paste the list as MATLAB prints it.")
    count = next((max(int(found[1]), int(found[2])) for line in lines if (found := _HEADER.search(line))), 0)
    if count <= max(numbers):
        return []
    return [f"The list is cut off: it has layers 1 to {max(numbers)} of {count}, and so has the model."]


def _detailed(layers: list[tuple[LayerRecord, Form | None]], found: list[Details]) -> list[str]:
    """Take over what is printed of single layers below the list, as far as a line leaves it open."""
    notes = []
    for detail in found:
        record, form = _described(layers, detail)
        if record is None or form is None:
            continue
        open_names = form.unsaid.keys() | {"Normalization"} & detail.values.keys()
        values = {name: value for name, value in detail.values.items() if name in open_names}
        record.properties.values.update(_arrays(values))
        if values:
            notes.append(f"The properties printed of '{record.name}' are taken over: {_shown(values)}.")
    return notes


def _described(layers: list[tuple[LayerRecord, Form | None]], detail: Details) -> tuple[LayerRecord | None, Form | None]:
    """The layer that printed properties belong to: by its place, its name, or as the only one of its class."""
    same = [(record, form) for record, form in layers if record.short_class == detail.class_name]
    by_place = [pair for pair in same if pair[0].number == detail.index]
    by_name = [pair for pair in same if pair[0].name == detail.values.get("Name")]
    return next((pairs[0] for pairs in (by_place, by_name, same) if len(pairs) == 1), (None, None))


def _connections(
    lines: Sequence[str], records: list[LayerRecord], problems: Problems, notes: list[str]
) -> tuple[tuple[Port, Port], ...]:
    """As a printed table of connections has them, or each layer reading the one before it."""
    rows = pasted.connections(lines)
    if not rows:
        return _sequence(records, problems, notes)
    pairs = connected(list(dict.fromkeys(rows)), {record.name for record in records}, "the table of connections", problems)
    for source, _ in pairs:
        if source.port in ("indices", "size"):
            record = next(record for record in records if record.name == source.layer)
            record.properties.values["HasUnpoolingOutputs"] = np.ones((1, 1))
    return pairs


def _sequence(records: list[LayerRecord], problems: Problems, notes: list[str]) -> tuple[tuple[Port, Port], ...]:
    """Each layer reads the one before it.

    A layer of several inputs can be connected where as many branches end before it, each begun by an input layer of its own.
    Otherwise a branch began somewhere inside, which a list does not show.
    """
    notes.append(
        "A printed list does not show connections: each layer is taken to read the one before it. What MATLAB shows for "
        "net.Connections, pasted below the list, would tell."
    )
    pairs: list[tuple[Port, Port]] = []
    ends: list[str] = []
    joins: list[LayerRecord] = []
    folds = [record.name for record in records if record.short_class == "SequenceFoldingLayer"]
    for before, record in zip([None, *records], records, strict=False):
        count = input_count(record) or 1
        if is_input(record):
            ends.append(record.name)
            continue
        if not ends:
            reason = f"the list begins with {record.where}, which is no input layer: the layers before it, and the size of what"
            problems.add(f"{reason} it reads, are missing.", advice="Paste the whole list.")
        if before is not None and before.class_name in ROOMS and ROOMS[before.class_name].output_layer:
            reason = f"follows {before.where}, which ends a branch: the list does not show what it reads."
            problems.add(reason, record.where, f"{_CONNECTIONS_ADVICE} {EXPORT_ADVICE}")
        ports = [f"in{number}" for number in range(1, count + 1)] if count > 1 else [""]
        if record.short_class == "SequenceUnfoldingLayer" and len(folds) == 1:  # nothing else has what its second input reads
            pairs.append((Port(folds[0], "miniBatchSize"), Port(record.name, "miniBatchSize")))
            ports = ["in"]
        if len(ports) > 1 and len(ends) != len(ports):
            joins.append(record)
        read = ends[-len(ports) :]
        pairs += [(Port(name), Port(record.name, port)) for name, port in zip(read, ports, strict=False)]
        if len(ports) > 1 and not joins:
            order = " and ".join(f"'{name}'" for name in read)
            notes.append(f"'{record.name}' is taken to read {order}, in the order of the list.")
        ends = [*ends[: len(ends) - len(read)], record.name]
    if joins:
        shown = ", ".join(f"'{join.name}'" for join in joins[:3]) + (f" and {len(joins) - 3} more" if len(joins) > 3 else "")
        reason = f"a printed list does not show what the layers of several inputs read ({shown})."
        problems.add(reason, advice=f"{_CONNECTIONS_ADVICE} {EXPORT_ADVICE}")
    return tuple(pairs)


def _fill(layers: list[tuple[LayerRecord, Form | None]]) -> list[str]:
    """Give each layer the properties that no line shows, and say which."""
    records = [record for record, _ in layers]
    alexnet = _is_alexnet(records)
    groups: dict[str, list[str]] = {}
    notes = []
    for record, form in layers:
        if form is None:
            continue
        if form.assumed:
            notes.append(f"The list does not show all of '{record.name}': {form.assumed}.")
        values = record.properties.values
        unsaid = {name: value for name, value in form.unsaid.items() if name not in values}
        if values.get("Normalization", unsaid.get("Normalization")) == "none":
            unsaid.pop("NormalizationDimension", None)
        unsaid |= {name: value for name, value in _ALEXNET.items() if alexnet and name in unsaid}
        values.update(_arrays(unsaid))
        if unsaid:
            groups.setdefault(_shown(unsaid), []).append(record.name)
    for text, names in groups.items():
        shown = ", ".join(f"'{name}'" for name in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        source = "as MATLAB's alexnet has it" if alexnet and any(f"{name} " in text for name in _ALEXNET) else "the default"
        notes.append(f"The list does not show all of {shown}: taken as {text}, {source}.")
    return notes


def _shown(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in values.items())


def _value(value: Any) -> str:
    return value if isinstance(value, str) else " ".join(f"{number:g}" for number in np.ravel(value))


_ALEXNET = {"K": 1.0, "NormalizationDimension": "element"}
"""What MATLAB's ``alexnet``, which came from Caffe, has instead of the defaults."""


def _is_alexnet(records: list[LayerRecord]) -> bool:
    """Whether the list begins as that of MATLAB's ``alexnet``."""
    if len(records) < 2:
        return False
    image, conv = records[0].properties, records[1].properties
    return (
        records[1].name == "conv1"
        and image.text("Normalization", "") == "zerocenter"
        and image.integers("InputSize", default=()) == (227, 227, 3)
        and conv.integers("FilterSize", default=()) == (11, 11)
        and conv.integers("NumFilters", default=()) == (96,)
    )
