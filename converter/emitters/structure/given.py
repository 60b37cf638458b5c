"""Sizes that a function or a module asks its first tensor for: ``height, width, channels = x.shape[1:]``."""

from __future__ import annotations

import math

from converter.emitters.blocks import Statement
from converter.emitters.names import Namespace
from converter.emitters.structure.readings import MAKE, RUN, Reading

_AXES = {3: ("", "length", "channels"), 4: ("", "height", "width", "channels"), 5: ("", "depth", "height", "width", "channels")}
"""What the axes of a tensor are called, by how many it has."""


class Asked(str):
    """What a size of the first tensor is called in the function that asks for it: no parameter."""


def sizes_of_input(
    groups: list[list[str]], readings: list[Reading], names: Namespace, *, is_module: bool
) -> tuple[list[str], dict[str, Asked]]:
    """(the lines that ask, what stands in each place instead of a number).

    A number that is no argument of a layer but a part of a shape, and in all calls a size of the first tensor, a multiple or a
    share of one, is asked for. Widths of layers that a function makes are then computed from the channels, if those are asked
    for; a module, whose layers are made before there is a tensor, says its own width as the channels where it asks for others.
    """
    shapes = [reading.call.given for reading in readings]
    if len({len(shape) for shape in shapes}) != 1 or len(shapes[0]) not in _AXES:
        return [], {}
    first = readings[0]
    called = _AXES[len(shapes[0])] if not is_module else _axes(readings)
    channels = called.index("channels")
    texts: dict[str, tuple[tuple[int, ...], str]] = {}
    turn: dict[tuple, int] = {}
    for places in groups:
        is_size = all(_is_size(place, first) for place in places)
        if is_size and not counts_heads(places[0], readings):
            numbers = [reading.numbers[places[0]] for reading in readings]
            found = _multiples(numbers, shapes, [(axis,) for axis in range(1, len(shapes[0]))])
            found = found or _multiples(
                numbers, shapes, [tuple(axis for axis, name in enumerate(called) if axis and axis != channels)]
            )
            nearest = min((_factor(text) for _, text in found), default=1)
            found = [each for each in found if _factor(each[1]) == nearest]
            for place in places if found else ():  # of sizes that are equal, one after the other
                around = (place.rpartition(".")[0], *found)
                texts[place] = found[turn.get(around, 0) % len(found)]
                turn[around] = turn.get(around, 0) + 1
    if any(channels in axes for axes, _ in texts.values()) or (is_module and texts):
        for places in (places for places in groups if places[0] not in texts):
            text = multiple_of([reading.numbers[places[0]] for reading in readings], [shape[channels] for shape in shapes])
            if is_module and text == "{}":
                texts |= {place: ((channels,), text) for place in places if _is_size(place, first)}
            elif not is_module and text and any(first.roles[place] in ("filters", "units") for place in places):
                texts |= dict.fromkeys(places, ((channels,), text))
    axes, last = sorted({axis for axes, _ in texts.values() for axis in axes}), len(shapes[0]) - 1
    taken = {axis: names.take(called[axis]) for axis in axes}
    lines = [f"{taken[axis]} = x.shape[{-1 if axis == last else axis}]" for axis in axes]
    if len(axes) > 1 and axes[-1] - axes[0] == len(axes) - 1:
        end = "" if axes[-1] == last else axes[-1] + 1
        lines = [f"{', '.join(taken.values())} = x.shape[{axes[0]}:{end}]"]
    return lines, {place: Asked(text.format(" * ".join(map(taken.get, axes)))) for place, (axes, text) in texts.items()}


def _multiples(numbers: list[object], shapes: list[tuple], choices: list[tuple[int, ...]]) -> list[tuple[tuple[int, ...], str]]:
    """The axes whose size, or the product of whose sizes, tells numbers in all calls, and how."""
    found = []
    for axes in choices:
        sizes = [[shape[axis] for axis in axes] for shape in shapes]
        known = all(type(size) is int for each in sizes for size in each)
        text = multiple_of(numbers, [math.prod(each) for each in sizes]) if known and axes else ""
        if text:
            found.append((axes, text))
    return found


def _is_size(place: str, reading: Reading) -> bool:
    """Whether a number is a part of a shape that is no weight's."""
    return place.startswith(RUN) and (reading.roles[place] == "size" or reading.makers.get(place) == "window_reverse")


def _factor(text: str) -> int:
    """The number in what ``multiple_of`` gives."""
    return int("".join(filter(str.isdigit, text)) or 1)


def _axes(readings: list[Reading]) -> tuple[str, ...]:
    """What the axes of a module's tensor are called: channels are first or last, whichever is the width of its first layer."""
    shapes, first = [reading.call.given for reading in readings], readings[0]
    names = _AXES[len(shapes[0])]
    turned = ("", "channels", *(name for name in names if name not in ("", "channels")))
    for place, role in first.roles.items():
        if place.startswith(MAKE) and role.rpartition("_")[2] in ("channels", "features", "shape"):
            numbers = [reading.numbers[place] for reading in readings]
            for axis, order in ((-1, names), (1, turned)):
                if numbers == [shape[axis] for shape in shapes]:
                    return order
    return names


def counts_heads(place: str, readings: list[Reading]) -> bool:
    """Whether a number is that of the heads of the attention in each of the calls."""
    for reading in readings:
        nodes = [item.node for item in reading.call.items if isinstance(item, Statement) and item.node is not None]
        queries = [node.inputs[0].shape for node in nodes if node.op_type in ("Attention", "DotProductAttention")]
        if not any(shape is not None and len(shape) == 4 and shape[1] == reading.numbers[place] for shape in queries):
            return False
    return True


def multiple_of(numbers: list[object], sizes: list[object]) -> str:
    """How numbers are computed from sizes: "{}", "4 * {}", "{} // 2", "" where in no such way."""
    if not all(type(each) is int and each > 0 for each in (*numbers, *sizes)):
        return ""
    if numbers == sizes:
        return "{}"
    factor, share = numbers[0] // sizes[0], sizes[0] // numbers[0]
    if factor > 1 and numbers == [factor * size for size in sizes]:
        return f"{factor} * {{}}"
    if share > 1 and [share * number for number in numbers] == sizes:
        return f"{{}} // {share}"
    return ""
