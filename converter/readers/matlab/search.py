"""The networks in a MAT-file, of every kind, wherever they are: in a variable, in a struct or cell, in another object."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.readers.matlab import matconvnet, objects, shallow, table
from converter.readers.matlab.container import Object
from converter.readers.matlab.table import LayerTable


@dataclass(frozen=True)
class Found:
    """A network; ``place`` is the variable that holds it, or a part of one (``detector.Network``, ``nets{2}``)."""

    place: str
    kind: str
    text: str
    rank: tuple[bool, int, int]
    """Lower comes first by default: trained before untrained, a network before its layers, outside before inside."""
    parse: Callable[[], LayerTable]

    def __str__(self) -> str:
        return self.text

    def is_at(self, wanted: str) -> bool:
        """Whether it is the wanted one, or inside it."""
        return self.place == wanted or self.place.startswith((f"{wanted}.", f"{wanted}{{", f"{wanted}("))


def networks(variables: Mapping[str, Any]) -> list[Found]:
    """The networks in the variables of a file, best choice first."""
    found: list[Found] = []
    spread = matconvnet.spread(variables)
    waiting = deque([*variables.items(), *spread.items()])
    seen: set[int] = set()
    while waiting:  # from outside in; objects may hold one another
        place, value = waiting.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        network = _network(place, value)
        found += [network] if network else []
        waiting.extend([] if network else _inside(place, value))
    return sorted(found, key=lambda network: network.rank)


def _network(place: str, value: Any) -> Found | None:
    depth = sum(map(place.count, ".{("))
    if isinstance(value, Object) and value.class_name == shallow.CLASS:
        text = f"'{place}' ({shallow.CLASS})"
        return Found(place, "MATLAB network", text, (False, 0, depth), lambda: shallow.parse(value, place))
    if isinstance(value, dict) and table.is_table(value):
        return Found(place, "MATLAB layer table", f"'{place}'", (False, 0, depth), lambda: table.parse(value, place))
    if isinstance(value, dict) and matconvnet.is_network(value):
        return Found(place, "MatConvNet", f"'{place}' (MatConvNet)", (False, 0, depth), lambda: matconvnet.parse(value))
    network = objects.network(place, value)
    if network is None:
        return None
    return Found(place, f"MATLAB {network.class_name}", str(network), (*network.rank, depth), lambda: objects.table(network))


def _inside(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What a value holds, with the place of each."""
    if isinstance(value, Object):
        yield from ((f"{place}.{name}", item) for name, item in value.saved.items() if name != "any")
    elif isinstance(value, dict):
        yield from ((f"{place}.{name}", item) for name, item in value.items())
    elif isinstance(value, np.ndarray) and value.dtype == object:
        yield from ((f"{place}{{{number}}}", item) for number, item in enumerate(value.flatten(order="F"), 1))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield from ((f"{place}({number})", item) for number, item in enumerate(value, 1))
