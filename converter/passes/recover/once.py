"""What is computed twice from the same values is computed once."""

from __future__ import annotations

from collections.abc import Hashable

from converter.graph import Graph, Node, Value
from converter.passes.recover.hoist import is_given, is_sibling

_PLAIN = {
    "And", "Cast", "ConstantOfShape", "Equal", "Expand", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "Or",
    "Range", "Shape", "Squeeze", "Trilu", "Unsqueeze", "Where",
}  # fmt: skip
"""Operators of positions and masks. An activation or a pooling that two branches begin with is one in each of them."""


def once(graph: Graph) -> None:
    """Nodes of positions and masks that compute the same become one, where they stand in one module or in alike ones.

    torch's exporter counts the positions anew for each that asks, and writes the numbers of a mask in every layer. In alike
    modules only what takes nothing from its own module becomes one: ``hoist`` brings it before all of them.
    """
    known: dict[Hashable, list[Node]] = {}
    removed = False
    for node in list(graph.nodes):
        key = _key(node)
        if key is None:
            continue
        first = next((other for other in known.setdefault(key, []) if _may_be_one(other, node)), None)
        if first is None or node.output in graph.outputs:
            known[key].append(node)
            continue
        graph.replace_all_uses(node.output, first.output)
        graph.remove(node)
        removed = True
    if removed:
        graph.remove_unused()


def _may_be_one(first: Node, node: Node) -> bool:
    if first.scope == node.scope:
        return True
    alike = bool(first.scope) and is_sibling(node.scope, first.scope) and is_sibling(first.scope, node.scope)
    return alike and is_given(first) and is_given(node)


def _key(node: Node) -> Hashable | None:
    """What the nodes that compute the same have in common; None for a node that stays what it is."""
    if node.domain or node.op_type not in _PLAIN or len(node.outputs) != 1 or node.output.dtype is None:
        return None
    inputs = [_of(value) for value in node.inputs]
    if node.op_type == "Range" and node.output.shape and isinstance(node.output.shape[0], str):
        inputs[1] = node.output.shape[0]  # however the size is asked for
    attributes = tuple(sorted((name, repr(value)) for name, value in node.attributes.items()))
    return (node.op_type, node.output.dtype, tuple(inputs), attributes)


def _of(value: Value | None) -> Hashable:
    if value is None or value.weight is None or value.weight.trainable or value.weight.size > 8:
        return value
    array = value.array
    return value if array is None or array.dtype == object else (array.dtype.name, array.shape, array.tobytes())
