"""What Keras has a layer or function for and the standard no operator, put together on a copy of the graph."""

from __future__ import annotations

from converter.graph import Graph, Value
from converter.passes.fold_constants import fold_constants
from converter.passes.keras.dot_product import dot_product
from converter.passes.keras.multi_head import multi_head
from converter.passes.keras.positions import positions
from converter.passes.keras.repeated import repeated
from converter.passes.keras.tied_embedding import tied_embedding
from converter.passes.remove_unused import remove_unused
from converter.passes.trained import has_computed_weights

_ALL = (dot_product, tied_embedding)
"""For every model."""

_FUNCTIONAL = (
    positions,  # before attention: it finds out which masks are causal by positions
    repeated,
    dot_product,
    multi_head,
    tied_embedding,
)
"""For a functional model, which has no sizes while it is built: layers ask for them when it runs."""


def lowered(graph: Graph, *, functional: bool, copies: dict[Value, Value] | None = None) -> Graph:
    """A copy of the graph that also has operators of the domain "keras". ``copies`` is told which value has become which."""
    graph = graph.copy(copies)
    if any(has_computed_weights(node) for node in graph.nodes):
        fold_constants(graph, layers=False)  # Keras has no layers whose weights are computed, and builds none for a constant
    for run in _FUNCTIONAL if functional else _ALL:
        run(graph)
        remove_unused(graph)
    return graph
