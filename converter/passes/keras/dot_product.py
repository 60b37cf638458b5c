"""Attention as ``ops.dot_product_attention`` computes it, which has a condition or numbers as its mask, and a causal one."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from converter.graph import Graph, Node, Value
from converter.passes.recover.attention import is_finite
from converter.passes.recover.masks import LOW, hides_later, is_causal, is_true, number, parts_of

DOMAIN = "keras"


def dot_product(graph: Graph) -> None:
    """Attention (Q, K, V, mask) becomes DotProductAttention (Q, K, V, condition, bias) with a scale, and whether it is causal.

    A mask that is 0 for keys that are seen and a very low number for others is a condition, for both are the mean of all values
    where a query sees nothing. Where a condition itself is the mask, such a query has zeros in ONNX: what Keras gives is
    multiplied by whether it sees anything. That it sees no later keys is told apart. Other masks are numbers that are added,
    which must be known to be finite: minus infinity in a whole row gives zeros in ONNX, and no numbers in Keras.
    """
    conditions: dict[tuple[Value, ...], Value] = {}
    factors: dict[Value, Value] = {}
    for node in list(graph.nodes):
        if node.op_type != "Attention" or node.domain or not _is_plain(node):
            continue
        q, k, v, mask = (node.input(index) for index in range(4))
        condition = bias = whole = None
        causal = bool(node["is_causal"])
        if mask is not None and hides_later(mask, q, k):
            causal = True
        elif mask is not None:
            seen = mask if mask.dtype == bool else _seen(mask)
            if seen is None and not (mask.dtype is not None and mask.dtype.kind == "f" and is_finite(mask)):
                continue
            if seen is None:
                bias = mask
            else:
                parts = [part for part in parts_of(seen) if not is_true(part)]
                others = [part for part in parts if not is_causal(part, q, k)]
                causal |= len(others) < len(parts)
                condition = _all(graph, node, others, conditions)
                if condition is not None and condition not in graph.inputs:
                    condition.name = "mask"
                if condition is not None and seen is mask:
                    whole = mask if len(others) < len(parts) else condition
        factor = _of_rank_4(graph, node, None if whole is None else _sees_any(graph, node, whole, factors))
        outputs = node.outputs
        node.detach()
        inputs = [q, k, v, _of_rank_4(graph, node, condition), _of_rank_4(graph, node, bias)]
        attributes = {"scale": node["scale"], "causal": causal}
        made = outputs if factor is None else [Value(outputs[0].name, outputs[0].dtype, outputs[0].shape)]
        new = [Node("DotProductAttention", inputs, made, attributes, name=node.name, domain=DOMAIN, scope=node.scope)]
        if factor is not None:
            new.append(Node("Mul", [*made, factor], outputs, name=node.name, origin=node.origin, scope=node.scope))
        place = graph.nodes.index(node)
        graph.nodes[place : place + 1] = new


def _is_plain(node: Node) -> bool:
    """Whether queries, keys and values are of rank 4 and alike in features, with as many heads or groups of them.

    ``ops.dot_product_attention`` believes that the values have as many features as the queries (Keras 3.15, ``ops/nn.py``).
    """
    shapes = [value.shape or () for value in node.inputs[:3]]
    if any(len(shape) != 4 or not isinstance(shape[1], int) or not isinstance(shape[3], int) for shape in shapes):
        return False
    q, k, v = shapes
    heads = k[1] == v[1] and k[1] > 0 and q[1] % k[1] == 0
    more = [value for value in node.inputs[4:] if value is not None] or len(node.outputs) > 1 or node["softcap"]
    window = node["left_window_size"] != -1 or node["right_window_size"] != -1
    mask = node.input(3)
    if mask is not None and (mask.rank not in (2, 3, 4) or mask.shape[-1] not in (1, k[2])):
        return False
    return heads and q[3] == k[3] == v[3] and not (more or window) and node.output.dtype == "float32"


def _seen(mask: Value) -> Value | None:
    """The condition that a mask of zeros and very low numbers says."""
    node = mask.producer
    if node is None or node.domain or node.op_type != "Where":
        return None
    seen, nothing, hidden = node.inputs
    low = number(hidden)
    return seen if number(nothing) == 0 and low is not None and np.isfinite(low) and low <= LOW else None


def _all(graph: Graph, node: Node, parts: list[Value], known: dict[tuple[Value, ...], Value]) -> Value | None:
    """What says that all of the conditions hold, made where the first node asks for it."""
    if not parts:
        return None
    for count in range(2, len(parts) + 1):
        together = tuple(parts[:count])
        if together not in known:
            a, b = known.get(together[:-1], together[0]), together[-1]
            rank = max(a.rank, b.rank)
            shapes = [(1,) * (rank - value.rank) + value.shape for value in (a, b)]
            shape = tuple(x if y == 1 else y for x, y in zip(*shapes, strict=True))
            output = Value("mask", np.dtype(bool), shape)
            scope = node.scope[:1] if node.scope is not None else None
            graph.nodes.insert(graph.nodes.index(node), Node("And", [a, b], [output], scope=scope))
            known[together] = output
    return known.get(tuple(parts), parts[0])


def _sees_any(graph: Graph, node: Node, seen: Value, known: dict[Value, Value]) -> Value:
    """1 for each query that sees a key, 0 for any other, made where the first node asks for it."""
    if seen not in known:
        scope = node.scope[:1] if node.scope is not None else None
        numbers = Value("seen", np.dtype(np.float32), seen.shape)
        known[seen] = Value("seen", np.dtype(np.float32), (*seen.shape[:-1], 1))
        place = graph.nodes.index(node)
        graph.nodes[place:place] = [
            Node("Cast", [seen], [numbers], {"to": TensorProto.FLOAT}, scope=scope),
            Node("ReduceMax", [numbers, Value.constant(np.array([-1]))], [known[seen]], {"keepdims": 1}, scope=scope),
        ]
    return known[seen]


def _of_rank_4(graph: Graph, node: Node, mask: Value | None) -> Value | None:
    """The mask with a size for batch and heads as well."""
    if mask is None or mask.rank == 4:
        return mask
    shape = (1,) * (4 - mask.rank) + mask.shape
    if mask.weight is not None:
        return Value.of_weight(mask.weight.reshape(*shape), mask.name)
    axes = Value.constant(np.arange(4 - mask.rank))
    output = Value(mask.name, mask.dtype, shape)
    graph.nodes.insert(graph.nodes.index(node), Node("Unsqueeze", [mask, axes], [output], scope=node.scope))
    return output
