"""A slice of one element, without the axis it lay along, is that element."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Node, Value

_END = np.iinfo(np.int32).max  # exporters write this, or more, for "up to the end"


def pick(graph: Graph) -> None:
    """Slice of one place along one axis, then Squeeze of that axis, become Gather, which says ``x[-1]`` as a person does.

    Both refuse an axis too short for that place.
    """
    for index, squeeze in enumerate(graph.nodes):
        if squeeze.op_type != "Squeeze" or squeeze.domain:
            continue
        found = _place(squeeze)
        if found is not None:
            data, axis, place = found
            squeeze.detach()
            inputs = [data, Value.constant(np.array(place), "index")]
            graph.nodes[index] = Node(
                "Gather", inputs, squeeze.outputs, {"axis": axis}, name=squeeze.name, origin=squeeze.origin, scope=squeeze.scope
            )


def _place(squeeze: Node) -> tuple[Value, int, int] | None:
    """(what is sliced, the axis, the place)."""
    part = squeeze.inputs[0].producer
    if part is None or part.op_type != "Slice" or part.domain or part.inputs[0].rank is None or squeeze.input(1) is None:
        return None
    rank = part.inputs[0].rank
    numbers = [None if value is None else value.array for value in (*part.inputs[1:], squeeze.inputs[1])]
    if any(value is not None and array is None for value, array in zip(part.inputs[1:], numbers, strict=False)):
        return None
    starts, ends, *rest, gone = numbers
    axes, steps = (*rest, None, None)[:2]
    if gone is None or gone.size != 1 or starts.size != 1 or (steps is not None and steps[0] != 1):
        return None
    axis, start, end = 0 if axes is None else int(axes[0]) % rank, int(starts[0]), int(ends[0])
    single = end == start + 1 != 0 or (start == -1 and end >= _END)
    return (part.inputs[0], axis, start) if single and int(gone.reshape(-1)[0]) % rank == axis else None
