"""Shallow networks: the ``network`` objects of feedforwardnet, fitnet, patternnet and cascadeforwardnet.

Such an object is of MATLAB's old kind, which lies in a file as a struct does. What a network computes is documented with its
properties and shown by the functions that ``genFunction`` writes: each input is processed (``processFcns``), each layer applies
its transfer function to the sum of its weighted inputs and its bias, each output is processed backwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from converter.errors import Problem, ReadError
from converter.graph import Value, Weight
from converter.readers.matlab.container import Foreign, Object
from converter.readers.matlab.layers import layer
from converter.readers.matlab.properties import Properties, is_empty
from converter.readers.matlab.site import Site, Untranslated
from converter.readers.matlab.table import LayerRecord, LayerTable, Port

CLASS = "network"
_PACKAGE = "network."


def parse(net: Object, name: str) -> LayerTable:
    """The network as a layer table. Raises ReadError where it is not configured, has delays, or contradicts itself."""
    return _Parser(Properties(net.properties, f"network '{name}'")).table()


class _Parser:
    def __init__(self, net: Properties):
        self.net = net
        self.records: list[LayerRecord] = []
        self.pairs: list[tuple[Port, Port]] = []
        self.layers = self._parts("layers")
        self.inputs = self._parts("inputs")

    def table(self) -> LayerTable:
        self._refuse_delays()
        starts = [self._input(number, part) for number, part in enumerate(self.inputs, 1)]
        count = len(self.layers)
        from_inputs, from_layers = self._table("inputConnect", count, len(starts)), self._table("layerConnect", count, count)
        biases = self._table("biasConnect", count, 1)
        called = [part.text("name", "") or f"layer{number}" for number, part in enumerate(self.layers, 1)]
        taken = {record.name for record in self.records}
        names = [
            name if name not in taken and called.count(name) == 1 else f"{name}_{number}"
            for number, name in enumerate(called, 1)
        ]
        for row, (name, part) in enumerate(zip(names, self.layers, strict=True)):
            sources = [(starts[column], "IW", column) for column in np.flatnonzero(from_inputs[row])]
            sources += [(names[column], "LW", column) for column in np.flatnonzero(from_layers[row])]
            values = {f"Weights{port}": self._cell(kind, row, column) for port, (_, kind, column) in enumerate(sources, 1)}
            values |= {
                f"WeightFcn{port}": self._weight_function(kind, row, column)
                for port, (_, kind, column) in enumerate(sources, 1)
            }
            if biases[row, 0]:
                values["Bias"] = self._cell("b", row, 0)
            values |= {key: part.text(old, new) for key, old, new in _LAYER_OPTIONS}
            values |= {"Size": part.array("size"), "NumInputs": np.array([[len(sources)]])}
            self._add(name, "Layer", values, [source for source, _, _ in sources])
        connected = self._table("outputConnect", 1, count)[0]
        outputs = self._parts("outputs", count)
        ends = [self._output(names[row], outputs[row]) for row in np.flatnonzero(connected)]
        if not ends:
            self.net.fail("outputConnect", "at least one layer with an output")
        return LayerTable("", "", tuple(self.records), tuple(self.pairs), outputs=tuple(Port(end) for end in ends))

    def _input(self, number: int, part: Properties) -> str:
        end = self._add(f"x{number}", "Input", {"Size": part.array("size")}, [])
        for function, settings in self._processing(part):
            end = self._add(self._unique(f"{end}_{function}"), "Process", settings.values | {"Function": function}, [end])
        return end

    def _output(self, end: str, part: Properties) -> str:
        for function, settings in reversed(self._processing(part)):
            values = settings.values | {"Function": function}
            end = self._add(self._unique(f"{end}_{function}"), "Unprocess", values, [end])
        return end

    def _processing(self, part: Properties) -> list[tuple[str, Properties]]:
        """The process functions that do anything, with their settings."""
        names = part.texts("processFcns", [])
        settings = part.values.get("processSettings")
        items = settings.flatten(order="F").tolist() if isinstance(settings, np.ndarray) and settings.dtype == object else []
        if len(items) != len(names) or not all(isinstance(item, dict | Object) for item in items):
            part.fail("processSettings", f"a cell array of {len(names)} structs, as a configured network has")
        pairs = [(name, _properties(item, part.where)) for name, item in zip(names, items, strict=True)]
        return [(name, item) for name, item in pairs if not item.flag("no_change", False)]

    def _refuse_delays(self) -> None:
        dynamic = [name for name in ("numInputDelays", "numLayerDelays", "numFeedbackDelays") if self.net.number(name, 0)]
        for kind in ("inputWeights", "layerWeights"):
            cells = self.net.values.get(kind)
            for item in cells.flat if isinstance(cells, np.ndarray) and cells.dtype == object else []:
                if isinstance(item, dict | Object) and np.any(_properties(item, kind).array("delays", np.zeros(1))):
                    dynamic.append(f"{kind}.delays")
        if dynamic:
            reason = (
                f"is dynamic ({', '.join(dict.fromkeys(dynamic))}): its answer depends on earlier inputs, which is not read."
            )
            raise ReadError(Problem(reason, self.net.where))

    def _parts(self, name: str, count: int | None = None) -> list[Properties]:
        cells = self.net.values.get(name)
        items = cells.flatten(order="F").tolist() if isinstance(cells, np.ndarray) and cells.dtype == object else [cells]
        if count is not None and len(items) != count:
            self.net.fail(name, f"a cell array of {count}")
        if count is None and not all(isinstance(item, dict | Object) for item in items):
            self.net.fail(name, "a cell array of structs")
        return [_properties(item, f"{self.net.where}, {name}{{{number}}}") for number, item in enumerate(items, 1)]

    def _table(self, name: str, rows: int, columns: int) -> np.ndarray:
        array = self.net.array(name)
        if array.shape != (rows, columns):
            self.net.fail(name, f"an array of {rows}×{columns}")
        return array

    def _cell(self, name: str, row: int, column: int) -> np.ndarray:
        cells = self.net.values.get(name)
        value = None
        if isinstance(cells, np.ndarray) and cells.dtype == object and cells.ndim == 2:
            value = cells[row, column] if row < cells.shape[0] and column < cells.shape[1] else None
        if is_empty(value) or not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub":
            reason = f"{name}{{{row + 1},{column + 1}}} holds no numbers: the network is not configured."
            raise ReadError(Problem(reason, self.net.where, "Train it, or run configure(net, x, t), and save it again."))
        return value

    def _weight_function(self, kind: str, row: int, column: int) -> str:
        cells = self.net.values.get({"IW": "inputWeights", "LW": "layerWeights"}[kind])
        inside = isinstance(cells, np.ndarray) and cells.ndim == 2 and row < cells.shape[0] and column < cells.shape[1]
        item = cells[row, column] if inside else None
        return _properties(item, kind).text("weightFcn", "dotprod")

    def _unique(self, name: str) -> str:
        taken = {record.name for record in self.records}
        return name if name not in taken else f"{name}_{len(self.records) + 1}"

    def _add(self, name: str, kind: str, values: dict[str, Any], sources: list[str]) -> str:
        number = len(self.records) + 1
        record = LayerRecord(number, name, f"{_PACKAGE}{kind}", Properties(values, f"layer {number} '{name}' ({kind})"))
        self.records.append(record)
        self.pairs += [(Port(source), Port(name, f"in{port}")) for port, source in enumerate(sources, 1)]
        return name


_LAYER_OPTIONS = [("TransferFcn", "transferFcn", "purelin"), ("NetInputFcn", "netInputFcn", "netsum")]


def _properties(value: Any, where: str) -> Properties:
    fields = value.properties if isinstance(value, Object) else value if isinstance(value, dict) else {}
    return Properties({name: item for name, item in fields.items() if not isinstance(item, Foreign)}, where)


# Rooms ----------------------------------------------------------------------------------------------------------------------


@layer(f"{_PACKAGE}Input", "Input", lambda p: f"{p.integer('Size')} numbers", inputs=0)
def network_input(n: Site) -> Value:
    n.inputs = [n.input((n.properties.integer("Size"),))]
    return n.x


@layer(f"{_PACKAGE}Process", "Input processing", lambda p: p.text("Function"))
def process(n: Site) -> Value:
    """What is done to an input: rows left out, or (x - offset) * gain + shift."""
    function = n.properties.text("Function")
    if function == "removeconstantrows":
        keep = n.properties.array("keep").ravel().astype(np.int64) - 1
        return n.add("Gather", [n.x, Value.constant(keep, f"{n.name}_rows")], {"axis": 1})
    offset, gain, shift = _affine(n, function)
    x = n.add("Mul", [n.add("Sub", [n.x, offset], part="shifted"), gain], part="scaled")
    return n.add("Add", [x, shift])


@layer(f"{_PACKAGE}Unprocess", "Output processing", lambda p: f"{p.text('Function')}, backwards")
def unprocess(n: Site) -> Value:
    """The inverse: constant rows put back, or (y - shift) / gain + offset."""
    p = n.properties
    function = p.text("Function")
    if function == "removeconstantrows":
        keep = p.array("keep").ravel().astype(np.int64) - 1
        removed = p.array("remove", np.zeros(0)).ravel().astype(np.int64) - 1
        values = p.array("constants" if "constants" in p else "value").ravel().astype(np.float32)
        if sorted([*keep, *removed]) != list(range(keep.size + removed.size)) or values.size != removed.size:
            n.fail("its rows to keep and to remove do not make up all rows.")
        spread = np.zeros((keep.size, keep.size + removed.size), np.float32)  # each kept row goes to its place
        spread[np.arange(keep.size), keep] = 1
        constants = np.zeros(keep.size + removed.size, np.float32)
        constants[removed] = values
        rows = Value.constant(spread, f"{n.name}_rows")
        return n.add("Add", [n.add("MatMul", [n.x, rows], part="spread"), Value.constant(constants, f"{n.name}_constants")])
    offset, gain, shift = _affine(n, function)
    x = n.add("Div", [n.add("Sub", [n.x, shift], part="shifted"), gain], part="scaled")
    return n.add("Add", [x, offset])


def _affine(n: Site, function: str) -> tuple[Value, Value, Value]:
    """Offset, gain and shift of y = (x - offset) * gain + shift."""
    p, count = n.properties, n.channels()
    if function not in ("mapminmax", "mapstd"):
        raise Untranslated(f"the process function '{function}' is not translated")
    low, high, least, most = ("xmin", "xmax", "ymin", "ymax") if function == "mapminmax" else ("xmean", "xstd", "ymean", "ystd")
    if "gain" in p and "xoffset" in p:
        offset, gain = p.array("xoffset"), p.array("gain")
    else:  # files of older releases
        offset = p.array(low)
        span = p.array(high) - offset if function == "mapminmax" else p.array(high)
        if not np.all(span):
            n.fail(f"{function} of an input that is always the same has no gain.")
        gain = ((p.number(most) - p.number(least)) if function == "mapminmax" else p.number(most)) / span
    rows = [np.asarray(array, np.float32).ravel() for array in (offset, gain)]
    if any(row.size != count for row in rows):
        n.fail(f"{function} is of {rows[0].size} rows, but {count} arrive.")
    offset, gain = (Value.constant(row, f"{n.name}_{part}") for row, part in zip(rows, ("offset", "gain"), strict=True))
    return offset, gain, n.scalar(p.number(least), "shift")


@layer(f"{_PACKAGE}Layer", "Layer", lambda p: f"{p.integer('Size')} neurons with {p.text('TransferFcn')}", inputs=None)
def network_layer(n: Site) -> Value:
    """The transfer function of the combined inputs."""
    p = n.properties
    transfer = p.text("TransferFcn")
    if transfer not in TRANSFER:
        raise Untranslated(f"the transfer function '{transfer}' is not translated")
    combine = {"netsum": "Add", "netprod": "Mul"}.get(p.text("NetInputFcn"))
    if combine is None:
        raise Untranslated(f"the net input function '{p.text('NetInputFcn')}' is not translated")
    size = p.integer("Size")
    bias = n.vector("Bias", size) if "Bias" in p else None
    # A dense layer takes the bias in; a product, or distances, are followed by it.
    apart = bias is not None and (combine == "Mul" or p.text("WeightFcn1") != "dotprod")
    plain, count = transfer == "purelin", len(n.inputs) + apart  # then the last of them is the layer
    parts = [""] if plain and count == 1 else ["linear"] if count == 1 else [f"in{port}" for port in range(1, count + 1)]
    biases = [bias if port == 0 and not apart else None for port in range(count)]
    terms = [_weighted(n, x, port, size, biases[port - 1], parts[port - 1]) for port, x in enumerate(n.inputs, 1)]
    terms += [Value.of_weight(bias)] if apart else []
    total = terms[0]
    for index, term in enumerate(terms[1:], 2):
        total = n.add(combine, [total, term], part="" if plain and index == count else f"sum{index}")
    return TRANSFER[transfer](n, total)


def _weighted(n: Site, x: Value, port: int, size: int, bias: Weight | None, part: str) -> Value:
    """W * x, or the distances between the rows of W and x."""
    count = n.known(x)[1]
    weights = n.weight(f"Weights{port}", (size, count))
    function = n.properties.text(f"WeightFcn{port}")
    if function == "dotprod":
        return n.add("Gemm", [x, weights, bias], {"transB": 1}, part=part, is_core=part == "linear")
    if function != "dist":
        raise Untranslated(f"the weight function '{function}' is not translated")
    column = n.add("Unsqueeze", [x, Value.constant(np.array([1], np.int64), f"{n.name}_axis{port}")], part=f"column{port}")
    difference = n.add("Sub", [column, weights], part=f"difference{port}")
    axis = Value.constant(np.array([2], np.int64), f"{n.name}_last{port}")
    return n.add("ReduceL2", [difference, axis], {"keepdims": 0}, part=part)


Transfer = Callable[[Site, Value], Value]


def _operator(op_type: str, **attributes: Any) -> Transfer:
    return lambda n, x: n.add(op_type, [x], attributes)


def _clip(low: float, high: float) -> Transfer:
    return lambda n, x: n.add("Clip", [x, n.scalar(low, "low"), n.scalar(high, "high")])


def _gaussian(n: Site, x: Value, part: str = "") -> Value:
    return n.add("Exp", [n.add("Neg", [n.add("Mul", [x, x], part="square")], part="negative")], part=part)


def _normalised_gaussian(n: Site, x: Value) -> Value:
    """exp(-x²) over its sum is softmax(-x²)."""
    return n.add("Softmax", [n.add("Neg", [n.add("Mul", [x, x], part="square")], part="negative")], {"axis": 1})


def _triangle(n: Site, x: Value) -> Value:
    return n.add("Relu", [n.add("Sub", [n.scalar(1, "one"), n.add("Abs", [x], part="distance")], part="triangle")])


def _step(n: Site, x: Value) -> Value:
    above = n.add("GreaterOrEqual", [x, n.scalar(0, "zero")], part="above")
    return n.add("Where", [above, n.scalar(1, "high"), n.scalar(0, "low")])


def _signed_step(n: Site, x: Value) -> Value:
    above = n.add("GreaterOrEqual", [x, n.scalar(0, "zero")], part="above")
    return n.add("Where", [above, n.scalar(1, "high"), n.scalar(-1, "low")])


TRANSFER: dict[str, Transfer] = {
    "purelin": lambda n, x: x,
    "tansig": _operator("Tanh"),
    "logsig": _operator("Sigmoid"),
    "poslin": _operator("Relu"),
    "softmax": _operator("Softmax", axis=1),
    "elliotsig": _operator("Softsign"),
    "satlin": _clip(0, 1),
    "satlins": _clip(-1, 1),
    "radbas": _gaussian,
    "radbasn": _normalised_gaussian,
    "tribas": _triangle,
    "hardlim": _step,
    "hardlims": _signed_step,
}
"""By name; ``tansig`` is written 2 / (1 + exp(-2 n)) - 1 in MATLAB, which is tanh."""
