"""Which of what is computed of weights alone stays computed, so that what is trained is the source's own parameter."""

from __future__ import annotations

import math
from collections.abc import Callable

from converter.graph import Graph, Node, Value

EMBEDDING = "torch.nn.modules.sparse.Embedding"

_MOVES = {"Reshape", "Transpose", "Unsqueeze", "Squeeze", "Expand", "Flatten", "Identity", "Cast"}
_PARTS = _MOVES | {"Slice", "Split", "SplitToSequence", "SequenceAt", "Gather", "CastLike"}
"""Operators that only take elements and give them another place."""
_MEETS = {"Add", "Sub", "Mul", "Div"}
_JOINS = _MEETS | {"Concat", "Expand", "Tile", "Where"}
"""What a weight is combined with what flows through the network by, or repeated for it."""
_PRODUCTS = {"MatMul", "Gemm", "Conv", "ConvTranspose"}
_LAYERS = {
    "Conv": (1,),
    "ConvTranspose": (1,),
    "MatMul": (1,),
    "Gemm": (1,),
    "RMSNormalization": (1,),
    "LayerNormalization": (1, 2),
}
"""Operators that are layers where these inputs are weights, and functions of PyTorch's where they are computed."""


def computed_of_weights(value: Value) -> bool:
    """Whether a value is computed, and of weights alone."""
    waiting, seen = [value], {value}
    while waiting:
        each = waiting.pop()
        if each.producer is None:
            return False
        fresh = {given for given in each.producer.inputs if given is not None and given.weight is None} - seen
        seen |= fresh
        waiting += fresh
    return True


def has_computed_weights(node: Node) -> bool:
    """Whether it would be a layer if weights of it were not computed of others, or is one that is applied to constants."""
    if node.domain:
        return False
    places = _LAYERS.get(node.op_type, ())
    is_constant = _is_layer(node) and (node.inputs[0].weight is not None or computed_of_weights(node.inputs[0]))
    return is_constant or any(computed_of_weights(node.inputs[place]) for place in places if node.input(place) is not None)


def _is_layer(node: Node) -> bool:
    is_embedding = node.op_type == "Gather" and bool(node.scope) and node.scope[-1].type == EMBEDDING
    return node.op_type in _PRODUCTS or is_embedding


def kept(graph: Graph, cannot_fold: Callable[[Node], bool], *, layers: bool) -> set[Node]:
    """Nodes whose inputs are known, but which compute something of trained weights that the source's own code computes too.

    Where the file tells the classes of modules, and with them which weights are parameters, these are all that lead to a sum,
    a product or a layer with what flows through the network: a weight normalisation, a gain, a layer applied to constants. A
    weight that is only moved or cut, as a layer has it, is that layer's. Elsewhere they are lookups in a table, some rows more
    than once: folded, each copy would be trained by itself.

    ``layers`` lets weights of layers be computed, and layers be applied to constants.
    """
    own = set(graph.nodes)
    constant: set[Value] = set()
    derived: dict[Value, bool] = {}  # of trained weights; whether they were only moved
    nodes = []
    for node in graph.nodes:
        if cannot_fold(node) or not all(each is None or each in constant or _has_data(each) for each in node.inputs):
            continue
        constant.update(value for value in node.outputs if value is not None)
        sources = [each for each in node.inputs if each is not None and (each in derived or _is_trained(each))]
        if sources and all(value is not None and _is_float(value) for value in node.outputs):
            moved = node.op_type in _PARTS and len(sources) == 1 and derived.get(sources[0], True)
            derived.update((value, moved) for value in node.outputs)
            nodes.append(node)
    found: set[Node] = set()
    for node in reversed(nodes):
        told = bool(node.scope) and bool(node.scope[-1].type) and (layers or not _is_layer(node))
        if told and all(_goes_on(graph, own, value, found, constant, derived, layers=layers) for value in node.outputs):
            found.add(node)
    return found | {node for node in nodes if _is_lookup(node) and _meets_others(graph, own, node.output, constant)}


def _has_data(value: Value) -> bool:
    return value.weight is not None and value.weight.has_data


def _is_trained(value: Value) -> bool:
    return value.weight is not None and value.weight.trainable and _is_float(value)


def _is_float(value: Value) -> bool:
    return value.dtype is not None and value.dtype.kind in "fV"


def _goes_on(
    graph: Graph,
    own: set[Node],
    value: Value,
    found: set[Node],
    constant: set[Value],
    derived: dict[Value, bool],
    *,
    layers: bool,
) -> bool:
    """Whether all that read a value either stay computed too, or combine it with what flows through the network."""
    if value in graph.outputs or not value.users:
        return False
    for node, index in value.users:
        if node.domain or node not in own:
            return False
        if node.outputs[0] in constant:
            is_matrix = derived[value] and index == 1 and node.op_type in _PRODUCTS  # of a layer applied to constants
            if node.outputs[0] in derived and (node not in found or is_matrix):
                return False
        elif node.op_type in _LAYERS:
            if not layers or index not in _LAYERS[node.op_type] or derived[value]:
                return False
        elif node.op_type in _JOINS:
            if derived[value] and any(_is_product(other) for other in node.inputs):
                return False
        elif (node.op_type, index) != ("Attention", 3):
            return False
    return True


def _is_product(value: Value) -> bool:
    return value.producer is not None and value.producer.op_type in _PRODUCTS


def _is_lookup(node: Node) -> bool:
    """Whether it is a Gather or GatherND in a trained table of which more comes out than there is to look up."""
    if node.op_type not in ("Gather", "GatherND") or node.inputs[0].weight is None or not node.inputs[0].weight.trainable:
        return False
    shape = node.output.shape
    if shape is None or not all(isinstance(size, int) for size in shape):
        return False
    return math.prod(shape) > node.inputs[0].weight.size


def _meets_others(graph: Graph, own: set[Node], value: Value, constant: set[Value]) -> bool:
    """Whether the value, moved or not, is only ever added to or multiplied with what the network computes from its inputs."""
    if value in graph.outputs or not value.users:
        return False
    for node, index in value.users:
        if node.domain or node not in own:
            return False
        goes_on = node.op_type in _MEETS or (node.op_type in _MOVES and index == 0)
        if node.output in constant:
            if not goes_on or not _meets_others(graph, own, node.output, constant):
                return False
        elif node.op_type not in _MEETS and (node.op_type, index) != ("Attention", 3):
            return False
    return True
