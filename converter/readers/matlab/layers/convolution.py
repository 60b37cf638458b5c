"""Convolution: weights come as [h w channels filters] and leave in ONNX's order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from converter.graph import Value, Weight
from converter.padding import Padding, same_padding
from converter.readers.matlab import description as words
from converter.readers.matlab.layers.registry import layer
from converter.readers.matlab.site import Site


@layer("Convolution1DLayer", "1-D Convolution", words.convolution)
def convolution_1d(n: Site) -> Value:
    """Along the steps of a sequence."""
    return _convolution(n, rank=1)


@layer("Convolution2DLayer", "2-D Convolution", words.convolution)
def convolution_2d(n: Site) -> Value:
    return _convolution(n, rank=2)


@layer("Convolution3DLayer", "3-D Convolution", words.convolution)
def convolution_3d(n: Site) -> Value:
    return _convolution(n, rank=3)


def _convolution(n: Site, rank: int) -> Value:
    """Weights [h w channels filters]; fewer channels than arrive, or two-element NumFilters, mean groups.

    Releases before GroupedConvolution2DLayer hid groups so: AlexNet's conv2 is '256 5x5x48' after 96 channels.
    """
    p = n.properties
    arriving = n.channels(rank)
    filters = sum(p.integers("NumFilters"))
    channels = p.opened("NumChannels", arriving)[0]
    groups = arriving // channels
    allowed = p.integers("NumGroups", default=(groups,))  # said by printed lists, which show a later layer's groups
    if arriving % channels or filters % groups or groups not in allowed:
        n.fail(
            f"its {filters} filters read {channels} channels each, but {arriving} arrive.",
            "Check NumChannels and the layer connected before it.",
        )
    kernel = p.integers("FilterSize", rank)
    weights = n.weight("Weights", (*kernel, channels, filters))
    if channels < arriving and not weights.has_data:
        n.note(f"filters of {channels} channels after {arriving} channels are read as {groups} groups.")
    bias = n.bias(weights, n.vector("Bias", filters))
    return _conv(n, weights.transpose(rank + 1, rank, *range(rank)), bias, groups)


@layer("GroupedConvolution1DLayer", "1-D Grouped Convolution", words.grouped_convolution)
def grouped_convolution_1d(n: Site) -> Value:
    return _grouped(n, rank=1)


@layer("GroupedConvolution2DLayer", "2-D Grouped Convolution", words.grouped_convolution)
def grouped_convolution_2d(n: Site) -> Value:
    return _grouped(n, rank=2)


def _grouped(n: Site, rank: int) -> Value:
    """Weights [h w channels-of-a-group filters-of-a-group groups]; the groups are blocks of the filters."""
    p = n.properties
    arriving = n.channels(rank)
    groups, each = p.integer("NumGroups"), p.integer("NumFiltersPerGroup")
    if arriving % groups:
        n.fail(f"has {groups} groups, but {arriving} channels arrive.")
    channels = p.opened("NumChannelsPerGroup", arriving // groups)[0]
    if channels * groups != arriving:
        n.fail(f"its {groups} groups read {channels} channels each, but {arriving} arrive.")
    kernel, ones = p.integers("FilterSize", rank), (1,) * rank
    weights = n.weight("Weights", (*kernel, channels, each, groups))
    bias = n.weight("Bias", (*ones, each, groups)).reshape(each, groups).transpose(1, 0).reshape(groups * each)
    filters = weights.transpose(rank + 2, rank + 1, rank, *range(rank)).reshape(groups * each, channels, *kernel)
    return _conv(n, filters, n.bias(weights, bias), groups)


def _conv(n: Site, weights: Weight, bias: Weight | None, groups: int) -> Value:
    rank = len(weights.shape) - 2
    attributes = {
        "kernel_shape": weights.shape[2:],
        "strides": n.properties.integers("Stride", rank),
        "dilations": n.properties.integers("DilationFactor", rank, (1,) * rank),
        "group": groups,
    }
    pads = n.pads(rank)
    if n.properties.values.get("PaddingValue") is not None and (mode := _fill(n)) is not None:
        padding = pads["pads"] if "pads" in pads else _same(n, attributes)
        n.inputs = [_mirrored(n, padding) if mode == "symmetric" else _padded(n, padding, mode)]
        pads = {"pads": Padding.zero(rank)}
    return n.add("Conv", [n.x, weights, bias], attributes | pads)


def _same(n: Site, window: Mapping[str, Any]) -> Padding:
    """The sides that 'same' means for the size that arrives."""
    windows = zip(n.sizes[1:], window["kernel_shape"], window["strides"], window["dilations"], strict=True)
    pairs = [same_padding(*one) for one in windows]
    return Padding(tuple(begin for begin, _ in pairs), tuple(end for _, end in pairs))


def _padded(n: Site, padding: Padding, mode: str) -> Value:
    sizes = [0, 0, *padding.begin, 0, 0, *padding.end]
    value = n.scalar(n.properties.number("PaddingValue"), "padding") if mode == "constant" else None
    sides = Value.constant(np.array(sizes, np.int64), f"{n.name}_sides")
    return n.add("Pad", [n.x, sides, value], {"mode": mode}, part="padded")


def _mirrored(n: Site, padding: Padding) -> Value:
    """Mirrored with the edge itself, which ONNX's Pad has no mode for: each row, then each column, by its index."""
    value = n.x
    for axis, (size, *sides) in enumerate(zip(n.sizes[1:], padding.begin, padding.end, strict=True), 2):
        if any(side > size for side in sides):
            n.fail(f"is to mirror {max(sides)} elements, but {size} arrive.")
        if any(sides):
            part = f"mirrored_{axis - 1}"
            indices = Value.constant(np.pad(np.arange(size), sides, mode="symmetric"), f"{n.name}_{part}_indices")
            value = n.add("Gather", [value, indices], {"axis": axis}, part=part)
    return value


def _fill(n: Site) -> str | None:
    """How the padding is filled, in the words of NumPy's pad, which are those of ONNX's; None: with zeros."""
    p = n.properties
    if not isinstance(p.values["PaddingValue"], str):
        return "constant" if p.number("PaddingValue", 0) else None
    words = {"replicate": "edge", "symmetric-exclude-edge": "reflect", "symmetric-include-edge": "symmetric"}
    return words[p.choice("PaddingValue", *words)] if "PaddingValue" in p else None


@layer("TransposedConvolution1DLayer", "1-D Transposed Convolution", words.transposed_convolution)
def transposed_convolution_1d(n: Site) -> Value:
    return _transposed(n, rank=1)


@layer("TransposedConvolution2DLayer", "2-D Transposed Convolution", words.transposed_convolution)
def transposed_convolution_2d(n: Site) -> Value:
    return _transposed(n, rank=2)


@layer("TransposedConvolution3DLayer", "3-D Transposed Convolution", words.transposed_convolution)
def transposed_convolution_3d(n: Site) -> Value:
    return _transposed(n, rank=3)


def _transposed(n: Site, rank: int) -> Value:
    """Weights [h w filters channels]. Cropping 'same' gives input times stride, the odd element cut off at the end.

    With groups, which MatConvNet has and the toolbox has not, each has its share of the filters.
    """
    p = n.properties
    channels, filters, groups = n.channels(rank), p.integer("NumFilters"), p.integer("NumGroups", 1)
    if channels != p.opened("NumChannels", channels)[0]:
        n.fail(f"its filters read {p.integer('NumChannels')} channels, but {channels} arrive.")
    kernel, strides = p.integers("FilterSize", rank), p.integers("Stride", rank)
    if filters % groups or channels % groups:
        n.fail(f"its {groups} groups do not divide {filters} filters and {channels} channels.")
    weights = n.weight("Weights", (*kernel, filters // groups, channels))
    bias = n.bias(weights, n.vector("Bias", filters))
    cropping, extra = n.sides("Cropping", rank), (0,) * rank
    if cropping is None:
        cut = [max(k - s, 0) for k, s in zip(kernel, strides, strict=True)]
        cropping = Padding(tuple(c // 2 for c in cut), tuple(c - c // 2 for c in cut))
        extra = tuple(max(s - k, 0) for k, s in zip(kernel, strides, strict=True))
    attributes = {"kernel_shape": kernel, "strides": strides, "dilations": (1,) * rank, "group": groups}
    sides = {"pads": cropping, "output_padding": extra}
    return n.add("ConvTranspose", [n.x, weights.transpose(rank + 1, rank, *range(rank)), bias], attributes | sides)
