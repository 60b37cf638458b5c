"""What a normalisation adds to the variance: a number that hardly any output shows, compared as weights are."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping

from converter.graph import Graph, Weight
from converter.verification import run

_NORMALISATIONS = {
    "BatchNormalization",
    "GroupNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "RMSNormalization",
}
_RELATIVE = 1e-5
"""What float32, in which ONNX holds it, rounds it by, and more."""


def others(graph: Graph, weights: Mapping[str, Weight], found: Mapping[str, float]) -> Iterator[str]:
    """What is to be said of each layer whose epsilon is not the source's.

    ``weights`` are those of the emitted model by key, ``found`` the epsilons of its layers by the part of a key that names the
    layer. A layer without weights, or that does not tell its epsilon, proves nothing.
    """
    holders: dict[Weight, set[str]] = defaultdict(set)
    for key, weight in weights.items():
        holders[weight.origin].add(run.holder(key))
    for node in (node for each in graph.nested() for node in each.nodes if node.op_type in _NORMALISATIONS):
        read = [holders[value.weight.origin] for value in node.reads() if value.weight is not None]
        for layer in set.intersection(*read) if read else ():
            if layer in found and not math.isclose(found[layer], node["epsilon"], rel_tol=_RELATIVE):
                yield (
                    f"the layer {node.name or node.origin!r} ({node.op_type}) has the epsilon {found[layer]:g} instead of "
                    f"{node['epsilon']:g}"
                )
