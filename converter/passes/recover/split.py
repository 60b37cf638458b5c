"""Parts that a file takes out of a list of parts are those of a Split."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Node, Value
from converter.sizes import Sizes
from converter.sizes.shapes import sizes_of_parts


def split(graph: Graph) -> None:
    """SplitToSequence of an axis of known size, of which only single parts are read, becomes Split."""
    lists = [node for node in graph.nodes if node.op_type == "SplitToSequence" and not node.domain]
    known = Sizes(graph) if lists else None
    for node in lists:
        if node.output not in graph.outputs:
            sizes = sizes_of_parts(node, known.shape(node.inputs[0]))
            readers = [reader for reader, _ in node.output.users]
            if sizes and readers and all(_part(graph, reader, len(sizes)) is not None for reader in readers):
                _replace(graph, node, sizes, readers)


def _part(graph: Graph, reader: Node, count: int) -> int | None:
    """Which part a node reads."""
    place = reader.input(1).array if reader.op_type == "SequenceAt" and reader in graph.nodes else None
    if place is None or not -count <= place.item() < count:
        return None
    return place.item() % count


def _replace(graph: Graph, node: Node, sizes: list[int], readers: list[Node]) -> None:
    data, axis = node.inputs[0], node["axis"] % node.inputs[0].rank
    parts: list[Value | None] = [None] * len(sizes)
    for reader in readers:
        place = _part(graph, reader, len(sizes))
        if parts[place] is None:
            parts[place] = reader.output
        else:
            graph.replace_all_uses(reader.output, parts[place])
        graph.remove(reader)
    for place, size in enumerate(sizes):
        shape = (*data.shape[:axis], size, *data.shape[axis + 1 :])
        parts[place] = parts[place] or Value(f"{node.output.name}_{place}", data.dtype, shape)
        parts[place].shape, parts[place].dtype = shape, data.dtype
    options = {"name": node.name, "origin": node.origin, "scope": node.scope}
    given = Value.constant(np.array(sizes, np.int64))
    place = graph.nodes.index(node)
    node.detach()
    graph.nodes[place] = Node("Split", [data, given], parts, {"axis": axis}, **options)
