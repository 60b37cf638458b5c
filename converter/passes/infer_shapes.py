"""Types and shapes of every value, by onnx.shape_inference on the ONNX form of the graph without its big weights."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import onnx
import onnx.shape_inference

from converter.emitters.onnx import Writer, value_info
from converter.errors import Problem, ReadError
from converter.graph import Graph, Node, Shape, Value
from converter.operators.registry import room_of

_GENERATED = re.compile(r"unk__\d+")  # symbols that inference makes up for sizes it does not know
_NODE = re.compile(r"node name: #(\d+)\)")
_KIND = re.compile(r"^\s*\[(Shape|Type)InferenceError\]\s*|\(op_type:[^)]*\):?\s*", re.MULTILINE)


def infer_shapes(graph: Graph) -> None:
    """Set ``dtype`` and ``shape`` of every value that inference knows; what was known already is kept where it knows less.

    Raises ReadError for types or shapes that contradict each other, naming the node.
    """
    writer = Writer(graph, weights=False)
    for index, node in enumerate(writer.model.graph.node):
        node.name = f"#{index}"
    nodes = [node for each in graph.nested() for node in each.nodes]
    places = {name: place for place in _graphs(writer.model.graph) for node in place.node for name in node.output}
    told: set[Node] = set()
    while True:
        known = {info.name: info.type for info in _infos(_inferred(writer.model, graph).graph)}
        for value, name in writer.names.items():
            if value.weight is None and name in known:
                _set(value, known[name])
        new = [node for node in nodes if node not in told and _inferred_by_room(node)]
        told.update(new)
        found = [value for node in new for value in node.outputs if value is not None]
        found += [node.inputs[0] for node in nodes if _ranked(node)]
        if not any(value.users for value in found):
            return
        for value in found:  # so that what follows them can be inferred
            name = writer.names[value]
            places[name].value_info.append(value_info(name, value))


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph and its sub-graphs at any depth."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


def _inferred_by_room(node: Node) -> bool:
    """Set the outputs of an operator whose inference the standard leaves open; False where there is nothing to set."""
    room = room_of(node)
    found = room.infer(node) if room is not None and room.infer is not None else []
    if not found or any(dtype is None or shape is None for dtype, shape in found):
        return False
    for value, (dtype, shape) in zip(node.outputs, found, strict=False):
        if value is not None:
            value.dtype, value.shape = np.dtype(dtype), tuple(shape)
    return True


def _ranked(node: Node) -> bool:
    """Give what a node reads first, where nothing tells its rank, the rank that the node itself tells: that of a convolution's
    weight, or of a Transpose's order. False where there is nothing to give."""
    data = node.inputs[0] if node.inputs else None
    if node.domain or data is None or data.shape is not None or data.producer is None:
        return False
    told = None
    if node.op_type in ("Conv", "ConvTranspose"):
        told = node.inputs[1].shape
    elif node.op_type == "Transpose":
        told = node["perm"]
    if told is None:
        return False
    data.shape = (None,) * len(told)
    return True


_WRONG = (onnx.shape_inference.InferenceError, ValueError, RuntimeError)
"""What the C++ code of the inference throws."""


def _inferred(model: onnx.ModelProto, graph: Graph) -> onnx.ModelProto:
    """Its propagation of data fails on some valid sums of computed indices: without it, it knows less."""
    try:
        return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except _WRONG:
        try:
            return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=False)
        except _WRONG as error:
            if any(node.op_type == "If" for each in graph.nested() for node in each.nodes):
                # a branch that is never taken may contradict itself; those that may be taken are left, and asked again
                return onnx.shape_inference.infer_shapes(model, check_type=True, data_prop=True)
            raise ReadError(_problem(str(error), graph)) from None


def _infos(graph: onnx.GraphProto) -> Iterator[onnx.ValueInfoProto]:
    for each in _graphs(graph):
        yield from each.value_info
        yield from each.output


def _set(value: Value, found: onnx.TypeProto) -> None:
    if found.WhichOneof("value") not in (None, "tensor_type"):
        value.container = found
        return
    inferred = found.tensor_type
    if inferred.elem_type:
        value.dtype = onnx.helper.tensor_dtype_to_np_dtype(inferred.elem_type)
    if not inferred.HasField("shape"):
        return
    shape: Shape = tuple(
        size.dim_value
        if size.HasField("dim_value")
        else size.dim_param
        if size.dim_param and not _GENERATED.fullmatch(size.dim_param)
        else None
        for size in inferred.shape.dim
    )
    if value.shape is not None and len(value.shape) == len(shape):
        shape = tuple(old if new is None else new for old, new in zip(value.shape, shape, strict=True))
    value.shape = shape


def _problem(message: str, graph: Graph) -> Problem:
    """The first finding of the inference, said of the node as the source names it."""
    lines = [line for line in message.splitlines() if "InferenceError" in line and "Inference error(s)" not in line]
    finding = lines[0] if lines else message
    match = _NODE.search(finding)
    node: Node | None = graph.nodes[int(match.group(1))] if match else None
    reason = _KIND.sub("", finding).strip().rstrip(".")
    inputs = ", ".join(_described(value) for value in node.inputs if value is not None) if node else ""
    return Problem(
        f"types or shapes contradict each other: {reason}" + (f". Its inputs are {inputs}" if inputs else ""),
        node.origin if node else "",
        "The source is not valid: check how it was exported.",
    )


def _described(value: Value) -> str:
    shape = "of unknown rank" if value.shape is None else str(list(value.shape)).replace("None", "?")
    return f"{value.name!r} ({value.dtype or 'unknown type'} {shape})"
