"""What onnxruntime computes inside a network: the value of every tensor, and of one node by itself."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from converter.emitters.onnx import save_model, to_model
from converter.graph import Graph, Node, Value, draws
from converter.verification.exact import Axes, coarse, in_float64
from converter.verification.sessions import ERRORS, session_of

_CHUNK = 256
"""Tensors asked for at once where not all fit into memory."""


def of_graph(graph: Graph, inputs: Mapping[str, np.ndarray], budget: int, *, by_definition: bool = True) -> dict[Value, Any]:
    """Every value of the graph (not of its sub-graphs) for inputs by name, up to ``budget`` bytes, in source axis order.

    ``by_definition``: what onnxruntime computes coarsely is in float64. Where it cannot run the whole, the values in front of
    the node that it cannot run.
    """
    found: dict[Value, Any] = {value: inputs[value.name] for value in graph.inputs if value.name in inputs}
    wanted = list(_within(budget, graph, inputs))
    try:
        with tempfile.TemporaryDirectory(prefix="converter-") as folder:
            path = Path(folder) / "model.onnx"
            names = save_model(graph, path, external=True)
            answers = Inside(path, [names[value] for value in wanted], budget, by_definition=by_definition)(inputs)
        return found | {value: answers[names[value]] for value in wanted if names[value] in answers}
    except ERRORS:
        return found | _one_by_one(graph, found)


def _within(budget: int, graph: Graph, inputs: Mapping[str, np.ndarray]) -> Iterator[Value]:
    """The results of the nodes, in order, of which ``budget`` bytes are not exceeded, as far as their sizes are known."""
    shapes = [(value.shape or (), np.shape(inputs.get(value.name))) for value in graph.inputs]
    sizes = {name: size for names, found in shapes for name, size in zip(names, found, strict=False)}
    left = budget
    for value in (value for node in graph.nodes for value in node.outputs if value is not None):
        shape = [sizes.get(size, size) for size in value.shape or ()]
        if all(isinstance(size, int) for size in shape) and value.dtype is not None:
            left -= math.prod(shape) * value.dtype.itemsize
        if left < 0:
            return
        yield value


def _one_by_one(graph: Graph, found: Mapping[Value, Any]) -> dict[Value, Any]:
    values = dict(found)
    for node in graph.nodes:
        results = of_node(node, [numbers(value, values) for value in node.inputs])
        for value, result in zip(node.outputs, results or (), strict=False):
            if value is not None:
                values[value] = result
    return values


def numbers(value: Value | None, values: Mapping[Value, Any]) -> Any:
    """A value's numbers, or those of the weight that it is; None where they are not known."""
    if value is None:
        return None
    return values[value] if value in values else value.array  # noqa: SIM401, an array is read only where it is asked for


class Inside:
    """Tensors of an ONNX model by name, for one question after the other, up to ``budget`` bytes each; a name that the model
    has not is left out; the same question twice in a row is answered once. ``by_definition`` is that of ``of_graph``."""

    def __init__(self, model: str | Path | bytes, names: Iterable[str], budget: int, *, by_definition: bool = False):
        self._folder = None if isinstance(model, bytes) else str(Path(model).parent)
        self._proto = onnx.load_from_string(model) if isinstance(model, bytes) else onnx.load(model, load_external_data=False)
        if by_definition:
            in_float64(self._proto, coarse(self._proto))
        self._budget = budget
        graph = self._proto.graph
        known = {name for node in graph.node for name in node.output if name} | {port.name for port in graph.input}
        wanted = [name for name in dict.fromkeys(names) if name in known]
        self._chunks = [wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK)]
        self._own = [output.name for output in graph.output]
        self._kept: tuple[list[str], onnxruntime.InferenceSession] | None = None
        self._last: tuple[Mapping[str, np.ndarray], dict[str, Any]] | None = None

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
        if self._last is None or self._last[0] is not inputs:
            self._last = None  # its memory is free before more is taken
            self._last = inputs, self._run(inputs)
        return self._last[1]

    def _run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
        given = [port.name for port in self._proto.graph.input if port.name in inputs]
        found: dict[str, Any] = {}
        budget = self._budget
        for chunk in self._chunks:
            if budget <= 0:
                break
            results = self._session(chunk).run(chunk, {name: inputs[name] for name in given})
            for name, result in zip(chunk, results, strict=True):
                if isinstance(result, np.ndarray):
                    found[name] = result
                    budget -= result.nbytes
        return found

    def _session(self, chunk: list[str]) -> onnxruntime.InferenceSession:
        if self._kept is None or self._kept[0] is not chunk:
            outputs = self._proto.graph.output
            del outputs[len(self._own) :]
            outputs.extend(onnx.ValueInfoProto(name=name) for name in chunk if name not in self._own)
            self._kept = chunk, session_of(self._proto.SerializeToString(), folder=self._folder)
        return self._kept[1]


def of_model(model: str | Path | bytes, names: Iterable[str], inputs: Mapping[str, np.ndarray], budget: int) -> dict[str, Any]:
    """Tensors of an ONNX model by name, by definition, up to ``budget`` bytes; a name that the model has not is left out."""
    return Inside(model, names, budget, by_definition=True)(inputs)


def of_node(
    node: Node,
    arrays: Sequence[Any],
    attributes: Mapping[str, Any] | None = None,
    op_type: str = "",
    *,
    coarsely: Callable[[onnx.ModelProto, Mapping[int, Axes]], None] = in_float64,
) -> list[Any] | None:
    """The outputs of one node for its inputs, None for those left out; with some attributes or the operator changed.

    None where it cannot be run by itself, or not so. ``coarsely`` says how what onnxruntime computes coarsely is computed.
    """
    if any(node.subgraphs()) or draws(node):
        return None
    ports, feeds = [], {}
    for index, (value, array) in enumerate(zip(node.inputs, arrays, strict=False)):
        if value is None and array is None:
            ports.append(None)
        elif not isinstance(array, np.ndarray | np.generic):
            return None
        elif value is None or value.weight is not None:
            ports.append(Value.constant(np.asarray(array), f"i{index}"))
        else:
            ports.append(Value(f"i{index}", array.dtype, array.shape))
            feeds[f"i{index}"] = np.asarray(array)
    outputs = [None if value is None else Value(f"o{index}") for index, value in enumerate(node.outputs)]
    kept = {} if op_type else dict(node.attributes)
    alone = Node(op_type or node.op_type, ports, outputs, kept | dict(attributes or {}), domain="" if op_type else node.domain)
    graph = Graph("node", [port for port in ports if port is not None and port.weight is None], [], [alone])
    try:
        proto = to_model(graph)
        proto.graph.output.extend(onnx.ValueInfoProto(name=value.name) for value in outputs if value is not None)
        coarsely(proto, coarse(proto))
        results = iter(session_of(proto.SerializeToString()).run(None, feeds))
    except (*ERRORS, ValueError, TypeError, IndexError, RuntimeError):
        return None
    return [None if value is None else next(results) for value in outputs]
