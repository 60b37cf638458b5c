"""Pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converter.graph import Value
from converter.padding import Padding
from converter.readers.matlab import description as words
from converter.readers.matlab.layers.registry import elementwise, layer
from converter.readers.matlab.properties import sizes
from converter.readers.matlab.site import Site, Untranslated


@layer("MaxPooling1DLayer", "1-D Max Pooling", words.pooling("max"))
def max_pooling_1d(n: Site) -> Value:
    return _pool(n, "MaxPool", 1)


@layer("MaxPooling2DLayer", "2-D Max Pooling", words.pooling("max"))
def max_pooling_2d(n: Site) -> Value | dict[str, Value]:
    """For a layer that unpools, also where each maximum was and the size of the input."""
    if not n.properties.flag("HasUnpoolingOutputs", False):
        return _pool(n, "MaxPool", 2)
    n.channels(2)
    window = _window(n, 2)
    kernel, strides = window["kernel_shape"], window["strides"]
    if any(step < side for step, side in zip(strides, kernel, strict=True)):
        raise Untranslated("its windows overlap, and then unpooling has no one answer")
    size = n.add("Shape", part="size")
    if "pads" in window and window["pads"].is_zero:
        n.inputs = [_covered(n, kernel, strides)]
    out, indices = n.add_all("MaxPool", None, window, [True, True])
    return {"out": out, "indices": indices, "size": size}


def _covered(n: Site, kernel: Sequence[int], strides: Sequence[int]) -> Value:
    """The part of the image that is in some window: what is left over at the end has no maximum, and none to put back."""
    own = n.known(n.x)[2:]
    counts = [(size - window) // step for size, window, step in zip(own, kernel, strides, strict=True)]
    ends = [count * step + window for count, step, window in zip(counts, strides, kernel, strict=True)]
    if min(counts) < 0 or tuple(ends) == own:
        return n.x
    limits = [n.integers(numbers, part) for numbers, part in (([0, 0], "start"), (ends, "end"), ([2, 3], "axes"))]
    return n.add("Slice", [n.x, *limits], part="covered")


@layer("MaxUnpooling2DLayer", "2-D Max Unpooling", "2-D max unpooling", inputs=3)
def max_unpooling_2d(n: Site) -> Value:
    """Each maximum back in its place, zeros elsewhere, in the size that the third input tells."""
    x, indices, size = n.inputs
    pool, measured = indices.producer, size.producer
    if pool is None or pool.op_type != "MaxPool" or measured is None or measured.op_type != "Shape":
        raise Untranslated("its indices and its size do not come from a max pooling layer")
    kernel, strides, covered = pool["kernel_shape"], pool["strides"], n.known(pool.inputs[0])[2:]
    if covered != tuple((count - 1) * step + side for count, step, side in zip(n.known(x)[2:], strides, kernel, strict=True)):
        raise Untranslated("its max pooling layer pads the image")
    own = n.known(measured.inputs[0])[2:]
    left_over = [whole - part for whole, part in zip(own, covered, strict=True)]
    attributes = {"kernel_shape": kernel, "strides": strides, "pads": (0,) * 4}
    if not any(left_over):
        return n.add("MaxUnpool", [x, indices], attributes)
    unpooled = n.add("MaxUnpool", [x, indices], attributes, part="covered")
    return n.add("Pad", [unpooled, n.integers([0] * 6 + left_over, "left_over")])


@layer("MaxPooling3DLayer", "3-D Max Pooling", words.pooling("max"))
def max_pooling_3d(n: Site) -> Value:
    return _pool(n, "MaxPool", 3)


@layer("AveragePooling1DLayer", "1-D Average Pooling", words.pooling("average"))
def average_pooling_1d(n: Site) -> Value:
    return _average(n, 1)


@layer("AveragePooling2DLayer", "2-D Average Pooling", words.pooling("average"))
def average_pooling_2d(n: Site) -> Value:
    return _average(n, 2)


@layer("AveragePooling3DLayer", "3-D Average Pooling", words.pooling("average"))
def average_pooling_3d(n: Site) -> Value:
    return _average(n, 3)


@layer("AdaptiveAveragePooling2DLayer", "2-D Adaptive Average Pooling", "2-D adaptive average pooling")
def adaptive_average_pooling_2d(n: Site) -> Value:
    """OutputSize regions of equal size. How an image is divided that they do not divide evenly, the page does not tell."""
    n.channels(2)
    own, wanted = n.sizes[1:], n.properties.integers("OutputSize", 2)
    if any(size % count for size, count in zip(own, wanted, strict=True)):
        raise Untranslated(f"{sizes(wanted)} regions do not divide an image of {sizes(own)} evenly")
    kernel = tuple(size // count for size, count in zip(own, wanted, strict=True))
    return n.add("AveragePool", None, {"kernel_shape": kernel, "strides": kernel, "pads": Padding.zero(2)})


def _average(n: Site, rank: int) -> Value:
    """Padding counts as zeros; with PaddingValue 'mean' only the elements of the input count."""
    p = n.properties
    excluded = isinstance(p.values.get("PaddingValue"), str) and p.choice("PaddingValue", "mean") == "mean"
    if not excluded and p.number("PaddingValue", 0) != 0:
        p.fail("PaddingValue", "0 or 'mean'")
    return _pool(n, "AveragePool", rank, count_include_pad=int(not excluded))


def _pool(n: Site, op_type: str, rank: int, **attributes: int) -> Value:
    n.channels(rank)
    return n.add(op_type, None, attributes | _window(n, rank))


def _window(n: Site, rank: int) -> dict[str, Any]:
    p = n.properties
    size, strides = p.integers("PoolSize", rank), p.integers("Stride", rank)
    return {"kernel_shape": size, "strides": strides, "dilations": (1,) * rank} | n.pads(rank)


def _over_time(class_name: str, kind: str, op_type: str) -> None:
    """A layer that takes the time away."""

    def translate(n: Site) -> Value:
        n.channels(1)
        return n.add("Flatten", [n.add(op_type, part="pooled")], {"axis": 1})

    layer(class_name, f"1-D Global {kind.title()} Pooling", f"1-D global {kind} pooling")(translate)


_over_time("GlobalAveragePooling1DLayer", "average", "GlobalAveragePool")
_over_time("GlobalMaxPooling1DLayer", "max", "GlobalMaxPool")
elementwise("GlobalAveragePooling2DLayer", "2-D Global Average Pooling", "2-D global average pooling", "GlobalAveragePool")
elementwise("GlobalAveragePooling3DLayer", "3-D Global Average Pooling", "3-D global average pooling", "GlobalAveragePool")
elementwise("GlobalMaxPooling2DLayer", "2-D Global Max Pooling", "2-D global max pooling", "GlobalMaxPool")
elementwise("GlobalMaxPooling3DLayer", "3-D Global Max Pooling", "3-D global max pooling", "GlobalMaxPool")
