"""Pooling."""

from __future__ import annotations

from converter.graph import Value
from converter.readers.matlab import description as words
from converter.readers.matlab.layers.registry import elementwise, layer
from converter.readers.matlab.site import Site, Untranslated


@layer("MaxPooling2DLayer", "2-D Max Pooling", words.pooling("max"))
def max_pooling_2d(n: Site) -> Value:
    if n.properties.flag("HasUnpoolingOutputs", False):
        raise Untranslated("its unpooling outputs are not translated")
    return _pool(n, "MaxPool", 2)


@layer("MaxPooling3DLayer", "3-D Max Pooling", words.pooling("max"))
def max_pooling_3d(n: Site) -> Value:
    return _pool(n, "MaxPool", 3)


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
    p = n.properties
    n.channels(rank)
    attributes |= {
        "kernel_shape": p.integers("PoolSize", rank),
        "strides": p.integers("Stride", rank),
        "dilations": (1,) * rank,
    }
    return n.add(op_type, None, attributes | n.pads(rank))


elementwise("GlobalAveragePooling2DLayer", "2-D Global Average Pooling", "2-D global average pooling", "GlobalAveragePool")
elementwise("GlobalAveragePooling3DLayer", "3-D Global Average Pooling", "3-D global average pooling", "GlobalAveragePool")
elementwise("GlobalMaxPooling2DLayer", "2-D Global Max Pooling", "2-D global max pooling", "GlobalMaxPool")
elementwise("GlobalMaxPooling3DLayer", "3-D Global Max Pooling", "3-D global max pooling", "GlobalMaxPool")
