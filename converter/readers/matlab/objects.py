"""MATLAB's own network objects, as ``save`` writes them, in the form of a layer table.

What each object holds was measured on files of releases 2016 to 2025: a network keeps its layers and connections, a layer its
properties, in the struct ``any`` that its ``saveobj`` method returned; layers derived from ``nnet.layer.Layer`` keep them side
by side instead, and some have both, where ``any`` is right.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.errors import Problem, ReadError
from converter.readers.matlab.container import Object
from converter.readers.matlab.properties import is_empty
from converter.readers.matlab.table import BUILT_IN, NETWORK_LAYER, LayerTable, Port, Problems, Scope, connected, named_port

_RANKS = {"SeriesNetwork": 0, "DAGNetwork": 0, "dlnetwork": 0, "nnet.cnn.LayerGraph": 1}
_LAYER_ARRAY = "Layer array"


@dataclass(frozen=True)
class Network:
    """A network found in a file; ``place`` is the variable that holds it, or a property of one ("detector.Network")."""

    place: str
    class_name: str
    value: Any

    @property
    def is_trained(self) -> bool:
        """Whether a layer holds weights."""
        return _is_trained(self.value)

    @property
    def rank(self) -> tuple[bool, int]:
        """Lower comes first by default: trained before untrained, a network before its layers."""
        return not self.is_trained, _RANKS.get(self.class_name, 2)

    def __str__(self) -> str:
        return f"'{self.place}' ({self.class_name}{'' if self.is_trained else ', untrained'})"


def _is_trained(value: Any) -> bool:
    layers, _ = _layers_of(value)
    names = ("Weights", "InputWeights", "QueryWeights", "Scale", "Alpha")
    return any(
        isinstance(held := public(layer).get(name), np.ndarray) and held.size for layer in layers for name in names
    ) or any(_is_trained(inner) for layer in layers if (inner := _nested(layer)) is not None)


# Networks -------------------------------------------------------------------------------------------------------------------


def network(place: str, value: Any) -> Network | None:
    """``value`` as a network, a layer or an array of layers; None for anything else."""
    if isinstance(value, Object) and value.class_name in _RANKS:
        return Network(place, value.class_name, value)
    if _is_layer(value):
        return Network(place, _LAYER_ARRAY, [value])
    return Network(place, _LAYER_ARRAY, _items(value)) if _is_layer_array(value) else None


def _items(value: Any) -> list[Any]:
    return value.flatten(order="F").tolist() if isinstance(value, np.ndarray) else list(value)


def _is_layer(value: Any) -> bool:
    if not isinstance(value, Object):
        return False
    return ".layer." in value.class_name or "nnet.layer.Layer.PrivateInputs" in value.properties


def _is_layer_array(value: Any) -> bool:
    """Whether it holds layers, among which some may be of their author's own class, of whatever name."""
    items = value.ravel().tolist() if isinstance(value, np.ndarray) and value.dtype == object else []
    own = all(isinstance(item, Object) and item.class_name not in _RANKS for item in items)
    return own and any(_is_layer(item) for item in items)


def _layers_of(value: Any) -> tuple[list[Object], dict[str, Any] | None]:
    """The layers of a network, and the columns of its table of connections; None: a chain."""
    if isinstance(value, list):
        return value, None
    saved = value.saved
    while "Layers" not in saved and isinstance(saved.get("LayerGraph"), Object):
        saved = saved["LayerGraph"].saved
    layers = saved.get("Layers")
    layers = [layers] if isinstance(layers, Object) else _items(layers) if isinstance(layers, np.ndarray | list) else []
    connections = saved.get("Connections")
    return [layer for layer in layers if isinstance(layer, Object)], connections if isinstance(connections, dict) else None


# The layer table ------------------------------------------------------------------------------------------------------------


def table(network: Network) -> LayerTable:
    """The network as a layer table. Raises ReadError with every problem found."""
    return _table(network, Scope())


def _table(network: Network, scope: Scope) -> LayerTable:
    layers, connections = _layers_of(network.value)
    if not layers:
        raise ReadError(Problem("holds no layers.", network.place))
    problems = Problems()
    records = []
    for number, layer in enumerate(layers, 1):
        properties = public(layer)
        name = properties.get("Name")
        name = name if isinstance(name, str) and name else f"layer_{number}"
        place = number, name, _class_name(layer)
        if any(record.name == name for record in records):
            problems.add("has the name of an earlier layer.", scope.where(*place), "Give every layer its own name.")
        nested = None
        with problems:
            if (inner := _nested(layer)) is not None:
                held = Network(f"{scope.where(*place)}, {inner.class_name}", inner.class_name, inner)
                nested = _table(held, scope.inside(*place))
        records.append(scope.record(*place, properties, nested))
    names = {record.name for record in records}
    if connections is None:
        pairs = tuple(itertools.pairwise(Port(record.name) for record in records))
    else:
        sources, destinations = (_texts(connections.get(column)) for column in ("Source", "Destination"))
        pairs = connected(list(zip(sources, destinations, strict=False)), names, network.place, problems)
    problems.raise_any()
    saved = network.value.saved if isinstance(network.value, Object) else {}
    inputs, outputs = (_ports(saved, side, names) for side in ("Input", "Output"))
    return LayerTable("", "", tuple(records), pairs, inputs, outputs)


def _class_name(layer: Object) -> str:
    """The class of a layer; for an output layer of its author's own, that of the built-in one which does the same.

    Such a layer only adds a loss to what the training does: predictions pass it unchanged. MathWorks' pages: "Define Custom
    Classification Output Layer" and "Define Custom Regression Output Layer". The properties tell which one it derives from.
    """
    own = not layer.class_name.startswith(BUILT_IN) and not any(
        "Learnable" in name or name == "any" or name.endswith("PrivateInputs") for name in layer.properties
    )
    if own and "Description" in layer.properties:
        if "Classes" in layer.properties:
            return f"{BUILT_IN}ClassificationOutputLayer"
        if "ResponseNames" in layer.properties:
            return f"{BUILT_IN}RegressionOutputLayer"
    return layer.class_name


def _nested(layer: Object) -> Object | None:
    """The network inside a network layer."""
    if layer.class_name != NETWORK_LAYER:
        return None
    values = public(layer)
    held = [values.get("Network"), *values.values()]
    return next((value for value in held if isinstance(value, Object) and value.class_name in _RANKS), None)


def _texts(value: Any) -> list[str]:
    items = _items(value) if isinstance(value, np.ndarray | list) else [value]
    return [item if isinstance(item, str) else "" for item in items]


def _ports(saved: dict[str, Any], side: str, names: set[str]) -> tuple[Port, ...]:
    """The network's inputs or outputs in order, as a dlnetwork keeps them; nothing where it does not."""
    for name in (f"External{side}Names", f"{side}Names"):
        if not is_empty(saved.get(name)):
            ports = [named_port(text, names) for text in _texts(saved[name])]
            return tuple(port for port in ports if port is not None) if None not in ports else ()
    return ()


def public(layer: Object) -> dict[str, Any]:
    """The saved properties of a layer under the names and in the form in which MATLAB shows them."""
    properties = {
        name: value["Value"] if isinstance(value, dict) and "Value" in value else value
        for name, value in layer.saved.items()
        if name != "any"
    }
    properties.pop("Version", None)
    _restore_normalization(properties)
    _restore_padding(properties)
    if layer.class_name.endswith("GroupedConvolution2DLayer"):
        properties |= {name: _with_groups(properties.get(name), properties) for name in ("Weights", "Bias")}
    if "Classes" in properties and isinstance(properties["Classes"], list):
        properties["Classes"] = np.array(properties["Classes"], object)
    if "ReturnSequence" in properties:
        properties["OutputMode"] = "sequence" if np.any(properties["ReturnSequence"]) else "last"
    if "OutputSize" in properties and layer.class_name.endswith("FullyConnectedLayer"):
        size = properties["OutputSize"]
        properties["OutputSize"] = np.asarray(math.prod(np.ravel(size).astype(int).tolist())) if np.size(size) else size
    if "Categories" in properties:
        names = properties["Categories"]
        properties["Classes"] = np.array(names, object) if isinstance(names, list) and names else "auto"
    return properties


def _restore_padding(properties: dict[str, Any]) -> None:
    """Until R2017a layers kept ``Padding`` [a b]: a rows at the top and the bottom, b columns at the left and the right."""
    old = properties.get("Padding")
    if "PaddingSize" not in properties and isinstance(old, np.ndarray) and old.size == 2:
        properties["PaddingSize"] = np.repeat(old.ravel(), 2).reshape(1, 4)


def _with_groups(value: Any, properties: dict[str, Any]) -> Any:
    """Numbers of a grouped convolution with the axis of a group's filters, which is not kept where it has size 1 [files]."""
    filters, groups = (_number(properties.get(name)) for name in ("NumFiltersPerGroup", "NumGroups"))
    if (
        filters != 1
        or not isinstance(value, np.ndarray)
        or value.ndim not in (3, 4)
        or value.shape[-1] != groups
        or groups == 1
    ):
        return value
    return value.reshape(*value.shape[:-1], 1, value.shape[-1])


def _number(value: Any) -> float | None:
    return float(value.flat[0]) if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and value.size == 1 else None


def _restore_normalization(properties: dict[str, Any]) -> None:
    """An input layer keeps what normalises it as a struct, or nothing."""
    if "InputSize" not in properties or "Normalization" not in properties:
        return
    kept = properties["Normalization"]
    if is_empty(kept):
        properties["Normalization"] = "none"
    elif isinstance(kept, dict):
        properties["Normalization"] = kept.get("Type", "none")
        renamed = {"AverageImage": "Mean", "Std": "StandardDeviation", "StdImage": "StandardDeviation"}
        properties |= {renamed.get(name, name): value for name, value in kept.items() if name not in ("Type", "Version")}
        target = [_number(kept.get(name)) for name in ("TargetMin", "TargetMax")]
        if properties["Normalization"] == "rescale" and target in ([0, 1], [-1, 1]):
            properties["Normalization"] = "rescale-zero-one" if target[0] == 0 else "rescale-symmetric"
