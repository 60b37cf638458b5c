"""Several nodes that the emitted code computes in one layer, as a MultiHeadAttention: which of them is to blame."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from converter.graph import Node, Value
from converter.verification import causes, reference
from converter.verification.alignment import numeric
from converter.verification.sides import Sides

_SECONDS = 20.0
"""For all nodes of one layer."""


def find(sides: Sides, node: Node, value: Value, tensors: Sequence[np.ndarray]) -> tuple[Node, str, int] | None:
    """Of the nodes that the emitted code computes in one with the given one, the one that, with one thing changed, gives
    what one of the tensors holds: (the node, the cause, which tensor)."""
    group = _computed_with(sides, node)
    floating = [each for each in group if len(each.outputs) == 1 and sides.values[each.outputs[0]].dtype.kind == "f"]
    end = time.monotonic() + _SECONDS
    for number, each in enumerate(reversed(floating)):
        inputs = [sides.held(given) for given in each.inputs]
        onward = functools.partial(_onward, sides, each, [*group[group.index(each) + 1 :], node], value)
        seconds = max(end - time.monotonic(), 0) / (len(floating) - number)
        cause, which = causes.writing(each, inputs, 0, tensors, sides.plan.of(value), onward, seconds)
        if which is not None:
            return each, cause, which
    return None


def _computed_with(sides: Sides, node: Node) -> list[Node]:
    """The nodes that compute what a node reads from what the emitted code has tensors for, in order."""
    found, ahead = set(), [node]
    while ahead:
        for value in ahead.pop().reads():
            maker = value.producer
            if value in sides.visible or not numeric(sides.values.get(value)):
                continue
            if maker in sides.rows and maker not in found:
                found.add(maker)
                ahead.append(maker)
    return sorted(found, key=lambda each: sides.rows[each])


def _onward(sides: Sides, changed: Node, nodes: Sequence[Node], value: Value, result: np.ndarray) -> Any:
    """What a value is if the node ``changed`` gives ``result``: ``nodes`` are those behind it, in order."""
    known: dict[Value, Any] = {changed.outputs[0]: result}
    for node in nodes:
        if any(each in known for each in node.inputs):
            inputs = [known[each] if each in known else sides.held(each) for each in node.inputs]
            results = reference.of_node(node, inputs)
            if results is None:
                return None
            known |= {each: array for each, array in zip(node.outputs, results, strict=False) if each is not None}
    return known.get(value)
