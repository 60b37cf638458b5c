"""What is flattened has its axes in another order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from converter.emitters.layout import Layout
from converter.graph import Node
from converter.verification.alignment import numeric
from converter.verification.causes.hypothesis import Hypothesis, said


def flattened(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """A matrix product of what was flattened in another order."""
    before = node.inputs[0].producer if node.inputs[0] is not None else None
    while before is not None and before.op_type in ("Relu", "Dropout", "Identity") and before.inputs[0] is not None:
        before = before.inputs[0].producer
    if before is None or before.op_type not in ("Flatten", "Reshape") or not numeric(inputs[0]):
        return
    shape = before.inputs[0].shape
    if shape is None or not all(isinstance(size, int) for size in shape[1:]) or len(shape) < 3:
        return
    if int(np.prod(shape[1:])) != inputs[0].shape[-1]:
        return
    for perm in itertools.permutations(range(1, len(shape))):
        if perm != tuple(range(1, len(shape))):
            turned = inputs[0].reshape(-1, *shape[1:]).transpose(0, *perm).reshape(inputs[0].shape)
            clause = f"what it multiplies had been flattened in the order of axes {said(perm)}"
            yield Hypothesis(clause, inputs={0: np.ascontiguousarray(turned)})
            back = inputs[0].reshape(-1, *(shape[axis] for axis in perm)).transpose(0, *np.argsort([0, *perm])[1:])
            yield Hypothesis(
                f"the rows of its weight were in the order of axes {said(perm)}",
                inputs={0: np.ascontiguousarray(back).reshape(inputs[0].shape)},
            )


def reshaped(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """What is given another shape with its axes in another order before."""
    if node.op_type in ("Reshape", "Flatten", "Squeeze") and numeric(inputs[0]):
        array = inputs[0]
        for perm in itertools.permutations(range(array.ndim)) if array.ndim <= 4 else [Layout.channels_last(array.ndim).order]:
            if perm != tuple(range(array.ndim)):
                turned = np.ascontiguousarray(array.transpose(perm))
                if node.op_type == "Reshape":
                    turned = turned.reshape(array.shape)
                yield Hypothesis(f"the axes were in the order {said(perm)} before", inputs={0: turned})
