"""What a concatenation has in common with an earlier one is concatenated once."""

from __future__ import annotations

from converter.graph import Graph, Node, Scope


def concat_of_concat(graph: Graph) -> None:
    """Concat(a, b, c) after Concat(a, b) along the same axis becomes Concat(Concat(a, b), c).

    Each layer of a DenseNet joins all that came before. Joined one after the other, it appends what it makes to what it was
    given: where modules are known, and each part was made by a call of its own from what was joined before, each Concat becomes
    the last operation of that call, so that all layers do the same.
    """
    earlier: list[tuple[list, Node]] = []
    chains: dict[Node, list[Node]] = {}
    for place, node in enumerate(graph.nodes):
        if not _joins_tensors(node):
            continue
        parts = list(node.inputs)
        before = max((entry for entry in earlier if _starts_with(node, *entry)), key=lambda entry: len(entry[0]), default=None)
        if before is None:
            chains[node] = [node]
        else:
            shared, prefix = before
            node = _joined(node, [prefix.output, *parts[len(shared) :]])
            graph.nodes[place] = node
            chains[node] = [*chains.pop(prefix, [prefix]), node]
        earlier.append((parts, node))
    for chain in chains.values():
        if len(chain) > 1 and all(len(node.inputs) == 2 for node in chain):
            _append_in_layers(graph, chain)


def _joins_tensors(node: Node) -> bool:
    """Whether it joins what flows through the network, not sizes."""
    if node.op_type != "Concat" or node.domain or len(node.inputs) < 2:
        return False
    return all(value.weight is None and value.rank is not None and value.rank > 1 for value in node.inputs)


def _starts_with(node: Node, parts: list, prefix: Node) -> bool:
    rank, axes = node.inputs[0].rank, (node["axis"], prefix["axis"])
    return axes[0] % rank == axes[1] % rank and len(node.inputs) > len(parts) and list(node.inputs[: len(parts)]) == parts


def _joined(node: Node, parts: list) -> Node:
    node.detach()
    attributes = {"axis": node["axis"]}
    return Node("Concat", parts, node.outputs, attributes, name=node.name, origin=node.origin, scope=node.scope)


def _append_in_layers(graph: Graph, chain: list[Node]) -> None:
    scopes = [_maker(node, chain[0].scope) for node in chain]
    if None in scopes or len(set(scopes)) < len(chain):
        return
    for node, scope in zip(chain, scopes, strict=True):
        graph.nodes.remove(node)
        graph.nodes.insert(graph.nodes.index(node.inputs[1].producer) + 1, node)
        node.scope = scope


def _maker(node: Node, like: Scope | None) -> Scope | None:
    """The module call, as deep as ``like`` and beside it, that made the node's last part from its first."""
    first, last = node.inputs
    maker = last.producer
    if (
        not like
        or maker is None
        or maker.scope is None
        or len(maker.scope) < len(like)
        or maker.scope[: len(like) - 1] != like[:-1]
    ):
        return None
    scope = maker.scope[: len(like)]
    reads = any(user.scope is not None and user.scope[: len(scope)] == scope for user, _ in first.users)
    return scope if reads else None
