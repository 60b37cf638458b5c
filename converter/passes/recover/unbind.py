"""Parts of length 1 without their axis are what a tensor holds at each place of it."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Node, Value
from converter.passes.recover.pattern import Match, replace


def unbind(graph: Graph) -> None:
    """Split of an axis into all its places, each of which only loses the axis in a Squeeze, becomes a Gather of each.

    So torch's older exporter writes ``unbind``.
    """
    for node in [node for node in graph.nodes if node.op_type == "Split" and not node.domain]:
        data = node.inputs[0]
        axis = None if data.rank is None else node["axis"] % data.rank
        if axis is None or data.shape[axis] != len(node.outputs) or len(node.outputs) < 2:
            continue
        readers = [_squeezed(graph, value, axis) for value in node.outputs]
        if None in readers:
            continue
        for number, reader in enumerate(readers):
            place = Value.constant(np.array(number, np.int64), f"{reader.output.name}_place")
            replace(graph, Match(nodes=[reader]), "Gather", [data, place], {"axis": axis})
        graph.remove(node)


def _squeezed(graph: Graph, value: Value | None, axis: int) -> Node | None:
    """The Squeeze of this axis that alone reads a value."""
    users = [] if value is None or value in graph.outputs else value.users
    reader = users[0][0] if len(users) == 1 else None
    if reader is None or reader.op_type != "Squeeze" or reader.domain or reader not in graph.nodes:
        return None
    axes = reader.input(1).array if reader.input(1) is not None else None
    return reader if axes is not None and [int(each) % value.rank for each in axes.reshape(-1)] == [axis] else None
