"""What the code for each node will read, and with it which nodes are printed at all."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from converter.emitters.expressions import literal, names_in
from converter.emitters.site import Site
from converter.emitters.sizes import Extents
from converter.emitters.vocabulary import Applied, Branch, Local, Operand, Repeat, Sized, Template
from converter.graph import Graph, Node, Value

Said = tuple[Site, Any]
"""A node's site and what its room returned."""


def needed_nodes(graph: Graph, extents: Extents, said: Callable[[Node], Said]) -> set[Node]:
    """The nodes that the outputs need. What only computes sizes, or is only asked for its own, is not printed.

    Tensors first; then each size is asked of a tensor that is needed in any case, or makes another one needed.
    """
    places = {node: place for place, node in enumerate(graph.nodes)}
    needed: set[Node] = set()
    extents.alive = needed
    waiting = [value.producer for value in graph.outputs]
    while True:
        fresh: list[Node] = []
        while waiting:
            node = waiting.pop()
            if node in places and node not in needed:  # a sub-graph's own nodes are its own matter
                needed.add(node)
                fresh.append(node)
                waiting += [part.value.producer for part in _parts(node, said(node), extents) if isinstance(part, Operand)]
        if not fresh:
            return needed
        for node in sorted(fresh, key=places.get):
            for part in _parts(node, said(node), extents):
                if isinstance(part, Sized):
                    waiting += [value.producer for value in _asked(part, node, extents)]


def _asked(sized: Sized, node: Node, extents: Extents) -> list[Value]:
    """The values whose sizes are asked for."""
    asked: list[Value] = []

    def extent(value: Value, axis: int) -> ast.expr:
        asked.append(value)
        return literal(axis)

    extents.tree(sized.number, node, extent)
    return asked


def _parts(node: Node, said: Said, extents: Extents) -> Iterator[Operand | Sized]:
    """The operands and sizes that the code for a node reads; a node with sub-graphs reads what they read."""
    site, result = said
    if isinstance(result, Branch):
        result = result.condition
    elif isinstance(result, Repeat):
        firsts = [state.first for state in result.states]
        joins = [join for _, _, join in result.collected]
        result = [result.iterable, *firsts, *joins, *(expression for _, expression in result.counters)]
    yield from _read(result, site, extents)
    for subgraph in node.subgraphs():
        inner = [*subgraph.outputs, *(value for own in subgraph.nodes for value in own.reads())]
        yield from (Operand(value, 0) for value in inner)


def _read(said: Any, site: Site, extents: Extents) -> Iterator[Operand | Sized]:
    if isinstance(said, list | tuple):
        for item in said:
            yield from _read(item, site, extents)
    elif isinstance(said, Operand):
        yield extents.as_number(said, site.node) or said
    elif isinstance(said, Sized):
        yield said
    elif isinstance(said, Local):
        yield from _read(said.expression, site, extents)
    elif isinstance(said, Applied):
        yield from _read([*said.arguments, *said.options.values()], site, extents)
    elif isinstance(said, Template):
        for name in names_in(said.text):
            if name in said.bindings:
                yield from _read(said.bindings[name], site, extents)
            elif site.has(name):
                yield from _read(site.named(name), site, extents)
