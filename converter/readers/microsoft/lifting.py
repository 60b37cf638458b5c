"""How a fused operator becomes standard ones: a function for each, from the node's inputs to its outputs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np
import onnx
import onnx.defs
from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema

from converter.errors import Problem
from converter.graph import Graph, Node, Shape, Value
from converter.padding import Padding
from converter.passes.infer_shapes import infer_shapes

DOMAIN = "com.microsoft"
_UNMARKED = {"LayerNormalization", "SimplifiedLayerNormalization"}
"""Operators that onnxruntime writes without its domain, at opsets whose standard does not have them."""

_KEPT = {"Inverse", "DynamicQuantizeLSTM"}
"""Operators that no standard one says: they have rooms of their own."""

Results = Value | Sequence[Value | None]
"""What becomes of the outputs, in their order; those beyond the last are not supported."""


class RefusalError(Exception):
    """Why a node stays as it is."""

    def __init__(self, reason: str, advice: str = ""):
        super().__init__(reason)
        self.reason, self.advice = reason, advice


class UnknownError(RefusalError):
    """A rank, size or type that inference may know once other nodes are lifted."""


class Fused:
    """A node of onnxruntime's own on its way to standard operators.

    ``n.X`` is the input called so (None where left out), ``n.alpha`` an attribute. ``add`` puts a standard node. ``notes`` say
    what the user must know of it.
    """

    def __init__(self, node: Node, schema: onnx.defs.OpSchema, outputs: set[Value]):
        self.node, self.nodes, self.notes = node, list[Node](), list[str]()
        self.name = next((value.name for value in node.outputs if value is not None), node.name)
        self._inputs = {entry.name: index for index, entry in enumerate(schema.inputs)}
        used = [value if value is not None and (value.users or value in outputs) else None for value in node.outputs]
        self._used = {entry.name for entry, value in zip(schema.outputs, used, strict=False) if value is not None}

    def __getattr__(self, name: str) -> Any:
        if name in self._inputs:
            return self.node.input(self._inputs[name])
        if name.startswith("_") or name not in self.node.attributes:
            raise AttributeError(f"{self.node.op_type} has neither an input nor an attribute called {name}")
        return self.node.attributes[name]

    def wants(self, output: str) -> bool:
        """Whether anything reads the output called ``output``."""
        return output in self._used

    def add(self, op_type: str, *inputs: Value | None, called: str = "", **attributes: Any) -> Value:
        """The first output of a new node, which the code may call so. Attributes that are None are left out."""
        return self.split(op_type, [called], *inputs, **attributes)[0]

    def split(self, op_type: str, called: Sequence[str], *inputs: Value | None, **attributes: Any) -> list[Value]:
        """The outputs of a new node, one for each name."""
        attributes = {name: value for name, value in attributes.items() if value is not None}
        if isinstance(attributes.get("pads"), tuple):
            attributes["pads"] = Padding.from_onnx(attributes["pads"])
        outputs = [Value(name) for name in called]
        self.nodes.append(
            Node(op_type, inputs, outputs, attributes, name=self.node.name, origin=self.node.origin, scope=self.node.scope)
        )
        return outputs

    def constant(self, data: Any, dtype: Any = np.int64) -> Value:
        return Value.constant(np.asarray(data, dtype), f"{self.name}_constant")

    def number(self, number: float, like: Value) -> Value:
        """A number in the type of ``like``."""
        if like.dtype is not None:
            return self.constant(number, like.dtype)
        return self.add("CastLike", self.constant(number, np.float32), like)

    def shape(self, value: Value) -> Shape:
        if value.shape is None:
            raise UnknownError(
                f"the number of axes of {value.name!r} is unknown",
                "Run onnx.shape_inference on the file, or export its shapes.",
            )
        return value.shape

    def rank(self, value: Value) -> int:
        return len(self.shape(value))

    def size(self, value: Value, axis: int) -> int:
        """The size of an axis, which must be a number."""
        size = self.shape(value)[axis]
        if not isinstance(size, int):
            raise UnknownError(f"axis {axis} of {value.name!r} has no fixed size", "Export the model with that size fixed.")
        return size

    def dtype(self, value: Value) -> np.dtype:
        if value.dtype is None:
            raise UnknownError(f"the type of {value.name!r} is unknown", "Run onnx.shape_inference on the file.")
        return value.dtype

    def array(self, value: Value, what: str) -> np.ndarray:
        """The numbers of an input that the file must hold."""
        if value.array is None:
            raise UnknownError(f"{what} is computed when the model runs, and the file must hold it")
        return value.array

    def lacks(self, *names: str) -> None:
        """Refuse the inputs and attributes ``names`` where they are given and say something."""
        for name in names:
            value = getattr(self, name)
            if value is not None and (isinstance(value, Value) or value):
                kind = "input" if isinstance(value, Value) else "attribute"
                given = "" if isinstance(value, Value) else f" {value}"
                raise RefusalError(f"{kind} {name!r}{given} has no standard form here", "Export the model without it.")


Lift = Callable[[Fused], Results]
LIFTS: dict[str, Lift] = {}


def lifted(*op_types: str) -> Callable[[Lift], Lift]:
    """Enter the function that says what ``op_types`` are."""

    def enter(function: Lift) -> Lift:
        LIFTS.update(dict.fromkeys(op_types, function))
        return function

    return enter


@functools.cache
def _schemas() -> dict[str, Any]:
    every = get_all_operator_schema()
    unmarked = {
        entry.name: entry for entry in every if entry.domain == "" and entry.name in _UNMARKED and entry.since_version == 1
    }
    return {entry.name: entry for entry in every if entry.domain == DOMAIN} | unmarked


@functools.cache
def schema_of(op_type: str, domain: str) -> onnx.defs.OpSchema | None:
    """onnxruntime's own description of an operator that is known here, None for any other."""
    if op_type not in LIFTS.keys() | _KEPT or domain != ("" if op_type in _UNMARKED else DOMAIN):
        return None
    found, own = _schemas()[op_type], onnx.defs.OpSchema

    def formal(entry: Any) -> onnx.defs.OpSchema.FormalParameter:
        option = getattr(own.FormalParameterOption, entry.option.name)
        return own.FormalParameter(entry.name, entry.typeStr, param_option=option, is_homogeneous=entry.isHomogeneous)

    def attribute(entry: Any) -> onnx.defs.OpSchema.Attribute:
        if entry._default_value:
            return own.Attribute(entry.name, onnx.AttributeProto.FromString(entry._default_value))
        return own.Attribute(entry.name, getattr(own.AttrType, entry.type.name), required=entry.required)

    return own(
        op_type,
        domain,
        found.since_version,
        inputs=[formal(entry) for entry in found.inputs],
        outputs=[formal(entry) for entry in found.outputs],
        type_constraints=[(t.type_param_str, t.allowed_type_strs, t.description) for t in found.type_constraints],
        attributes=[attribute(entry) for entry in found.attributes.values()],
    )


def lift_all(graph: Graph) -> None:
    """Bring every node that is known here to standard operators, in the sub-graphs as well.

    A form that needs a rank, size or type waits until the nodes before it are lifted and inference knows it. What has no
    standard form stays as it is, with the reason as its ``refusal``.
    """
    refused: set[Node] = set()
    for attempt in count():
        waiting = progress = False
        outputs = {value for part in graph.nested() for value in part.outputs}
        for part in list(graph.nested()):
            nodes: list[Node] = []
            for node in part.nodes:
                if node.domain != DOMAIN or node.op_type not in LIFTS or node in refused:
                    nodes.append(node)
                    continue
                try:
                    nodes += _lift(node, outputs, graph.notes)
                    progress = True
                except RefusalError as found:
                    node.refusal = Problem(f"{node.op_type}: {found.reason}", node.origin, found.advice)
                    nodes.append(node)
                    waiting = waiting or isinstance(found, UnknownError)
                    if not isinstance(found, UnknownError):
                        refused.add(node)
            part.nodes = nodes
        if not waiting or (attempt and not progress):
            return
        infer_shapes(graph)


def _lift(node: Node, outputs: set[Value], notes: list[str]) -> list[Node]:
    """The nodes that take the place of ``node``; its outputs are theirs from now on."""
    schema = schema_of(node.op_type, "" if node.op_type in _UNMARKED else DOMAIN)
    n = Fused(node, schema, outputs)
    try:
        results = LIFTS[node.op_type](n)
        results = [results] if isinstance(results, Value) else list(results)
        results += [None] * (len(node.outputs) - len(results))
        for entry, result in zip(schema.outputs, results, strict=False):
            if result is None and n.wants(entry.name):
                raise RefusalError(f"its output {entry.name!r} has no standard form here", "Export the model without it.")
    except RefusalError:
        for new in n.nodes:
            new.detach()
        raise
    for old, new in zip(node.outputs, results, strict=False):
        if old is None or new is None:
            continue
        if new.producer not in n.nodes or new in node.outputs:
            n.nodes.append(Node("Identity", [new], [old], name=node.name, origin=node.origin, scope=node.scope))
            continue
        new.producer.outputs[new.producer.outputs.index(new)] = old
        old.producer = new.producer
        for user, index in new.users:
            user.set_input(index, old)
    node.detach()
    notes += [f"{node.origin} {note}" for note in n.notes]
    return n.nodes
