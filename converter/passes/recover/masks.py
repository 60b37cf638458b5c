"""What a mask of attention says: which keys a query sees."""

from __future__ import annotations

import numpy as np

from converter.graph import Dimension, Graph, Node, Value

LOW = -1e30
"""A number so low that what is added to it is lost: a row of nothing else is a row of equal numbers."""


_SAME = ("Expand", "Unsqueeze", "Squeeze", "Reshape", "Slice", "Identity")
"""Operators that give a condition other axes."""


def masks(graph: Graph) -> None:
    """A mask that hides nothing is left out, one that hides later keys and nothing else becomes ``is_causal``.

    What always holds is taken out of a condition.

    Every query sees its own place there, so that a number below -1e30 and minus infinity are the same after the softmax.
    """
    for node in graph.nodes:
        mask = node.input(3) if node.op_type == "Attention" and not node.domain else None
        if mask is None or len(node.inputs) > 4 or len(node.outputs) > 1:
            continue
        q, k = node.inputs[:2]
        if _hides_nothing(mask):
            node.set_input(3, None)
        elif q.rank == 4 and k.rank == 4 and q.shape[2] is not None and q.shape[2] == k.shape[2] and _is_all_causal(mask, q, k):
            node.set_input(3, None)
            node.attributes["is_causal"] = 1
    for node in list(graph.nodes):
        if node.op_type == "Where" and not node.domain and node.output.users and _is_mask(graph, node.output):
            _leave_out_true(graph, node)


def _hides_nothing(mask: Value) -> bool:
    if mask.array is not None and mask.array.dtype != bool:
        return not mask.weight.trainable and not mask.array.any()
    return is_true(mask)


def _is_all_causal(mask: Value, q: Value, k: Value) -> bool:
    if hides_later(mask, q, k):
        return True
    node = mask.producer
    if node is None or node.op_type != "Where" or node.domain or number(node.inputs[1]) != 0:
        return False
    low = number(node.inputs[2])
    parts = [part for part in parts_of(node.inputs[0]) if not is_true(part)]
    return low is not None and low <= LOW and bool(parts) and all(is_causal(part, q, k) for part in parts)


def _is_mask(graph: Graph, value: Value) -> bool:
    """Whether attention alone reads it, which broadcasts its first three axes."""
    readers = all(user.op_type == "Attention" and not user.domain and index == 3 for user, index in value.users)
    return readers and value not in graph.outputs


def _leave_out_true(graph: Graph, node: Node) -> None:
    """Let the condition of a mask be what is left of it, if it still has an entry for each key."""
    seen = node.inputs[0]
    if seen.producer is None or seen.producer.op_type != "And" or seen.producer.domain or seen.rank != 4:
        return
    one, other = seen.producer.inputs
    left = other if is_true(one) else one if is_true(other) else None
    if left is None or left.rank != 4 or left.shape[-1] is None or left.shape[-1] != seen.shape[-1]:
        return
    if any(value.rank is None or (value.rank > 0 and value.shape != (1,)) for value in node.inputs[1:]):
        return
    node.set_input(0, left)
    node.output.shape = left.shape


def _counts(node: Node) -> bool:
    """Whether a node gives 0, 1, 2 and so on."""
    if (node.op_type, node.domain) == ("Positions", "keras"):
        return True
    if node.op_type != "Range" or node.domain:
        return False
    return number(node.inputs[0]) == 0 and number(node.inputs[2]) == 1


def hides_later(mask: Value, q: Value, k: Value) -> bool:
    """Whether a mask is very low for keys after the query's own place, as torch's exporter writes ``is_causal``."""
    if mask.array is not None:
        seen = Value.constant(mask.array == 0)
        return bool((mask.array[~seen.array] <= LOW).all()) and is_causal(seen, q, k)
    node = mask.producer
    equal = node.inputs[0].producer if node is not None and node.op_type == "Where" else None
    if equal is None or equal.op_type != "Equal" or equal.domain or number(equal.inputs[1]) != 0:
        return False
    low, triangle = number(node.inputs[1]), equal.inputs[0].producer
    if low is None or low > LOW or number(node.inputs[2]) != 0 or triangle is None or triangle.op_type != "Trilu":
        return False
    ones, diagonal = triangle.inputs[0].producer, triangle.input(1)
    full = ones is not None and ones.op_type == "Expand" and number(ones.inputs[0]) == 1
    lower = not triangle["upper"] and (diagonal is None or number(diagonal) == 0)
    return full and lower and mask.shape is not None and mask.shape[-2:] == (q.shape[2], k.shape[2])


def number(value: Value) -> float | None:
    array = value.array if value.weight is not None and value.weight.size == 1 else None
    return None if array is None else float(array.reshape(()))


def parts_of(seen: Value) -> list[Value]:
    """The conditions that must hold together."""
    node = seen.producer
    if node is None or node.domain or node.op_type != "And":
        return [seen]
    return [part for value in node.inputs for part in parts_of(value)]


def is_true(part: Value) -> bool:
    """Whether it is always so: a position is never below zero."""
    if part.array is not None:
        return part.array.dtype == bool and bool(part.array.all())
    node = part.producer
    if node is None or node.domain:
        return False
    if node.op_type in _SAME:
        return is_true(node.inputs[0])
    if node.op_type != "GreaterOrEqual":
        return False
    return place_of(node.inputs[0]) is not None and number(node.inputs[1]) == 0


def is_causal(part: Value, q: Value, k: Value) -> bool:
    """Whether a query sees the keys up to its own place and no others."""
    if part.array is not None:
        steps = part.array.shape[-1]
        square = part.array.ndim > 1 and part.array.shape[-2] == steps and part.array.size == steps**2
        return square and q.shape[2] == k.shape[2] == steps and bool((np.tri(steps, dtype=bool) == part.array).all())
    node = part.producer
    if node is None or node.domain or node.op_type not in ("LessOrEqual", "GreaterOrEqual") or part.rank is None:
        return False
    key, query = node.inputs if node.op_type == "LessOrEqual" else node.inputs[::-1]
    return place_of(key) == (-1, k.shape[2]) and place_of(query) == (-2, q.shape[2]) and q.shape[2] is not None


def place_of(value: Value) -> tuple[int, Dimension] | None:
    """(axis, its size) along which a value counts from 0 on, all others being of size 1; the axis counted from the end."""
    node, shape = value.producer, value.shape
    while node is not None and node.op_type in ("Unsqueeze", "Cast") and not node.domain:
        node = node.inputs[0].producer
    if node is None or shape is None or not _counts(node):
        return None
    longer = [axis - len(shape) for axis, size in enumerate(shape) if size != 1]
    return (longer[0], shape[longer[0]]) if len(longer) == 1 else None
