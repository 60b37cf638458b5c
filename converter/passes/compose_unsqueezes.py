"""An Unsqueeze of an Unsqueeze puts all new axes in at once."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Node, Value


def compose_unsqueezes(graph: Graph) -> None:
    """Let an Unsqueeze that reads another read what that one does. The first goes with the unused if nothing else reads it."""
    for node in graph.nodes:
        first = node.inputs[0].producer if _is_known(node) else None
        if first is None or not _is_known(first):
            continue
        inner, outer = _axes(first), _axes(node)
        kept = [axis for axis in range(node.output.rank) if axis not in outer]
        axes = sorted({*outer, *(kept[axis] for axis in inner)})
        node.set_input(0, first.inputs[0])
        node.set_input(1, Value.constant(np.array(axes, np.int64), node.inputs[1].name))


def _is_known(node: Node) -> bool:
    known = node.op_type == "Unsqueeze" and not node.domain and node.output.rank is not None
    return known and node.inputs[0].is_tensor and node.inputs[1].array is not None


def _axes(node: Node) -> set[int]:
    return {axis % node.output.rank for axis in node.inputs[1].array.reshape(-1).tolist()}
