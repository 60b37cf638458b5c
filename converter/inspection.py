"""What a source holds, as a listing: its layers as MATLAB people know them, shapes, parameters, and what would be refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from converter.errors import Problem
from converter.graph import Graph, Layer, Node, Shape, Value, Weight, padding_of, told
from converter.operators import refusals
from converter.padding import Padding, equals_same, same_padding
from converter.targets import TARGETS


@dataclass
class Port:
    """An input or output of the network, in source axis order."""

    name: str
    dtype: str
    shape: Shape | None


@dataclass
class Same:
    """Whether ``padding="same"`` would give the same result for every input size, and if not, why."""

    equal: bool
    reason: str


@dataclass
class Line:
    """One layer. ``refused`` holds the reason by target; ``same`` is None for a layer that pads nothing."""

    number: int
    name: str
    type: str
    description: str
    output_shapes: list[Shape | None]
    parameters: int
    refused: dict[str, str] = field(default_factory=dict)
    same: Same | None = None


@dataclass
class Inspection:
    """The listing of a source. ``refused`` holds every reason of every target, in graph order."""

    source: str
    name: str
    kind: str
    inputs: list[Port]
    outputs: list[Port]
    layers: list[Line]
    parameters: int
    refused: dict[str, list[str]]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``json.dumps``."""
        return asdict(self)

    def __rich__(self) -> RenderableType:
        matlab = "MATLAB" in self.kind
        title = Text(f"{self.name}: {self.kind}, {self.source}")
        table = Table("", "name", "type", "description", title=title, title_justify="left", box=SIMPLE_HEAD)
        table.columns[0].justify = "right"
        table.add_column("output", overflow="fold")
        table.add_column("parameters", justify="right")
        for line in self.layers:
            described = Text(line.description)
            if line.same is not None:
                verdict = "equal" if line.same.equal else f"different: {line.same.reason}"
                described.append(f'\npadding="same" would be {verdict}', style="green" if line.same.equal else "yellow")
            for target, reason in line.refused.items():
                described.append(f"\nrefused for {target}: {reason}", style="red")
            shapes = "\n".join(display_shape(shape, matlab) for shape in line.output_shapes)
            parameters = f"{line.parameters:,}" if line.parameters else ""
            table.add_row(str(line.number), Text(line.name), Text(line.type), described, Text(shapes), parameters)
        lines: list[RenderableType] = [table]
        lines += [Text(f"{label}: {_ports(ports)}") for label, ports in (("inputs", self.inputs), ("outputs", self.outputs))]
        lines.append(Text(f"{self.parameters:,} parameters"))
        for target, reasons in self.refused.items():
            if reasons:
                lines.append(Text(f"{target}: refused, {len(reasons)} problem{'s' * (len(reasons) > 1)}", style="red"))
        convertible = [target for target, reasons in self.refused.items() if not reasons]
        lines += [Text(f"can be converted to {', '.join(convertible)}", style="green")] if convertible else []
        lines += [Text(f"note: {note}") for note in self.notes]
        return Group(*lines)


def _ports(ports: Iterable[Port]) -> str:
    return ", ".join(f"{port.name} {port.dtype} ({display_shape(port.shape, False)})" for port in ports)


def inspect(graph: Graph) -> Inspection:
    """The listing of ``graph``; it may hold operators that nobody knows."""
    problems = {target: refusals(graph, target) for target in TARGETS}
    layers = graph.layers or [_layer(number, node) for number, node in enumerate(graph.nodes, 1)]
    nodes = _nodes_of(graph, layers)
    return Inspection(
        graph.source.path or "",
        graph.name,
        graph.source.kind,
        [_port(value) for value in graph.inputs],
        [_port(value) for value in graph.outputs],
        [_line(layer, own, problems) for layer, own in zip(layers, nodes, strict=True)],
        _parameters(value.weight for value in graph.weights()),
        {target: [str(problem) for problem in found] for target, found in problems.items()},
        list(graph.notes),
    )


def _layer(number: int, node: Node) -> Layer:
    weights = (value.weight for value in node.inputs if value is not None and value.weight is not None)
    outputs = tuple(value for value in node.outputs if value is not None)
    kind = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}::{node.op_type}"
    return Layer(number, node.name, kind, describe(node), outputs, tuple(weights))


def _nodes_of(graph: Graph, layers: list[Layer]) -> list[list[Node]]:
    """The nodes of each layer: those that say they come from where its outputs come from."""
    by_origin: dict[str, list[Node]] = {}
    for node in graph.nodes:
        by_origin.setdefault(node.origin, []).append(node)
    found = []
    for layer in layers:
        producers = [value.producer for value in layer.outputs if value.producer is not None]
        origins = dict.fromkeys(node.origin for node in producers)
        same_origin = [node for origin in origins for node in by_origin.get(origin, [])]
        found.append(producers if not graph.layers else same_origin)
    return found


def _line(layer: Layer, nodes: list[Node], problems: dict[str, list[Problem]]) -> Line:
    origins = {node.origin for node in nodes}
    refused = {
        target: "; ".join(problem.reason for problem in found if problem.where in origins)
        for target, found in problems.items()
        if any(problem.where in origins for problem in found)
    }
    padded = [verdict for node in nodes if (verdict := same_verdict(node)) is not None]
    shapes = [value.shape for value in layer.outputs]
    parameters = _parameters(layer.learnables)
    return Line(
        layer.number, layer.name, layer.type, layer.description, shapes, parameters, refused, padded[0] if padded else None
    )


def _port(value: Value) -> Port:
    return Port(value.name, "" if value.dtype is None else value.dtype.name, value.shape)


def _parameters(weights: Iterable[Weight]) -> int:
    return sum(weight.size for weight in dict.fromkeys(weights) if weight.trainable)


def display_shape(shape: Shape | None, matlab: bool) -> str:
    """55×55×96 for a MATLAB network: height, width, channels, without the batch. Otherwise every axis in graph order."""
    if shape is None:
        return "?"
    sizes = ["?" if size is None else str(size) for size in told(shape)]
    if matlab and len(sizes) > 1:
        sizes = [*sizes[2:], sizes[1]]
    return "×".join(sizes) or "scalar"


# padding="same" -------------------------------------------------------------------------------------------------------------

_WINDOWED = {"Conv", "MaxPool", "AveragePool", "LpPool"}


def same_verdict(node: Node) -> Same | None:
    """Whether ``padding="same"`` would be equal for a convolution or pooling that pads, None for any other node."""
    padding = padding_of(node)
    if node.op_type not in _WINDOWED or padding is None or padding.is_zero:
        return None
    kernel, strides = node["kernel_shape"], node["strides"] or (1,) * padding.rank
    dilations = node.attributes.get("dilations") or (1,) * padding.rank
    if node.op_type == "AveragePool":
        return Same(False, "what Keras averages at the border depends on its backend")
    if equals_same(padding, kernel, strides, dilations):
        return Same(True, "stride 1 and half the effective kernel on each side: equal for every input size")
    return Same(False, _why_not(node, padding, kernel, strides, dilations))


def _why_not(
    node: Node, padding: Padding, kernel: tuple[int, ...], strides: tuple[int, ...], dilations: tuple[int, ...]
) -> str:
    shape = node.inputs[0].shape or ()
    sizes = shape[2:]
    if len(sizes) == padding.rank and all(isinstance(size, int) for size in sizes):
        pairs = [same_padding(*window) for window in zip(sizes, kernel, strides, dilations, strict=True)]
        same = Padding(tuple(begin for begin, _ in pairs), tuple(end for _, end in pairs))
        if same != padding.total:
            return f"for {_sizes(sizes)} it pads {_vector(same.matlab)}, the source {_vector(padding.total.matlab)}"
    if any(stride != 1 for stride in strides):
        return f"with stride {_vector(strides)} what it pads depends on the input size, and the end gets more than the begin"
    return f"it pads half the effective kernel on each side, the source {_vector(padding.total.matlab)}"


# Descriptions ---------------------------------------------------------------------------------------------------------------


def describe(node: Node) -> str:
    """The node in the words that MATLAB uses for the layer, or its attributes that differ from their defaults."""
    words = _WORDS.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    return words(node) if words is not None else _attributes(node)


def _convolution(node: Node) -> str:
    weight = node.input(1)
    if weight is None or weight.shape is None or not all(isinstance(size, int) for size in weight.shape):
        return _attributes(node)
    filters, channels, *kernel = weight.shape
    groups = node["group"]
    count = f"{groups} groups of {filters // groups}" if groups > 1 else f"{filters}"
    return f"{count} {_sizes([*kernel, channels])} convolutions {_window(node, len(kernel))}"


def _transposed_convolution(node: Node) -> str:
    weight = node.input(1)
    if weight is None or weight.shape is None or not all(isinstance(size, int) for size in weight.shape):
        return _attributes(node)
    channels, filters, *kernel = weight.shape
    count = filters * node["group"]
    return f"{count} {_sizes([*kernel, channels])} transposed convolutions {_window(node, len(kernel), 'cropping')}"


def _pooling(kind: str) -> Callable[[Node], str]:
    return lambda node: f"{_sizes(node['kernel_shape'])} {kind} pooling {_window(node, len(node['kernel_shape']))}"


def _window(node: Node, rank: int, word: str = "padding") -> str:
    strides, dilations = node["strides"] or (1,) * rank, node.attributes.get("dilations") or (1,) * rank
    text = f"with stride {_vector(strides)}"
    if any(dilation != 1 for dilation in dilations):
        text += f", dilation {_vector(dilations)}"
    padding = padding_of(node)
    pads = _vector(padding.total.matlab) if padding is not None else f"'{node.attributes.get('auto_pad')}'"
    return f"{text} and {word} {pads}"


def _fully_connected(node: Node) -> str:
    shape = node.inputs[1].shape if node.input(1) is not None else None
    return f"{shape[0 if node['transB'] else 1]} fully connected layer" if shape else "fully connected layer"


def _batch_normalization(node: Node) -> str:
    shape = node.inputs[1].shape if node.input(1) is not None else None
    return f"Batch normalization with {shape[0]} channels" if shape else "Batch normalization"


def _dropout(node: Node) -> str:
    ratio = node.input(1)
    return "dropout" if ratio is None or ratio.array is None else f"{float(ratio.array) * 100:g}% dropout"


_WORDS: dict[str, Callable[[Node], str]] = {
    "Add": lambda node: f"Element-wise addition of {len(node.inputs)} inputs",
    "AveragePool": _pooling("average"),
    "BatchNormalization": _batch_normalization,
    "Concat": lambda node: f"Concatenation of {len(node.inputs)} inputs along axis {node['axis']}",
    "Conv": _convolution,
    "ConvTranspose": _transposed_convolution,
    "Dropout": _dropout,
    "Gemm": _fully_connected,
    "GlobalAveragePool": lambda node: "Global average pooling",
    "GlobalMaxPool": lambda node: "Global max pooling",
    "LRN": lambda node: f"cross channel normalization with {node['size']} channels per element",
    "LeakyRelu": lambda node: f"Leaky ReLU with scale {node['alpha']:g}",
    "MaxPool": _pooling("max"),
    "Relu": lambda node: "ReLU",
    "Softmax": lambda node: f"softmax along axis {node['axis']}",
}


def _attributes(node: Node) -> str:
    shown = {name: value for name, value in node.attributes.items() if value is not None}
    return ", ".join(f"{name} {_attribute(value)}" for name, value in shown.items())


def _attribute(value: Any) -> str:
    if isinstance(value, Padding):
        return _vector(value.total.matlab)
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {_sizes(value.shape)}" if value.size > 8 else str(value.tolist())
    if isinstance(value, Graph):
        return f"(a graph of {len(value.nodes)} nodes)"
    return _vector(value) if isinstance(value, tuple) else str(value)


def _sizes(sizes: Iterable[Any]) -> str:
    return "×".join(str(size) for size in sizes)


def _vector(numbers: Iterable[Any]) -> str:
    """A row vector as MATLAB prints it."""
    return f"[{'  '.join(str(number) for number in numbers)}]"
