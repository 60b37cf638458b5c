"""Nested networks: a network layer gives way to the layers of the network inside it.

"During training and inference a network layer behaves identically to the nested network" (MathWorks' page networkLayer). Its
layers are called ``outer/inner``, as the page of getLayer writes the path of a layer; expandLayers writes ``outer:inner``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from converter.readers.matlab.ports import input_count, is_input, port_names
from converter.readers.matlab.table import LayerRecord, LayerTable, Port, Problems


@dataclass(frozen=True)
class _Expanded:
    """A table without network layers, and what its network reads and gives: the name that MATLAB uses, and the port."""

    table: LayerTable
    inputs: list[tuple[str, Port]]
    outputs: list[tuple[str, Port]]


def expanded(table: LayerTable) -> LayerTable:
    """``table`` with the layers of nested networks, at any depth, in place of the layers that hold them.

    Raises ReadError with every problem found: a port that the nested network does not have, names that occur twice.
    """
    problems = Problems()
    result = _expanded(table, problems).table
    problems.raise_any()
    return result


def _expanded(table: LayerTable, problems: Problems) -> _Expanded:
    inner = {record.name: _expanded(record.nested, problems) for record in table.layers if record.nested is not None}
    records = {record.name: record for record in table.layers}

    def resolved(port: Port, side: str) -> Port | None:
        """The port of a layer that remains."""
        if port.layer not in inner:
            return port
        found = None
        with problems:
            found = _inside(records[port.layer], port.port, inner[port.layer], side, problems)
        return None if found is None else _prefixed(port.layer, found)

    layers = [own for record in table.layers for own in _layers(record, inner.get(record.name))]
    _unique(layers, problems)
    pairs = [(resolved(source, "out"), resolved(destination, "in")) for source, destination in table.connections]
    for name, network in inner.items():
        pairs += [(_prefixed(name, a), _prefixed(name, b)) for a, b in network.table.connections]
    whole = [(a, b) for a, b in pairs if a is not None and b is not None]
    inputs = [(str(port), found) for port in table.inputs if (found := resolved(port, "in")) is not None]
    outputs = [(str(port), found) for port in table.outputs if (found := resolved(port, "out")) is not None]
    result = replace(
        table,
        layers=tuple(layers),
        connections=tuple(whole),
        inputs=tuple(port for _, port in inputs),
        outputs=tuple(port for _, port in outputs),
    )
    read = {source.layer for source, _ in whole}
    ends = [Port(record.name) for record in layers if record.name not in read]
    return _Expanded(
        result,
        inputs or [(str(port), port) for record in layers for port in _open(record, whole, problems)],
        outputs or [(str(port), port) for port in ends],
    )


def _layers(record: LayerRecord, network: _Expanded | None) -> Sequence[LayerRecord]:
    if network is None:
        return [record]
    return [replace(own, name=f"{record.name}/{own.name}") for own in network.table.layers]


def _prefixed(name: str, port: Port) -> Port:
    return Port(f"{name}/{port.layer}", port.port)


def _unique(layers: list[LayerRecord], problems: Problems) -> None:
    names: set[str] = set()
    for record in layers:
        if record.name in names:
            problems.add(f"'{record.name}' is the name of another layer too.", record.where, "Give every layer its own name.")
        names.add(record.name)


def _open(record: LayerRecord, pairs: list[tuple[Port, Port]], problems: Problems) -> list[Port]:
    """The inputs of a nested layer that nothing inside its network feeds, which are inputs of that network."""
    if not record.is_inner:
        return []
    fed = {port.port for _, port in pairs if port.layer == record.name}
    count = None
    with problems:
        count = input_count(record)
    if is_input(record) or (not fed and (count or 1) == 1):
        return [] if fed else [Port(record.name)]
    if count is None or len(fed) >= count:
        return []
    names = port_names(record) or [f"in{number}" for number in range(1, count + 1)]
    if not fed <= {*names}:
        shown = ", ".join(f"'{port}'" for port in sorted(fed))
        problems.add(
            f"{len(fed)} of its {count} inputs are connected ({shown}), but the others have no known names.", record.where
        )
    return [Port(record.name, name) for name in names if name not in fed]


def _inside(record: LayerRecord, port: str, network: _Expanded, side: str, problems: Problems) -> Port | None:
    """The port inside the network that is ``port`` of the layer: by the layer's own names, the network's, or its number."""
    ends = network.inputs if side == "in" else network.outputs
    names = record.properties.texts("InputNames" if side == "in" else "OutputNames", [])
    found = {index for index, (text, _) in enumerate(ends) if text == port}
    if port in names and len(names) == len(ends):
        found = {names.index(port)}
    elif number := re.fullmatch(rf"{side}(\d+)", port):
        found |= {int(number[1]) - 1} & {*range(len(ends))}
    elif port in ("", side) and len(ends) == 1:
        found = {0}
    if len(found) == 1:
        return ends[found.pop()][1]
    kind, shown = {"in": "input", "out": "output"}[side], ", ".join(f"'{text}'" for text, _ in ends)
    held = f"the network inside it has {len(ends)} {kind}{'s' * (len(ends) != 1)} ({shown})"
    which = f"'{port}' may be either of two" if found else f"'{port or side}' is not one of them"
    problems.add(f"{held}, and {which}.", record.where)
    return None
