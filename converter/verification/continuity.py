"""Whether what a network computes is continuous, so that no small change inside makes an output jump."""

from __future__ import annotations

from converter.functions import DOMAIN
from converter.graph import Graph, Node
from converter.verification.compare import is_floating

_JUMPS = {"Round", "Floor", "Ceil", "Sign", "Mod", "Hardmax", "ThresholdedRelu", "Shrink", "Unique"}
"""Operators of floating numbers that give floating ones, and jump."""

_OF_SHAPES = {"Shape", "Size"}


def is_continuous(graph: Graph) -> bool:
    """Whether no operator of ``graph`` decides by a floating number: rounds it, compares it, takes its place or its sign."""
    return not any(_jumps(node) for each in graph.nested() for node in each.nodes)


def _jumps(node: Node) -> bool:
    if node.domain not in ("", "ai.onnx", DOMAIN) or node.op_type in _JUMPS:
        return True
    reads = any(value is not None and value.dtype is not None and is_floating(value.dtype) for value in node.inputs)
    gives = [value.dtype for value in node.outputs if value is not None]
    return reads and node.op_type not in _OF_SHAPES and any(dtype is None or not is_floating(dtype) for dtype in gives)
