"""How an image is resized: along which axes, by what factors, and which functions of the targets do the same."""

from __future__ import annotations

from collections.abc import Iterable

from converter.emitters.site import Site, known
from converter.graph import Node

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
PLACE = {"roi": 1, "scales": 2, "sizes": 3}
"""Inputs of Resize, https://onnx.ai/onnx/operators/onnx__Resize.html."""


def space_of(node: Node) -> tuple[int, ...] | None:
    """The logical axes of space, where an image keeps its batch and channels; None for any other tensor."""
    image, result = node.inputs[0], node.output
    if image.rank not in (3, 4, 5) or node["coordinate_transformation_mode"] == "tf_crop_and_resize":
        return None
    axes = node["axes"] if node["axes"] is not None else range(image.rank)
    if sorted(axes) == [*range(2, image.rank)]:
        return tuple(axes)
    scales = known(node.input(PLACE["scales"]))
    if node["axes"] is not None or node["keep_aspect_ratio_policy"] != "stretch":
        return None
    if scales is not None and scales.size:
        keeps = scales[:2].tolist() == [1, 1]
    else:
        keeps = image.shape is not None and result.shape is not None and image.shape[:2] == result.shape[:2]
    return tuple(range(2, image.rank)) if keeps else None


def has_scales(n: Site) -> bool:
    """Whether scales are given: files of older opsets have an empty list beside sizes."""
    scales = n.node.input(PLACE["scales"])
    return scales is not None and not (scales.shape is not None and 0 in scales.shape)


def factors_of(n: Site) -> tuple[int, ...] | None:
    """By what whole number each axis of space grows, None where it does otherwise or that is not known."""
    space, image, result = space_of(n.node), n.node.inputs[0].shape, n.node.output.shape
    if space is None or n.keep_aspect_ratio_policy != "stretch":
        return None
    if has_scales(n):
        scales = n.constant("scales")
        ratios = None if scales is None else dict(zip(space, scales[-len(space) :].tolist(), strict=True))
    else:
        known_sizes = (
            image is not None and result is not None and all(isinstance(size, int) for size in (*image[2:], *result[2:]))
        )
        ratios = {axis: result[axis] / image[axis] for axis in space} if known_sizes and 0 not in image[2:] else None
    if ratios is None:
        return None
    grows = all(ratio >= 1 and float(ratio).is_integer() for ratio in ratios.values())
    return tuple(int(ratios[axis]) for axis in sorted(ratios)) if grows else None


def repeats(n: Site, factors: Iterable[float]) -> bool:
    """Whether a nearest neighbour is found by repeating each element so many times."""
    coordinates, nearest = n.coordinate_transformation_mode, n.nearest_mode
    if n.mode != "nearest":
        return False
    if coordinates.endswith("half_pixel"):
        return nearest.startswith("round")
    return coordinates == "asymmetric" and (nearest == "floor" or (set(factors) <= {1, 2} and nearest == "round_prefer_floor"))


def numbers_of(n: Site, name: str) -> tuple | None:
    """The numbers of an input as a tuple, None where they are computed; declared sizes of the result tell the sizes."""
    known = n.constant(name)
    if known is not None:
        return tuple(known.tolist())
    shape, axes = n.node.output.shape, n.node["axes"]
    if name == "sizes" and n.keep_aspect_ratio_policy == "stretch" and shape and all(isinstance(s, int) for s in shape):
        return shape if axes is None else tuple(shape[axis] for axis in axes)
    return None


def interpolation(n: Site) -> str | None:
    """The arguments of ``F.interpolate`` that mean the same, None where there are none."""
    shape, result, mode, coordinates = n.X.shape, n.node.output.shape, n.mode, n.coordinate_transformation_mode
    if result is None or not all(isinstance(size, int) for size in (*shape[1:], *result[1:])) or shape[:2] != result[:2]:
        return None
    scales = numbers_of(n, "scales") if n.scales is not None and n.node.input(2) is not None else None
    ratios = [b / a if a else 0 for a, b in zip(shape[2:], result[2:], strict=True)]
    if n.antialias or n.node["axes"] is not None or (n.node.input(3) is None and scales is None):
        return None
    if (scales is not None and list(scales[2:]) != ratios) or n.keep_aspect_ratio_policy != "stretch":
        return None
    if mode == "nearest":
        grows = all(ratio.is_integer() and ratio >= 1 for ratio in ratios)
        exact = (coordinates == "asymmetric" and n.nearest_mode == "floor") or (grows and repeats(n, ratios))
        return "size=size" if exact else None
    if coordinates == "pytorch_half_pixel" and 1 in result[2:]:
        return None
    aligned = {"half_pixel": "", "pytorch_half_pixel": "", "align_corners": ", align_corners=True"}.get(coordinates)
    if aligned is None or (mode == "cubic" and (n.X.rank != 4 or n.cubic_coeff_a != -0.75 or n.exclude_outside)):
        return None
    return f'size=size, mode="{"bicubic" if mode == "cubic" else _LINEAR[n.rank]}"{aligned}'
