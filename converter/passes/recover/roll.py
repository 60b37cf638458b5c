"""What is cut off at one end of an axis and put on at the other is rolled along that axis."""

from __future__ import annotations

from converter import functions
from converter.graph import Graph, Node
from converter.passes.recover.pattern import Match, Pattern, replace
from converter.passes.recover.slices import taken

_CUT = Pattern("Concat(Slice(x, middle, end), Slice(x, begin, same))")


def roll(graph: Graph) -> None:
    """Concat of the end and the start of one tensor becomes Roll, and so do Rolls of different axes that follow each other.

    The shift is the smaller of the two that do the same. Only for an axis of known size: one too short is left as it is by
    the slices, and rolled by the remainder by Roll.
    """
    for match in _CUT.matches(graph):
        x, concat = match["x"], match.nodes[0]
        if len(concat.inputs) != 2 or x.rank is None:
            continue
        axis = concat["axis"] % x.rank
        end, start = (taken(value.producer, axis) for value in concat.inputs)
        size = x.shape[axis]
        if end and start and start == range(len(start)) and end == range(len(start), size):
            shift = len(end) if len(end) < len(start) else -len(start)
            replace(graph, match, "Roll", [x], {"shifts": (shift,), "axes": (axis,)}, domain=functions.DOMAIN)
    for node in list(graph.nodes):
        first = node.inputs[0].producer if _is_roll(node) else None
        alone = first is not None and first.output not in graph.outputs and len(first.output.users) == 1
        if alone and _is_roll(first) and not {*node["axes"]} & {*first["axes"]}:
            both = {name: (*first[name], *node[name]) for name in ("shifts", "axes")}
            replace(graph, Match(nodes=[node, first]), "Roll", [first.inputs[0]], both, domain=functions.DOMAIN)


def _is_roll(node: Node | None) -> bool:
    return node is not None and node.op_type == "Roll" and node.domain == functions.DOMAIN
