"""An Expand in front of arithmetic that broadcasts anyway says nothing."""

from __future__ import annotations

from converter.graph import Graph, Node, Value

_BROADCASTS = {"Add", "Sub", "Mul", "Div"}


def broadcast(graph: Graph) -> None:
    """Remove an Expand whose readers combine it with a value that has the shape of their result already.

    It stays where a shape is not known, and where the expanded value is an output or read by anything else.
    """
    removed = set()
    for node in graph.nodes:
        if node.op_type == "Expand" and not node.domain and _says_nothing(graph, node):
            graph.replace_all_uses(node.output, node.inputs[0])
            node.detach()
            removed.add(node)
    graph.nodes = [node for node in graph.nodes if node not in removed]


def _says_nothing(graph: Graph, node: Node) -> bool:
    users = node.output.users
    if not users or node.output in graph.outputs:
        return False
    if any(user.op_type not in _BROADCASTS or user.domain for user, _ in users):
        return False
    return all(_gives_shape(node.output, user.inputs[1 - index], user.output) for user, index in users)


def _gives_shape(expanded: Value, other: Value, result: Value) -> bool:
    """Whether ``other`` alone, next to the value that was expanded, gives the result its shape."""
    return other is not expanded and other.shape is not None and None not in other.shape and other.shape == result.shape
