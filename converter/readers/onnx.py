"""Reads an ONNX file: bytes are checked, then lifted to one modern form; weights stay in the file until they are asked for."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import google.protobuf.message
import numpy as np
import onnx
import onnx.defs
import onnx.helper
import onnx.inliner
import onnx.numpy_helper
import onnx.shape_inference

from converter.errors import ConversionError, Problem, ReadError, UnsupportedError
from converter.graph import NEWEST_OPSET, Graph, Node, Shape, Source, Value, Weight, onnx_schema, plain
from converter.padding import Padding
from converter.readers import mathworks, microsoft
from converter.readers.opsets import EXPERIMENTAL, Call, lift
from converter.readers.scopes import bring_home, scope_of

_PADDED = {"Conv", "ConvTranspose", "ConvInteger", "DeformConv", "QLinearConv", "MaxPool", "AveragePool", "LpPool"}
_INLINE_BYTES = 1024  # initializers up to this size take part in type inference on the file
_MOST_INLINED_NODES = 1_000_000
_BY_BODY = [("ai.onnx.preview", "FlexAttention")]
"""Operators that are read as the body the standard defines them by, since they hold graphs of the user's own."""


def read(path: Path) -> Graph:
    """The graph of the ONNX file at ``path``, in the modern form of each operator.

    An operator that the standard does not know stays a node. Raises ReadError where the file is damaged or contradicts itself,
    UnsupportedError where it holds something that no graph can say (both name the node or tensor).
    """
    path = Path(path)
    data = path.read_bytes()
    with ThreadPoolExecutor(1) as pool:  # hashing takes as long as parsing and leaves the interpreter free
        digest = pool.submit(lambda: hashlib.sha256(data).hexdigest())
        model = parse(data, path)
        try:
            reader = _Reader(model, path)
            graph = reader.read()
        except ConversionError as error:
            raise type(error)(error.problems, error.source or str(path)) from error
        producer = f"{model.producer_name} {model.producer_version}".strip()
        graph.source = Source(str(path), "ONNX", producer, digest.result(), str(path) if reader.runs else None, _halves(model))
    return graph


_HALVES = {onnx.TensorProto.FLOAT16: "float16", onnx.TensorProto.BFLOAT16: "bfloat16"}


def _halves(model: onnx.ModelProto) -> frozenset[str]:
    """The types of 16 bits that tensors, ports or numbers of attributes (``to``, ``dtype``) of the model have or may mean."""
    nodes = [*_nested(model.graph.node), *(node for function in model.functions for node in _nested(function.node))]
    attributes = [attribute for node in nodes for attribute in node.attribute]
    graphs = [model.graph, *(attribute.g for attribute in attributes), *(g for each in attributes for g in each.graphs)]
    found = {tensor.data_type for graph in graphs for tensor in graph.initializer}
    found |= {tensor.values.data_type for graph in graphs for tensor in graph.sparse_initializer}
    found |= {attribute.t.data_type for attribute in attributes} | {t.data_type for each in attributes for t in each.tensors}
    found |= {attribute.i for attribute in attributes if attribute.name.endswith(("to", "type", "precision"))}
    types = [info.type for graph in graphs for info in (*graph.input, *graph.output, *graph.value_info)]
    while types:
        each = types.pop()
        found.add(each.tensor_type.elem_type)
        kind = each.WhichOneof("value")
        if kind in ("sequence_type", "optional_type"):
            types.append(getattr(each, kind).elem_type)
        elif kind == "map_type":
            types.append(each.map_type.value_type)
    return frozenset(name for number, name in _HALVES.items() if number in found)


def parse(data: bytes, path: Path) -> onnx.ModelProto:
    """The model that ``data``, read from ``path``, holds. Raises ReadError that says what the bytes are instead."""

    def wrong(reason: str, advice: str) -> ReadError:
        return ReadError(Problem(reason, advice=advice), str(path))

    if not data:
        raise wrong("the file is empty.", "Copy or export it again.")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except google.protobuf.message.DecodeError:
        missing = _missing_bytes(data)
        if missing:
            raise wrong(
                f"the file is cut off: it holds {len(data):,} bytes, and at least {missing:,} more belong to it.",
                "Download or copy it again.",
            ) from None
        raise wrong(
            "this is no ONNX model: its bytes are no protobuf message.", "Give a file written by an ONNX exporter."
        ) from None
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise wrong(
            "this is no ONNX model: it holds no graph.",
            "Give a file written by an ONNX exporter; a cut-off copy looks like this too.",
        )
    if not _is_text(model.graph):
        raise wrong("a name in it is no text (UTF-8): the file is damaged.", "Download or copy it again.")
    if not model.opset_import and model.ir_version >= 3:
        raise wrong(
            "it does not say the opset of its operators, as a cut-off file would not.",
            "Download or copy it again.",
        )
    return model


def _is_text(graph: onnx.GraphProto) -> bool:
    """Protobuf hands out names that are no UTF-8 as bytes."""
    names: list[str | bytes] = [graph.name]
    for node in _nested(graph.node):
        names += [node.name, node.op_type, node.domain, *node.input, *node.output, *(entry.name for entry in node.attribute)]
        for body in (entry.g for entry in node.attribute if entry.HasField("g")):
            names += [body.name, *_declared_names(body)]
    names += _declared_names(graph)
    return all(isinstance(name, str) for name in names)


def _declared_names(graph: onnx.GraphProto) -> Iterator[str | bytes]:
    for info in [*graph.input, *graph.output]:
        yield info.name
        yield from (size.dim_param for size in info.type.tensor_type.shape.dim)
    yield from (tensor.name for tensor in graph.initializer)


def _missing_bytes(data: bytes) -> int:
    """How many bytes the last top-level field reaches beyond the end; 0 where the beginning is that of no ONNX model.

    Source of the wire format: https://protobuf.dev/programming-guides/encoding.
    """
    known = {field.number for field in onnx.ModelProto.DESCRIPTOR.fields}
    position = 0

    def varint() -> int:
        nonlocal position
        result = shift = 0
        while position < len(data) and shift < 64:
            byte = data[position]
            position += 1
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7
        return result

    while position < len(data):
        tag = varint()
        number, wire = tag >> 3, tag & 7
        if number not in known or wire not in (0, 2):
            return 0
        size = varint()
        if wire == 2:
            position += size
    return position - len(data)


class _Scope:
    """The values a graph can name: its own and, in a sub-graph, those around it."""

    def __init__(self, outer: _Scope | None = None):
        self.values: ChainMap[str, Value] = outer.values.new_child() if outer else ChainMap()

    def define(self, name: str, value: Value, origin: str) -> Value:
        if name in self.values.maps[0]:
            raise ReadError(Problem(f"{name!r} is produced a second time; a name may be given once", origin))
        self.values[name] = value
        return value


def _check_outputs(node: onnx.NodeProto) -> None:
    """Of a Split that says how many outputs it has: shape inference believes it, and ends the process where it is wrong."""
    said = next((attribute.i for attribute in node.attribute if attribute.name == "num_outputs"), None)
    if node.op_type == "Split" and node.domain in ("", "ai.onnx") and said not in (None, len(node.output)):
        reason = f"says num_outputs={said}, and has {len(node.output)} outputs"
        raise ReadError(Problem(reason, f"node {node.name or node.output[0]!r} (Split)", "Export the file again."))


class _Reader:
    def __init__(self, model: onnx.ModelProto, path: Path):
        self.path = path
        if model.functions:
            model = _inline(model)
        if any((node.domain, node.op_type) in _BY_BODY for node in _nested(model.graph.node)):
            model = onnx.inliner.inline_selected_functions(_with_types(model), _BY_BODY, inline_schema_functions=True)
        self.model = model
        self.opsets: dict[str, int] = {}
        for entry in model.opset_import:
            domain = "" if entry.domain == "ai.onnx" else entry.domain
            self.opsets[domain] = max(entry.version, self.opsets.get(domain, 0))
        self.opset = self.opsets.get("", 1)  # files older than opset_import itself
        self.runs = True
        """Whether onnxruntime can run the file as it stands."""

    def read(self) -> Graph:
        for node in itertools.chain(_nested(self.model.graph.node), *(_nested(each.node) for each in self.model.functions)):
            _check_outputs(node)
        graph = self._graph(self.model.graph, None)
        graph.name = self.model.graph.name
        microsoft.lift_all(graph)
        self.runs = mathworks.lift_all(graph, self.model)
        return graph

    def _graph(self, proto: onnx.GraphProto, outer: _Scope | None) -> Graph:
        graph, scope = Graph(proto.name), _Scope(outer)
        if proto.sparse_initializer:
            name = proto.sparse_initializer[0].values.name
            raise UnsupportedError(
                Problem("is stored as a sparse tensor", f"initializer {name!r}", "Store it as a dense tensor.")
            )
        roles = _roles(proto)
        for tensor in proto.initializer:
            where = f"initializer {tensor.name!r}"
            weight = self._weight(tensor, tensor.name, where, trainable=roles.get(tensor.name))
            scope.define(tensor.name, Value.of_weight(weight), where)
        for info in proto.input:
            if info.name not in scope.values.maps[0]:  # an initializer listed as input gives only a default
                graph.inputs.append(scope.define(info.name, _value(info, "input", typed=outer is None), f"input {info.name!r}"))
        origins = [_origin(node, index) for index, node in enumerate(proto.node)]
        for node, origin in zip(proto.node, origins, strict=True):
            for name in node.output:
                if name:
                    scope.define(name, self._constant(node, name, origin) or Value(name), origin)
        for node, origin in zip(proto.node, origins, strict=True):
            if node.op_type != "Constant" or node.domain not in ("", "ai.onnx"):
                before = len(graph.nodes)
                self._node(graph, node, origin, scope)
                for made in graph.nodes[before:]:
                    made.scope = scope_of(node)
        bring_home(graph)
        for info in proto.output:
            value = scope.values.get(info.name)
            if value is None:
                raise ReadError(
                    Problem("no node produces it", f"output {info.name!r}", "The file is incomplete: export it again.")
                )
            if value.weight is None and value.producer in graph.nodes:
                declared = _value(info, "output", typed=False)
                value.dtype, value.shape, value.container = declared.dtype, declared.shape, declared.container
            own = value in graph.inputs or value.weight is not None or value.producer in graph.nodes
            graph.outputs.append(value if own else graph.add("Identity", [value], output=f"{info.name}_inside"))
        try:
            graph.sort()
        except ValueError as error:
            raise ReadError(Problem(f"{error}.", advice="Export the file again.")) from None
        return graph

    def _node(self, graph: Graph, proto: onnx.NodeProto, origin: str, scope: _Scope) -> None:
        inputs: list[Value | None] = []
        for name in proto.input:
            if name and name not in scope.values:
                raise ReadError(
                    Problem(
                        f"reads {name!r}, which no node produces and which is neither an input nor an initializer",
                        origin,
                        "The file is incomplete: export it again.",
                    )
                )
            inputs.append(scope.values[name] if name else None)
        outputs = [scope.values[name] if name else None for name in proto.output]
        domain = "" if proto.domain == "ai.onnx" else proto.domain
        schema = None if domain else _schema(proto.op_type, self.opset)
        if schema is None and (schema := microsoft.schema_of(proto.op_type, domain)) is not None:
            domain = microsoft.DOMAIN
        if schema is not None:
            _check_form(schema, proto, origin)
        attributes = {entry.name: self._attribute(entry, origin, scope) for entry in proto.attribute}
        if domain and schema is not None:
            attributes = _defaults(schema) | attributes
        call = Call(graph, proto.op_type, inputs, outputs, attributes, proto.name, origin, self._shape_of, self._dtype_of)
        if domain:
            if domain == "ai.onnx.ml":
                lift(call, self.opsets.get(domain, 1))
            attributes = call.attributes
            graph.nodes.append(Node(proto.op_type, inputs, outputs, attributes, name=proto.name, domain=domain, origin=origin))
            return
        if schema is not None:
            call.attributes = _defaults(schema) | attributes
        elif proto.op_type in EXPERIMENTAL:
            _check_types(EXPERIMENTAL[proto.op_type], proto, origin)
        elif modern := onnx_schema(proto.op_type):
            since = min(entry.since_version for entry in onnx.defs.get_all_schemas_with_history() if entry.name == modern.name)
            raise ReadError(
                Problem(f"exists from opset {since} on, and the file says opset {self.opset}", origin, "Export it again.")
            )
        lift(call, self.opset)
        attributes = {name: value for name, value in call.attributes.items() if value is not None}
        modern = onnx_schema(call.op_type)
        newer = sorted(attributes.keys() - modern.attributes.keys()) if modern is not None else []
        if newer:
            raise UnsupportedError(
                Problem(
                    f"has {', '.join(newer)}, which opset {NEWEST_OPSET} does not know",
                    origin,
                    f"Export it at opset {NEWEST_OPSET} or below.",
                )
            )
        if call.op_type in _PADDED and attributes.get("pads") is not None:
            attributes["pads"] = Padding.from_onnx(attributes["pads"])
        graph.nodes.append(Node(call.op_type, call.inputs, call.outputs, attributes, name=proto.name, origin=origin))
        for op_type, after_inputs, after_outputs, after_attributes in call.after:
            graph.nodes.append(Node(op_type, after_inputs, after_outputs, after_attributes, name=proto.name, origin=origin))

    def _attribute(self, proto: onnx.AttributeProto, origin: str, scope: _Scope) -> Any:
        if proto.type == onnx.AttributeProto.GRAPH:
            return self._graph(proto.g, scope)
        if proto.type == onnx.AttributeProto.TENSOR:
            return self._weight(proto.t, proto.t.name, f"{origin}, attribute {proto.name!r}").array()
        if proto.ref_attr_name:
            raise ReadError(
                Problem(f"attribute {proto.name!r} refers to an attribute of a function, outside any function", origin)
            )
        try:
            return plain(onnx.helper.get_attribute_value(proto))
        except ValueError:
            raise ReadError(Problem(f"attribute {proto.name!r} has no type", origin)) from None

    def _constant(self, node: onnx.NodeProto, name: str, origin: str) -> Value | None:
        """The value of a Constant node, whichever of its attributes holds it."""
        if node.op_type != "Constant" or node.domain not in ("", "ai.onnx"):
            return None
        if len(node.attribute) != 1:
            raise ReadError(Problem(f"has {len(node.attribute)} attributes, and exactly one must hold its value", origin))
        attribute = node.attribute[0]
        kind = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
        if attribute.name == "value" and attribute.type == onnx.AttributeProto.TENSOR:
            weight = self._weight(attribute.t, name, origin, trainable=False)
        elif attribute.name in kind or attribute.name in ("value_string", "value_strings"):
            content = onnx.helper.get_attribute_value(attribute)
            dtype = kind.get(attribute.name, object)
            weight = Weight.of(np.array(plain(content) if dtype is object else content, dtype), name, trainable=False)
        else:
            raise UnsupportedError(Problem(f"holds its value as {attribute.name!r}", origin, "Store it as a dense tensor."))
        return Value.of_weight(weight, name)

    def _weight(self, proto: onnx.TensorProto, name: str, where: str, *, trainable: bool | None = None) -> Weight:
        """The tensor, its sizes checked against what is stored; nothing is copied before it is asked for."""
        shape = tuple(proto.dims)
        if any(size < 0 for size in shape):
            raise ReadError(Problem(f"its shape {shape} has a negative size", where))
        try:
            dtype = onnx.helper.tensor_dtype_to_np_dtype(proto.data_type)
        except KeyError:
            raise ReadError(Problem(f"its data type {proto.data_type} is none that ONNX knows", where)) from None
        count = math.prod(shape)
        nbytes = -(-count * _BITS.get(proto.data_type, dtype.itemsize * 8) // 8)
        packed = proto.data_type in _BITS
        trainable = (bool(shape) if trainable is None else trainable) and dtype.kind in "fV" and not packed
        if proto.data_location == onnx.TensorProto.EXTERNAL:
            file, offset = _external(proto, self.path, nbytes, where)

            def load() -> np.ndarray:
                if not count:
                    return np.empty(shape, dtype)
                stored = np.memmap(file, np.uint8 if packed else dtype, "r", offset, (nbytes,) if packed else shape)
                if not packed:
                    return stored
                raw = onnx.TensorProto(data_type=proto.data_type, dims=shape, raw_data=stored.tobytes())
                return onnx.numpy_helper.to_array(raw)

        elif proto.HasField("raw_data"):
            if len(proto.raw_data) != nbytes or dtype.hasobject:
                raise ReadError(
                    Problem(f"holds {len(proto.raw_data):,} bytes, its shape {shape} and type {dtype} need {nbytes:,}", where)
                )

            def load() -> np.ndarray:
                if packed:
                    return onnx.numpy_helper.to_array(proto)
                return np.frombuffer(proto.raw_data, dtype).reshape(shape)

        else:
            field = onnx.helper.tensor_dtype_to_field(proto.data_type)
            stored_count = len(getattr(proto, field))
            complex_parts = 2 if dtype.kind == "c" else 1
            needed = nbytes if packed else count * complex_parts
            if stored_count != needed and not (packed and stored_count == count):
                raise ReadError(Problem(f"holds {stored_count:,} numbers, its shape {shape} needs {needed:,}", where))

            def load() -> np.ndarray:
                if dtype.hasobject:
                    texts = [item.decode("utf-8", errors="replace") for item in proto.string_data]
                    return np.array(texts, object).reshape(shape)
                return onnx.numpy_helper.to_array(proto)

        return Weight(name, shape, dtype, load, trainable=trainable)

    def _shape_of(self, value: Value) -> Shape | None:
        return value.shape if value.shape is not None else self._inferred.get(value.name, (None, None))[1]

    def _dtype_of(self, value: Value) -> np.dtype | None:
        return value.dtype if value.dtype is not None else self._inferred.get(value.name, (None, None))[0]

    @cached_property
    def _inferred(self) -> dict[str, tuple[np.dtype | None, Shape | None]]:
        """Types and shapes of the file's own values, for the few old forms whose meaning depends on them."""
        # before version 4 an initializer that is no input has no shape for inference
        model = onnx.ModelProto(ir_version=max(self.model.ir_version, 4))
        model.opset_import.add(domain="", version=self.opset)
        model.opset_import.extend(
            onnx.helper.make_opsetid(domain, version) for domain, version in self.opsets.items() if domain
        )
        graph, source = model.graph, self.model.graph
        graph.name = source.name or "graph"
        graph.node.extend(source.node)
        graph.output.extend(source.output)
        weights = {tensor.name for tensor in source.initializer}
        graph.input.extend(info for info in source.input if info.name not in weights)
        for tensor in source.initializer:
            external = tensor.data_location == onnx.TensorProto.EXTERNAL
            if math.prod(tensor.dims) * 8 <= _INLINE_BYTES and not external:
                graph.initializer.append(tensor)
            else:
                graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
        try:
            inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        except (onnx.shape_inference.InferenceError, ValueError, RuntimeError):  # the pass that infers shapes names the place
            return {}
        values = (_value(info, "value", typed=False) for info in [*inferred.value_info, *inferred.output])
        return {value.name: (value.dtype, value.shape) for value in values}


_BITS = {
    getattr(onnx.TensorProto, name): bits
    for name, bits in {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2}.items()
    if hasattr(onnx.TensorProto, name)
}
"""Bits of the types that share a byte."""


def _origin(node: onnx.NodeProto, index: int) -> str:
    domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}:"
    if node.name:
        return f"node {node.name!r} ({domain}{node.op_type})"
    output = next((name for name in node.output if name), "")
    return f"node {index} ({domain}{node.op_type}, output {output!r})"


_ROLE = "pkg.torch.export.graph_signature.InputSpec.kind"
_TRAINED = {"PARAMETER": True, "BUFFER": False, "CONSTANT_TENSOR": False}


def _roles(graph: onnx.GraphProto) -> dict[str, bool]:
    """Whether a tensor was a parameter of the original module, where torch's exporter tells it."""
    entries = ((info.name, entry) for info in graph.value_info for entry in info.metadata_props if entry.key == _ROLE)
    return {name: _TRAINED[entry.value] for name, entry in entries if entry.value in _TRAINED}


def _value(info: onnx.ValueInfoProto, what: str, *, typed: bool) -> Value:
    """Name, type and shape of an input or output; ``typed`` demands that it is a tensor of known type."""
    kind = info.type.WhichOneof("value")
    if kind in ("sequence_type", "optional_type", "map_type"):
        value = Value(info.name)
        value.container = info.type
        return value
    if kind != "tensor_type":
        if typed:
            raise UnsupportedError(Problem(f"is of {kind or 'no type'}; a network takes tensors", f"{what} {info.name!r}"))
        return Value(info.name)
    tensor = info.type.tensor_type
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    except KeyError:
        if typed:
            raise ReadError(Problem("has no data type", f"{what} {info.name!r}", "Export the file again.")) from None
        return Value(info.name)
    return Value(info.name, dtype, _shape(tensor.shape.dim) if tensor.HasField("shape") else None)


def _shape(dimensions: Iterable[onnx.TensorShapeProto.Dimension]) -> Shape:
    """Exporters write an unknown size as -1, "", "?" or "None"."""

    def size(dimension: onnx.TensorShapeProto.Dimension) -> int | str | None:
        if dimension.HasField("dim_value"):
            return dimension.dim_value if dimension.dim_value >= 0 else None
        return dimension.dim_param if dimension.dim_param not in ("", "?", "-1", "None") else None

    return tuple(size(dimension) for dimension in dimensions)


def _schema(op_type: str, opset: int) -> onnx.defs.OpSchema | None:
    try:
        return onnx.defs.get_schema(op_type, opset, "")
    except onnx.defs.SchemaError:
        return None


def _check_form(schema: onnx.defs.OpSchema, node: onnx.NodeProto, origin: str) -> None:
    """Refuse attributes, inputs and outputs that the file's own opset does not allow."""
    form = f"{schema.name} of opset {schema.since_version}"
    given = {entry.name for entry in node.attribute}
    unknown = given - schema.attributes.keys()
    if unknown:
        raise ReadError(Problem(f"has the attribute {', '.join(sorted(unknown))}, which {form} does not know", origin))
    missing = [name for name, entry in schema.attributes.items() if entry.required and name not in given]
    if missing:
        raise ReadError(Problem(f"lacks the attribute {', '.join(missing)}, which {form} requires", origin))
    _check_types({name: entry.type.value for name, entry in schema.attributes.items()}, node, origin)
    for what, names, formal, least, most in (
        ("inputs", node.input, schema.inputs, schema.min_input, schema.max_input),
        ("outputs", node.output, schema.outputs, schema.min_output, schema.max_output),
    ):
        if not least <= len(names) <= most:
            expected = f"{least}" if least == most else f"at least {least}" if most > 1000 else f"{least} to {most}"
            raise ReadError(Problem(f"has {len(names)} {what}, and {form} takes {expected}", origin))
        for name, entry in zip(names, formal, strict=False):
            if not name and entry.option != onnx.defs.OpSchema.FormalParameterOption.Optional:
                raise ReadError(Problem(f"leaves out {entry.name!r} of its {what}, which {form} requires", origin))


def _check_types(types: Mapping[str, int], node: onnx.NodeProto, origin: str) -> None:
    kind = onnx.AttributeProto.AttributeType.Name
    for entry in node.attribute:
        expected = types.get(entry.name)
        if expected is not None and entry.type != expected:
            reason = f"attribute {entry.name!r} is of type {kind(entry.type)}, and {kind(expected)} is expected"
            raise ReadError(Problem(reason, origin, "Export the file again."))


def _defaults(schema: onnx.defs.OpSchema) -> dict[str, Any]:
    """The attributes as the file's own opset has them by default, None where it has none."""
    return {
        name: plain(onnx.helper.get_attribute_value(entry.default_value)) if entry.default_value.type else None
        for name, entry in schema.attributes.items()
    }


def _external(proto: onnx.TensorProto, model: Path, nbytes: int, where: str) -> tuple[Path, int]:
    """File and offset of a tensor stored beside the model, inside the model's folder only."""
    entries = {entry.key: entry.value for entry in proto.external_data}
    location = entries.get("location", "")
    folder = model.parent.resolve()
    relative = Path(location)
    inside = (
        location and "\0" not in location and "\\" not in location and not relative.is_absolute() and ".." not in relative.parts
    )
    file = (folder / relative).resolve() if inside else folder
    if not inside or not file.is_relative_to(folder):
        raise ReadError(
            Problem(
                f"its data are said to lie in {location!r}, outside the folder of the model",
                where,
                "Put the data file beside the model and name it without a folder.",
            )
        )
    if not file.is_file():
        raise ReadError(
            Problem(f"its data lie in {location!r}, and there is no such file in {folder}", where, "Copy that file there too.")
        )
    try:
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", nbytes))
    except ValueError:
        raise ReadError(Problem(f"offset or length of its data in {location!r} is no number", where)) from None
    size = file.stat().st_size
    if offset < 0 or length != nbytes or offset + length > size:
        raise ReadError(
            Problem(
                f"needs {nbytes:,} bytes; {length:,} are announced at offset {offset:,} of {location!r}, which has {size:,}",
                where,
                "The data file belongs to another model or is cut off: copy it again.",
            )
        )
    return file, offset


def _with_types(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the types of its initializers told apart from them, as the inliner wants them."""
    typed = onnx.ModelProto()
    typed.CopyFrom(model)
    tensors = typed.graph.initializer
    typed.graph.value_info.extend(onnx.helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in tensors)
    return typed


def _inline(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its own functions put in place of their calls."""
    functions = {(function.domain, function.name, function.overload): function for function in model.functions}
    sizes: dict[tuple[str, str, str], int] = {}
    path: dict[tuple[str, str, str], None] = {}

    def expanded(nodes: Iterable[onnx.NodeProto]) -> int:
        return sum(size_of((node.domain, node.op_type, node.overload)) for node in _nested(nodes))

    def size_of(key: tuple[str, str, str]) -> int:
        """Nodes that a call becomes."""
        if key not in functions:
            return 1
        if key in path:
            raise ReadError(Problem("calls itself", f"function {key[1]!r}", "Functions of a model must not be recursive."))
        if key not in sizes:
            path[key] = None
            sizes[key] = expanded(functions[key].node)
            del path[key]
        return sizes[key]

    total = expanded(model.graph.node)
    if total > _MOST_INLINED_NODES:
        raise ReadError(f"its functions expand to {total:,} nodes; {_MOST_INLINED_NODES:,} are the most that is read.")
    return onnx.inliner.inline_local_functions(model)


def _nested(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in [attribute.g, *attribute.graphs]:
                yield from _nested(graph.node)
