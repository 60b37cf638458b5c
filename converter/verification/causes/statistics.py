"""A BatchNormalization has other statistics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from converter.graph import Node
from converter.verification.causes.hypothesis import Hypothesis


def statistics(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """Mean and variance changed with each other, and those of the batch in place of the stored ones."""
    if node.op_type == "BatchNormalization":
        yield Hypothesis("the mean and the variance were changed with each other", inputs={3: inputs[4], 4: inputs[3]})
        x = inputs[0]
        axes = (0, *range(2, x.ndim))
        of_batch = {3: x.mean(axes).astype(x.dtype), 4: x.var(axes).astype(x.dtype)}
        yield Hypothesis("the mean and the variance were those of the batch, as in training", inputs=of_batch)
