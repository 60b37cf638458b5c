"""torch's ``nn.MultiheadAttention``, which its exporter writes as products, moves of elements, attention and a product."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from converter import functions
from converter.graph import Graph, Node, Scope, Value, Weight
from converter.passes.elements import MOVES, TRIALS, is_product, moved
from converter.passes.recover.attention import hides
from converter.passes.recover.pattern import Pattern, held

_PRODUCTS = Pattern("MatMul(Softmax(MatMul(q * scale, k), axis=-1), v)")
_CLASS = "torch.nn.modules.activation.MultiheadAttention"
_TURN = (1, 0, 2)
_LAYOUTS = {"MultiheadAttention": (0, 2), "MultiheadAttentionOfSteps": (2, 0)}
"""Which axes of the heads (batch, heads, steps, size) stand first in what the operator reads and gives."""


def multihead_attention(graph: Graph) -> None:
    """Attention in a module of torch's class, and the products that make its heads and join them, are one operator.

    Which column of a product each head reads, and which row of the last weight, is found by moving the numbers of the elements
    the way the operators between move the elements, for two choices of the open sizes. Left alone: masks that are computed or
    do more than hide, keys or values of another width, a scale of its own, and results of which others read a part. A layer
    without biases has constants of zero in their place.
    """
    for node in list(graph.nodes):
        core = _core(graph, node) if node in graph.nodes and node.scope and node.scope[-1].type == _CLASS else None
        if core is not None:
            _replace(graph, core)


@dataclass
class _Core:
    """What attends, of heads (batch, heads, steps, size) or (batch * heads, steps, size)."""

    nodes: list[Node]
    """The last one first."""
    q: Value
    k: Value
    v: Value
    size: int
    turned: bool = False
    """Whether the last two axes of the keys are the other way round."""
    seen: Weight | None = None
    """Which keys (steps, keys) each query sees, where not all."""


def _core(graph: Graph, node: Node) -> _Core | None:
    """The attention that ends in ``node``, of one width of heads and the usual scale."""
    if node.op_type == "Attention" and not node.domain and _is_plain(node):
        seen = None if node.input(3) is None else _seen(node.inputs[3], f"{node.scope[-1].path}.attn_mask")
        if seen is None and node.input(3) is not None:
            return None
        core, scale = _Core([node], *node.inputs[:3], 0, seen=seen), node["scale"]
    elif node.op_type == "MatMul" and (match := _PRODUCTS.at(graph, node)) is not None:
        core, scale = _Core(match.nodes, match["q"], match["k"], match["v"], 0, turned=True), held(match["scale"])
        if scale is None:
            return None
    else:
        return None
    if None in (core.q.shape, core.k.shape, core.v.shape) or not core.q.rank == core.k.rank == core.v.rank:
        return None
    size, other = core.q.shape[-1], core.k.shape[-2 if core.turned else -1]
    if core.q.rank not in (3, 4) or not isinstance(size, int) or size != other or core.v.shape[-1] != size:
        return None
    if core.q.rank == 4 and not core.q.shape[1] == core.k.shape[1] == core.v.shape[1]:
        return None
    core.size = size
    return core if scale is None or math.isclose(scale, size**-0.5, rel_tol=1e-5) else None


def _replace(graph: Graph, core: _Core) -> None:
    node = core.nodes[0]
    scope, size = node.scope, core.size
    joined = _joined(graph, node, size)
    turned = (False, core.turned, False)
    made = [_made(value, scope, size, turned=each) for value, each in zip((core.q, core.k, core.v), turned, strict=True)]
    if joined is None or any(each is None for each in made):
        return
    op_type, last, after, end = joined
    products = [product for product, _, _, _ in made]
    matrix, bias = _matrix_of(last)
    biases = [None if product.input(2) is None else product.inputs[2].weight for product in products]
    width = matrix.shape[0]
    shapes = {product.inputs[1].shape[0] for product in products} | {columns.size for _, columns, _, _ in made}
    if shapes != {width} or matrix.shape != (width, width):
        return
    moves = {each for _, _, nodes, _ in made for each in nodes}
    inside = {*core.nodes, last, *products, *moves, *after}
    if not all(_stays(graph, each, inside, end) for each in inside):
        return
    path = scope[-1].path
    has_bias = any((*biases, bias))
    biases = [
        _zeros(p.inputs[1].weight, p.inputs[1].shape[1], trained=has_bias) if held is None else held
        for p, held in zip(products, biases, strict=True)
    ]
    columns = [columns for _, columns, _, _ in made]
    matrices = [product.inputs[1].weight.transpose(1, 0) for product in products]
    weights = [
        _stacked(matrices, columns, f"{path}.in_proj_weight"),
        _stacked(biases, columns, f"{path}.in_proj_bias"),
        matrix,
        _zeros(matrix, width, trained=has_bias) if bias is None else bias,
    ]
    place = graph.nodes.index(last)
    given: dict[Value, Value] = {}
    turns: list[Node] = []
    for product, (_, _, _, order) in zip(products, made, strict=True):
        x = product.inputs[0]
        if x not in given:
            given[x] = x if order == _LAYOUTS[op_type] else _turned(x, turns, node)
    inputs = [given[product.inputs[0]] for product in products] + [Value.of_weight(weight) for weight in weights]
    if core.seen is not None:
        inputs.append(Value.of_weight(core.seen))
    heads = {"heads": width // size}
    for each in inside:
        each.detach()
    new = Node(op_type, inputs, [end], heads, name=node.name, domain=functions.DOMAIN, origin=node.origin, scope=scope)
    graph.nodes[place : place + 1] = [*turns, new]
    graph.nodes = [each for each in graph.nodes if each not in inside]


def _zeros(matrix: Weight, size: int, *, trained: bool) -> Weight:
    """A bias that was left out because it is zero, as in a fresh layer: the layer has all biases or none."""
    return Weight.of(np.zeros(size, matrix.dtype), trainable=trained)


def _seen(mask: Value, name: str) -> Weight | None:
    """Which keys each query sees, where a constant mask, the same for all heads and samples, tells it."""
    array = mask.array
    if array is None or array.ndim < 2 or array[..., 0, 0].size != 1:
        return None
    array = array.reshape(array.shape[-2:])
    seen = array if array.dtype == bool else array == 0
    return Weight.of(seen, name, trainable=False) if hides(array) and seen.any(-1).all() else None


def _is_plain(node: Node) -> bool:
    more = any(value is not None for value in node.inputs[4:]) or any(value is not None for value in node.outputs[1:])
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


def _stacked(weights: list[Weight], columns: list[np.ndarray], name: str) -> Weight:
    """The rows of the weights that the heads of queries, keys and values read, one after the other."""
    first, chosen = weights[0], np.concatenate([each.reshape(-1) for each in columns])
    if all(each.origin is first.origin and each.shape == first.shape for each in weights):
        if np.array_equal(chosen, np.arange(first.shape[0])):
            whole = first.map(np.ascontiguousarray, first.shape)
        else:
            whole = first.map(lambda array: array[chosen], (chosen.size, *first.shape[1:]))
    else:
        parts = list(zip(weights, columns, strict=True))
        whole = first.map(
            lambda _: np.concatenate([weight.array()[places.reshape(-1)] for weight, places in parts]),
            (chosen.size, *first.shape[1:]),
        )
    whole.name = name
    return whole


# Where elements go


def _made(
    heads: Value, scope: Scope, size: int, *, turned: bool
) -> tuple[Node, np.ndarray, list[Node], tuple[int, int]] | None:
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
        found = [_columns(moved(value, nodes[::-1], heads, trial), order, size, turned=turned) for trial in TRIALS]
        if found[0] is not None and found[1] is not None and np.array_equal(*found):
            return node, found[0], nodes, order
    return None


def _columns(
    elements: tuple[np.ndarray, tuple[int, ...]] | None, order: tuple[int, int], size: int, *, turned: bool
) -> np.ndarray | None:
    """The columns, where the numbers of the elements of each head are those of its sample and step."""
    if elements is None:
        return None
    numbers, (*leading, width) = elements
    batch, steps = leading if order == (0, 2) else leading[::-1]
    numbers = numbers.swapaxes(-1, -2) if turned else numbers
    if numbers.size % (batch * steps * size):
        return None
    numbers = numbers.reshape(batch, -1, steps, size)
    places = np.indices(numbers.shape)
    columns = numbers - width * (leading[1] * places[order[0]] + places[order[1]])
    found = columns[0, :, 0, :]
    same = np.array_equal(columns, np.broadcast_to(found[None, :, None, :], columns.shape))
    return found if same and found.min() >= 0 and found.max() < width else None


def _joined(graph: Graph, node: Node, size: int) -> tuple[str, Node, list[Node], Value] | None:
    """(which operator it is, the last product, the operators around that, the result)."""
    before: list[Node] = []
    after: list[Node] = []
    last, value = None, node.output
    while value not in graph.outputs and len(value.users) == 1:
        ((user, index),) = value.users
        if user.scope != node.scope or index != 0 or len(user.outputs) != 1:
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
    width = last.inputs[1].shape[1 if last.op_type == "Gemm" and last["transB"] else 0]
    if width % size:
        return None
    rows = [_rows(node.output, before, inner, width, size, *trial) for trial in trials]
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
    heads: Value, nodes: list[Node], end: Value, width: int, size: int, trial: tuple[int, ...], sizes: dict[str, int]
) -> tuple[np.ndarray, tuple[int, ...]] | None:
    """(for each row of the product's input the number of its step among all of all samples, the shape of the heads), where
    its columns are the features of all heads in order."""
    elements = moved(heads, nodes, end, trial, sizes)
    if elements is None:
        return None
    numbers, (*leading, steps, _) = elements
    count = width // size
    batch = leading[0] if len(leading) == 2 else leading[0] // count
    if numbers.size != batch * count * steps * size:
        return None
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
