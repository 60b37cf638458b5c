"""From a layer table to the graph: layers in the order of their connections, each translated in its room."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from converter.graph import MATLAB_DOMAIN, Graph, Layer, Probe, Shape, Source, Value, Weight
from converter.readers.matlab.description import classes
from converter.readers.matlab.layers import images_over_time, room_of
from converter.readers.matlab.layers.refused import REASONS
from converter.readers.matlab.layers.supplied import FUNCTION_LAYER, handle
from converter.readers.matlab.nesting import expanded
from converter.readers.matlab.ports import input_count, port_key
from converter.readers.matlab.properties import Properties, sizes
from converter.readers.matlab.site import Site, Untranslated, matlab_order, without_trailing_ones
from converter.readers.matlab.table import LayerRecord, LayerTable, Port, Problems

_BARE = {"": "out", "out": "out"}  # a layer with one output may leave the port out


@dataclass
class Wiring:
    """The layers in an order in which each comes after what it reads, and what arrives at their ports, in the ports' order."""

    order: list[LayerRecord]
    arriving: dict[str, list[tuple[str, Port]]]
    read: dict[str, list[str]] = field(default_factory=dict)
    """For each layer, the output ports that some layer reads."""


def build(table: LayerTable, name: str, source: Source) -> Graph:
    """The graph of ``table``; ``name`` is used where the table has none. Raises ReadError with every problem found.

    A class without a room, or a layer whose options the graph cannot express, becomes a node of ``MATLAB_DOMAIN`` with the
    class as its type and the attribute ``reason``.
    """
    table = expanded(table)
    wiring = wire(table)
    problems = Problems()
    graph = Graph(table.name or name, source=source)
    results: dict[str, dict[str, Value]] = {}
    listed: dict[str, Layer] = {}
    broken: set[str] = set()  # layers after a wrong one: their own problems would only repeat its own
    for record in wiring.order:
        arriving = wiring.arriving[record.name]
        broken |= {record.name} if any(port.layer in broken for _, port in arriving) else set()
        if record.name in broken:
            continue
        found = len(problems.found)
        with problems:
            inputs = [_result(results, port, problems, record) for _, port in arriving]
            if None not in inputs:
                results[record.name], listed[record.name] = translate(graph, record, inputs, wiring.read.get(record.name, []))
        broken |= {record.name} if len(problems.found) > found else set()
    problems.raise_any()
    graph.layers = [listed[record.name] for record in table.layers]
    with problems:
        _name_ends(graph, table, results, wiring, problems)
    problems.raise_any()
    graph.classes = _classes(graph, table, results)
    graph.notes = [*table.notes, *graph.notes, *_notes(graph)]
    with problems:
        graph.probe = _probe(graph, table, problems)
    problems.raise_any()
    graph.check()
    return graph


def translate(graph: Graph, record: LayerRecord, inputs: list[Value], read: list[str]) -> tuple[dict[str, Value], Layer]:
    """The outputs of one layer by port, and its line in the listing."""
    room = room_of(record)
    site = Site(graph, record, inputs)
    if room is None:
        results = _placeholder(site, read, _reason(record))
        kind = record.properties.values.get("Type") or record.short_class
        text = record.properties.values.get("Description") or record.short_class
        words = [item if isinstance(item, str) else record.short_class for item in (kind, text)]
        return results, Layer(record.number, record.name, *words, tuple(results.values()))
    before, told = len(graph.nodes), len(graph.notes)
    try:
        images_over_time.check(site)
        result = room.translate(site)
        results = result if isinstance(result, dict) else {"out": result}
        results = {port: images_over_time.vectors(site, value) for port, value in results.items()}
    except Untranslated as reason:
        while len(graph.nodes) > before:
            graph.remove(graph.nodes[-1])
        graph.inputs = [value for value in graph.inputs if value.name != record.name]
        del graph.notes[told:]
        site.inputs, site.learnables = list(inputs), []
        results = _placeholder(site, read, str(reason))
    outputs = () if room.output_layer else tuple(results.values())
    text = room.describe(record.properties)
    return results, Layer(record.number, record.name, room.type, text, outputs, tuple(site.learnables))


def _reason(record: LayerRecord) -> str:
    """Why a layer without a room is refused; a function layer shows the function."""
    reason, text = REASONS.get(record.class_name, record.reason), handle(record.properties)
    if record.class_name != FUNCTION_LAYER or not text:
        return reason
    shown = text if len(text) <= 200 else f"{text[:200]}..."
    return f"{reason}: {shown}; supply it with converter.matlab_function"


def _placeholder(site: Site, read: list[str], reason: str) -> dict[str, Value]:
    ports = list(dict.fromkeys(_BARE.get(port, port) for port in read)) or ["out"]
    names = [site.name if port == "out" else f"{site.name}/{port}" for port in ports]
    site.graph.add(
        site.record.short_class,
        site.inputs,
        {"reason": reason},
        name=site.name,
        output=names,
        domain=MATLAB_DOMAIN,
        origin=site.origin,
    )
    return dict(zip(ports, site.graph.nodes[-1].outputs, strict=True))


def _result(results: Mapping[str, Mapping[str, Value]], port: Port, problems: Problems, reader: LayerRecord) -> Value | None:
    value = results[port.layer].get(_BARE.get(port.port, port.port))
    if value is None:
        problems.add(f"reads '{port}', but layer '{port.layer}' has no output '{port.port}'.", reader.where)
    return value


# Connections ----------------------------------------------------------------------------------------------------------------


def wire(table: LayerTable) -> Wiring:
    """Order and ports. Raises ReadError for layers that nothing reaches, ports connected twice or never, and cycles."""
    problems = Problems()
    arriving: dict[str, list[tuple[str, Port]]] = {record.name: [] for record in table.layers}
    read: dict[str, list[str]] = {}
    for source, destination in table.connections:
        arriving[destination.layer].append((destination.port, source))
        read.setdefault(source.layer, []).append(source.port)
    for record in table.layers:
        with problems:
            arriving[record.name] = _in_order(record, arriving[record.name], problems)
    order, stuck = _sorted(table, arriving)
    if stuck:
        names = " -> ".join(f"'{record.name}'" for record in stuck)
        problems.add(f"the connections form a cycle: {names}.", advice="A network must have none; remove one of them.")
    problems.raise_any()
    return Wiring(order, arriving, read)


def _in_order(record: LayerRecord, arriving: list[tuple[str, Port]], problems: Problems) -> list[tuple[str, Port]]:
    """What arrives, sorted by the layer's input ports ('in2' may stand before 'in1' in the table), each port once."""
    expected = input_count(record)
    arriving = sorted(arriving, key=lambda pair: port_key(record, pair[0]))
    ports = [port for port, _ in arriving]
    twice = sorted({port for port in ports if ports.count(port) > 1})
    for port in twice:
        where = f"its input '{port}'" if port else "its input"
        sources = " and ".join(f"'{source}'" for name, source in arriving if name == port)
        problems.add(f"{where} is connected more than once, to {sources}.", record.where)
    if len(arriving) < (1 if expected is None else expected):
        got = (
            f"has {expected} inputs, of which {len(arriving)} are connected"
            if (expected or 1) > 1
            else "has no incoming connection"
        )
        problems.add(f"{got}.", record.where, "Check the connections of the table.")
    elif expected is not None and len(arriving) > expected and not twice:
        sources = ", ".join(f"'{source}'" for _, source in arriving)
        problems.add(
            f"has {expected} input{'s' if expected != 1 else ''}, but {len(arriving)} connections arrive: {sources}.",
            record.where,
        )
    return arriving


def _sorted(table: LayerTable, arriving: Mapping[str, list[tuple[str, Port]]]) -> tuple[list[LayerRecord], list[LayerRecord]]:
    """The layers in the table's order as far as their connections allow; the second list holds a cycle, if there is one."""
    readers: dict[str, list[LayerRecord]] = {record.name: [] for record in table.layers}
    missing = {record.name: len(arriving[record.name]) for record in table.layers}
    for record in table.layers:
        for _, port in arriving[record.name]:
            readers[port.layer].append(record)
    place = {record.name: index for index, record in enumerate(table.layers)}
    ready = [index for index, record in enumerate(table.layers) if not missing[record.name]]
    order: list[LayerRecord] = []
    while ready:
        order.append(table.layers[heapq.heappop(ready)])
        for reader in readers[order[-1].name]:
            missing[reader.name] -= 1
            if not missing[reader.name]:
                heapq.heappush(ready, place[reader.name])
    waiting = {record.name: record for record in table.layers if missing[record.name]}
    return order, _cycle(waiting, arriving) if waiting else []


def _cycle(waiting: Mapping[str, LayerRecord], arriving: Mapping[str, list[tuple[str, Port]]]) -> list[LayerRecord]:
    path = [next(iter(waiting))]
    while path[-1] not in path[:-1]:
        path.append(next(port.layer for _, port in arriving[path[-1]] if port.layer in waiting))
    return [waiting[name] for name in reversed(path[path.index(path[-1]) :])]


# Ends of the network --------------------------------------------------------------------------------------------------------


def _name_ends(
    graph: Graph, table: LayerTable, results: Mapping[str, Mapping[str, Value]], wiring: Wiring, problems: Problems
) -> None:
    """Order the inputs as the table says, and set the outputs: those it names, or all that no layer reads."""
    records = {record.name: record for record in table.layers}
    made = {value.name: value for value in graph.inputs}
    named = [port.layer for port in table.inputs]
    for name in named:
        if (room := room_of(records[name])) is not None and room.inputs != 0:
            problems.add("stands in input_names, but is no input layer.", records[name].where)
    graph.inputs = [made[name] for name in dict.fromkeys([*named, *made]) if name in made]
    ends = table.outputs or [Port(record.name) for record in table.layers if record.name not in wiring.read]
    values = [_end(graph, records[port.layer], _result(results, port, problems, records[port.layer])) for port in ends]
    graph.outputs = list(dict.fromkeys(value for value in values if value is not None))


def _end(graph: Graph, record: LayerRecord, value: Value | None) -> Value | None:
    """An output of the network; images get their steps back."""
    if value is None or not images_over_time.holds(value):
        return value
    return images_over_time.steps(Site(graph, record, [value]), value)


def _classes(graph: Graph, table: LayerTable, results: Mapping[str, Mapping[str, Value]]) -> dict[str, tuple[str, ...]]:
    """The class names of each output, from its output layer; a note tells those that do not fit."""
    found = dict.fromkeys(graph.outputs, table.classes) if len(graph.outputs) == 1 and table.classes else {}
    for record in table.layers:
        room = room_of(record)
        if room is not None and room.output_layer and (names := classes(record.properties)):
            found[results[record.name]["out"]] = tuple(names)
    fitting = {}
    for value, names in found.items():
        channels = value.shape[1] if value.shape is not None and len(value.shape) > 1 else "an unknown number of"
        if channels != len(names):
            what = f"names {len(names)} classes ({_shown(names)})"
            graph.notes.append(f"The source {what}, but '{value.name}' has {channels} channels: which is which is not known.")
        elif value in graph.outputs:
            fitting[value.name] = names
    return fitting


def _shown(names: Sequence[str]) -> str:
    return ", ".join(f"'{text}'" for text in names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _notes(graph: Graph) -> list[str]:
    notes = []
    empty = [layer for layer in graph.layers if any(not weight.has_data for weight in layer.learnables)]
    learnable = [layer for layer in graph.layers if layer.learnables]
    if empty and len(empty) == len(learnable):
        notes.append("The source describes the layers without their weights: the converted model starts freshly initialised.")
    elif empty:
        names = ", ".join(f"'{layer.name}'" for layer in empty)
        notes.append(f"The source has no weights for {names}: these layers start freshly initialised.")
    statistics = [v.weight for v in graph.weights() if _is_statistic(graph, v) and not v.weight.has_data]
    for weight in statistics:
        size = "one number" if not weight.shape else sizes((*weight.shape[1:], weight.shape[0]))
        notes.append(
            f"The input is normalised with '{weight.name}' ({size}), which the source does not hold: set it before use."
        )
    notes += [f"Output classes of '{name}', in order: {_shown(names)}." for name, names in graph.classes.items()]
    return notes


def _is_statistic(graph: Graph, value: Value) -> bool:
    weight: Weight | None = value.weight
    return weight is not None and not weight.trainable and all(node.op_type in ("Sub", "Div") for node, _ in value.users)


def _probe(graph: Graph, table: LayerTable, problems: Problems) -> Probe | None:
    """The stored probe in graph order; None also where a placeholder hides what the network takes or gives."""
    if table.probe is None or any(node.domain == MATLAB_DOMAIN for node in graph.nodes):
        return None
    sides: list[dict[str, np.ndarray]] = []
    for side, values, stored in (
        ("inputs", graph.inputs, table.probe.inputs),
        ("outputs", graph.outputs, table.probe.outputs),
    ):
        if len(values) != len(stored):
            problems.add(f"holds {len(stored)} {side}, but the network has {len(values)}.", "the probe")
            continue
        sides.append({v.name: _channels_first(v, array, letters) for v, (array, letters) in zip(values, stored, strict=True)})
    return Probe(*sides) if len(sides) == 2 else None


def _channels_first(value: Value, array: np.ndarray, letters: str) -> np.ndarray:
    """A stored array in the graph's axis order; ``letters`` names its axes (S spatial, C channel, B batch, T time).

    Without letters it has the axes that ``predict`` of a SeriesNetwork takes and gives: 'SSCB' for images, 'CT' for a sequence,
    'SSCT' for a sequence of images, 'BC' for vectors.
    """
    wanted = value.shape[1:]
    axes = _axes(wanted)
    over_time, spatial = "T" in axes, "S" * axes.count("S")
    letters = letters or (f"{spatial}CT" if over_time else f"{spatial}CB" if spatial else "BC")
    letters += "" if "B" in letters else "B"
    stored = Properties({"probe": array, "format": letters}, f"the probe of '{value.name}'")
    once = "CBT" if over_time else "CB"
    if sorted(letters) != sorted("S" * (len(letters) - len(once)) + once) or array.ndim > len(letters):
        stored.fail("format", f"letters S, {', '.join(once[:-1])} and {once[-1]} that name {array.ndim} axes")
    full = array.reshape((*array.shape, *(1,) * (len(letters) - array.ndim)), order="F").astype(np.float32)
    order = sorted(range(len(letters)), key=lambda axis: (axes + "S").index(letters[axis]))
    result = np.ascontiguousarray(full.transpose(order))
    found = result.shape[1:]
    if over_time and (
        len(found) != len(wanted) or any(isinstance(a, int) and a != b for a, b in zip(wanted, found, strict=True))
    ):
        stored.fail("probe", f"{sizes(wanted)} (axes {axes[1:]}) for each element of the batch")
    if not over_time and without_trailing_ones(found) != without_trailing_ones(wanted):  # a vector may be a 1-by-1 image
        stored.fail("probe", f"{sizes(matlab_order(wanted))} for each element of the batch")
    return result if over_time else result.reshape(result.shape[0], *wanted)


def _axes(shape: Shape) -> str:
    """MATLAB's letter for each axis of a value of ``shape`` (without the batch), the batch first; time is an open size."""
    if len(shape) > 2 and not isinstance(shape[0], int):
        return "BTC" + "S" * (len(shape) - 2)
    if len(shape) == 2 and not isinstance(shape[1], int):
        return "BCT"
    return "BC" + "S" * (len(shape) - 1)
