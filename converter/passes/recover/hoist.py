"""What alike modules share is computed before all of them, not inside the first."""

from __future__ import annotations

import re

from converter.graph import Graph, Node, Scope, shared_scope


def hoist(graph: Graph) -> None:
    """A node of one layer's attention that the attention of the next layer reads as well leaves the module.

    An exporter that computes equal things once (a mask, a new axis of a rotation's angles) leaves them where they stood first.
    Only what takes nothing from its own module, and no trained weight, moves: to before the first call, or to where what it
    reads was made, if that is in a module around.
    """
    for node in list(graph.nodes):
        users = [user for value in node.outputs if value is not None for user, _ in value.users]
        if is_given(node) and _is_read_by_siblings(node, users):
            scope = shared_scope([node, *users])
            call = node.scope[: len(scope) + 1]
            first = next(place for place, each in enumerate(graph.nodes) if _is_within(each.scope, call))
            if any(value is not None and value.producer in graph.nodes[first:] for value in node.inputs):
                continue
            makers = [value.producer for value in node.inputs if value is not None and value.producer in graph.nodes]
            made_in = {maker.scope for maker in makers}
            graph.nodes.remove(node)
            if len(made_in) == 1 and _is_within(scope, next(iter(made_in)) or scope):
                (scope,) = made_in
                first = max(map(graph.nodes.index, makers)) + 1
            graph.nodes.insert(first, node)
            node.scope = scope


def is_given(node: Node) -> bool:
    """Whether it computes with what its module is called with alone."""
    if not node.scope or any(node.subgraphs()):
        return False
    values = [value for value in node.inputs if value is not None]
    return not any(
        value.weight.trainable if value.weight is not None else value.producer and _is_within(value.producer.scope, node.scope)
        for value in values
    )


def _is_read_by_siblings(node: Node, users: list[Node]) -> bool:
    own = any(_is_within(user.scope, node.scope) for user in users)
    return own and any(is_sibling(user.scope, node.scope) for user in users)


def _is_within(scope: Scope | None, call: Scope) -> bool:
    return scope is not None and scope[: len(call)] == call


def is_sibling(scope: Scope | None, other: Scope) -> bool:
    """Whether it lies in another call, whose path differs in numbers only."""
    if scope is None or _is_within(scope, other):
        return False
    return [_form(module.path) for module in scope[: len(other)]] == [_form(module.path) for module in other]


def _form(path: str) -> str:
    return re.sub(r"\d+", "#", path)
