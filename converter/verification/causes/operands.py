"""Operands are changed with each other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from converter.graph import Node
from converter.verification.alignment import numeric
from converter.verification.causes.hypothesis import Hypothesis, input_word, said


def parts(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """The parts of a concatenation in another order."""
    if len(inputs) <= 5:
        for order in itertools.permutations(range(len(inputs))):
            if order != tuple(range(len(inputs))):
                clause = f"its inputs were in the order {said(order)}"
                yield Hypothesis(clause, inputs={place: inputs[other] for place, other in enumerate(order)})


def exchanged(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """Two inputs changed with each other, where that is possible and not the same."""
    places = [place for place, array in enumerate(inputs) if numeric(array)]
    for a, b in itertools.combinations(places, 2):
        first, second = inputs[a], inputs[b]
        if first.shape == second.shape or node.op_type in ("Sub", "Div", "Pow", "Concat"):
            names = f"{input_word(node, a)} and {input_word(node, b)}"
            yield Hypothesis(f"{names} were changed with each other", inputs={a: second, b: first})
