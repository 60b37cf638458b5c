"""Where each layer class has its room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from converter.graph import Value
from converter.readers.matlab.properties import Properties
from converter.readers.matlab.site import Site
from converter.readers.matlab.table import BUILT_IN

Inputs = int | None | tuple[str, ...] | Callable[[Properties], tuple[str, ...]]


@dataclass(frozen=True)
class Room:
    """What is known of one layer class.

    ``translate`` adds the layer's nodes and returns its output, or several by their ports. ``inputs`` is how many ports it
    reads, None for as many as the layer's NumInputs says, or the names of the ports in their order, which may follow from the
    layer's properties. ``output_layer`` marks a layer that only serves training: it has no node.
    """

    type: str
    describe: Callable[[Properties], str]
    translate: Callable[[Site], Value | dict[str, Value]]
    inputs: Inputs = 1
    output_layer: bool = False

    def ports(self, properties: Properties) -> tuple[str, ...]:
        """The names of the input ports in their order, as far as the class tells them."""
        if callable(self.inputs):
            return self.inputs(properties)
        return self.inputs if isinstance(self.inputs, tuple) else ()


ROOMS: dict[str, Room] = {}
"""By full class name."""


def layer(class_name: str, type: str, describe: str | Callable[[Properties], str], *, inputs: Inputs = 1):
    """Enter the room of a class; a name without a package is one of the toolbox's own."""

    def enter(translate: Callable[[Site], Value]) -> Callable[[Site], Value]:
        text = (lambda p: describe) if isinstance(describe, str) else describe
        ROOMS[_full(class_name)] = Room(type, text, translate, inputs)
        return translate

    return enter


def output_layer(class_name: str, type: str, describe: str | Callable[[Properties], str]) -> None:
    layer(class_name, type, describe)(lambda n: n.x)
    room = ROOMS[_full(class_name)]
    ROOMS[_full(class_name)] = Room(room.type, room.describe, room.translate, output_layer=True)


def elementwise(class_name: str, type: str, describe: str, op_type: str) -> None:
    """A layer that is one operator without attributes."""
    layer(class_name, type, describe)(lambda n: n.add(op_type))


def _full(class_name: str) -> str:
    return class_name if "." in class_name else BUILT_IN + class_name
