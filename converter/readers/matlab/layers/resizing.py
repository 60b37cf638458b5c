"""Layers that change height and width without weights."""

from __future__ import annotations

import numpy as np

from converter.graph import Value
from converter.readers.matlab.layers.registry import layer
from converter.readers.matlab.properties import Properties, sizes
from converter.readers.matlab.site import Site, Untranslated


def _resize_words(p: Properties) -> str:
    if "OutputSize" in p:
        return f"Resize to {sizes(p.integers('OutputSize'))}"
    return f"Resize by {' '.join(f'{number:g}' for number in p.numbers('Scale'))}"


@layer("Resize2DLayer", "Resize", _resize_words)
def resize_2d(n: Site) -> Value:
    return _resize(n, 2)


@layer("Resize3DLayer", "Resize", _resize_words)
def resize_3d(n: Site) -> Value:
    return _resize(n, 3)


def _resize(n: Site, rank: int) -> Value:
    """The coordinates are those of ONNX under other names; halves are rounded up."""
    p = n.properties
    if p.flag("EnableReferenceInput", False):
        raise Untranslated("its reference input is not translated")
    mode = {"nearest": "nearest", "bilinear": "linear", "trilinear": "linear"}[
        p.choice("Method", "nearest", "bilinear", "trilinear")
    ]
    transform = p.choice("GeometricTransformMode", "half-pixel", "asymmetric", default="half-pixel").replace("-", "_")
    attributes = {"mode": mode, "coordinate_transformation_mode": transform, "axes": tuple(range(2, rank + 2))}
    if mode == "nearest":
        rounding = p.text("NearestRoundingMode", "round")
        if rounding not in ("round", "floor"):
            raise Untranslated(f"its NearestRoundingMode '{rounding}' is not translated")
        attributes["nearest_mode"] = {"round": "round_prefer_ceil", "floor": "floor"}[rounding]
    own = n.known(n.x)[2:]
    if "OutputSize" in p:
        wanted = p.integers("OutputSize", rank)
    else:
        scaled = [size * scale for size, scale in zip(own, p.numbers("Scale", rank), strict=True)]
        if not all(float(size).is_integer() and size >= 1 for size in scaled):
            raise Untranslated("its Scale gives no whole sizes")
        wanted = tuple(int(size) for size in scaled)
    return n.add("Resize", [n.x, None, None, Value.constant(np.array(wanted, np.int64), f"{n.name}_size")], attributes)


@layer("DepthToSpace2DLayer", "Depth to Space", lambda p: f"Depth to space with blocks of {sizes(p.integers('BlockSize', 2))}")
def depth_to_space(n: Site) -> Value:
    """Mode has ONNX's names for the order of the channels: 'dcr' depth, column, row, and 'crd'."""
    height, width = n.properties.integers("BlockSize", 2)
    if height != width:
        raise Untranslated("its blocks are not square")
    mode = n.properties.choice("Mode", "dcr", "crd", default="dcr").upper()
    if n.channels(2) % height**2:
        n.fail(f"has blocks of {height}×{width}, but {n.channels(2)} channels arrive.")
    return n.add("DepthToSpace", None, {"blocksize": height, "mode": mode})


@layer("Crop2DLayer", "Crop 2D", "Crop to the size of the second input", inputs=2)
def crop_2d(n: Site) -> Value:
    """The first input in the size of the second: its middle, or from Location [x y] (counted from 1) on."""
    p = n.properties
    own, wanted = (n.known(value)[2:] for value in n.inputs)
    if p.choice("Mode", "centercrop", "custom", default="custom" if "Location" in p else "centercrop") == "custom":
        column, row = p.integers("Location", 2)
        starts = [row - 1, column - 1]
    else:
        odd = [size for size, target in zip(own, wanted, strict=True) if (size - target) % 2]
        if odd:
            raise Untranslated("its input has no middle of that size")
        starts = [(size - target) // 2 for size, target in zip(own, wanted, strict=True)]
    ends = [start + target for start, target in zip(starts, wanted, strict=True)]
    if min(starts) < 0 or any(end > size for end, size in zip(ends, own, strict=True)):
        n.fail(f"is to crop {sizes(own)} to {sizes(wanted)} from {sizes([start + 1 for start in starts])}.")
    limits = [Value.constant(np.array(row, np.int64), f"{n.name}_{part}") for row, part in ((starts, "start"), (ends, "end"))]
    return n.add("Slice", [n.x, *limits, Value.constant(np.array([2, 3], np.int64), f"{n.name}_axes")])
