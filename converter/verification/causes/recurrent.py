"""A recurrent layer: gates in another order, biases missing or elsewhere, steps backwards."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from converter.graph import Node
from converter.verification.alignment import numeric
from converter.verification.causes.hypothesis import Hypothesis

GATES = {"LSTM": "iofc", "GRU": "zrh"}


def gates(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """The gates in another order, a bias missing or in front of the reset gate, an input that runs backwards."""
    kind = next((kind for kind in GATES if node.op_type.endswith(kind)), None)
    if kind is None or not all(numeric(array) for array in inputs[1:3]):
        return
    names = GATES[kind]
    w, r, b = inputs[1], inputs[2], inputs[3] if len(inputs) > 3 else None
    for order in itertools.permutations(range(len(names))):
        if order == tuple(range(len(names))):
            continue
        said = " ".join(names[place] for place in order)
        clause = f"the gates were in the order {said} instead of {' '.join(names)}"
        turned = {1: _permuted(w, order), 2: _permuted(r, order)}
        if numeric(b):
            turned[3] = np.concatenate([_permuted(half, order) for half in np.split(b, 2, axis=1)], axis=1)
        yield Hypothesis(clause, inputs=turned)
    if numeric(b):
        first, second = np.split(b, 2, axis=1)
        yield Hypothesis("the bias of the input were missing", inputs={3: np.concatenate([first * 0, second], axis=1)})
        yield Hypothesis("the bias of the state were missing", inputs={3: np.concatenate([first, second * 0], axis=1)})
        yield Hypothesis(
            "both biases stood in front of the reset gate", inputs={3: np.concatenate([first + second, second * 0], axis=1)}
        )
    if numeric(inputs[0]):
        for axis in range(2):
            yield Hypothesis(
                f"its input ran backwards along axis {axis}", inputs={0: np.ascontiguousarray(np.flip(inputs[0], axis))}
            )


def _permuted(array: np.ndarray, order: Sequence[int]) -> np.ndarray:
    parts = np.split(array, len(order), axis=1)
    return np.concatenate([parts[place] for place in order], axis=1)
