"""The properties of single layers, where they are printed below the list: ``net.Layers(2)`` and what MATLAB answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_HEAD = re.compile(r"[\s%#>*/]*(?P<class>\w+Layer) with properties:?")
_INDEX = re.compile(r"\((?P<index>\d+)(?:, ?1)?\)[\s;]*$")
_PROPERTY = re.compile(r"[\s%#>*/]*(?P<name>[A-Z]\w*): (?P<value>.*)")
_TEXT = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[-+]?\d+)?")
_BACK = 4
"""How many lines before the properties the command may stand."""


@dataclass
class Details:
    """The properties of one layer: its class without the package, its place in the list where the command tells it."""

    class_name: str
    index: int | None
    values: dict[str, str | list[float]] = field(default_factory=dict)


def details(pasted: Sequence[str]) -> Iterator[Details]:
    """Every block of properties; values that are no text and no row of numbers are left out."""
    found: Details | None = None
    for place, line in enumerate(pasted):
        if head := _HEAD.fullmatch(line):
            if found is not None:
                yield found
            before = [_INDEX.search(text) for text in reversed(pasted[max(0, place - _BACK) : place])]
            index = next((int(match["index"]) for match in before if match), None)
            found = Details(head["class"], index)
        elif found is not None and (match := _PROPERTY.fullmatch(line)):
            value = _value(match["value"].strip())
            if value is not None:
                found.values[match["name"]] = value
        elif found is not None and re.search(r">>|=", line):
            yield found
            found = None
    if found is not None:
        yield found


def _value(text: str) -> str | list[float] | None:
    if match := _TEXT.fullmatch(text):
        return match[1] if match[1] is not None else match[2]
    items = text.removeprefix("[").removesuffix("]").split()
    return [float(item) for item in items] if items and all(map(_NUMBER.fullmatch, items)) else None
