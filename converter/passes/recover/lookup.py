"""Rows of a table at known places are taken by the source's own tensor of places, not by one of another shape."""

from __future__ import annotations

from converter.graph import Graph, Node, Value, Weight
from converter.passes.recover.pattern import Match, replace


def lookup(graph: Graph) -> None:
    """GatherND of whole rows becomes Gather, and Gather by another shape of a tensor, reshaped to its shape, Gather by that.

    So exporters write ``table[index]`` and ``table[index.view(-1)].view(*index.shape, -1)``, and ``table[:, index]`` as a
    lookup in the table with that axis first, whose result is turned back.
    """
    places = {value.weight: value for value in graph.weights()}
    for node in list(graph.nodes):
        if _takes_rows(node):
            indices = node.inputs[1]
            by = _places(indices.weight.reshape(*indices.shape[:-1]), indices.name, places)
            node = replace(graph, Match(nodes=[node]), "Gather", [node.inputs[0], by], {"axis": 0})
        reshape = _reshaped(graph, node)
        if reshape is not None:
            by = _places(node.inputs[1].weight.origin, "", places)
            node = replace(graph, Match(nodes=[reshape, node]), "Gather", [node.inputs[0], by], {"axis": 0}, name=node.name)
        turned = _turned(graph, node)
        if turned is not None:
            matched, table, axis = turned
            node = replace(graph, Match(nodes=matched), "Gather", [table, node.inputs[1]], {"axis": axis}, name=node.name)


def _takes_rows(node: Node) -> bool:
    if node.op_type != "GatherND" or node.domain or node["batch_dims"]:
        return False
    indices = node.inputs[1].weight
    return indices is not None and len(indices.shape) > 1 and indices.shape[-1] == 1


def _turned(graph: Graph, node: Node) -> tuple[list[Node], Value, int] | None:
    """(the Transpose of a lookup, the lookup, the Transpose of its table; the table; the axis along which it takes rows)."""
    turn = node.inputs[0].producer if node.op_type == "Gather" and not node.domain and node["axis"] == 0 else None
    users = node.output.users if turn is not None else []
    if turn is None or turn.op_type != "Transpose" or len(users) != 1 or users[0][0].op_type != "Transpose":
        return None
    back, table, places = users[0][0], turn.inputs[0], node.inputs[1].rank
    if table.weight is None or places is None or {turn.domain, back.domain} != {""} or node.output in graph.outputs:
        return None
    axis = turn["perm"][0]
    found = [*(("place", number) for number in range(places)), *turn["perm"][1:]]
    wanted = [*range(axis), *(("place", number) for number in range(places)), *range(axis + 1, table.rank)]
    if [found[place] for place in back["perm"]] != wanted:
        return None
    matched = [back, node] + ([turn] if len(turn.output.users) == 1 else [])
    return matched, table, axis


def _reshaped(graph: Graph, node: Node) -> Node | None:
    """The Reshape that alone reads a Gather of rows and gives them the shape of what the indices were made of."""
    indices = node.inputs[1].weight if node.op_type == "Gather" and not node.domain and node["axis"] == 0 else None
    users = node.output.users if indices is not None else []
    if len(users) != 1 or node.output in graph.outputs or users[0][0] not in graph.nodes or users[0][1]:
        return None
    reshape, data = users[0][0], node.inputs[0].shape
    if reshape.op_type != "Reshape" or reshape.domain or data is None or indices.origin.size != indices.size:
        return None
    return reshape if reshape.output.shape == (*indices.origin.shape, *data[1:]) and None not in data else None


def _places(weight: Weight, name: str, known: dict[Weight, Value]) -> Value:
    """The value that holds a weight, or the weight of the source that it is the whole of; ``name`` is for any other."""
    if weight.shape == weight.origin.shape:
        weight, name = weight.origin, weight.origin.name
    return known.setdefault(weight, Value.of_weight(weight, name))
