"""Layers that change height and width without weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from converter.graph import Value
from converter.readers.matlab.layers.registry import layer
from converter.readers.matlab.properties import Properties, sizes
from converter.readers.matlab.site import Site, Untranslated


def _resize_words(p: Properties) -> str:
    if "OutputSize" in p:
        return f"Resize to {sizes([f'{size:g}' for size in p.array('OutputSize').ravel()])}"
    if "Scale" in p:
        return f"Resize by {' '.join(f'{number:g}' for number in p.numbers('Scale'))}"
    return "Resize to the size of the second input"


@layer("Resize2DLayer", "Resize", _resize_words, inputs=None)
def resize_2d(n: Site) -> Value:
    return _resize(n, 2)


@layer("Resize3DLayer", "Resize", _resize_words, inputs=None)
def resize_3d(n: Site) -> Value:
    return _resize(n, 3)


_ROUNDING = {"round": "round_prefer_ceil", "floor": "floor"}


def _resize(n: Site, rank: int) -> Value:
    """The coordinates are those of ONNX under other names; halves are rounded up.

    NearestRoundingMode 'onnx-10' is the Resize of ONNX's opset 10, which rounds down where an axis grows and up where it
    shrinks, from 'asymmetric' coordinates, the only ones it has.
    """
    p = n.properties
    mode = {"nearest": "nearest", "bilinear": "linear", "trilinear": "linear"}[
        p.choice("Method", "nearest", "bilinear", "trilinear")
    ]
    transform = p.choice("GeometricTransformMode", "half-pixel", "asymmetric", default="half-pixel")
    attributes = {"mode": mode, "coordinate_transformation_mode": transform.replace("-", "_")}
    own, wanted = n.known(n.x)[2:], _wanted(n, rank)
    if mode != "nearest":
        return _resized(n, range(rank), wanted, attributes)
    rounding = p.choice("NearestRoundingMode", *_ROUNDING, "onnx-10", default="round")
    if rounding != "onnx-10":
        return _resized(n, range(rank), wanted, attributes | {"nearest_mode": _ROUNDING[rounding]})
    if transform != "asymmetric":
        raise Untranslated("NearestRoundingMode 'onnx-10' has a known meaning with GeometricTransformMode 'asymmetric' only")
    grow = [axis for axis in range(rank) if wanted[axis] >= own[axis]]
    shrink = [axis for axis in range(rank) if wanted[axis] < own[axis]]
    if grow and shrink:
        n.inputs[0] = _resized(n, grow, wanted, attributes | {"nearest_mode": "floor"}, part="grown")
        return _resized(n, shrink, wanted, attributes | {"nearest_mode": "ceil"})
    return _resized(n, range(rank), wanted, attributes | {"nearest_mode": "ceil" if shrink else "floor"})


def _wanted(n: Site, rank: int) -> tuple[int, ...]:
    """The size to resize to: that of a second input, OutputSize, or Scale times what arrives."""
    p, own = n.properties, n.known(n.x)[2:]
    referenced = p.flag("EnableReferenceInput", False)
    if len(n.inputs) != 1 + referenced:
        n.fail(f"has {1 + referenced} input{'s' * referenced}, but {len(n.inputs)} connections arrive.")
    if referenced:
        return n.known(n.inputs[1])[2:]
    if "OutputSize" in p:
        given = p.array("OutputSize").astype(float).ravel().tolist()
        if sum(map(math.isnan, given)) != 1 or (len(given), rank) != (2, 2):
            return p.integers("OutputSize", rank)
        (ratio,) = {number / size for number, size in zip(given, own, strict=True) if not math.isnan(number)}
        scaled = [size * ratio for size in own]  # one size left open follows the aspect ratio
    else:
        scaled = [size * scale for size, scale in zip(own, p.numbers("Scale", rank), strict=True)]
    if not all(float(size).is_integer() and size >= 1 for size in scaled):
        raise Untranslated(f"its size would be {' by '.join(f'{size:g}' for size in scaled)}, which is not whole")
    return tuple(int(size) for size in scaled)


def _resized(n: Site, axes: Sequence[int], wanted: Sequence[int], attributes: Mapping[str, Any], part: str = "") -> Value:
    size = n.integers([wanted[axis] for axis in axes], f"{part}_size".strip("_"))
    value = n.add("Resize", [n.x, None, None, size], attributes | {"axes": tuple(axis + 2 for axis in axes)}, part=part)
    value.shape = (n.x.shape[0], *value.shape[1:])  # which the standard's inference does not keep
    return value


def _block_words(text: str):
    return lambda p: f"{text} with blocks of {sizes(p.integers('BlockSize', 2))}"


@layer("DepthToSpace2DLayer", "Depth to Space", _block_words("Depth to space"))
def depth_to_space(n: Site) -> Value:
    """Mode has ONNX's names for the order of the channels: 'dcr' depth, column, row, and 'crd'."""
    height, width = n.properties.integers("BlockSize", 2)
    mode = n.properties.choice("Mode", "dcr", "crd", default="dcr")
    arriving, rows, columns = n.image()
    if arriving % (height * width):
        n.fail(f"has blocks of {height}×{width}, but {arriving} channels arrive.")
    if height == width:
        return n.add("DepthToSpace", None, {"blocksize": height, "mode": mode.upper()})
    channels = arriving // (height * width)
    blocks = (height, width, channels) if mode == "dcr" else (channels, height, width)
    value = n.add("Reshape", [n.x, n.integers([0, *blocks, rows, columns], "blocks")], part="blocks")
    order = (0, 3, 4, 1, 5, 2) if mode == "dcr" else (0, 1, 4, 2, 5, 3)
    value = n.add("Transpose", [value], {"perm": order}, part="spread")
    return n.add("Reshape", [value, n.integers([0, channels, rows * height, columns * width], "shape")])


@layer("SpaceToDepthLayer", "Space to Depth", _block_words("Space to depth"))
def space_to_depth(n: Site) -> Value:
    """Blocks into channels: all channels of a block's first element, of the one to its right, of those below.

    So the example of MathWorks' page spaceToDepth shows it. What is left over at the bottom and the right is cut off.
    """
    height, width = n.properties.integers("BlockSize", 2)
    channels, rows, columns = n.image()
    if rows < height or columns < width:
        n.fail(f"has blocks of {height}×{width}, but {rows}×{columns} arrive.")
    down, across = rows // height, columns // width
    if (down * height, across * width) != (rows, columns):
        limits = [n.integers(numbers, part) for numbers, part in (([0, 0], "start"), ([down * height, across * width], "end"))]
        n.inputs = [n.add("Slice", [n.x, *limits, n.integers([2, 3], "axes")], part="whole_blocks")]
    if height == width:
        return n.add("SpaceToDepth", None, {"blocksize": height})
    value = n.add("Reshape", [n.x, n.integers([0, channels, down, height, across, width], "blocks")], part="blocks")
    value = n.add("Transpose", [value], {"perm": (0, 3, 5, 1, 2, 4)}, part="gathered")
    return n.add("Reshape", [value, n.integers([0, channels * height * width, down, across], "shape")])


@layer("Crop2DLayer", "Crop 2D", "Crop to the size of the second input", inputs=2)
def crop_2d(n: Site) -> Value:
    """The first input in the size of the second: its middle, or from Location [x y] (counted from 1) on."""
    p = n.properties
    custom = p.choice("Mode", "centercrop", "custom", default="custom" if "Location" in p else "centercrop") == "custom"
    return _crop(n, 2, "Location" if custom else "")


@layer("Crop3DLayer", "Crop 3D", "Crop to the size of the second input", inputs=2)
def crop_3d(n: Site) -> Value:
    """As in 2-D; its property is cropLocation, 'centercrop' or [x y z]."""
    p = n.properties
    name = "cropLocation" if "cropLocation" in p else "CropLocation"
    centred = not isinstance(p.values.get(name), np.ndarray) and p.choice(name, "centercrop", default="centercrop")
    return _crop(n, 3, "" if centred else name)


def _crop(n: Site, rank: int, location: str) -> Value:
    """``location`` names the property that holds the first corner, empty for the middle."""
    own, wanted = (n.known(value)[2:] for value in n.inputs)
    if location:
        column, row, *depth = n.properties.integers(location, rank)
        starts = [number - 1 for number in (row, column, *depth)]
    else:
        odd = [size for size, target in zip(own, wanted, strict=True) if (size - target) % 2]
        if odd:
            raise Untranslated("its input has no middle of that size")
        starts = [(size - target) // 2 for size, target in zip(own, wanted, strict=True)]
    ends = [start + target for start, target in zip(starts, wanted, strict=True)]
    if min(starts) < 0 or any(end > size for end, size in zip(ends, own, strict=True)):
        n.fail(f"is to crop {sizes(own)} to {sizes(wanted)} from {sizes([start + 1 for start in starts])}.")
    limits = ((starts, "start"), (ends, "end"), (range(2, rank + 2), "axes"))
    return n.add("Slice", [n.x, *(n.integers(numbers, part) for numbers, part in limits)])
