"""What a fault is: a name, and the places in a network where it can be planted."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from converter.graph import Graph, Node


@dataclass(frozen=True)
class Site:
    """One place of a fault. ``plant`` does the harm; ``layers`` are the nodes of which verification must blame one, none where
    nobody can say which that is."""

    layers: tuple[str, ...]
    plant: Callable[[], None]


@dataclass(frozen=True)
class GraphFault:
    """Harm to a graph after reading: all code that is emitted from it is wrong in one way."""

    name: str
    harm: Callable[[Node, Graph], Callable[[], None] | None]
    """What plants the fault at a node, None where it does not apply."""
    same: Callable[[Node], Node | None] = lambda node: None
    """Another node, a fault of which would make the same network."""

    def sites(self, graph: Graph) -> Iterator[Site]:
        for node, around in [(node, each) for each in graph.nested() for node in each.nodes]:
            plant = self.harm(node, around)
            if plant is not None:
                nodes = [node] if (other := self.same(node)) is None else [node, other]
                yield Site(tuple(each.name or each.origin for each in nodes), plant)


GRAPH_FAULTS: list[GraphFault] = []


def on(*operators: str, name: str | None = None, same: Callable[[Node], Node | None] = lambda node: None) -> Callable:
    """A fault of nodes of these operators (none: of any). The decorated function gets the node, or the node and the graph,
    and returns what plants the fault, or None. ``same`` is that of GraphFault."""

    def register(function: Callable) -> Callable:
        takes_graph = "graph" in inspect.signature(function).parameters

        def harm(node: Node, graph: Graph) -> Callable[[], None] | None:
            if operators and node.op_type not in operators:
                return None
            return function(node, graph) if takes_graph else function(node)

        GRAPH_FAULTS.append(GraphFault(name or function.__name__.replace("_", " "), harm, same))
        return function

    return register
