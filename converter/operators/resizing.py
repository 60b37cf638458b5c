"""Resizing of images and sampling them at computed places."""

from __future__ import annotations

from converter.emitters.site import short
from converter.operators.registry import operator

_DEFAULTS = {
    "mode": "nearest", "coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_floor",
    "cubic_coeff_a": -0.75, "exclude_outside": 0, "extrapolation_value": 0.0, "antialias": 0,
    "keep_aspect_ratio_policy": "stretch", "axes": None,
}  # fmt: skip
_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


@operator("Resize")
class Resize:
    """The target's own function where it is the same, otherwise a helper that knows every mode.

    Source: https://onnx.ai/onnx/operators/onnx__Resize.html
    """

    def pytorch(n):
        if n.X.rank in (3, 4, 5) and (text := _interpolation(n)):
            return n.expr(f"F.interpolate(X, {text})", size=short(n.node.output.shape[2:]))
        given = {
            name: _listed(n, name) for name in ("sizes", "scales", "roi") if n.node.input(_PLACE[name]) is not None
        }  # fmt: skip
        if "roi" in given and n.coordinate_transformation_mode != "tf_crop_and_resize":
            del given["roi"]
        return n.expr(_call("resize(X", given, _options(n)), **given, **_options(n))

    def keras(n):
        options = _options(n)
        names = [name for name in ("sizes", "scales", "roi") if n.node.input(_PLACE[name]) is not None]
        if "roi" in names and n.coordinate_transformation_mode != "tf_crop_and_resize":
            names.remove("roi")
        if all(_numbers(n, name) is not None for name in names):
            given = {name: _numbers(n, name) for name in names}
            return n.sized(_call("resize(X", given, options), **given, **options)
        given = {name: _listed(n, name) for name in names}
        return n.eager(_call("resize(X", given, options), **given, **options)


_PLACE = {"roi": 1, "scales": 2, "sizes": 3}


def _numbers(n, name):
    """The numbers of an input as a tuple, None where they are computed; declared sizes of the result tell the sizes."""
    known = n.constant(name)
    if known is not None:
        return tuple(known.tolist())
    shape, axes = n.node.output.shape, n.node["axes"]
    if name == "sizes" and n.keep_aspect_ratio_policy == "stretch" and shape and all(isinstance(s, int) for s in shape):
        return shape if axes is None else tuple(shape[axis] for axis in axes)
    return None


def _listed(n, name):
    known = _numbers(n, name)
    return n.listed(name) if known is None else known


def _options(n):
    return {name: n.node[name] for name, default in _DEFAULTS.items() if n.node[name] != default}


def _call(start, given, options):
    return start + "".join(f", {name}={name}" for name in (*given, *options)) + ")"


def _interpolation(n) -> str | None:
    """The arguments of ``F.interpolate`` that mean the same, None where there are none."""
    shape, result, mode, coordinates = n.X.shape, n.node.output.shape, n.mode, n.coordinate_transformation_mode
    if result is None or not all(isinstance(size, int) for size in (*shape[1:], *result[1:])) or shape[:2] != result[:2]:
        return None
    scales = _numbers(n, "scales") if n.scales is not None and n.node.input(2) is not None else None
    ratios = [b / a if a else 0 for a, b in zip(shape[2:], result[2:], strict=True)]
    if n.antialias or n.node["axes"] is not None or (n.node.input(3) is None and scales is None):
        return None
    if (scales is not None and list(scales[2:]) != ratios) or n.keep_aspect_ratio_policy != "stretch":
        return None
    if mode == "nearest":
        whole = all(ratio.is_integer() and ratio >= 1 for ratio in ratios) and coordinates.endswith("half_pixel")
        whole = whole and n.nearest_mode.startswith("round")
        floor = coordinates == "asymmetric" and (n.nearest_mode == "floor" or max(ratios) <= 2 == max(map(int, ratios)))
        exact = whole or (
            floor and (n.nearest_mode == "floor" or (set(ratios) <= {1.0, 2.0} and n.nearest_mode == "round_prefer_floor"))
        )
        return "size=size" if exact else None
    if coordinates == "pytorch_half_pixel" and 1 in result[2:]:
        return None
    aligned = {"half_pixel": "", "pytorch_half_pixel": "", "align_corners": ", align_corners=True"}.get(coordinates)
    if aligned is None or (mode == "cubic" and (n.X.rank != 4 or n.cubic_coeff_a != -0.75 or n.exclude_outside)):
        return None
    return f'size=size, mode="{"bicubic" if mode == "cubic" else _LINEAR[n.rank]}"{aligned}'


_SAMPLING = {"linear": "bilinear", "cubic": "bicubic", "nearest": "nearest"}


@operator("GridSample")
class GridSample:
    def restrict(node, target):
        rank = node.inputs[0].rank
        if target == "pytorch" and (rank not in (4, 5) or (rank == 5 and node["mode"] == "cubic")):
            return f"F.grid_sample knows no {node['mode']} mode for {rank} axes"
        return None

    def pytorch(n):
        text = "F.grid_sample(X, grid, mode=mode, padding_mode=padding_mode, align_corners=aligned)"
        return n.expr(text, mode=_SAMPLING[n.mode], aligned=bool(n.align_corners))

    def keras(n):
        text = "grid_sample(X, grid, mode=mode, padding_mode=padding_mode, align_corners=aligned)"
        return n.sized(text, aligned=bool(n.align_corners))


@operator("AffineGrid")
class AffineGrid:
    """The last axis of the result holds x, y (and z) between -1 and 1."""

    def pytorch(n):
        size = n.constant("size")
        size = n.listed("size") if size is None else tuple(size.tolist())
        return n.expr("F.affine_grid(theta, size, align_corners=aligned)", size=size, aligned=bool(n.align_corners))

    def keras(n):
        shape = n.node.output.shape
        fixed = shape is not None and all(isinstance(size, int) for size in shape)
        sizes = shape[1:-1] if fixed else n.eager("numbers(size)[2:]")
        if n.constant("size") is not None:
            sizes = tuple(n.constant("size").tolist()[2:])
        return n.expr("affine_grid(theta, sizes, aligned)", sizes=sizes, aligned=bool(n.align_corners))
