"""What is computed inside a loop or a branch, round by round: by the graph's own body, and by the source file's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from converter.graph import Graph, Node, Value
from converter.verification import reference
from converter.verification.sessions import ERRORS

ROUNDS = 3
"""So many of a loop are looked into: what is wrong in none of them is wrong between rounds."""

Numbers = Callable[[Value | None], Any]
"""From a value to its numbers on one of the sides, in source axis order; None where they are not known."""

Run = Callable[[Sequence[Any]], tuple[list[Any], dict[Any, Any]]]
"""From what a body gets to what it gives, and to every value in it."""


@dataclass
class Round:
    """One run of a body: ``values`` holds every value in it, and those that it reads from around."""

    body: Graph
    values: dict[Value, Any]
    source: dict[str, Any]
    """The source file's values in it, by name; empty where they are not asked for."""


def rounds(node: Node, numbers: Numbers, budget: int) -> Iterator[Round]:
    """The first rounds of a Loop or Scan, or the branch that an If takes, for the numbers of values around it; none where
    onnxruntime cannot run the body by itself."""
    body = _body(node, numbers)
    if body is None:
        return
    own = _runner(body, numbers, budget)
    for given in _given(node, numbers, lambda arrays: own(arrays)[0]):
        _, values = own(given)
        if not values:
            return
        yield Round(body, values, {})


def in_source(
    node: Node,
    model: str | Path | bytes,
    inputs: Mapping[str, np.ndarray],
    numbers: Numbers,
    budget: int,
) -> Iterator[Round]:
    """The same with the source file's values for its inputs by name; the numbers around the body are the source's."""
    proto = onnx.load_from_string(model) if isinstance(model, bytes) else onnx.load(model)
    body, theirs = _body(node, numbers), _body_of(proto.graph, node, numbers)
    if body is None or theirs is None:
        return
    own, other = _runner(body, numbers, budget), _runner_of(proto, theirs, model, inputs, budget)
    for given in _given(node, numbers, lambda arrays: other(arrays)[0]):
        source, values = other(given)[1], own(given)[1]
        if not values or not source:
            return
        yield Round(body, values, source)


def of_node(node: Node, numbers: Numbers, budget: int) -> list[Any] | None:
    """The outputs of a node with sub-graphs for the numbers of what it reads, None for those left out; None where it cannot be
    run by itself."""
    given = [value for value in node.outputs if value is not None]
    _, values = _runner(Graph("node", [], given, [node]), numbers, budget)([])
    return [values.get(value) for value in node.outputs] if values and all(value in values for value in given) else None


def _body(node: Node, numbers: Numbers) -> Graph | None:
    if node.domain or node.op_type not in ("Loop", "Scan", "If"):
        return None
    if node.op_type != "If":
        return node["body"]
    condition = numbers(node.inputs[0])
    return None if condition is None else node["then_branch" if np.all(condition) else "else_branch"]


def _given(node: Node, numbers: Numbers, run: Callable[[Sequence[Any]], Sequence[Any]]) -> Iterator[list[Any]]:
    """What the body gets, round by round; ``run`` gives what it makes of it."""
    inputs = [numbers(value) for value in node.inputs]
    if node.op_type == "If":
        yield []
        return
    if node.op_type == "Loop":
        count = ROUNDS if inputs[0] is None else min(int(np.reshape(inputs[0], -1)[0]), ROUNDS)
        goes_on, states = (np.array(True) if inputs[1] is None else inputs[1]), inputs[2:]
        for number in range(count):
            if not np.all(goes_on):
                return
            given = [np.array(number, np.int64), goes_on, *states]
            yield given
            results = run(given)
            if len(results) <= len(states):
                return
            goes_on, states = results[0], results[1 : 1 + len(states)]
        return
    kept = len(inputs) - node["num_scan_inputs"]
    states, sequences = inputs[:kept], inputs[kept:]
    axes = node["scan_input_axes"] or (0,) * len(sequences)
    backwards = node["scan_input_directions"] or (0,) * len(sequences)
    for number in range(min(sequences[0].shape[axes[0]], ROUNDS)):
        slices = [
            np.take(array, -1 - number if back else number, axis)
            for array, axis, back in zip(sequences, axes, backwards, strict=True)
        ]
        yield [*states, *slices]
        results = run([*states, *slices])
        if len(results) < kept:
            return
        states = results[:kept]


def _runner(body: Graph, numbers: Numbers, budget: int) -> Run:
    """Runs a body of the graph; what it reads from around it has the given numbers."""
    inside = {value for each in body.nested() for node in each.nodes for value in node.outputs}
    inside |= {value for each in body.nested() for value in each.inputs}
    read = [value for node in body.nodes for value in node.reads()] + body.outputs
    around = [value for value in dict.fromkeys(read) if value not in inside and value.weight is None]

    def run(given: Sequence[Any]) -> tuple[list[Any], dict[Any, Any]]:
        arrays = dict(zip(body.inputs, given, strict=False)) | {value: numbers(value) for value in around}
        if not all(isinstance(array, np.ndarray | np.generic) for array in arrays.values()):
            return [], {}
        copies: dict[Value, Value] = {}
        alone = body.copy(copies)
        alone.inputs = [copies.setdefault(value, Value(value.name)) for value in arrays]
        feeds = {}
        for number, (value, array) in enumerate(zip(alone.inputs, arrays.values(), strict=True)):
            value.name, value.dtype, value.shape = f"given{number}", array.dtype, array.shape
            feeds[value.name] = np.asarray(array)
        found = reference.of_graph(alone, feeds, budget)
        values = {old: found[new] for old, new in copies.items() if new in found}
        results = [reference.numbers(value, values) for value in body.outputs]
        return ([] if any(each is None for each in results) else results), values

    return run


# The source file -------------------------------------------------------------------------------------------------------------


def _body_of(graph: onnx.GraphProto, node: Node, numbers: Numbers) -> onnx.GraphProto | None:
    """The body in the file of the node that gives the same results."""
    names = {value.name for value in node.outputs if value is not None}
    wanted = "body"
    if node.op_type == "If":
        wanted = "then_branch" if np.all(numbers(node.inputs[0])) else "else_branch"
    for each in graph.node:
        if each.op_type == node.op_type and names & set(each.output):
            return next((attribute.g for attribute in each.attribute if attribute.name == wanted), None)
    return None


def _runner_of(
    model: onnx.ModelProto, body: onnx.GraphProto, whole: str | Path | bytes, inputs: Mapping[str, np.ndarray], budget: int
) -> Run:
    """Runs a body of the file; what it reads from around it is as in the whole model for its inputs."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    made = {name for node in body.node for name in node.output} | {port.name for port in body.input}
    made |= {tensor.name for tensor in body.initializer}
    read = [name for name in dict.fromkeys(_read(body)) if name and name not in made]
    around = reference.of_model(whole, [name for name in read if name not in weights], inputs, budget)

    def run(given: Sequence[Any]) -> tuple[list[Any], dict[Any, Any]]:
        feeds = {port.name: np.asarray(array) for port, array in zip(body.input, given, strict=False)} | around
        alone = onnx.ModelProto(ir_version=model.ir_version)
        alone.opset_import.extend(model.opset_import)
        alone.functions.extend(model.functions)
        alone.graph.CopyFrom(body)
        del alone.graph.input[:]
        for name, array in feeds.items():
            kind = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
            alone.graph.input.append(onnx.helper.make_tensor_value_info(name, kind, array.shape))
        alone.graph.initializer.extend(weights[name] for name in read if name in weights)
        names = [name for node in body.node for name in node.output if name]
        try:
            values = feeds | reference.of_model(alone.SerializeToString(), names, feeds, budget)
        except ERRORS:
            return [], {}
        results = [values.get(port.name) for port in body.output]
        return ([] if any(each is None for each in results) else results), values

    return run


def _read(graph: onnx.GraphProto) -> Iterator[str]:
    """Names that the nodes of a graph read, those of their sub-graphs among them."""
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                inner = attribute.g
                own = {name for each in inner.node for name in each.output} | {port.name for port in inner.input}
                yield from (name for name in _read(inner) if name not in own)
    yield from (port.name for port in graph.output)
