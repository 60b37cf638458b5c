"""Resizing of images and sampling them at computed places."""

from __future__ import annotations

from converter.emitters.layout import logical, spatial
from converter.emitters.resampling import PLACE, factors_of, has_scales, interpolation, numbers_of, repeats, space_of
from converter.emitters.site import short
from converter.emitters.vocabulary import Layer
from converter.operators.registry import operator

_DEFAULTS = {
    "mode": "nearest", "coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_floor",
    "cubic_coeff_a": -0.75, "exclude_outside": 0, "extrapolation_value": 0.0, "antialias": 0,
    "keep_aspect_ratio_policy": "stretch", "axes": None,
}  # fmt: skip


def _in_space(node, have):
    """Channels last where it resizes nothing but space, whose axes the file may count by themselves."""
    return spatial(node, have) if space_of(node) is not None else logical(node, have)


@operator("Resize")
class Resize:
    """The target's own function where it is the same, otherwise a helper that knows every mode.

    Source: https://onnx.ai/onnx/operators/onnx__Resize.html
    """

    layout = _in_space

    def pytorch(n):
        if n.X.rank in (3, 4, 5) and (text := interpolation(n)):
            return n.expr(f"F.interpolate(X, {text})", size=short(n.node.output.shape[2:]))
        factor = short(factors_of(n) or ())
        if isinstance(factor, int) and factor in (2, 4, 8) and repeats(n, (factor,)):  # of which fractions are exact
            return n.expr("F.interpolate(X, scale_factor=factor)", factor=factor)
        given = {name: _listed(n, name) for name in _given(n)}
        return n.expr(_call("resize(X", given, _options(n)), **given, **_options(n))

    def keras(n):
        if (native := _keras_layer(n)) is not None:
            return native
        options = _options(n)
        numbers = {name: numbers_of(n, name) for name in _given(n)}
        space, have = space_of(n.node), n.node["axes"]
        if space is not None:
            numbers = {k: v if v is None or have is not None else v[2:] for k, v in numbers.items()}
            options["axes"] = tuple(n.axis_of(axis) % n.X.rank for axis in space)
        if None not in numbers.values():
            n.needs_sizes(n.X, axes=space)
            return n.expr(_call("resize(X", numbers, options), **numbers, **options)
        given = {name: _listed(n, name) if number is None else number for name, number in numbers.items()}
        if space is not None and have is None:
            given |= {name: n.eager("sizes[2:]", sizes=given[name]) for name, number in numbers.items() if number is None}
        return n.eager(_call("resize(X", given, options), **given, **options)


def _keras_layer(n):
    """``UpSampling2D`` and ``ops.image.resize``, where they compute the same; None where they do not."""
    if space_of(n.node) is None:
        return None
    factors = factors_of(n)
    if factors is not None and repeats(n, factors):
        return Layer(f"layers.UpSampling{n.rank}D", short(factors))(n.X)
    image, result = n.node.inputs[0].shape, n.node.output.shape
    centres = n.coordinate_transformation_mode in ("half_pixel", "pytorch_half_pixel")
    plain = n.mode == "linear" and centres and not n.antialias and n.rank == 2 and n.X.dtype == "float32"
    if not plain or n.exclude_outside or n.keep_aspect_ratio_policy != "stretch":
        return None
    if result is None or not all(isinstance(size, int) for size in (*image[2:], *result[2:])):
        return None  # ops.image.resize, UpSampling2D's too, compares sizes in Python, which a traced call cannot
    if factors is not None:
        return Layer("layers.UpSampling2D", short(factors), interpolation="bilinear")(n.X)
    scales = n.constant("scales") if has_scales(n) else None
    if has_scales(n) and scales is None:
        return None
    steps = zip(image[2:], result[2:], [1, 1] if scales is None else scales[-2:].tolist(), strict=True)
    exact = scales is None or all(before * scale == after for before, after, scale in steps)
    if not exact or (1 in result[2:] and n.coordinate_transformation_mode == "pytorch_half_pixel"):
        return None
    return n.expr('ops.image.resize(X, size, interpolation="bilinear")', size=result[2:])


def _given(n):
    """The inputs that say how far to resize: the region only where it counts."""
    names = ("sizes", "scales", "roi") if n.coordinate_transformation_mode == "tf_crop_and_resize" else ("sizes", "scales")
    return [name for name in names if n.node.input(PLACE[name]) is not None]


def _listed(n, name):
    known = numbers_of(n, name)
    return n.listed(name) if known is None else known


def _options(n):
    return {name: n.node[name] for name, default in _DEFAULTS.items() if n.node[name] != default}


def _call(start, given, options):
    return start + "".join(f", {name}={name}" for name in (*given, *options)) + ")"


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
        n.needs_sizes(n.X, axes=range(2, n.X.rank or 3))
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
