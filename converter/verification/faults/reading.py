"""Faults of reading: a node of the graph computes something else than the source file."""

from __future__ import annotations

import functools

from converter.graph import Value
from converter.verification import causes, reference
from converter.verification.alignment import numeric
from converter.verification.layers import Blame
from converter.verification.sides import LookInto, Sides


def find(sides: Sides, look_into: LookInto) -> Blame | None:
    """The first node whose result is not the source's, although it would be for what the source computes it from."""
    known = sides.source

    def differs(value: Value) -> bool:
        mine = sides.values.get(value)
        return value in known and (not numeric(mine) or sides.apart(mine, known[value], value))

    if not any(differs(value) for value in sides.graph.outputs):
        return None
    for node in sides.graph.nodes:
        for index, value in enumerate(node.outputs):
            if not differs(value):
                continue
            inputs = [known[v] if v in known else reference.numbers(v, sides.values) for v in node.inputs]
            right = functools.partial(reference.numbers, values={**sides.values, **known})
            alone = sides.alone(node, right)
            if alone is not None and not sides.apart(alone[index], known[value], value, local=True):
                continue
            if (inside := look_into(node, "reading", right)) is not None:
                return inside
            cause = causes.reading(node, inputs, index, known[value])
            return sides.blame(node, "reading", known[value], sides.values.get(value), cause)
    return None
