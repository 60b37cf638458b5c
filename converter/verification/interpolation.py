"""How Resize weighs the pixels between which a new one lies, in float64, by its definition.

Programs compute the places in float32: of the hundredth of 200 pixels that are aligned at their corners (100 * 99 / 199) they
have six digits behind the point. What is steep behind an image tells more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import uses_external_data

_PLACES = {"half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"}
_MODES = {b"linear", b"cubic"}


def factors(graph: onnx.GraphProto, node: onnx.NodeProto, before: Any, after: Any) -> list[float | None] | None:
    """By what a Resize that interpolates between rounded places makes each axis longer, None where sizes tell it. None for any
    other. ``before`` and ``after`` are the types of its input and its result."""
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    places = given.get("coordinate_transformation_mode", b"half_pixel").decode()
    plain = not given.get("antialias", 0) and not given.get("exclude_outside", 0) and "axes" not in given
    plain &= given.get("keep_aspect_ratio_policy", b"stretch") == b"stretch"
    if given.get("mode") not in _MODES or places not in _PLACES or not plain or len(node.input) < 3:
        return None
    if node.input[2]:
        scales = next((each for each in graph.initializer if each.name == node.input[2]), None)
        scales = scales or next((a.t for n in graph.node if n.output[:1] == [node.input[2]] for a in n.attribute), None)
        if scales is None or uses_external_data(scales):
            return None
        numbers = numpy_helper.to_array(scales).astype(np.float64).tolist()
        exact = places != "align_corners" and all(np.frexp(number)[0] == 0.5 for number in numbers)
        if numbers:
            return None if exact else numbers
    sizes = [[axis.dim_value or axis.dim_param for axis in each.shape.dim] for each in (before, after)]
    if len(sizes[0]) < 3 or len(sizes[0]) != len(sizes[1]) or not all(sizes[0][:2]) or sizes[0][:2] != sizes[1][:2]:
        return None
    return [1.0, 1.0, *[None] * (len(sizes[0]) - 2)]


def interpolated(
    add: Callable[..., str],
    constant: Callable[[float | Sequence[int]], str],
    given: Mapping[str, Any],
    x: str,
    plain: str,
    each_axis: Sequence[float | None],
) -> str:
    """The result of a Resize of ``x``, in float64, by the ``factors`` of ``each_axis``, as long as ``plain`` is. ``add`` and
    ``constant`` add a node and a constant and give its name."""
    rank = len(each_axis)
    for axis, factor in enumerate(each_axis):
        if factor == 1:
            continue
        old, new = (
            add("Cast", add("Gather", add("Shape", each), constant([axis])), to=TensorProto.DOUBLE) for each in (x, plain)
        )
        weights = add("Transpose", _Weights(add, constant, given).of(old, new, factor), perm=[1, 0])
        order = [each for each in range(rank) if each != axis] + [axis]
        x = add("MatMul", add("Transpose", x, perm=order), weights)
        x = add("Transpose", x, perm=[order.index(each) for each in range(rank)])
    return x


class _Weights:
    def __init__(self, add: Callable[..., str], constant: Callable[[float | Sequence[int]], str], given: Mapping[str, Any]):
        self._add, self._constant, self._given = add, constant, given

    def of(self, old: str, new: str, factor: float | None) -> str:
        """(new, old): how much each old pixel of an axis counts for each new one."""
        add, one = self._add, self._constant(1.0)
        last, pixels = add("Sub", old, one), add("Reshape", self._counted(old), self._constant([1, -1]))
        places = add("Reshape", self._places(old, new, factor), self._constant([-1, 1]))
        if self._given["mode"] == b"linear":
            near = add("Abs", add("Sub", self._within(places, last), pixels))
            return add("Max", add("Sub", one, near), self._constant(0.0))
        first, weights = add("Floor", places), []
        for tap in (-1.0, 0.0, 1.0, 2.0):
            pixel = add("Add", first, self._constant(tap))
            at = add("Cast", add("Equal", self._within(pixel, last), pixels), to=TensorProto.DOUBLE)
            weights.append(add("Mul", self._cubic(add("Abs", add("Sub", places, pixel)), outer=tap in (-1.0, 2.0)), at))
        return add("Sum", *weights)

    def _places(self, old: str, new: str, factor: float | None) -> str:
        add, one, half = self._add, self._constant(1.0), self._constant(0.5)
        places, mode = self._counted(new), self._given.get("coordinate_transformation_mode", b"half_pixel")
        scale = add("Div", new, old) if factor is None else self._constant(factor)
        if mode == b"align_corners":
            return add("Div", add("Mul", places, add("Sub", old, one)), add("Max", add("Sub", new, one), one))
        if mode == b"asymmetric":
            return add("Div", places, scale)
        centred = add("Sub", add("Div", add("Add", places, half), scale), half)
        if mode == b"half_pixel":
            return centred
        return add("Where", add("Less", one, new), centred, self._constant(0.0))

    def _cubic(self, distance: str, *, outer: bool) -> str:
        """The cubic of Keys at a distance of up to 1, of the ``outer`` pixels up to 2."""
        a = float(np.float32(self._given.get("cubic_coeff_a", -0.75)))
        result = self._constant(a if outer else a + 2)
        for number in (-5 * a, 8 * a, -4 * a) if outer else (-(a + 3), 0.0, 1.0):
            result = self._add("Add", self._add("Mul", result, distance), self._constant(number))
        return result

    def _within(self, places: str, last: str) -> str:
        return self._add("Max", self._add("Min", places, last), self._constant(0.0))

    def _counted(self, size: str) -> str:
        """0 up to a size."""
        number = self._add("Reshape", size, self._constant([]))
        return self._add("Range", self._constant(0.0), number, self._constant(1.0))
