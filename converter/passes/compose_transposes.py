"""A Transpose of a Transpose moves each axis once."""

from __future__ import annotations

from converter.graph import Graph, Node


def compose_transposes(graph: Graph) -> None:
    """Let a Transpose that reads another read what that one does. The first goes with the unused if nothing else reads it."""
    for node in graph.nodes:
        first = node.inputs[0].producer if _is_transpose(node) and node.inputs[0] is not None else None
        if first is None or not _is_transpose(first) or first.inputs[0] is None or first.inputs[0].rank is None:
            continue
        inner, outer = _perm(first), _perm(node)
        node.attributes["perm"] = tuple(inner[axis] for axis in outer)
        node.set_input(0, first.inputs[0])


def _is_transpose(node: Node) -> bool:
    return node.op_type == "Transpose" and not node.domain


def _perm(node: Node) -> tuple[int, ...]:
    return node["perm"] or tuple(reversed(range(node.inputs[0].rank)))
