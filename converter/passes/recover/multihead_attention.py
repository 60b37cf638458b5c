"""torch's ``nn.MultiheadAttention``, which its exporter writes as products, moves of elements, attention and a product."""

from __future__ import annotations

import math

import numpy as np

from converter import functions
from converter.graph import Graph, Node, Scope, Value, Weight
from converter.passes.elements import MOVES, TRIALS, is_product, moved

_CLASS = "torch.nn.modules.activation.MultiheadAttention"
_TURN = (1, 0, 2)
_LAYOUTS = {"MultiheadAttention": (0, 2), "MultiheadAttentionOfSteps": (2, 0)}
"""Which axes of the heads (batch, heads, steps, size) stand first in what the operator reads and gives."""


def multihead_attention(graph: Graph) -> None:
    """Attention in a module of torch's class, and the products that make its heads and join them, are one operator.

    Which column of a product each head reads, and which row of the last weight, is found by moving the numbers of the elements
    the way the operators between move the elements, for two choices of the open sizes. Left alone: masks, products without
    bias, keys or values of another width, a scale of its own, and results of which others read a part.
    """
    for node in list(graph.nodes):
        if node.op_type == "Attention" and not node.domain and node in graph.nodes and _module(node) is not None:
            _replace(graph, node)


def _module(node: Node) -> Scope | None:
    """The scope of the module that is the attention."""
    return node.scope if node.scope and node.scope[-1].type == _CLASS else None


def _replace(graph: Graph, node: Node) -> None:
    q, k, v = node.inputs[:3]
    if not _is_plain(node) or None in (q.shape, k.shape, v.shape) or q.rank != 4:
        return
    scope, heads, size = node.scope, q.shape[1], q.shape[3]
    if not isinstance(heads, int) or not isinstance(size, int) or k.shape[1] != heads or v.shape[3] != size:
        return
    if not (node["scale"] is None or math.isclose(node["scale"], size**-0.5, rel_tol=1e-5)):
        return
    joined = _joined(graph, node, scope)
    if joined is None:
        return
    op_type, last, after, end = joined
    made = [_made(value, scope) for value in (q, k, v)]
    if any(each is None for each in made):
        return
    products = [product for product, _, _, _ in made]
    moves = list(dict.fromkeys(each for _, _, nodes, _ in made for each in nodes))
    width = heads * size
    matrix, bias = _matrix_of(last)
    shapes = [product.inputs[1].shape[0] for product in products]
    if matrix.shape != (width, width) or shapes != [width] * 3 or bias is None or any(p.input(2) is None for p in products):
        return
    inside = {node, last, *products, *moves, *after}
    if not all(_stays(graph, each, inside, end) for each in inside):
        return
    path = scope[-1].path
    weights = [
        _stacked([(p.inputs[1].weight.transpose(1, 0), columns) for p, columns, _, _ in made], f"{path}.in_proj_weight"),
        _stacked([(p.inputs[2].weight, columns) for p, columns, _, _ in made], f"{path}.in_proj_bias"),
        matrix,
        bias,
    ]
    place = graph.nodes.index(last)
    given: dict[Value, Value] = {}
    turns: list[Node] = []
    for product, (_, _, _, order) in zip(products, made, strict=True):
        x = product.inputs[0]
        if x not in given:
            given[x] = x if order == _LAYOUTS[op_type] else _turned(x, turns, node)
    inputs = [given[product.inputs[0]] for product in products] + [Value.of_weight(weight) for weight in weights]
    for each in inside:
        each.detach()
    new = Node(
        op_type, inputs, [end], {"heads": heads}, name=node.name, domain=functions.DOMAIN, origin=node.origin, scope=scope
    )
    graph.nodes[place : place + 1] = [*turns, new]
    graph.nodes = [each for each in graph.nodes if each not in inside]


def _is_plain(node: Node) -> bool:
    more = any(value is not None for value in node.inputs[3:]) or any(value is not None for value in node.outputs[1:])
    windows = any(node.attributes.get(name, -1) != -1 for name in ("left_window_size", "right_window_size"))
    return not (more or windows or node["is_causal"] or node["softcap"])


def _turned(x: Value, turns: list[Node], node: Node) -> Value:
    """``x`` with its first two axes the other way round: what a Transpose made it of, or what a new one makes of it."""
    turn = x.producer
    if turn is not None and turn.op_type == "Transpose" and not turn.domain and tuple(turn["perm"]) == _TURN:
        return turn.inputs[0]
    output = Value(f"{x.name}_turned", x.dtype, tuple(x.shape[axis] for axis in _TURN))
    turns.append(Node("Transpose", [x], [output], {"perm": _TURN}, origin=node.origin, scope=node.scope[:-1]))
    return output


def _stays(graph: Graph, node: Node, inside: set[Node], end: Value) -> bool:
    """Whether nothing outside reads what it computes, but for the result."""
    return all(
        value is None or value is end or (value not in graph.outputs and all(user in inside for user, _ in value.users))
        for value in node.outputs
    )


def _stacked(parts: list[tuple[Weight, np.ndarray]], name: str) -> Weight:
    """The rows of the weights that the heads of queries, keys and values read, one after the other."""
    first, size = parts[0][0], sum(columns.size for _, columns in parts)
    chosen = np.concatenate([columns.reshape(-1) for _, columns in parts])
    if all(weight.origin is first.origin and weight.shape == first.shape for weight, _ in parts):
        if np.array_equal(chosen, np.arange(first.shape[0])):
            whole = first.map(lambda array: np.ascontiguousarray(array), first.shape)
        else:
            whole = first.map(lambda array: array[chosen], (size, *first.shape[1:]))
    else:
        whole = first.map(
            lambda _: np.concatenate([weight.array()[columns.reshape(-1)] for weight, columns in parts]),
            (size, *first.shape[1:]),
        )
    whole.name = name
    return whole


# Where elements go


def _made(heads: Value, scope: Scope) -> tuple[Node, np.ndarray, list[Node], tuple[int, int]] | None:
    """(the product, the column of it that each head and feature is, the operators between, the order of its axes)."""
    nodes: list[Node] = []
    value = heads
    while (node := value.producer) is not None and not is_product(node):
        if node.domain or node.op_type not in MOVES or node.scope != scope:
            return None
        nodes.append(node)
        value = node.inputs[0]
    if node is None or value.rank != 3 or node.scope != scope:
        return None
    for order in _LAYOUTS.values():
        found = [_columns(value, nodes[::-1], heads, order, trial) for trial in TRIALS]
        if found[0] is not None and found[1] is not None and np.array_equal(*found):
            return node, found[0], nodes, order
    return None


def _columns(
    value: Value, nodes: list[Node], heads: Value, order: tuple[int, int], trial: tuple[int, ...]
) -> np.ndarray | None:
    elements = moved(value, nodes, heads, trial)
    if elements is None:
        return None
    numbers, (_, second, width) = elements
    places = np.indices(numbers.shape)
    first_axis, second_axis = (places[axis] for axis in order)
    columns = numbers - width * (second * first_axis + second_axis)
    found = columns[0, :, 0, :]
    return (
        found
        if np.array_equal(columns, np.broadcast_to(found[None, :, None, :], columns.shape)) and _within(found, width)
        else None
    )


def _within(columns: np.ndarray, width: int) -> bool:
    return columns.min() >= 0 and columns.max() < width


def _joined(graph: Graph, node: Node, scope: Scope) -> tuple[str, Node, list[Node], Value] | None:
    """(which operator it is, the last product, the operators around that, the result)."""
    before: list[Node] = []
    after: list[Node] = []
    last, value = None, node.output
    while value not in graph.outputs and len(value.users) == 1:
        ((user, index),) = value.users
        if user.scope != scope or index != 0 or len(user.outputs) != 1:
            break
        if last is None and _is_last(user):
            last = user
        elif user.domain or user.op_type not in MOVES:
            break
        else:
            (before if last is None else after).append(user)
        value = user.output
    if last is None:
        return None
    inner = last.inputs[0]
    trials = [(trial, {}) for trial in TRIALS]
    rows = [_rows(node.output, before, inner, *trial) for trial in trials]
    if None in rows:
        return None
    for op_type, order in _LAYOUTS.items():
        if all(_keeps(last.output, after, value, order, *row, *trial) for row, trial in zip(rows, trials, strict=True)):
            return op_type, last, [*before, *after], value
    return None


def _is_last(node: Node) -> bool:
    """Whether it is a product with a matrix of weights, in either form."""
    if (node.op_type, node.domain) != ("Gemm", ""):
        return is_product(node)
    plain = node["alpha"] == node["beta"] == 1 and not node["transA"]
    return plain and all(value is not None and value.weight is not None for value in node.inputs[1:])


def _matrix_of(node: Node) -> tuple[Weight, Weight | None]:
    """The weight (out, in) and the bias of a product."""
    matrix, bias = node.inputs[1].weight, node.input(2)
    turned = matrix if node.op_type == "Gemm" and node["transB"] else matrix.transpose(1, 0)
    return turned, None if bias is None or bias.rank != 1 else bias.weight


def _rows(
    heads: Value, nodes: list[Node], end: Value, trial: tuple[int, ...], sizes: dict[str, int]
) -> tuple[np.ndarray, tuple[int, ...]] | None:
    """(for each row of the product's input the number of its step among all of all samples, the shape of the heads), where
    its columns are the features of all heads in order."""
    elements = moved(heads, nodes, end, trial, sizes)
    if elements is None:
        return None
    numbers, (batch, count, steps, size) = elements
    wanted = np.arange(numbers.size).reshape(batch, count, steps, size).transpose(0, 2, 1, 3).reshape(-1, count * size)
    if numbers.shape[-1] != count * size:
        return None
    numbers = numbers.reshape(-1, count * size)
    place = {first: row for row, first in enumerate(wanted[:, 0].tolist())}
    rows = np.array([place.get(first, -1) for first in numbers[:, 0].tolist()])
    if (rows < 0).any() or not np.array_equal(numbers, wanted[rows]):
        return None
    return rows, (batch, count, steps, size)


def _keeps(
    product: Value,
    nodes: list[Node],
    end: Value,
    order: tuple[int, int],
    rows: np.ndarray,
    shape: tuple[int, ...],
    trial: tuple[int, ...],
    sizes: dict[str, int],
) -> bool:
    """Whether the result has the rows of the product by sample and step, in this order."""
    elements = moved(product, nodes, end, trial, sizes)
    if elements is None or end.rank != 3:
        return False
    numbers, given = elements
    width = given[-1]
    batch, _, steps, _ = shape
    wanted = np.arange(batch * steps).reshape(batch, steps)
    wanted = wanted if order == (0, 2) else wanted.T
    if numbers.shape != (*wanted.shape, width):
        return False
    held = rows[numbers[:, :, 0] // width]
    return (
        np.array_equal(held, wanted)
        and np.array_equal(numbers, numbers[:, :, :1] + np.arange(width))
        and not (numbers[:, :, 0] % width).any()
    )
