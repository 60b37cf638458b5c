"""Inputs of the bodies of loops have the types, and as far as they never change the shapes, of what goes in."""

from __future__ import annotations

from collections.abc import Iterator

from converter.errors import ReadError
from converter.graph import Graph, Node, Shape, Value
from converter.passes.infer_shapes import infer_shapes


def type_bodies(graph: Graph) -> None:
    """Give the inputs of each Loop's and Scan's body a type, and a shape where none is declared.

    A state has the shape of its first value, if the body then gives it back in that shape. Bodies seldom declare shapes, and
    inference does not carry them in, since a state may change its shape from round to round.
    """
    found = False
    tentative: list[tuple[Graph, Value, Value]] = []
    for node in [
        node for each in graph.nested() for node in each.nodes if node.op_type in ("Loop", "Scan") and not node.domain
    ]:
        body: Graph = node["body"]
        for value, outside, shape, following in _entries(node, body):
            if value.dtype is None and value.is_tensor:
                value.dtype, value.container = outside.dtype, outside.container
                found |= value.dtype is not None or value.container is not None
            if value.shape is None and shape is not None and value.is_tensor:
                value.shape, found = shape, True
                if following is not None:
                    tentative.append((body, value, following))
    if not found:
        return
    try:
        infer_shapes(graph)
        changing = [(body, value) for body, value, following in tentative if following.shape != value.shape]
    except ReadError:
        changing = [(body, value) for body, value, _ in tentative]
    for body, value in changing:
        value.shape = None
        _forget(body)
    if changing:
        infer_shapes(graph)


def _entries(node: Node, body: Graph) -> Iterator[tuple[Value, Value, Shape | None, Value | None]]:
    """Inputs of the body: (input, what goes in, its shape, the body's output that is its next value)."""
    if node.op_type == "Loop":
        for value, outside, following in zip(body.inputs[2:], node.inputs[2:], body.outputs[1:], strict=False):
            yield value, outside, outside.shape, following
        return
    states = len(node.inputs) - node["num_scan_inputs"]
    for value, outside, following in zip(body.inputs[:states], node.inputs, body.outputs, strict=False):
        yield value, outside, outside.shape, following
    axes = node["scan_input_axes"] or (0,) * node["num_scan_inputs"]
    for value, outside, axis in zip(body.inputs[states:], node.inputs[states:], axes, strict=True):
        shape = outside.shape
        if shape is not None:
            axis %= len(shape)
            shape = shape[:axis] + shape[axis + 1 :]
        yield value, outside, shape, None


def _forget(body: Graph) -> None:
    """Drop the shapes of what the body computes, which rest on one that does not hold."""
    for each in body.nested():
        for node in each.nodes:
            for value in node.outputs:
                if value is not None:
                    value.shape = None
