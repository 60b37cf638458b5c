"""The input ports of a layer: how many there are, and in which order."""

from __future__ import annotations

import re

from converter.readers.matlab.layers import room_of
from converter.readers.matlab.table import LayerRecord


def input_count(record: LayerRecord) -> int | None:
    """How many inputs the layer has; None: one or more."""
    room = room_of(record)
    if is_input(record):
        return int(record.is_inner)  # that of a nested network takes what arrives at its network
    if room is not None and room.inputs is not None:
        return room.inputs if isinstance(room.inputs, int) else len(room.ports(record.properties))
    if "NumInputs" in record.properties:
        return record.properties.integer("NumInputs", least=0)
    return None


def is_input(record: LayerRecord) -> bool:
    """Whether the layer is one at which a network begins."""
    room = room_of(record)
    if room is not None:
        return room.inputs == 0
    return "NumInputs" not in record.properties and record.class_name.endswith("InputLayer")


def port_names(record: LayerRecord) -> list[str]:
    """The names of the input ports in their order: InputNames, or what the class tells; empty where nothing does."""
    room = room_of(record)
    return record.properties.texts("InputNames", []) or list(room.ports(record.properties) if room is not None else ())


def port_key(record: LayerRecord, port: str) -> tuple[int, str]:
    """What sorts the ports of a layer: their place among its names, otherwise their number."""
    names = port_names(record)
    if port in names:
        return names.index(port), port
    number = re.search(r"\d+$", port)
    return (int(number.group()) if number else 0, port)
