"""Reshapes that merge neighbouring axes or part one: ``x.flatten(2)``, ``x.unflatten(-1, (3, 12, 64))``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converter.emitters.vocabulary import Template
from converter.graph import Node, Value
from converter.passes.trained import computed_of_weights
from converter.sizes import Number


def merging_or_parting(have: Sequence[Number] | None, want: Sequence[Number] | None, said: Sequence[Any]) -> Template | None:
    """The call for a tensor of sizes ``have`` that gets sizes ``want``; None where it does anything else.

    ``said`` holds the sizes as code says them, -1 for what is left. Axes that are kept are equal for every size of the inputs.
    Axes of size 1 at the end are a matter of indexing, and one vector of a tensor, ``x.reshape(-1)``, is one as it is.
    """
    if have is None or want is None or len(have) == len(want) or min(len(have), len(want)) < 2 or 0 in want:
        return None
    long, short = (have, want) if len(have) > len(want) else (want, have)
    count = len(long) - len(short) + 1
    places = [
        axis for axis in range(len(short)) if [*long[:axis], *long[axis + count :]] == [*short[:axis], *short[axis + 1 :]]
    ]
    whole = [axis for axis in places if long[axis + count - 1] != 1]
    if not (whole or (places and long is have)):
        return None
    axis = (whole or places)[0]
    is_last = axis == len(short) - 1
    if long is want:
        sizes = tuple(size if type(size) is int else -1 for size in said[axis : axis + count])
        text = "data.unflatten(axis, sizes)"
        return None if sizes.count(-1) > 1 else Template(text, {"axis": -1 if is_last else axis, "sizes": sizes})
    if is_last:
        return Template("torch.flatten(data, 1)" if axis == 1 else "data.flatten(axis)", {} if axis == 1 else {"axis": axis})
    return Template("data.flatten(first, last)", {"first": axis, "last": axis + count - 1})


def parameter_of_shape(node: Node) -> Value | None:
    """The trained weight that a result is computed from and whose shape it gets back: ``x.reshape(self.weight.shape)``."""
    data, shape = node.inputs[0], node.output.shape
    if shape is None or len(shape) < 2 or data.weight is not None or not computed_of_weights(data):
        return None
    waiting, seen = [data], {data}
    while waiting:
        each = waiting.pop(0)
        if each.weight is not None:
            if each.weight.trainable and each.shape == shape:
                return each
            continue
        fresh = [given for given in each.producer.inputs if given is not None and given not in seen]
        seen.update(fresh)
        waiting += fresh
    return None


def with_rest(target: list[Any], node: Node, have: Sequence[Number] | None) -> list[Any]:
    """A target in which -1 stands for the one size, where all are known, that the tensor does not have: a product of others.

    So it does for the last size of what is computed of weights.
    """
    if have is None or not all(type(size) is int and size > 0 for size in target):
        return target
    new = [axis for axis, size in enumerate(target) if size != 1 and size not in have]
    if len(target) == 1:
        new = [0]
    elif not new and (node.inputs[0].weight is not None or computed_of_weights(node.inputs[0])):
        new = [axis for axis, size in enumerate(target) if size != 1][-1:]
    return [-1 if axis == new[0] else size for axis, size in enumerate(target)] if len(new) == 1 else target
