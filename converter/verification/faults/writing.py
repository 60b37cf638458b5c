"""Faults of writing: the emitted code computes something else than the graph, or with other weights."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from converter.graph import Node, Value, Weight
from converter.verification.alignment import numeric
from converter.verification.bodies import Numbers
from converter.verification.faults import accusation
from converter.verification.faults.weights import not_loaded, wrong_weights
from converter.verification.layers import Blame
from converter.verification.sides import LOCAL, LookInto, Sides

_ROUNDING = 5 * LOCAL
"""Relative error of what is computed from a value that was not recognised, up to which it is rounding that grew."""


def find(sides: Sides, weights: Mapping[str, Weight], look_into: LookInto) -> Blame | None:
    """The first node that the emitted code computes otherwise although what it reads is as it should be, or with other weights.

    ``weights`` are the source's by their names in the folder. A node that differs by no more than it would for what the
    emitted code had in front of it is equal: its error is rounding that grew.
    """
    if sides.trace is None:
        return None
    accuse = functools.partial(accusation.accuse, sides, look_into)
    computes = functools.cache(functools.partial(_computes, sides, sides.held))
    wrong = wrong_weights(sides, weights)
    tainted: set[Value] = set()
    for node in sides.graph.nodes:
        outputs = [value for value in node.outputs if value is not None]
        touched = any(value in tainted for value in node.reads())
        if node in wrong and not touched and not all(map(sides.is_near, sides.shown(outputs))):
            return not_loaded(sides, weights, [node]) or accuse(node, wrong[node])
        for value in outputs:
            match = sides.matches.get(value)
            if match is None and value in sides.visible and numeric(sides.values.get(value)):
                if not _is_passed_over(sides, value) and not touched:
                    never_ran = None if sides.is_followed(node) else not_loaded(sides, weights, sides.graph.nodes)
                    return never_ran or accuse(node)
                tainted.add(value)
            elif match is not None and not sides.is_near(value):
                if not computes(node):
                    return accuse(_unrecognised(sides, node) or node)
                if touched:
                    tainted.add(value)
                else:
                    sides.layers[sides.rows[node]].verdict = "equal"
            elif match is None and touched:
                tainted.add(value)
    unread = next(iter(sorted(wrong, key=lambda node: sides.rows[node])), None)
    return None if unread is None else accuse(unread, wrong[unread])


def _is_passed_over(sides: Sides, value: Value) -> bool:
    """Whether all that reads a value is as it should be: then it is only that the value itself was not recognised."""
    found = [sides.matches.get(each) for each in sides.seen_behind(value)]
    right = bool(found) and all(match is not None and match.relative <= _ROUNDING for match in found)
    return right and value not in sides.graph.outputs


def _unrecognised(sides: Sides, node: Node) -> Node | None:
    """Of the nodes in front of one whose result differs, the one whose own result was passed over, as the emitted code has no
    tensor that is near to it, where the difference is that of a tensor that it has instead."""
    for value in node.reads():
        if value in sides.matches or value not in sides.visible or value.producer not in sides.rows:
            continue
        after = sides.read_at(value.producer)
        for place in sides.unknown(after)[: accusation.TRIED]:
            found = sides.alignment.resembling(sides.values[value], sides.plan.of(value), [place])
            if found is not None and _computes(sides, _with(sides, value, found.array), node):
                return value.producer
    return None


def _with(sides: Sides, value: Value, array: np.ndarray) -> Numbers:
    """What the emitted code had, and an array for one value."""
    return lambda each: array.astype(sides.values[value].dtype) if each is value else sides.held(each)


def _computes(sides: Sides, numbers: Numbers, node: Node) -> bool:
    """Whether the emitted code computes the node's results from the numbers of what it reads."""
    results = sides.alone(node, numbers)
    pairs = zip(node.outputs, results or (), strict=False)
    return results is None or not any(
        sides.apart(sides.matches[value].array, result, value, local=True)
        for value, result in pairs
        if value in sides.matches and numeric(result)
    )
