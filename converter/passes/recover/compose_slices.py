"""A slice of a slice along other axes is one slice: ``x[:, ::2, ::2]``."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Node, Value, shared_scope


def compose_slices(graph: Graph) -> None:
    """A Slice of what another Slice takes, both by known numbers and along different axes, takes both from the whole.

    torch's exporter writes one for each axis. The first stays where anything else reads it.
    """
    for node in graph.nodes:
        first = node.inputs[0].producer if _plain(node) else None
        if first is None or first not in graph.nodes or not _plain(first):
            continue
        rank = node.inputs[0].rank
        inner, outer = _ranges(first, rank), _ranges(node, rank)
        if inner is None or outer is None or inner.keys() & outer.keys():
            continue
        both = inner | outer
        axes = sorted(both)
        columns = [*zip(*(both[axis] for axis in axes), strict=True)]
        given = [columns[0], columns[1], axes, columns[2]]
        node.scope = shared_scope([first, node])
        node.set_input(0, first.inputs[0])
        while len(node.inputs) < 5:
            node.add_input(None)
        for place, numbers in enumerate(given, 1):
            node.set_input(place, Value.constant(np.array(numbers, np.int64)))
    graph.remove_unused()


def _plain(node: Node) -> bool:
    return node.op_type == "Slice" and not node.domain and node.inputs[0].rank is not None


def _ranges(node: Node, rank: int) -> dict[int, tuple[int, int, int]] | None:
    """(start, end, step) by axis; None where they are not known."""
    numbers = [None if value is None else value.array for value in (*node.inputs[1:], None, None)][:4]
    starts, ends, axes, steps = numbers
    if (
        starts is None
        or ends is None
        or any(value is not None and array is None for value, array in zip(node.inputs[1:], numbers, strict=False))
    ):
        return None
    axes = range(len(starts)) if axes is None else [int(axis) % rank for axis in axes]
    steps = [1] * len(starts) if steps is None else steps.tolist()
    return {axis: (int(a), int(b), int(c)) for axis, a, b, c in zip(axes, starts, ends, steps, strict=True)}
