"""The node is left out: what it reads is its result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from converter.graph import Node
from converter.verification.alignment import numeric
from converter.verification.causes.hypothesis import Hypothesis, input_word


def omitted(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """One of the inputs that are no weights as the result."""
    yield Hypothesis("it were left out", op_type="Identity")
    for place, array in enumerate(inputs[1:], 1):
        if numeric(array) and node.inputs[place] is not None and node.inputs[place].weight is None:
            yield Hypothesis(f"it gave back {input_word(node, place)}", inputs={0: array}, op_type="Identity")
