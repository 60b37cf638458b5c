"""Rows of a table at known places are taken by the source's own tensor of places, not by one of another shape."""

from __future__ import annotations

from converter.graph import Graph, Node, Value, Weight
from converter.passes.recover.pattern import Match, replace


def lookup(graph: Graph) -> None:
    """GatherND of whole rows becomes Gather, and Gather by another shape of a tensor, reshaped to its shape, Gather by that.

    So exporters write ``table[index]`` and ``table[index.view(-1)].view(*index.shape, -1)``.
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
            replace(graph, Match(nodes=[reshape, node]), "Gather", [node.inputs[0], by], {"axis": 0}, name=node.name)


def _takes_rows(node: Node) -> bool:
    if node.op_type != "GatherND" or node.domain or node["batch_dims"]:
        return False
    indices = node.inputs[1].weight
    return indices is not None and len(indices.shape) > 1 and indices.shape[-1] == 1


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
