"""The graph as an ONNX model: what onnxruntime judges, and what shape inference and constant folding work on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.defs
import onnx.helper
import onnx.inliner
import onnx.numpy_helper

from converter import functions
from converter.graph import NEWEST_OPSET, OPSET, Graph, Node, Value, Weight, onnx_schema, with_defaults
from converter.padding import Padding

Fill = Mapping[Weight, np.ndarray] | Callable[[Weight], np.ndarray]
"""Numbers for the weights that the source describes without giving them."""

_INLINE_BYTES = 1024  # weights up to this size stay in a model without weights: shapes, axes and scales decide over shapes
_PROTOBUF_LIMIT = 2**31 - 2**20
_ALIGNMENT = 4096

_LIST_FIELD = {
    onnx.AttributeProto.FLOATS: ("floats", float),
    onnx.AttributeProto.INTS: ("ints", int),
    onnx.AttributeProto.STRINGS: ("strings", lambda text: text.encode() if isinstance(text, str) else text),
}
_SCALAR_FIELD = {
    onnx.AttributeProto.FLOAT: ("f", float),
    onnx.AttributeProto.INT: ("i", int),
    onnx.AttributeProto.STRING: ("s", lambda text: text.encode() if isinstance(text, str) else text),
}


def to_model(graph: Graph, *, weights: bool = True, fill: Fill | None = None) -> onnx.ModelProto:
    """``graph`` in the ONNX form of ``OPSET``, with its inputs and outputs in order and under their names.

    With ``weights=False`` every weight above 1 KB becomes a graph input after the graph's own, so that the model stays small;
    the shapes of its outputs are then left to inference. ``fill`` gives the numbers of weights that have none.
    Raises ValueError for a weight without numbers that ``fill`` does not know.
    """
    return Writer(graph, weights=weights, fill=fill).model


def save_model(graph: Graph, path: str | Path, fill: Fill | None = None, *, external: bool = False) -> Mapping[Value, str]:
    """Write ``graph`` to ``path``, in the standard's operators only; the names under which its values stand there.

    With ``external``, and above 2 GB, the limit of a protobuf file, the weights go to ``<path>.data`` beside it.
    """
    path = Path(path)
    total = sum(value.weight.nbytes for value in _all_values(graph) if value.weight is not None)
    if not external and total < _PROTOBUF_LIMIT - 2**24:
        writer = Writer(graph, fill=fill)
    else:
        data = path.with_name(path.name + ".data")
        with open(data, "wb") as file:
            writer = Writer(graph, fill=fill, external=(file, data.name))
    onnx.save_model(_inlined(writer.model), path)
    return writer.names


def _inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the bodies of the project's own operators in their place."""
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
        standard = [entry for entry in model.opset_import if entry.domain != functions.DOMAIN]
        del model.opset_import[:]
        model.opset_import.extend(standard)
    return model


class Writer:
    """One writing of a graph. ``names`` tells under which name each value stands in ``model``."""

    def __init__(
        self,
        graph: Graph,
        *,
        weights: bool = True,
        fill: Fill | None = None,
        external: tuple[Any, str] | None = None,
    ):
        self.names: dict[Value, str] = {}
        self._taken: set[str] = set()
        self._node_names: set[str] = set()
        self._weights, self._fill, self._external = weights, fill, external
        self._initializers: list[onnx.TensorProto] = []
        self._stripped: list[onnx.ValueInfoProto] = []
        in_opset = weights and all(_is_in_opset(node) for node in _all_nodes(graph))
        self._opset = OPSET if in_opset else NEWEST_OPSET  # shape inference, which takes no weights, knows the newest
        self._name_values(graph)
        nodes = [self._node(node) for node in graph.nodes]
        inputs = [value_info(self.names[value], value) for value in graph.inputs]
        outputs = [value_info(self.names[value], value, shape=weights or value.weight is not None) for value in graph.outputs]
        direct = set(graph.values())
        for value in _all_values(graph):
            if value.weight is not None and (value in direct or not _is_small(value)):
                self._weight(value, value.weight)
        proto = onnx.helper.make_graph(nodes, graph.name or "graph", inputs + self._stripped, outputs, self._initializers)
        domains = {node.domain for node in _all_nodes(graph)} - {"", "ai.onnx"}
        opsets = [onnx.helper.make_opsetid("", self._opset)]
        opsets += [onnx.helper.make_opsetid(domain, _domain_opset(graph, domain)) for domain in sorted(domains)]
        ir_version = onnx.helper.find_min_ir_version_for(opsets[:1])
        own = sorted({node.op_type for node in _all_nodes(graph) if node.domain == functions.DOMAIN})
        self.model = onnx.helper.make_model(
            proto,
            opset_imports=opsets,
            ir_version=ir_version,
            producer_name="converter",
            functions=[functions.function(op_type, self._opset) for op_type in own],
        )

    def _name_values(self, graph: Graph) -> None:
        for value in dict.fromkeys([*graph.inputs, *graph.outputs, *graph.values()]):
            if value not in self.names:
                base = value.name or (value.producer.name or value.producer.op_type if value.producer else "value")
                self.names[value] = _unique(base, self._taken)

    def _node(self, node: Node) -> onnx.NodeProto:
        name = _unique(node.name, self._node_names) if node.name else ""
        proto = onnx.NodeProto(op_type=node.op_type, name=name)
        proto.domain = "" if node.domain == "ai.onnx" else node.domain
        proto.input.extend("" if value is None else self.names[value] for value in node.inputs)
        proto.output.extend("" if value is None else self.names[value] for value in node.outputs)
        for side in (proto.input, proto.output):
            while side and side[-1] == "":
                side.pop()
        schema = onnx_schema(node.op_type, node.domain)
        for name, value in _written_attributes(node, self._opset).items():
            declared = schema.attributes.get(name) if schema is not None else None
            proto.attribute.append(self._attribute(name, value, None if declared is None else declared.type.value))
        return proto

    def _attribute(self, name: str, value: Any, kind: int | None) -> onnx.AttributeProto:
        if isinstance(value, Graph):
            return onnx.helper.make_attribute(name, self._subgraph(value))
        return attribute(name, value, kind)

    def _subgraph(self, graph: Graph) -> onnx.GraphProto:
        """A sub-graph. Its small weights stand in it, because shape inference sees none outside; they get names of their own,
        since names are unique across the model. Large ones stand with those of the whole model."""
        own = set(graph.inputs) | {value for node in graph.nodes for value in node.outputs}
        self._name_values(graph)
        small = {value: self.names[value] for value in graph.values() if _is_small(value)}
        self.names |= {value: _unique(name, self._taken) for value, name in small.items()}
        initializers = [tensor(value.weight.array(), self.names[value]) for value in small]
        nodes = [self._node(node) for node in graph.nodes]
        outputs, seen = [], set(graph.inputs)
        for value in graph.outputs:
            info = value_info(self.names[value], value)
            if value not in own or value in seen:  # an output must be the result of a node inside, and once only
                info.name = _unique(f"{self.names[value]}_out", self._taken)
                nodes.append(onnx.helper.make_node("Identity", [self.names[value]], [info.name]))
            seen.add(value)
            outputs.append(info)
        inputs = [value_info(self.names[value], value) for value in graph.inputs]
        self.names |= small
        return onnx.helper.make_graph(nodes, graph.name or "body", inputs, outputs, initializers)

    def _weight(self, value: Value, weight: Weight) -> None:
        name = self.names[value]
        if not self._weights and (weight.nbytes > _INLINE_BYTES or not weight.has_data):
            self._stripped.append(value_info(name, value))
            return
        array = self._numbers(weight)
        if self._external is None or weight.nbytes <= _INLINE_BYTES:
            self._initializers.append(tensor(array, name))
            return
        file, location = self._external
        proto = onnx.TensorProto(name=name, data_type=onnx.helper.np_dtype_to_tensor_dtype(array.dtype), dims=array.shape)
        raw = tensor(array, name).raw_data
        file.seek(-(-file.tell() // _ALIGNMENT) * _ALIGNMENT)
        proto.data_location = onnx.TensorProto.EXTERNAL
        for key, text in (("location", location), ("offset", str(file.tell())), ("length", str(len(raw)))):
            proto.external_data.add(key=key, value=text)
        file.write(raw)
        self._initializers.append(proto)

    def _numbers(self, weight: Weight) -> np.ndarray:
        if weight.has_data:
            return weight.array()
        if self._fill is None:
            raise ValueError(f"weight {weight.name!r} has no data and none was given for it")
        array = self._fill(weight) if callable(self._fill) else self._fill.get(weight)
        if array is None:
            raise ValueError(f"weight {weight.name!r} has no data and none was given for it")
        array = np.asarray(array, dtype=weight.dtype)
        if array.shape != weight.shape:
            raise ValueError(f"weight {weight.name!r} is {weight.shape}, the data given for it is {array.shape}")
        return array


def attribute(name: str, value: Any, kind: int | None) -> onnx.AttributeProto:
    """An attribute of the type ``kind``, or of the type its value has."""
    if isinstance(value, np.ndarray):
        return onnx.helper.make_attribute(name, tensor(value, ""))
    proto = onnx.AttributeProto(name=name)
    if kind in _LIST_FIELD:
        field, convert = _LIST_FIELD[kind]
        getattr(proto, field).extend(convert(item) for item in value)
    elif kind in _SCALAR_FIELD:
        field, convert = _SCALAR_FIELD[kind]
        setattr(proto, field, convert(value))
    elif isinstance(value, tuple) and not value:
        return onnx.helper.make_attribute(name, [], attr_type=onnx.AttributeProto.INTS)
    else:
        return onnx.helper.make_attribute(name, value)
    proto.type = kind
    return proto


def node_proto(node: Node, inputs: Sequence[str | None]) -> onnx.NodeProto:
    """A node without sub-graphs in its newest form, its inputs called as given and its outputs "o0", "o1" and so on."""
    proto = onnx.NodeProto(op_type=node.op_type, domain="" if node.domain == "ai.onnx" else node.domain)
    proto.input.extend(name or "" for name in inputs)
    proto.output.extend("" if value is None else f"o{index}" for index, value in enumerate(node.outputs))
    schema = onnx_schema(node.op_type, node.domain)
    for name, value in _written_attributes(node, NEWEST_OPSET).items():
        proto.attribute.append(attribute(name, value, schema.attributes[name].type.value if schema else None))
    return proto


def tensor(array: np.ndarray, name: str) -> onnx.TensorProto:
    """A tensor with its numbers inside; ``object`` arrays hold strings."""
    return onnx.numpy_helper.from_array(np.asarray(array), name)


def value_info(name: str, value: Value, *, shape: bool = True) -> onnx.ValueInfoProto:
    """Name and, as far as they are known, type and shape of ``value``."""
    info = onnx.ValueInfoProto(name=name)
    if value.container is not None:
        info.type.CopyFrom(value.container)
    if value.dtype is None:
        return info
    info.type.tensor_type.elem_type = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
    if shape and value.shape is not None:
        dimensions = info.type.tensor_type.shape.dim
        info.type.tensor_type.shape.SetInParent()
        for size in value.shape:
            dimension = dimensions.add()
            if isinstance(size, str):
                dimension.dim_param = size
            elif size is not None:
                dimension.dim_value = size
    return info


def _is_small(value: Value) -> bool:
    return value.weight is not None and value.weight.has_data and value.weight.nbytes <= _INLINE_BYTES


def _unique(base: str, taken: set[str]) -> str:
    name, number = base, 0
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    taken.add(name)
    return name


def _is_in_opset(node: Node) -> bool:
    """Whether ``OPSET`` has the operator, and every attribute that does not have its default value."""
    newest = onnx_schema(node.op_type, node.domain)
    if node.domain not in ("", "ai.onnx") or newest is None or newest.since_version <= OPSET:
        return True
    if not onnx.defs.has(node.op_type, OPSET, ""):
        return False
    defaults = with_defaults(node.op_type, node.domain, {})
    known = onnx.defs.get_schema(node.op_type, OPSET, "").attributes
    return all(name in known or value == defaults.get(name) for name, value in node.attributes.items())


def _written_attributes(node: Node, opset: int) -> dict[str, Any]:
    """The attributes as ONNX has them: a ``Padding`` becomes ``pads`` and ``ceil_mode``, what is None is left out."""
    attributes = {name: value for name, value in node.attributes.items() if value is not None}
    if node.domain in ("", "ai.onnx") and onnx.defs.has(node.op_type, opset, ""):
        known = onnx.defs.get_schema(node.op_type, opset, "").attributes
        attributes = {name: value for name, value in attributes.items() if name in known}
    padding = attributes.get("pads")
    if isinstance(padding, Padding):
        attributes["pads"] = tuple(padding.onnx)
        if padding.has_ceil:
            attributes["ceil_mode"] = 1
    return attributes


def _all_nodes(graph: Graph) -> Iterator[Node]:
    return (node for each in graph.nested() for node in each.nodes)


def _all_values(graph: Graph) -> Iterator[Value]:
    """The values of the graph and of its sub-graphs, each once."""
    seen = dict.fromkeys(graph.values())
    for node in graph.nodes:
        for subgraph in node.subgraphs():
            seen.update(dict.fromkeys(_all_values(subgraph)))
    return iter(seen)


def _domain_opset(graph: Graph, domain: str) -> int:
    """The newest version of ``domain`` in which no operator of the graph is deprecated; 1 where the domain is no standard."""
    schemas = [schema for schema in onnx.defs.get_all_schemas() if schema.domain == domain]
    newest = max((schema.since_version for schema in schemas), default=1)
    used = {node.op_type for node in _all_nodes(graph) if node.domain == domain}
    ends = [schema.since_version - 1 for schema in schemas if schema.name in used and schema.deprecated]
    return min([newest, *ends])
