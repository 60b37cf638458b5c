"""The graph every reader produces, every pass rewrites and every emitter prints.

The operator vocabulary is ONNX's, one modern form of each operator (``OPSET``), with every attribute present. Logical axis
order is channels first everywhere. ``specs/ir.md`` states what holds of a graph; ``Graph.check`` enforces it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnx.defs
import onnx.helper

from converter.errors import Problem
from converter.padding import Padding

OPSET = 25
"""The ai.onnx opset in which a graph is written: the newest that released runtimes take."""

NEWEST_OPSET = onnx.defs.onnx_opset_version()
"""The opset whose form of each operator the graph uses: that of ``OPSET``, or of a later one where it says more."""

MATLAB_DOMAIN = "matlab"
"""Domain of a MATLAB layer that no reader translates: shown by ``inspect``, refused by ``convert``."""

RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial", "Dropout"}
"""Operators that draw random numbers; Dropout where the network says that it trains."""

Dimension = int | str | None
"""A known size, a symbol (equal symbols are equal sizes) or nothing known."""

Shape = tuple[Dimension, ...]


def told(shape: Shape) -> Shape:
    """The shape without the names that were given to sizes of which nothing is known."""
    return tuple(None if isinstance(size, str) and "?" in size else size for size in shape)


class Weight:
    """An array of the network, read only when it is asked for.

    ``load`` is None for a weight that the source describes without giving its numbers. ``trainable`` tells what was a weight
    of the source (a parameter in the target) from what was a constant (a buffer).
    """

    def __init__(
        self,
        name: str,
        shape: Sequence[int],
        dtype: np.dtype | type | str,
        load: Callable[[], np.ndarray] | None = None,
        *,
        trainable: bool = True,
        base: Weight | None = None,
    ):
        self.name = name
        self.shape = tuple(int(size) for size in shape)
        self.dtype = np.dtype(dtype)
        self.trainable = trainable
        self._load = load
        self._base = base  # what this one was derived from: it has data as soon as that has

    @classmethod
    def of(cls, array: np.ndarray, name: str = "", *, trainable: bool = True) -> Weight:
        array = np.asarray(array)
        return cls(name, array.shape, array.dtype, lambda: array, trainable=trainable)

    @property
    def has_data(self) -> bool:
        return self._load is not None and (self._base is None or self._base.has_data)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def array(self) -> np.ndarray:
        """The numbers, in ``shape`` and ``dtype``."""
        if not self.has_data:
            raise ValueError(f"weight {self.name!r} has no data: the source only describes it")
        array = np.asarray(self._load())
        if array.shape != self.shape or array.dtype != self.dtype:
            raise ValueError(f"weight {self.name!r}: {array.dtype}{array.shape} instead of {self.dtype}{self.shape}")
        return array

    def map(self, function: Callable[[np.ndarray], np.ndarray], shape: Sequence[int]) -> Weight:
        """This weight after ``function``, which is called when the numbers are needed."""
        return Weight(self.name, shape, self.dtype, lambda: function(self.array()), trainable=self.trainable, base=self)

    @contextmanager
    def filled(self, load: Callable[[], np.ndarray]) -> Iterator[None]:
        """Within the block this weight, and all that was derived from it, has the numbers that ``load`` gives."""
        own = self._load, self._base
        self._load, self._base = load, None
        try:
            yield
        finally:
            self._load, self._base = own

    @property
    def origin(self) -> Weight:
        """The weight of the source that this one was derived from."""
        return self if self._base is None else self._base.origin

    def transpose(self, *axes: int) -> Weight:
        if axes == tuple(range(len(self.shape))):
            return self
        return self.map(lambda array: array.transpose(axes), [self.shape[axis] for axis in axes])

    def reshape(self, *shape: int) -> Weight:
        shape = tuple(shape)
        if shape == self.shape:
            return self
        return self.map(lambda array: array.reshape(shape), shape)

    def __repr__(self) -> str:
        return f"Weight({self.name!r}, {self.shape}, {self.dtype}{'' if self.has_data else ', no data'})"


class Value:
    """A tensor that flows between nodes, or a weight (then ``weight`` is set and ``producer`` is None).

    ``dtype`` is a NumPy dtype (``object`` for strings) or None while unknown; ``shape`` is None while the rank is unknown. A
    value that is no tensor (a sequence, an optional, a map) has its type in ``container`` and neither dtype nor shape.
    """

    def __init__(
        self,
        name: str,
        dtype: np.dtype | type | None = None,
        shape: Iterable[Dimension] | None = None,
        weight: Weight | None = None,
    ):
        self.name = name
        self.dtype = None if dtype is None else np.dtype(dtype)
        self.shape: Shape | None = None if shape is None else tuple(shape)
        self.weight = weight
        self.container: onnx.TypeProto | None = None
        self.producer: Node | None = None
        self._users: dict[tuple[Node, int], None] = {}

    @classmethod
    def of_weight(cls, weight: Weight, name: str | None = None) -> Value:
        return cls(weight.name if name is None else name, weight.dtype, weight.shape, weight)

    @classmethod
    def constant(cls, array: np.ndarray, name: str = "") -> Value:
        """A value known when converting, which was no trainable weight of the source."""
        return cls.of_weight(Weight.of(array, name, trainable=False))

    @property
    def users(self) -> list[tuple[Node, int]]:
        """Each (node, input index) that reads this value, in the order the reads were made."""
        return list(self._users)

    @property
    def is_tensor(self) -> bool:
        return self.container is None

    @property
    def kind(self) -> str:
        """ "tensor", or what holds tensors: "sequence", "optional", "map"."""
        return "tensor" if self.container is None else self.container.WhichOneof("value").removesuffix("_type")

    @property
    def rank(self) -> int | None:
        return None if self.shape is None else len(self.shape)

    @property
    def array(self) -> np.ndarray | None:
        """The numbers, where they are known when converting."""
        return self.weight.array() if self.weight is not None and self.weight.has_data else None

    def __repr__(self) -> str:
        return f"Value({self.name!r}, {self.dtype}, {self.shape})"


class Module(NamedTuple):
    """A module of the original program: its path ("layer1.0", "" for the whole), and its class where the source tells."""

    path: str
    type: str = ""


Scope = tuple[Module, ...]
"""The module calls, outermost first, inside which the original program ran an operation."""


def shared_scope(nodes: Iterable[Node]) -> Scope | None:
    """The calls around all of the nodes, as far as they are known."""
    scopes = [node.scope for node in nodes if node.scope is not None]
    if not scopes:
        return None
    levels = itertools.takewhile(lambda level: len(set(level)) == 1, zip(*scopes, strict=False))
    return tuple(level[0] for level in levels)


class Node:
    """One operation.

    ``attributes`` holds Python numbers, strings, tuples, NumPy arrays (tensor attributes), ``Graph`` (sub-graphs) and, under
    ``pads`` of convolutions and pooling, a ``Padding``. Optional attributes without a default are None. ``name`` is the
    layer or node name of the source; ``origin`` names that place in messages ("layer 6 'conv2' (Convolution2DLayer)").
    ``refusal`` says why a reader left it in a form that no target knows. ``scope`` tells the module calls of the original
    program that it comes from, None where that is not known.
    """

    def __init__(
        self,
        op_type: str,
        inputs: Sequence[Value | None],
        outputs: Sequence[Value | None],
        attributes: dict[str, Any] | None = None,
        *,
        name: str = "",
        domain: str = "",
        origin: str = "",
        scope: Scope | None = None,
    ):
        self.op_type = op_type
        self.domain = domain
        self.name = name
        self.origin = origin or f"node {name!r} ({op_type})"
        self.refusal: Problem | None = None
        self.scope = scope
        self._inputs: list[Value | None] = []
        for value in inputs:
            self.add_input(value)
        self.outputs = list(outputs)
        for value in self.outputs:
            if value is not None:
                value.producer = self
        self.attributes = with_defaults(op_type, domain, attributes or {})

    @property
    def inputs(self) -> tuple[Value | None, ...]:
        return tuple(self._inputs)

    @property
    def output(self) -> Value:
        """The first output."""
        return self.outputs[0]

    def add_input(self, value: Value | None) -> None:
        self._inputs.append(None)
        self.set_input(len(self._inputs) - 1, value)

    def set_input(self, index: int, value: Value | None) -> None:
        old = self._inputs[index]
        if old is not None:
            del old._users[(self, index)]
        self._inputs[index] = value
        if value is not None:
            value._users[(self, index)] = None

    def detach(self) -> None:
        """Stop reading any value, in sub-graphs too; for a node that is being removed."""
        for index in range(len(self._inputs)):
            self.set_input(index, None)
        for subgraph in self.subgraphs():
            for node in subgraph.nodes:
                node.detach()

    def input(self, index: int) -> Value | None:
        """Input ``index``, None where it is left out."""
        return self._inputs[index] if index < len(self._inputs) else None

    def __getitem__(self, attribute: str) -> Any:
        return self.attributes[attribute]

    def subgraphs(self) -> Iterator[Graph]:
        return (value for value in self.attributes.values() if isinstance(value, Graph))

    def reads(self) -> Iterator[Value]:
        """What the node needs: its inputs, and what its sub-graphs take from the graph around them."""
        yield from (value for value in self._inputs if value is not None)
        for subgraph in self.subgraphs():
            for node in subgraph.nodes:
                yield from node.reads()
            yield from subgraph.outputs

    def __repr__(self) -> str:
        return f"Node({self.op_type!r}, {self.name!r})"


@dataclass
class Layer:
    """One line of the listing people know from the source: a MATLAB layer, or an ONNX node.

    ``outputs`` are the graph values that carry its result (empty for a layer without effect at inference, such as an output
    layer). ``learnables`` are its weights.
    """

    number: int
    name: str
    type: str
    description: str
    outputs: tuple[Value, ...] = ()
    learnables: tuple[Weight, ...] = ()


@dataclass
class Probe:
    """One input and the source's own answer to it, in graph axis order, by graph input and output name."""

    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]


@dataclass
class Source:
    """Where a graph came from. ``path`` is None for a graph built in memory."""

    path: str | None = None
    kind: str = ""
    """"ONNX", "MATLAB layer table" ..."""
    producer: str = ""
    sha256: str = ""
    model: Any = None
    """Bytes or path of an ONNX model that onnxruntime can run as it is; None: the judge runs the graph's own ONNX form."""
    halves: frozenset[str] | None = None
    """Which of float16 and bfloat16 the file names anywhere, so that its network may round to it; None: nobody says."""


@dataclass
class Graph:
    """Nodes in topological order between named inputs and outputs."""

    name: str
    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    source: Source = field(default_factory=Source)
    layers: list[Layer] = field(default_factory=list)
    """The source's own listing; empty: one line for each node."""
    notes: list[str] = field(default_factory=list)
    """What was assumed or cannot be known from the source; printed in every report."""
    probe: Probe | None = None
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """For outputs that classify, by name: what each channel stands for, in order."""

    def add(
        self,
        op_type: str,
        inputs: Sequence[Value | None],
        attributes: dict[str, Any] | None = None,
        *,
        name: str = "",
        output: str | Sequence[str] | None = None,
        domain: str = "",
        origin: str = "",
    ) -> Value:
        """Append a node and return its first output. ``output`` names its outputs (by default one, named as the node)."""
        names = [output] if isinstance(output, str) else list(output) if output is not None else [name]
        outputs = [Value(text) for text in names]
        self.nodes.append(Node(op_type, inputs, outputs, attributes, name=name, domain=domain, origin=origin))
        return outputs[0]

    def copy(self, copies: dict[Value, Value] | None = None) -> Graph:
        """The same graph of nodes and values of its own; weights, and what is noted, are shared. ``copies`` is told which
        value has become which."""
        return _copied(self, {} if copies is None else copies)

    def values(self) -> Iterator[Value]:
        """Inputs, then every node's inputs and outputs, each once."""
        seen: set[Value] = set()
        groups = [self.inputs, *(group for node in self.nodes for group in (node.inputs, node.outputs)), self.outputs]
        for group in groups:
            for value in group:
                if value is not None and value not in seen:
                    seen.add(value)
                    yield value

    def nested(self) -> Iterator[Graph]:
        """This graph, and the sub-graphs of its nodes at any depth."""
        yield self
        for node in self.nodes:
            for subgraph in node.subgraphs():
                yield from subgraph.nested()

    def weights(self) -> list[Value]:
        """Values that hold a weight and are read by some node or are outputs."""
        return [value for value in self.values() if value.weight is not None]

    def replace_all_uses(self, old: Value, new: Value) -> None:
        """Let every reader of ``old``, the graph's outputs among them, read ``new``.

        A graph output keeps its name: ``new`` takes it over unless it is itself an input or an output.
        """
        for node, index in old.users:
            node.set_input(index, new)
        if old in self.outputs:
            if new not in self.outputs and new not in self.inputs and new.weight is None:
                new.name = old.name
            self.outputs = [new if value is old else value for value in self.outputs]

    def remove(self, node: Node) -> None:
        node.detach()
        self.nodes.remove(node)

    def remove_unused(self) -> bool:
        """Drop nodes whose results nobody reads. True if there were any."""
        kept = []
        for node in reversed(self.nodes):
            if any(value is not None and (value.users or value in self.outputs) for value in node.outputs):
                kept.append(node)
            else:
                node.detach()
        removed = len(kept) < len(self.nodes)
        self.nodes = kept[::-1]
        return removed

    def sort(self) -> None:
        """Put the nodes into topological order, keeping the given order where it is one already.

        Raises ValueError that names a node on a cycle.
        """
        own = set(self.nodes)
        ordered: dict[Node, None] = {}
        for root in self.nodes:
            path = {root: None}  # the walk from ``root`` back to what it needs, deepest last
            while path:
                node = next(reversed(path))
                producers = (value.producer for value in node.reads())
                missing = next((p for p in producers if p in own and p not in ordered), None)
                if missing is None:
                    ordered[node] = path.pop(node)
                elif missing in path:
                    raise ValueError(f"{node.origin} is on a cycle: its inputs depend on its own output")
                else:
                    path[missing] = None
        self.nodes = list(ordered)

    def check(self, outer: frozenset[Value] = frozenset()) -> None:
        """Raise AssertionError where an invariant of ``specs/ir.md`` does not hold.

        ``outer`` holds what a sub-graph may read from the graph around it.
        """
        known = set(self.inputs)
        for node in self.nodes:
            for index, value in enumerate(node.inputs):
                if value is None:
                    continue
                assert (node, index) in value._users, f"{node} is not among the users of its input {value}"
                assert value.weight is not None or value in known or value in outer, (
                    f"{node} reads {value} before it is produced"
                )
                if value.weight is not None:
                    assert value.producer is None, f"{value} is a weight and has a producer"
                    assert value.shape == value.weight.shape, f"{value} has another shape than its {value.weight}"
            for value in node.outputs:
                if value is not None:
                    assert value.producer is node, f"{value} is an output of {node}, but has producer {value.producer}"
                    assert value not in known, f"{value} is produced twice"
                    known.add(value)
            schema = onnx_schema(node.op_type, node.domain)
            if schema is not None:
                missing = schema.attributes.keys() - node.attributes.keys()
                assert not missing, f"{node} has no {', '.join(missing)}"
            for subgraph in node.subgraphs():
                subgraph.check(outer | known)
        for value in self.outputs:
            assert value in known or value.weight is not None, f"output {value} is not produced"


def _copied(graph: Graph, copies: dict[Value, Value]) -> Graph:
    def value(old: Value | None) -> Value | None:
        if old is None:
            return None
        if old not in copies:
            copies[old] = Value(old.name, old.dtype, old.shape, old.weight)
            copies[old].container = old.container
        return copies[old]

    def node(old: Node) -> Node:
        inputs = [value(each) for each in old.inputs]
        attributes = {n: _copied(a, copies) if isinstance(a, Graph) else a for n, a in old.attributes.items()}
        outputs = [value(each) for each in old.outputs]
        new = Node(
            old.op_type, inputs, outputs, attributes, name=old.name, domain=old.domain, origin=old.origin, scope=old.scope
        )
        new.refusal = old.refusal
        return new

    inputs = [value(each) for each in graph.inputs]
    nodes = [node(each) for each in graph.nodes]
    return replace(graph, inputs=inputs, nodes=nodes, outputs=[value(each) for each in graph.outputs])


def draws(node: Node) -> bool:
    """Whether the node's result is random: no two runs of the same model agree on it."""
    if node.domain or node.op_type not in RANDOM:
        return False
    mode = node.input(2)
    return node.op_type != "Dropout" or (mode is not None and (mode.array is None or bool(mode.array.any())))


def drawn(graph: Graph) -> dict[Value, Node]:
    """The values that depend on random numbers, each with a node that draws them."""
    found: dict[Value, Node] = {}
    for node in graph.nodes:
        source = node if draws(node) else next((found[value] for value in node.reads() if value in found), None)
        if source is not None:
            found |= {value: source for value in node.outputs if value is not None}
    return found


def onnx_schema(op_type: str, domain: str = "") -> onnx.defs.OpSchema | None:
    """The schema of the operator's modern form, None where the standard does not know it."""
    try:
        if domain in ("", "ai.onnx"):
            return onnx.defs.get_schema(op_type, NEWEST_OPSET, "")
        return onnx.defs.get_schema(op_type, domain)
    except onnx.defs.SchemaError:
        return None


def with_defaults(op_type: str, domain: str, attributes: dict[str, Any]) -> dict[str, Any]:
    """``attributes`` with each attribute of the schema present: its default, or None where it has none."""
    schema = onnx_schema(op_type, domain)
    if schema is None:
        return dict(attributes)
    complete = {}
    for name, attribute in schema.attributes.items():
        default = attribute.default_value
        complete[name] = plain(onnx.helper.get_attribute_value(default)) if default.type else None
    return complete | attributes


def plain(value: Any) -> Any:
    """An ONNX attribute value as plain Python: text for bytes, tuples for lists, float32 numbers at their shortest."""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, float):
        return shortest(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(plain(item) for item in value)
    return value


def shortest(value: float) -> float:
    """The shortest decimal that is the same float32: 0.1 for 0.10000000149011612.

    The largest float32 numbers are given in full: their shortest decimals lie beyond what float32 holds, which PyTorch refuses.
    """
    decimal, largest = float(str(np.float32(value))), float(np.finfo(np.float32).max)
    return float(np.float32(value)) if largest < abs(decimal) < np.inf else decimal


def padding_of(node: Node) -> Padding | None:
    """The node's resolved padding, None where it has none or where it depends on sizes unknown when converting."""
    pads = node.attributes.get("pads")
    return pads if isinstance(pads, Padding) else None
