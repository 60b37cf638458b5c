"""Pooling."""

from __future__ import annotations

from typing import Any

from converter.graph import Value
from converter.readers.matlab import description as words
from converter.readers.matlab.layers.registry import elementwise, layer
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
    size = n.add("Shape", part="size")  # unpooling knows it from the windows
    out, indices = n.add_all("MaxPool", None, _window(n, 2), [True, True])
    return {"out": out, "indices": indices, "size": size}


@layer("MaxUnpooling2DLayer", "2-D Max Unpooling", "2-D max unpooling", inputs=3)
def max_unpooling_2d(n: Site) -> Value:
    """Each maximum back in its place, zeros elsewhere.

    Where the windows do not cover the image, the standard and onnxruntime differ in what the indices count in.
    """
    x, indices, _ = n.inputs
    pool = indices.producer
    if pool is None or pool.op_type != "MaxPool":
        raise Untranslated("its indices do not come from a max pooling layer")
    kernel, strides, own = pool["kernel_shape"], pool["strides"], n.known(pool.inputs[0])[2:]
    if own != tuple((size - 1) * step + window for size, step, window in zip(n.known(x)[2:], strides, kernel, strict=True)):
        raise Untranslated("the windows of its max pooling layer do not cover the image evenly")
    return n.add("MaxUnpool", [x, indices], {"kernel_shape": kernel, "strides": strides, "pads": (0,) * 4})


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
