"""The layer table: a network as a plain struct in a MAT-file, as ``specs/matlab.md`` defines it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converter.errors import Problem, ReadError
from converter.readers.matlab.properties import Properties, describe

VERSION = 1
MARKER = "layer_table_version"

MAXIMUM_DEPTH = 20
"""How deep networks may be nested; those of the documentation are two deep."""

BUILT_IN = "nnet.cnn.layer."
"""The package of the toolbox's own layers."""

NETWORK_LAYER = BUILT_IN + "NetworkLayer"
"""The class of a layer that holds a network, under the property Network."""


@dataclass(frozen=True)
class LayerRecord:
    """One layer: its place in the table (from 1), its name, its MATLAB class and its public properties."""

    number: int
    name: str
    class_name: str
    properties: Properties
    nested: LayerTable | None = None
    """The network inside a network layer."""
    is_inner: bool = False
    """Whether the layer stands inside a network layer; its number is then that of the outermost one."""
    reason: str = ""
    """Why it cannot be translated, where the source tells too little of it."""

    @property
    def short_class(self) -> str:
        return self.class_name.removeprefix(BUILT_IN)

    @property
    def where(self) -> str:
        return self.properties.where


@dataclass(frozen=True)
class Scope:
    """What the layers of a table stand in: the network itself, or a layer that holds their network."""

    path: str = ""
    """'outer/' for the layers inside the layer 'outer'."""
    number: int = 0
    """The number of the outermost layer around them; 0 where there is none."""
    depth: int = 0

    def where(self, number: int, name: str, class_name: str) -> str:
        return f"layer {self.number or number} '{self.path}{name}' ({class_name.rpartition('.')[2]})"

    def record(
        self, number: int, name: str, class_name: str, values: dict[str, Any], nested: LayerTable | None = None
    ) -> LayerRecord:
        properties = Properties(_modern(values), self.where(number, name, class_name))
        return LayerRecord(self.number or number, name, class_name, properties, nested, self.depth > 0)

    def inside(self, number: int, name: str, class_name: str) -> Scope:
        """The scope of the layers inside a layer. Raises ReadError where networks are nested absurdly deep."""
        if self.depth == MAXIMUM_DEPTH:
            reason = f"networks are nested more than {MAXIMUM_DEPTH} deep."
            raise ReadError(Problem(reason, self.where(number, name, class_name)))
        return Scope(f"{self.path}{name}/", self.number or number, self.depth + 1)


@dataclass(frozen=True)
class Port:
    """An input or output of a layer; ``port`` is empty where the layer has only one ('relu1', 'add/in2')."""

    layer: str
    port: str = ""

    def __str__(self) -> str:
        return f"{self.layer}/{self.port}" if self.port else self.layer


@dataclass(frozen=True)
class StoredProbe:
    """The arrays of a probe as stored, in the order of the network's inputs and outputs, with their dimension letters.

    A format is a text such as 'SSCB' (S spatial, C channel, B batch), empty where the file does not tell.
    """

    inputs: tuple[tuple[np.ndarray, str], ...]
    outputs: tuple[tuple[np.ndarray, str], ...]


@dataclass(frozen=True)
class LayerTable:
    name: str
    release: str
    layers: tuple[LayerRecord, ...]
    connections: tuple[tuple[Port, Port], ...]
    inputs: tuple[Port, ...] = ()
    """Empty: every input layer, in the order of the table."""
    outputs: tuple[Port, ...] = ()
    """Empty: every output that no layer reads."""
    probe: StoredProbe | None = None
    notes: tuple[str, ...] = ()
    """What was assumed in reading it."""
    classes: tuple[str, ...] = ()
    """The class names of a network of one output, where they stand outside of its layers."""


@dataclass
class Problems:
    """Collects what is wrong, so that all of it can be told at once."""

    found: list[Problem] = field(default_factory=list)

    def add(self, reason: str, where: str = "", advice: str = "") -> None:
        self.found.append(Problem(reason, where, advice))

    def __enter__(self) -> Problems:
        """As a context: a ReadError inside is collected, and the work goes on after it."""
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        if isinstance(error, ReadError):
            self.found += error.problems
            return True
        return False

    def raise_any(self) -> None:
        if self.found:
            raise ReadError(self.found)


def is_table(value: Any) -> bool:
    return isinstance(value, dict) and MARKER in value


def parse(value: dict[str, Any], variable: str) -> LayerTable:
    """``value``, the struct of a layer table as ``container.load`` gives it. Raises ReadError with every problem found."""
    return _parse(Properties(value, f"struct '{variable}'"), Scope())


def _parse(network: Properties, scope: Scope) -> LayerTable:
    problems = Problems()
    version = network.integer(MARKER)
    if version != VERSION:
        raise ReadError(Problem(f"is a layer table of version {version}; this program reads version {VERSION}.", network.where))
    layers = _layers(network, scope, problems)
    names = {layer.name for layer in layers}
    connections: tuple[tuple[Port, Port], ...] = ()
    inputs: list[str] = []
    outputs: list[str] = []
    probe = None
    name = release = ""
    with problems:
        connections = _connections(network, layers, names, problems)
    with problems:
        inputs = network.texts("input_names", [])
        outputs = network.texts("output_names", [])
        for text in (*inputs, *outputs):
            if named_port(text, names) is None:
                problems.add(f"input_names or output_names holds '{text}', which no layer has as its name.", network.where)
    with problems:
        name = network.text("name", "")
        release = network.text("release", "")
    with problems:
        if "probe" in network:
            stored = network.struct("probe")
            probe = StoredProbe(_stored(stored, "input"), _stored(stored, "output"))
    problems.raise_any()
    return LayerTable(
        name,
        release,
        layers,
        connections,
        tuple(named_port(text, names) for text in inputs),
        tuple(named_port(text, names) for text in outputs),
        probe,
    )


def _layers(network: Properties, scope: Scope, problems: Problems) -> tuple[LayerRecord, ...]:
    layers: list[LayerRecord] = []
    for number, entry in enumerate(network.structs("layers"), 1):
        with problems:
            name = entry.text("Name", f"layer_{number}")
            class_name = entry.text("Class")
            values = entry.struct("Properties", {}).values
            place = number, name, class_name
            first = next((index for index, layer in enumerate(layers, 1) if layer.name == name), None)
            if first is not None:
                problems.add(f"has the same name as layer {first}.", scope.where(*place), "Give every layer its own name.")
            nested = None
            if class_name == NETWORK_LAYER and is_table(values.get("Network")):
                inner = Properties(values["Network"], f"{scope.where(*place)}, Network")
                nested = _parse(inner, scope.inside(*place))
            layers.append(scope.record(*place, values, nested))
    return tuple(layers)


def _connections(
    network: Properties, layers: tuple[LayerRecord, ...], names: set[str], problems: Problems
) -> tuple[tuple[Port, Port], ...]:
    if "connections" not in network.values:
        chain = [Port(layer.name) for layer in layers]
        return tuple(itertools.pairwise(chain))
    value = network.values["connections"]
    cell = isinstance(value, np.ndarray) and (
        value.size == 0 or (value.dtype == object and value.ndim == 2 and value.shape[1] == 2)
    )
    if not cell or not all(isinstance(text, str) for text in value.flat):
        network.fail("connections", "a cell array of two columns of text, source and destination")
    return connected(value.reshape(-1, 2).tolist(), names, network.where, problems)


def connected(rows: list[tuple[str, str]], names: set[str], where: str, problems: Problems) -> tuple[tuple[Port, Port], ...]:
    """Rows of source and destination as ports; a name that no layer has is a problem."""
    pairs = []
    for source, destination in rows:
        ends = [named_port(text, names) for text in (source, destination)]
        for text, end in zip((source, destination), ends, strict=True):
            if end is None:
                problems.add(f"connection '{source}' -> '{destination}': no layer is named '{text}'.", where)
        if None not in ends:
            pairs.append(tuple(ends))
    return tuple(pairs)


def _modern(values: dict[str, Any]) -> dict[str, Any]:
    """Properties as releases from R2017b on have them: Padding and Cropping were [top and bottom, left and right] before."""
    old = [word for word in ("Padding", "Cropping") if f"{word}Size" not in values and word in values]
    sides = {f"{word}Size": np.repeat(values[word], 2)[None] for word in old if getattr(values[word], "size", 0) == 2}
    return values | sides


def named_port(text: str, names: set[str]) -> Port | None:
    """'add/in2' as layer and port, None where there is no such layer."""
    if text in names:
        return Port(text)
    cuts = [index for index, letter in enumerate(text) if letter == "/"]
    return next((Port(text[:cut], text[cut + 1 :]) for cut in reversed(cuts) if text[:cut] in names), None)


def _stored(probe: Properties, side: str) -> tuple[tuple[np.ndarray, str], ...]:
    name = f"{side}s"
    value = probe.values.get(name)
    arrays = list(value.flatten(order="F")) if isinstance(value, np.ndarray) and value.dtype == object else [value]
    formats = probe.texts(f"{side}_formats", [""] * len(arrays))
    if len(formats) != len(arrays):
        probe.fail(f"{side}_formats", f"one text for each of the {len(arrays)} arrays in {name}")
    for array in arrays:
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
            raise ReadError(Problem(f"{name} holds {describe(array)}; expected arrays of real numbers.", probe.where))
    return tuple(zip(arrays, formats, strict=True))
