"""Attention between the products that make its heads and the one that joins them is a layer of Keras."""

from __future__ import annotations

import math

import numpy as np

from converter.graph import Graph, Node, Shape, Value, Weight, shared_scope
from converter.passes.elements import MOVES, TRIALS, is_product, moved
from converter.passes.keras.dot_product import DOMAIN


def multi_head(graph: Graph) -> None:
    """DotProductAttention of products with weights, whose heads a product with a weight joins, becomes MultiHeadAttention.

    Which columns of a product a head reads, and which rows of the last weight, is found by moving the numbers of the elements
    the way the operators between move the elements, for two choices of the open sizes: so it does not matter whether queries,
    keys and values have a product each or one together, nor how its result is taken apart.
    """
    for node in list(graph.nodes):
        if node.op_type == "DotProductAttention" and node.domain == DOMAIN and node in graph.nodes:
            _replace(graph, node)


def _replace(graph: Graph, node: Node) -> None:
    q, k, v, mask, bias = (node.input(index) for index in range(5))
    key_dim = q.shape[3]
    scale = node["scale"]
    if bias is not None or q.shape[1] != k.shape[1] or not (scale is None or math.isclose(scale, key_dim**-0.5, rel_tol=1e-5)):
        return
    made = [_made(value) for value in (q, k, v)]
    joined = _joined(graph, node.output)
    if joined is None or any(each is None for each in made):
        return
    products = [product for product, _, _ in made]
    moves = {each for _, _, nodes in made for each in nodes}
    inside = {node, *moves, *products}
    if not all(_stays(graph, each, inside) for each in (*moves, *products)):
        return
    last, rows, after = joined
    biases = [product.input(2) for product in (*products, last)]
    if len({each is None for each in biases}) > 1:
        return
    nodes = [*products, last, node, *moves, *after]
    scope = shared_scope(nodes)
    path = _path(scope)
    weights: dict[str, Weight] = {}
    for name, product, (_, columns, _) in zip(("query", "key", "value"), products, made, strict=True):
        weights[f"{name}/kernel"] = _chosen(product.inputs[1].weight, (slice(None), columns))
        if biases[0] is not None:
            weights[f"{name}/bias"] = _chosen(product.inputs[2].weight, (columns,))
    weights["attention_output/kernel"] = _chosen(last.inputs[1].weight, (rows,))
    if biases[0] is not None:
        weights["attention_output/bias"] = _chosen(last.inputs[2].weight, ())
    for name, weight in weights.items():
        if path:
            weight.name = f"{path}.{name.rpartition('/')[2]}"
    inputs = [product.inputs[0] for product in products]
    inputs = [inputs[0], inputs[2], None if inputs[1] is inputs[2] else inputs[1], mask]
    attributes = {"heads": q.shape[1], "key_dim": key_dim, "causal": node["causal"], "weights": weights}
    place, output = graph.nodes.index(last), last.outputs
    for each in nodes:
        each.detach()
    new = Node("MultiHeadAttention", inputs, output, attributes, name=last.name, domain=DOMAIN, origin=node.origin, scope=scope)
    graph.nodes[place] = new
    graph.nodes = [each for each in graph.nodes if each is new or each not in set(nodes)]


def _path(scope: tuple | None) -> str:
    """The path after which the layer is named: the module that is the attention, or one inside the module that holds it."""
    path = scope[-1].path if scope else ""
    return path if not path or "att" in path.rpartition(".")[2].lower() else f"{path}.attention"


def _chosen(weight: Weight, places: tuple) -> Weight:
    shape = np.empty(weight.shape, bool)[places].shape if weight.size < 2**20 else _shape(weight.shape, places)
    return weight.map(lambda array: np.ascontiguousarray(array[places]), shape)


def _shape(shape: Shape, places: tuple) -> Shape:
    sizes: list[int] = []
    for axis, size in enumerate(shape):
        place = places[axis] if axis < len(places) else slice(None)
        sizes += [size] if isinstance(place, slice) else place.shape
    return tuple(sizes)


def _stays(graph: Graph, node: Node, inside: set[Node]) -> bool:
    return all(
        value is None or (value not in graph.outputs and all(user in inside for user, _ in value.users))
        for value in node.outputs
    )


# Where elements go -----------------------------------------------------------------------------------------------------------


def _made(heads: Value) -> tuple[Node, np.ndarray, list[Node]] | None:
    """(the product, the column of it that each head and feature is, the operators between)."""
    nodes: list[Node] = []
    value = heads
    while (node := value.producer) is not None and not is_product(node):
        if node.domain or node.op_type not in MOVES:
            return None
        nodes.append(node)
        value = node.inputs[0]
    if node is None or value.rank != 3:
        return None
    columns = None
    for trial in TRIALS:
        elements = moved(value, nodes[::-1], heads, trial)
        if elements is None:
            return None
        numbers, (batch, steps, width) = elements
        expected = numbers[:1, :, :1, :] + width * (
            steps * np.arange(batch)[:, None, None, None] + np.arange(steps)[None, None, :, None]
        )
        found = numbers[0, :, 0, :]
        if not np.array_equal(numbers, expected) or found.max() >= width or (columns is not None and (columns != found).any()):
            return None
        columns = found
    return node, columns, nodes


def _joined(graph: Graph, heads: Value) -> tuple[Node, np.ndarray, list[Node]] | None:
    """(the product, the row of its weight that each head and feature meets, the operators between)."""
    nodes: list[Node] = []
    value = heads
    while True:
        if len(value.users) != 1 or value in graph.outputs:
            return None
        ((node, index),) = value.users
        if index == 0 and is_product(node):
            break
        if index != 0 or node.domain or node.op_type not in MOVES or len(node.outputs) != 1:
            return None
        nodes.append(node)
        value = node.output
    if value.rank != 3:
        return None
    rows = None
    for trial in TRIALS:
        elements = moved(heads, nodes, value, trial)
        if elements is None:
            return None
        numbers, (batch, count, steps, features) = elements
        wanted = np.arange(numbers.size).reshape(batch, count, steps, features).transpose(0, 2, 1, 3)
        if numbers.size != wanted.size or numbers.shape[:2] != (batch, steps):
            return None
        order = np.argsort(numbers[0, 0])  # the elements of a step by head and feature
        found = order.reshape(count, features)
        if not np.array_equal(numbers[:, :, order], wanted.reshape(batch, steps, -1)) or (
            rows is not None and (rows != found).any()
        ):
            return None
        rows = found
    return node, rows, nodes
