"""A pooling has another window together with another stride, or is of the other kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from converter.graph import Node
from converter.verification.causes.hypothesis import Hypothesis, said


def pooling(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """Window and stride changed together, as where the stride is left to be that of the window; the other kind of pooling."""
    own = tuple(node.attributes["kernel_shape"])
    for kernel in ((size + step for size in own) for step in (1, -1, 2, -2)):
        changed = tuple(kernel)
        if min(changed) > 0:
            clause = f"the window and the stride were {said(changed)}"
            yield Hypothesis(clause, {"kernel_shape": changed, "strides": changed})
    yield Hypothesis(f"the stride were {said(own)}, that of the window", {"strides": own})
    other = {"MaxPool": "AveragePool", "AveragePool": "MaxPool"}.get(node.op_type)
    if other is not None:
        kept = {name: node.attributes[name] for name in ("kernel_shape", "strides", "pads", "dilations")}
        yield Hypothesis(f"{other} stood in place of {node.op_type}", kept, op_type=other)
        if other == "AveragePool":
            clause = f"{other} that counts its padding stood in place of {node.op_type}"
            yield Hypothesis(clause, {**kept, "count_include_pad": 1}, op_type=other)
