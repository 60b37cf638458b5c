"""Which hypotheses are tried of a node, in which order: those of its operator, then those that any operator may have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from converter.graph import Node
from converter.verification.causes.attributes import attributes
from converter.verification.causes.flattening import flattened, reshaped
from converter.verification.causes.hypothesis import Hypothesis, Make
from converter.verification.causes.omission import omitted
from converter.verification.causes.operands import exchanged, parts
from converter.verification.causes.operators import operators
from converter.verification.causes.padding import of_pad, padded_otherwise
from converter.verification.causes.pooling import pooling
from converter.verification.causes.recurrent import GATES, gates
from converter.verification.causes.results import results
from converter.verification.causes.statistics import statistics
from converter.verification.causes.weights import bounds, weights, without_optional

_OWN: dict[str, tuple[Make, ...]] = {
    "Conv": (without_optional, attributes, padded_otherwise),
    "ConvTranspose": (without_optional,),
    "MaxPool": (attributes, padded_otherwise, pooling),
    "AveragePool": (attributes, padded_otherwise, pooling),
    "LpPool": (attributes, padded_otherwise),
    "BatchNormalization": (statistics,),
    "Gemm": (without_optional, flattened),
    "Linear": (flattened,),
    "MatMul": (flattened,),
    "LayerNormalization": (without_optional,),
    "Concat": (parts,),
    "Clip": (bounds,),
    "Pad": (of_pad,),
    **{f"{prefix}{kind}": (gates,) for kind in GATES for prefix in ("", "Sequence", "Last", "DynamicQuantize")},
}
_ANY: tuple[Make, ...] = (attributes, operators, weights, exchanged, reshaped, omitted)


def hypotheses(node: Node, inputs: Sequence[Any], own: np.ndarray | None) -> Iterator[Hypothesis]:
    """What may be wrong with a node, the likely first. ``own`` is its result for ``inputs``, None where that is not known."""
    for make in (*_OWN.get(node.op_type, ()), *_ANY):
        yield from make(node, inputs)
    if own is not None:
        yield from results(own)
