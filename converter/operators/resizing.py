"""Resizing of images and sampling them at computed places."""

from __future__ import annotations

from converter.emitters.layout import logical, spatial
from converter.emitters.site import known, short
from converter.emitters.vocabulary import Layer
from converter.operators.registry import operator

_DEFAULTS = {
    "mode": "nearest", "coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_floor",
    "cubic_coeff_a": -0.75, "exclude_outside": 0, "extrapolation_value": 0.0, "antialias": 0,
    "keep_aspect_ratio_policy": "stretch", "axes": None,
}  # fmt: skip
_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def _in_space(node, have):
    """Channels last where it resizes nothing but space, whose axes the file may count by themselves."""
    return spatial(node, have) if _space(node) is not None else logical(node, have)


def _space(node) -> tuple[int, ...] | None:
    """The logical axes of space, where an image keeps its batch and channels; None for any other tensor."""
    image, result = node.inputs[0], node.output
    if image.rank not in (3, 4, 5) or node["coordinate_transformation_mode"] == "tf_crop_and_resize":
        return None
    axes = node["axes"] if node["axes"] is not None else range(image.rank)
    if sorted(axes) == [*range(2, image.rank)]:
        return tuple(axes)
    scales = known(node.input(_PLACE["scales"]))
    if node["axes"] is not None or node["keep_aspect_ratio_policy"] != "stretch":
        return None
    if scales is not None and scales.size:
        keeps = scales[:2].tolist() == [1, 1]
    else:
        keeps = image.shape is not None and result.shape is not None and image.shape[:2] == result.shape[:2]
    return tuple(range(2, image.rank)) if keeps else None


@operator("Resize")
class Resize:
    """The target's own function where it is the same, otherwise a helper that knows every mode.

    Source: https://onnx.ai/onnx/operators/onnx__Resize.html
    """

    layout = _in_space

    def pytorch(n):
        if n.X.rank in (3, 4, 5) and (text := _interpolation(n)):
            return n.expr(f"F.interpolate(X, {text})", size=short(n.node.output.shape[2:]))
        factor = short(_factors(n) or ())
        if isinstance(factor, int) and factor in (2, 4, 8) and _repeats(n, (factor,)):  # of which fractions are exact
            return n.expr("F.interpolate(X, scale_factor=factor)", factor=factor)
        given = {
            name: _listed(n, name) for name in ("sizes", "scales", "roi") if n.node.input(_PLACE[name]) is not None
        }  # fmt: skip
        if "roi" in given and n.coordinate_transformation_mode != "tf_crop_and_resize":
            del given["roi"]
        return n.expr(_call("resize(X", given, _options(n)), **given, **_options(n))

    def keras(n):
        if (native := _keras_layer(n)) is not None:
            return native
        options = _options(n)
        names = [name for name in ("sizes", "scales", "roi") if n.node.input(_PLACE[name]) is not None]
        if "roi" in names and n.coordinate_transformation_mode != "tf_crop_and_resize":
            names.remove("roi")
        numbers = {name: _numbers(n, name) for name in names}
        space, have = _space(n.node), n.node["axes"]
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
    if _space(n.node) is None:
        return None
    factors = _factors(n)
    if factors is not None and _repeats(n, factors):
        return Layer(f"layers.UpSampling{n.rank}D", short(factors))(n.X)
    image, result = n.node.inputs[0].shape, n.node.output.shape
    centres = n.coordinate_transformation_mode in ("half_pixel", "pytorch_half_pixel")
    plain = n.mode == "linear" and centres and not n.antialias and n.rank == 2 and n.X.dtype == "float32"
    if not plain or n.exclude_outside or n.keep_aspect_ratio_policy != "stretch":
        return None
    if factors is not None:
        return Layer("layers.UpSampling2D", short(factors), interpolation="bilinear")(n.X)
    if result is None or not all(isinstance(size, int) for size in (*image[2:], *result[2:])):
        return None
    scales = None if n.scales is None else n.constant("scales")
    if n.scales is not None and scales is None:
        return None
    steps = zip(image[2:], result[2:], [1, 1] if scales is None else scales[-2:].tolist(), strict=True)
    exact = scales is None or all(before * scale == after for before, after, scale in steps)
    if not exact or (1 in result[2:] and n.coordinate_transformation_mode == "pytorch_half_pixel"):
        return None
    return n.expr('ops.image.resize(X, size, interpolation="bilinear")', size=result[2:])


def _factors(n) -> tuple[int, ...] | None:
    """By what whole number each axis of space grows, None where it does otherwise or that is not known."""
    space, image, result = _space(n.node), n.node.inputs[0].shape, n.node.output.shape
    if space is None or n.keep_aspect_ratio_policy != "stretch":
        return None
    if n.scales is not None:
        scales = n.constant("scales")
        ratios = None if scales is None or not scales.size else dict(zip(space, scales[-len(space) :].tolist(), strict=True))
    else:
        known_sizes = (
            image is not None and result is not None and all(isinstance(size, int) for size in (*image[2:], *result[2:]))
        )
        ratios = {axis: result[axis] / image[axis] for axis in space} if known_sizes and 0 not in image[2:] else None
    if ratios is None:
        return None
    grows = all(ratio >= 1 and float(ratio).is_integer() for ratio in ratios.values())
    return tuple(int(ratios[axis]) for axis in sorted(ratios)) if grows else None


def _repeats(n, factors) -> bool:
    """Whether a nearest neighbour is found by repeating each element so many times."""
    coordinates, nearest = n.coordinate_transformation_mode, n.nearest_mode
    if n.mode != "nearest":
        return False
    if coordinates.endswith("half_pixel"):
        return nearest.startswith("round")
    return coordinates == "asymmetric" and (nearest == "floor" or (set(factors) <= {1, 2} and nearest == "round_prefer_floor"))


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
