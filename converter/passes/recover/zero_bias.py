"""A bias of zeros that was never trained is no bias."""

from __future__ import annotations

from converter.graph import Graph, Value

_BIASED = ("Conv", "ConvTranspose")


def zero_bias(graph: Graph) -> None:
    """Leave the bias of a convolution out where it is a constant of zeros.

    Exporters compute such zeros for a layer without bias. A weight of the source stays, whatever its numbers are: it may be
    trained further.
    """
    for node in graph.nodes:
        if node.op_type in _BIASED and not node.domain and _is_zero(node.input(2)):
            node.set_input(2, None)


def _is_zero(value: Value | None) -> bool:
    if value is None or value.weight is None or value.weight.trainable or not value.weight.has_data:
        return False
    return not value.weight.array().any()
