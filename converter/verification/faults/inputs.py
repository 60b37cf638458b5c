"""Faults of reading the wrong tensor: a layer computes what it should, but of the result of another layer, or of one whose axes
stand elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.emitters.layout import Layout
from converter.graph import Node, Value
from converter.verification import causes, reference
from converter.verification.alignment import error, numeric
from converter.verification.compare import magnitude
from converter.verification.layers import Blame
from converter.verification.sides import LOCAL, Sides

_TRIED = 60
"""Runs of the node with another input."""

_STEPS = 4
"""Expressions between what a layer reads and what it gives."""


@dataclass(frozen=True)
class _Way:
    """An input of a node, ``given``, that may be another value: ``compute`` gives what the code would have for that then. The
    node is the one that is looked at, or one in front of it that the code has no tensor for."""

    node: Node
    given: Value
    compute: Callable[[np.ndarray], np.ndarray | None]


def another(sides: Sides, node: Node, value: Value) -> Blame | None:
    """The blame for a node that gives ``value``, where the emitted code has what it would for the result of another layer."""
    expected = sides.values.get(value)
    if any(node.subgraphs()) or not numeric(expected):
        return None
    ways, inputs = list(_ways(sides, node, value)), [sides.values.get(each) for each in node.inputs]
    known = {match.entry: each for each, match in sides.matches.items()}
    start = max(sides.read_at(node), default=-1)
    results: dict[tuple[int, Value], np.ndarray | None] = {}
    for place, entry in enumerate(sides.alignment.entries):
        if place <= start or place in known or not numeric(entry.array):
            continue
        for other, first in _sources(sides, place, known):
            for number, way in enumerate(ways):
                array, own = sides.values.get(other), sides.values.get(way.given)
                if other in (way.given, value) or not _alike(array, own):
                    continue
                if (number, other) not in results:
                    if len(results) == _TRIED:
                        return None
                    result = way.compute(array)
                    same = any(_is_same(result, each) for each in (array, *inputs))  # as the maximum of a number and itself
                    results[number, other] = None if same else result
                result = results[number, other]
                if numeric(result) and _holds(entry.array, result, sides.plan.of(value)):
                    sides.place(way.node, first if sides.alignment.entries[first].line is not None else place)
                    cause = f"as if it read {sides.name(other)} instead of {sides.name(way.given)}"
                    return sides.blame(way.node, "writing", None, None, cause)
    return None


def _ways(sides: Sides, node: Node, value: Value) -> Iterator[_Way]:
    index, inputs = node.outputs.index(value), [reference.numbers(each, sides.values) for each in node.inputs]

    def run(at: int, array: np.ndarray | None) -> np.ndarray | None:
        results = (
            None if array is None else reference.of_node(node, [array if i == at else each for i, each in enumerate(inputs)])
        )
        return None if results is None else results[index]

    for at, given in enumerate(node.inputs):
        if not numeric(inputs[at]) or given.weight is not None:
            continue
        yield _Way(node, given, functools.partial(run, at))
        if given not in sides.matches and given.producer in sides.rows and not any(given.producer.subgraphs()):
            for way in _ways(sides, given.producer, given):
                yield _Way(way.node, way.given, lambda array, at=at, way=way: run(at, way.compute(array)))


def _alike(one: Any, other: Any) -> bool:
    """Whether one array may stand for the other, and is another one."""
    if not numeric(one) or not numeric(other) or one.ndim != other.ndim or one.dtype != other.dtype:
        return False
    return not _is_same(one, other)


def _is_same(one: Any, other: Any) -> bool:
    if not numeric(one) or not numeric(other) or one.shape != other.shape:
        return False
    return error(one, other, magnitude(other)) <= LOCAL


def _holds(found: np.ndarray, result: np.ndarray, layout: Layout) -> bool:
    if found.size != result.size or result.min() == result.max():  # that one number stands everywhere proves nothing
        return False
    return causes.explains(result, found, None, layout)


def _sources(sides: Sides, place: int, known: dict[int, Value]) -> Iterator[tuple[Value, int]]:
    """Values that a tensor is computed from in a few expressions, each with the place of the one that reads it."""
    ahead, seen = [place], {place}
    for _ in range(_STEPS):
        behind = []
        for each in ahead:
            for operand in sides.alignment.entries[each].operands:
                if operand in known:
                    yield known[operand], each
                elif operand not in seen:
                    seen.add(operand)
                    behind.append(operand)
        ahead = behind


def misplaced(sides: Sides, node: Node) -> Blame | None:
    """The blame for what one of several inputs of a node is computed by, where it has the right numbers on other axes, so that
    they meet others than they should."""
    if len(node.inputs) < 2:
        return None
    for value in node.inputs:
        wrong = None
        while _is_misplaced(sides, value):
            wrong = value
            value = next((each for each in value.producer.inputs if _is_misplaced(sides, each)), None)
        if wrong is not None:
            match = sides.matches[wrong]
            sides.place(wrong.producer, match.entry)
            shape, own = sides.alignment.entries[match.entry].array.shape, sides.values[wrong].shape
            cause = f"its numbers are as they should be, but its shape is {shape} in the emitted code instead of {own}"
            return sides.blame(wrong.producer, "writing", None, None, cause)
    return None


def _is_misplaced(sides: Sides, value: Value | None) -> bool:
    """Whether a value has as many axes as it should, of which some of length 1 are in the places of others, and stay there."""
    if value not in sides.matches or value.producer not in sides.rows:
        return False
    expected, entry = sides.values[value].shape, sides.matches[value].entry
    array = sides.alignment.entries[entry].array
    if array.ndim != len(expected) or sorted(array.shape) != sorted(expected) or 1 not in expected:
        return False
    order = sides.plan.of(value).order
    right = {expected, tuple(expected[axis] for axis in order) if len(order) == len(expected) else expected}
    behind = [each.array for each in sides.alignment.entries[entry:] if numeric(each.array) and each.array.size == array.size]
    return not any(each.shape in right and np.array_equal(each.reshape(-1), array.reshape(-1)) for each in behind)
