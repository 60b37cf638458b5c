"""Attention that an exporter wrote as two products and a softmax is one operator."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from converter import functions
from converter.graph import Graph, Node, Value
from converter.passes.recover.pattern import Match, Pattern, replace

_PLAIN = Pattern("MatMul(Softmax(scores, axis=-1), v)")
_SAFE = Pattern("MatMul(Where(IsNaN(Softmax(scores, axis=-1)), 0, Softmax(scores, axis=-1)), v)")
_MOVES = {"Reshape", "Transpose", "Unsqueeze", "Squeeze", "Expand", "Slice", "Gather", "GatherND", "Identity"}
"""Operators whose result holds numbers of their first input only."""


def attention(graph: Graph) -> None:
    """softmax(scale * q @ k.T + mask) @ v of queries, keys and values (batch, heads, steps, features) becomes Attention.

    The scale may stand on queries, keys or their product, or its square root on both. A row of the mask that hides all keys
    with minus infinity is a row of zeros to Attention, as it is where not-a-number was replaced after the softmax; where it was
    not, a mask is taken only if it is known to be finite. (A query that is itself not a number was hidden by that replacement
    and is not by Attention.) Keys and values repeated for groups of queries are read as they were before that.
    """
    for pattern, safe in ((_SAFE, True), (_PLAIN, False)):
        for match in pattern.matches(graph):
            _replace(graph, match, safe)


def _replace(graph: Graph, match: Match, safe: bool) -> None:
    product = _product(match["scores"])
    if product is None:
        return
    q, k, v, mask = product.q, product.k, match["v"], product.mask
    inside = {*match.nodes, *product.nodes}
    if not _agree(product, v) or not all(_reads_only(graph, node, inside) for node in product.nodes):
        return
    if mask is not None:
        if not _fits(mask, product.scores) or not (safe or is_finite(mask) or _leaves_keys(mask)):
            return
        mask = (_boolean(mask) if safe else None) or mask
    short, other = _ungrouped(k), _ungrouped(v)
    if short is not None and other is not None and short.shape[1] == other.shape[1]:
        k, v = short, other
    if product.order is not None:
        k = _transposed(graph, product.turn, product.order)
    default = math.isclose(product.scale, q.shape[-1] ** -0.5, rel_tol=1e-5)
    inputs = [q, k, v] if mask is None else [q, k, v, mask]
    match = Match(match.values, list(dict.fromkeys([*match.nodes, *product.nodes])))
    replace(graph, match, "Attention", inputs, {} if default else {"scale": product.scale})


@dataclass
class _Product:
    """scale * q @ k.T + mask, and the nodes that compute it."""

    scores: Value
    q: Value
    turned: Value
    k: Value
    mask: Value | None
    scale: float
    nodes: list[Node] = field(default_factory=list)
    turn: Node | None = None
    order: tuple[int, ...] | None = None
    """For keys that come from another order of axes than (batch, heads, steps, features): the order that makes it."""


def _product(scores: Value) -> _Product | None:
    nodes: list[Node] = []
    mask, product = None, scores
    if scores.producer is not None and scores.producer.op_type == "Add" and not scores.producer.domain:
        sides = scores.producer.inputs
        made_by = [unscaled(side, [])[0].producer for side in sides]
        first = made_by[0] is not None and made_by[0].op_type == "MatMul"
        product, mask = sides if first else sides[::-1]
        nodes.append(scores.producer)
    product, outer = unscaled(product, nodes)
    if product.producer is None or product.producer.op_type != "MatMul":
        return None
    nodes.append(product.producer)
    q, turned = product.producer.inputs
    q, left = unscaled(q, nodes)
    turned, right = unscaled(turned, nodes)
    found = _Product(product, q, turned, turned, mask, outer * left * right, nodes)
    return found if _turn_back(found, turned) else None


def unscaled(value: Value, nodes: list[Node]) -> tuple[Value, float]:
    """The value before it was multiplied by numbers, and their product."""
    scale = 1.0
    while (node := value.producer) is not None and node.op_type in ("Mul", "Div") and not node.domain:
        sides = node.inputs if node.op_type == "Div" else sorted(node.inputs, key=lambda side: side.weight is not None)
        number = _number(sides[1])
        if number is None or (node.op_type == "Div" and number == 0):
            break
        scale = scale / number if node.op_type == "Div" else scale * number
        nodes.append(node)
        value = sides[0]
    return value, scale


def _number(value: Value) -> float | None:
    weight = value.weight
    if weight is None or weight.shape not in ((), (1,)) or not weight.has_data or weight.dtype.kind != "f":
        return None
    number = float(np.asarray(weight.array(), np.float64).reshape(()))
    return number if math.isfinite(number) else None


def _turn_back(found: _Product, turned: Value) -> bool:
    """Find the keys of which ``turned`` are the transposed ones."""
    node = turned.producer
    if node is None or node.domain or turned.rank != 4:
        return False
    if node.op_type == "Transpose" and node["perm"] is not None:
        a, b, c, d = node["perm"]
        found.nodes.append(node)
        if (a, b, c, d) == (0, 1, 3, 2):
            found.k, inner = unscaled(node.inputs[0], found.nodes)
            found.scale *= inner
        else:
            found.turn, found.order = node, (a, b, d, c)
        return True
    transpose = node.inputs[0].producer if node.op_type == "Reshape" else None
    flat = transpose.inputs[0] if transpose is not None and transpose.op_type == "Transpose" else None
    if flat is None or transpose["perm"] != (0, 2, 1) or flat.producer is None or flat.producer.op_type != "Reshape":
        return False
    k = flat.producer.inputs[0]
    if None in (k.shape, flat.shape) or None in (*k.shape, *flat.shape[1:]) or 0 in k.shape:
        return False
    if k.shape[2:] != flat.shape[1:] or turned.shape != (*k.shape[:2], k.shape[3], k.shape[2]):
        return False
    found.nodes += [node, transpose, flat.producer]
    found.k, inner = unscaled(k, found.nodes)
    found.scale *= inner
    return True


def _agree(product: _Product, v: Value) -> bool:
    """Whether nothing is broadcast in the products."""
    shapes = [value.shape for value in (product.q, product.turned, v, product.scores)]
    if any(shape is None or len(shape) != 4 or None in shape for shape in shapes):
        return False
    (batch, heads, steps, features), turned, values, scores = shapes
    alike = scores == (batch, heads, steps, turned[3]) and values[:3] == (batch, heads, turned[3])
    known = isinstance(features, int) and features > 0 and product.q.dtype is not None and product.q.dtype.kind == "f"
    return known and alike and turned[:3] == (batch, heads, features)


def _reads_only(graph: Graph, node: Node, inside: set[Node]) -> bool:
    return node.output not in graph.outputs and all(user in inside for user, _ in node.output.users)


def _fits(mask: Value, scores: Value) -> bool:
    """Whether the mask has an entry for each key and broadcasts to the scores without widening them."""
    if mask.shape is None or not 2 <= len(mask.shape) <= 4 or mask.shape[-1] != scores.shape[-1]:
        return False
    return all(size in (1, whole) for size, whole in zip(mask.shape[::-1], scores.shape[::-1], strict=False))


def hides(mask: np.ndarray) -> bool:
    """Whether a mask only hides keys: a condition, or 0 and numbers below those that scores have."""
    return mask.dtype == bool or (mask.dtype.kind == "f" and bool(((mask == 0) | (mask <= -1e30)).all()))


def _leaves_keys(mask: Value) -> bool:
    """Whether a constant mask leaves each query a key that it sees."""
    array = mask.array
    return array is not None and array.ndim > 1 and array.dtype.kind == "f" and bool((array > -np.inf).any(-1).all())


def is_finite(mask: Value) -> bool:
    """Whether no number in it can be infinite."""
    if mask.weight is not None:
        return mask.weight.has_data and bool(np.isfinite(mask.weight.array()).all())
    node = mask.producer
    if node is not None and (node.domain, node.op_type) == (functions.DOMAIN, "RepeatLike"):
        return is_finite(node.inputs[1])
    if node is None or node.domain:
        return False
    if node.op_type == "Where":
        return all(map(is_finite, node.inputs[1:]))
    if node.op_type == "Add":
        return all(map(is_finite, node.inputs))
    return node.op_type in _MOVES and is_finite(node.inputs[0])


def _boolean(mask: Value) -> Value | None:
    """The condition that tells which keys are seen, of a mask that is 0 for those and minus infinity for the others."""
    node = mask.producer
    if node is None or node.op_type != "Where" or node.domain:
        return None
    seen, nothing, hidden = node.inputs
    plain = _held(nothing) == 0 and _held(hidden) == -math.inf
    return seen if plain and seen.shape is not None and seen.shape == mask.shape else None


def _held(value: Value) -> float | None:
    array = value.array if value.weight is not None and value.weight.size == 1 else None
    return None if array is None else float(array.reshape(()))


def _ungrouped(value: Value) -> Value | None:
    """Keys or values before each head was repeated for the queries of its group."""
    wide = value.producer.inputs[0] if value.producer is not None and value.producer.op_type == "Reshape" else None
    expand = wide.producer if wide is not None else None
    apart = expand.inputs[0].producer if expand is not None and expand.op_type == "Expand" else None
    if apart is None or apart.op_type != "Unsqueeze" or None in (value.shape, wide.shape):
        return None
    base, axes = apart.inputs[0], apart.inputs[1].array
    if axes is None or base.rank != 4 or [axis % 5 for axis in axes.reshape(-1).tolist()] != [2]:
        return None
    batch, heads, steps, features = base.shape
    if None in base.shape or not isinstance(heads, int) or not isinstance(wide.shape[2], int):
        return None
    repeated = wide.shape == (batch, heads, wide.shape[2], steps, features)
    return base if repeated and value.shape == (batch, heads * wide.shape[2], steps, features) else None


def _transposed(graph: Graph, turn: Node, order: tuple[int, ...]) -> Value:
    """A Transpose to another order than that of ``turn``, in its place."""
    x = turn.inputs[0]
    output = Value(turn.output.name, turn.output.dtype, tuple(x.shape[axis] for axis in order))
    node = Node("Transpose", [x], [output], {"perm": order}, name=turn.name, origin=turn.origin, scope=turn.scope)
    graph.nodes.insert(graph.nodes.index(turn), node)
    return output
