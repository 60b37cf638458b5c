"""Arithmetic with a number that changes nothing is left out."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Node, Value


def neutral(graph: Graph) -> None:
    """A whole number plus 0, a number times 1 and a condition and True become Identity. (0.0 + -0.0 is 0.0: that stays.)"""
    for place, node in enumerate(graph.nodes):
        same = _unchanged(node)
        if same is not None:
            node.detach()
            graph.nodes[place] = Node("Identity", [same], node.outputs, name=node.name, origin=node.origin, scope=node.scope)


def _unchanged(node: Node) -> Value | None:
    """The input that the output equals."""
    if node.domain or node.op_type not in ("Add", "Mul", "And") or None in node.inputs:
        return None
    for same, other in (node.inputs, node.inputs[::-1]):
        known = same.weight is None and same.shape is not None and None not in same.shape and same.shape == node.output.shape
        if known and _is_neutral(node.op_type, other):
            return same
    return None


def _is_neutral(op_type: str, value: Value) -> bool:
    weight = value.weight
    if weight is None or not weight.has_data or weight.size != 1 or weight.shape not in ((), (1,)) or weight.trainable:
        return False  # a trained scale may still stand at 1
    if weight.dtype.kind not in {"Add": "iu", "Mul": "iuf", "And": "b"}[op_type]:
        return False
    return bool(np.all(weight.array() == (0 if op_type == "Add" else 1)))
