"""Layers that the user supplies: custom ones, functions, and those that are refused.

A package of the user's own enters them through the entry point ``converter.operators``, as it enters operators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from converter import plugins
from converter.graph import Value
from converter.readers.matlab.layers.registry import ROOMS, Inputs, Room
from converter.readers.matlab.properties import Properties
from converter.readers.matlab.site import Site
from converter.readers.matlab.table import BUILT_IN, LayerRecord

FUNCTION_LAYER = BUILT_IN + "FunctionLayer"

_own_layers: dict[str, Room] = {}
_own_functions: dict[tuple[str, str], Room] = {}


def room_of(record: LayerRecord) -> Room | None:
    """The room of a layer: one that the user supplied, or that of its class."""
    plugins.load()
    if record.class_name == FUNCTION_LAYER:
        named = _own_functions.get(("name", record.name.rpartition("/")[2])) or _own_functions.get(("name", record.name))
        if own := named or _own_functions.get(("handle", _bare(handle(record.properties)))):
            return own
    return _own_layers.get(record.class_name) or ROOMS.get(record.class_name)


def matlab_layer(class_name: str, *, inputs: Inputs = None):
    """Decorator that supplies a MATLAB layer: a custom one, or one that is refused.

    ``class_name`` is what MATLAB's ``class(layer)`` gives: "MyLayer", "nnet.cnn.layer.YOLOv2ReorgLayer". The function takes a
    ``Site`` with the layer's ``inputs``, ``properties`` and weights, adds nodes to the graph, and returns its output, or a few
    by their ports. ``inputs`` is the number of input ports or their names, by default what the layer's NumInputs says.
    """
    return _supplied(_own_layers, class_name, class_name.rpartition(".")[2], inputs)


def matlab_function(*, name: str = "", handle: str = "", inputs: Inputs = None):
    """Decorator that supplies what a functionLayer computes, as ``matlab_layer`` does: that of the layer ``name``, or of every
    layer with the function ``handle``, such as "@(x) 0.001*x", in which blanks do not count."""
    if bool(name) == bool(handle):
        raise TypeError("give either the name of the layer or the text of its handle")
    return _supplied(_own_functions, ("name", name) if name else ("handle", _bare(handle)), "Function", inputs)


def _supplied(rooms: dict, key: Any, type: str, inputs: Inputs):
    def enter(translate: Callable[[Site], Value | dict[str, Value]]):
        rooms[key] = Room(type, _description, translate, inputs)
        return translate

    return enter


def _description(p: Properties) -> str:
    text = p.values.get("Description")
    return text if isinstance(text, str) and text else handle(p) or "supplied"


def handle(p: Properties) -> str:
    """The text of the function that a layer runs, empty where the file does not tell it.

    A table has it in PredictFcn; of saved objects, Description repeats it, and PredictFcn is a cell around a struct.
    """
    return next(_texts(p.values.get("PredictFcn")), None) or next(_texts(p.values.get("Description")), "")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value := value.removeprefix("sf%0").strip():
            yield value
    elif isinstance(value, dict):
        yield from _texts(value.get("function_handle") or value.get("function"))
    elif isinstance(value, np.ndarray) and value.dtype == object:
        for item in value.flat:
            yield from _texts(item)


def _bare(text: str) -> str:
    return "".join(text.split())
