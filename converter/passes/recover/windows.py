"""Windows of an image: cut out, put back, and told by a mask which of their places see each other."""

from __future__ import annotations

from converter import functions
from converter.graph import Graph, Node, Value, Weight
from converter.passes.recover.attention import unscaled
from converter.passes.recover.pattern import Match, around, replace

_BESIDE = (0, 1, 3, 2, 4, 5)
"""The order that puts the windows of an image side by side, and the rows of each; the same puts them back."""


def windows(graph: Graph) -> None:
    """Reshape, Transpose, Reshape that cut an image (batch, height, width, channels) into square windows become
    WindowPartition, and those that put them together WindowReverse.

    Windows have two axes afterwards: where the source has one, a Reshape follows. None is left in front of WindowReverse.
    """
    for node in list(graph.nodes):
        turns = node.op_type == "Transpose" and not node.domain and node["perm"] == _BESIDE
        match = around(graph, node) if turns else None
        if match is None:
            continue
        last, turn, first = match.nodes
        x, split, y = first.inputs[0], first.output.shape, last.output
        if None in (x.shape, split, y.shape) or not all(isinstance(size, int) and size for size in split[1:]):
            continue
        if _cuts(x.shape, split, y.shape):
            size, channels = split[2], split[5]
            shape = (y.shape[0], size, size, channels)
            if y.shape != shape:
                match.nodes.remove(last)
                turn.output.shape = shape
            _replace(graph, match, "WindowPartition", x, split, shape)
        elif _puts_back(x.shape, split, y.shape):
            _replace(graph, match, "WindowReverse", _ungrouped(x), split, y.shape)


def _cuts(x: tuple, split: tuple, y: tuple) -> bool:
    """Whether an image of shape ``x`` is split into square windows, which lie one after the other in ``y``."""
    batch, rows, height, columns, width, channels = split
    whole = x == (batch, rows * height, columns * width, channels)
    return whole and height == width > 1 and y[1:] in ((height, width, channels), (height * width, channels))


def _puts_back(x: tuple, split: tuple, y: tuple) -> bool:
    batch, rows, columns, height, width, channels = split
    apart = x[1:] in ((height, width, channels), (height * width, channels))
    return apart and height == width > 1 and y == (batch, rows * height, columns * width, channels)


def _replace(graph: Graph, match: Match, op_type: str, x: Value, split: tuple, whole: tuple) -> None:
    shapes = {"split": (-1, *split[1:]), "whole": (-1, *whole[1:])}
    replace(graph, match, op_type, [x], shapes, domain=functions.DOMAIN)


def _ungrouped(x: Value) -> Value:
    """Windows before their places were given two axes."""
    node = x.producer
    alone = node is not None and node.op_type == "Reshape" and not node.domain and len(x.users) == 1
    before = node.inputs[0].shape if alone else None
    if before is None or len(before) != 3 or before[1:] != (x.shape[1] * x.shape[2], x.shape[3]):
        return x
    return node.inputs[0]


def window_masks(graph: Graph) -> None:
    """A mask for each window of an image, added to scores whose windows get an axis of their own for it and lose it again,
    is repeated for each image (RepeatLike) and added to the scores, or to what is added to them already.

    So attention in windows with such a mask is attention as any other.
    """
    for node in list(graph.nodes):
        is_sum = node.op_type == "Add" and not node.domain and node in graph.nodes
        last = _reader(graph, node.output, "Reshape") if is_sum else None
        sides = [value for value in node.inputs if value.weight is None] if last is not None else []
        first = sides[0].producer if len(sides) == 1 else None
        if first is None or first.op_type != "Reshape" or first.domain or _reader(graph, first.output, "Add") is not node:
            continue
        scores, apart = first.inputs[0], first.output.shape
        mask = next(value for value in node.inputs if value.weight is not None)
        number = _windows_of(mask.weight, scores.shape, apart)
        if number is None or last.output.shape != scores.shape:
            continue
        like = _like(scores)
        held = Value.of_weight(_named(mask.weight.reshape(number, *mask.shape[-3:])))
        place = graph.nodes.index(node)
        scope = {"scope": node.scope}
        repeated = Value(f"{mask.name}_of_all", mask.dtype, (scores.shape[0], *mask.shape[-3:]))
        made = [Node("RepeatLike", [like, held], [repeated], domain=functions.DOMAIN, **scope)]
        inner = scores.producer
        more = inner.inputs if inner.op_type == "Add" and _reader(graph, scores, "Reshape") is first else ()
        product = next((value for value in more if value.weight is None and value.shape == scores.shape), None)
        gone = [last, node, first]
        if product is not None and len({*more}) == 2:
            gone.append(inner)
            bias = next(value for value in more if value is not product)
            both = Value(f"{bias.name}_and_mask", bias.dtype, (scores.shape[0], *scores.shape[1:]))
            made.append(Node("Add", [bias, repeated], [both], **scope))
            scores, repeated = product, both
        graph.nodes[place:place] = made
        replace(graph, Match(nodes=gone), "Add", [scores, repeated], name=node.name)


def _reader(graph: Graph, value: Value, op_type: str) -> Node | None:
    """The one node that reads a value, if it is of this operator."""
    users = value.users
    if len(users) != 1 or value in graph.outputs or users[0][0] not in graph.nodes:
        return None
    return users[0][0] if users[0][0].op_type == op_type and not users[0][0].domain else None


def _windows_of(mask: Weight, scores: tuple | None, apart: tuple | None) -> int | None:
    """How many windows an image has, where scores (all windows, heads, queries, keys) get (images, windows, ...) for a mask
    of each window, the same for all images and heads."""
    if scores is None or apart is None or len(scores) != 4 or len(apart) != 5 or apart[2:] != scores[1:]:
        return None
    shape = (1,) * (5 - len(mask.shape)) + mask.shape
    same = len(shape) == 5 and shape[0] == shape[2] == 1 and shape[3:] == scores[2:]
    return shape[1] if same and not mask.trainable and shape[1] == apart[1] != 1 else None


def _named(weight: Weight) -> Weight:
    weight.name = weight.origin.name
    return weight


def _like(scores: Value) -> Value:
    """What has as many windows as the scores: the queries, as they were before they were scaled."""
    node = scores.producer
    while node is not None and node.op_type == "Add" and not node.domain:
        product = next((value for value in node.inputs if value.weight is None and value.shape == scores.shape), None)
        node = None if product is None else product.producer
    if node is None or node.op_type != "MatMul" or node.domain:
        return scores
    return unscaled(node.inputs[0], [])[0]
