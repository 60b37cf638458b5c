"""Pooling over windows and over whole images."""

from __future__ import annotations

from converter.emitters.layout import logical, spatial
from converter.emitters.places import fits_torch, in_planes, unpooled_image
from converter.emitters.vocabulary import Layer
from converter.operators.padding_layers import keras_pad, keras_pad_lowest, lowest, torch_pad, torch_pad_same, torch_same_sides
from converter.operators.registry import operator
from converter.padding import Padding


def _stride(n):
    """The stride, None where it equals the window, as both targets assume."""
    return None if n.node["strides"] == n.node["kernel_shape"] else n.strides


def _fits_torch(n) -> bool:
    return fits_torch(n.padding, n.node["kernel_shape"])


def _unresolved(node, target):
    if node["pads"] is None and not _same_at_run_time(node, target):
        return f"auto_pad={node['auto_pad']} with an input size that is not known; export with fixed sizes"
    if node["ceil_mode"]:  # resolved wherever the size is known or does not matter
        return "ceil_mode with a window that may start beyond an input of unknown size; export with fixed sizes"
    return None


def _same_at_run_time(node, target):
    """Whether sides that depend on the size of the input can be said."""
    plain = len(node.outputs) == 1 and set(node["dilations"]) == {1} and node.op_type in ("MaxPool", "AveragePool")
    if target == "pytorch" or not plain or node.op_type == "MaxPool":
        return plain and (target == "pytorch" or node["auto_pad"] == "SAME_UPPER")
    return node["auto_pad"] == "SAME_UPPER" and len(set(node["strides"])) == 1 and len(node["strides"]) < 3


def _pool_with_indices(node, have):
    """Channels last, but logical order where places in the tensor are counted."""
    return spatial(node, have) if len(node.outputs) == 1 else logical(node, have)


def _with_indices(n, sides):
    text = "max_pool_with_indices(X, sizes, strides, dilations, sides, column_major=column_major)"
    return n.results(text, 2, sides=sides, column_major=bool(n.storage_order), **_tuples(n))


def _torch_indices(n):
    """PyTorch's own pooling, whose indices its own unpooling takes."""
    options = {"stride": _stride(n), "padding": n.padding.shortest, "dilation": n.dilations}
    given = {name: value for name, value in options.items() if value not in (None, {"padding": 0, "dilation": 1}.get(name))}
    named = "".join(f", {name}={name}" for name in given)
    return n.results(f"F.max_pool{n.rank}d(X, kernel_shape{named}, return_indices=True)", 2, **given)


@operator("MaxPool")
class MaxPool:
    """The second output tells where in the whole tensor, counted in logical order, each largest element stands."""

    layout = _pool_with_indices
    restrictions = "sizes unknown under auto_pad or ceil_mode"

    restrict = _unresolved

    def pytorch(n):
        if len(n.node.outputs) > 1:
            return _torch_indices(n) if in_planes(n.node, n.extents) else _with_indices(n, n.padding.total.torch)
        if n.padding is None:
            return Layer(f"nn.MaxPool{n.rank}d", n.kernel_shape, stride=_stride(n))(torch_pad_same(n, lowest(n.X.dtype)))
        native = _fits_torch(n)
        x = n.X if native else torch_pad(n, n.X, n.padding.total, lowest(n.X.dtype))
        return Layer(
            f"nn.MaxPool{n.rank}d", n.kernel_shape, stride=_stride(n), padding=n.padding.shortest if native else 0,
            dilation=n.dilations, ceil_mode=native and n.padding.has_ceil,
        )(x)  # fmt: skip

    def keras(n):
        if len(n.node.outputs) > 1:
            n.needs_sizes(n.X)
            return _with_indices(n, tuple(zip(n.padding.begin, n.padding.total.end, strict=True)))
        if n.dilations != 1:
            x = keras_pad_lowest(n, n.padding.total)
            return n.expr("dilated_pool(ops.maximum, x, sizes, strides, dilations)", x=x, **_tuples(n))
        same = n.padding is None or n.is_same
        x = n.X if same else keras_pad_lowest(n, n.padding.total)
        padding = "same" if same else "valid"
        return Layer(f"layers.MaxPooling{n.rank}D", n.kernel_shape, strides=_stride(n), padding=padding)(x)


@operator("AveragePool")
class AveragePool:
    """Padding is counted or not (``count_include_pad``); what ``ceil_mode`` adds is never counted."""

    layout = spatial
    restrict = _unresolved
    restrictions = "sizes unknown under auto_pad or ceil_mode"

    def pytorch(n):
        if n.padding is None and n.count_include_pad:
            return Layer(f"nn.AvgPool{n.rank}d", n.kernel_shape, stride=_stride(n))(torch_pad_same(n))
        if n.padding is None:
            return n.expr(f"average_pool(F.avg_pool{n.rank}d, X, kernel_shape, strides, s)", s=torch_same_sides(n))
        counted, uncounted = _counted(n)
        if n.dilations != 1:
            x = torch_pad(n, n.X, counted)
            return n.expr("dilated_average_pool(x, sizes, strides, dilations, sides)", x=x, sides=uncounted.torch, **_tuples(n))
        if _fits_torch(n):
            include = bool(n.count_include_pad) or not any(n.padding.begin)
            return Layer(
                f"nn.AvgPool{n.rank}d", n.kernel_shape, stride=_stride(n), padding=n.padding.shortest,
                ceil_mode=n.padding.has_ceil, count_include_pad=include,
            )  # fmt: skip
        if uncounted.is_zero:
            return Layer(f"nn.AvgPool{n.rank}d", n.kernel_shape, stride=_stride(n))(torch_pad(n, n.X, counted))
        x = torch_pad(n, n.X, counted)
        text = f"average_pool(F.avg_pool{n.rank}d, x, kernel_shape, strides, sides)"
        return n.expr(text, x=x, sides=uncounted.torch)

    def keras(n):
        if n.padding is None:
            n.needs_sizes(n.X, axes=(1,))
            counts = ", padding_counts=True" if n.count_include_pad else ""
            return n.expr(f"average_pool_same(X, size, strides{counts})", size=n.node["kernel_shape"])
        counted, uncounted = _counted(n)
        x = keras_pad(n, n.X, counted)
        sides = tuple(zip(uncounted.begin, uncounted.end, strict=True))
        if n.dilations != 1:
            return n.expr("dilated_average_pool(x, sizes, strides, dilations, sides)", x=x, sides=sides, **_tuples(n))
        if uncounted.is_zero:
            return Layer(f"layers.AveragePooling{n.rank}D", n.kernel_shape, strides=_stride(n))(x)
        return n.expr("average_pool(x, kernel_shape, strides, sides)", x=x, sides=sides)


def _counted(n) -> tuple[Padding, Padding]:
    """(padding that counts as zeros, padding that does not count)."""
    zero = Padding.zero(n.rank)
    if n.count_include_pad:
        return Padding(n.padding.begin, n.padding.end), Padding(zero.begin, n.padding.ceil)
    return zero, n.padding.total


def _tuples(n) -> dict[str, tuple[int, ...]]:
    return {"sizes": n.node["kernel_shape"], "strides": n.node["strides"], "dilations": n.node["dilations"]}


@operator("GlobalAveragePool")
class GlobalAveragePool:
    layout = spatial

    def pytorch(n):
        return Layer(f"nn.AdaptiveAvgPool{n.rank}d", 1)

    def keras(n):
        return Layer(f"layers.GlobalAveragePooling{n.rank}D", keepdims=True)


@operator("GlobalMaxPool")
class GlobalMaxPool:
    layout = spatial

    def pytorch(n):
        return Layer(f"nn.AdaptiveMaxPool{n.rank}d", 1)

    def keras(n):
        return Layer(f"layers.GlobalMaxPooling{n.rank}D", keepdims=True)


@operator("LpPool")
class LpPool:
    """(sum over the window of abs(x) ** p) ** (1 / p)."""

    layout = spatial
    restrict = _unresolved
    restrictions = "sizes unknown under auto_pad or ceil_mode"

    def pytorch(n):
        x = n.expr("torch.abs(x) ** p", x=torch_pad(n, n.X, n.padding.total))
        y = n.expr("dilated_pool(torch.add, x, sizes, strides, dilations)", x=x, **_tuples(n))
        return n.expr("y ** (1 / p)", y=y)

    def keras(n):
        x = n.expr("ops.abs(x) ** p", x=keras_pad(n, n.X, n.padding.total))
        y = n.expr("dilated_pool(ops.add, x, sizes, strides, dilations)", x=x, **_tuples(n))
        return n.expr("y ** (1 / p)", y=y)


@operator("GlobalLpPool")
class GlobalLpPool:
    layout = spatial

    def pytorch(n):
        return n.expr("torch.linalg.vector_norm(X, p, dim=axes, keepdim=True)", p=n.p, axes=tuple(range(2, n.rank + 2)))

    def keras(n):
        text = "ops.sum(ops.abs(X) ** p, axis=axes, keepdims=True) ** (1 / p)"
        return n.expr(text, axes=tuple(range(1, n.rank + 1)))


@operator("MaxUnpool")
class MaxUnpool:
    """Puts each element where its index tells, zeros elsewhere; an ``output_shape`` gives larger images."""

    restrictions = "an output size known when converting"

    def restrict(node, target):
        sizes = node.output.shape
        return None if sizes and all(isinstance(s, int) for s in sizes[2:]) else "the size of its output is not known"

    def pytorch(n):
        if in_planes(n.node.inputs[1].producer, n.extents):
            stride = "" if _stride(n) is None else ", stride"
            return n.expr(f"F.max_unpool{n.rank}d(X, I, kernel_shape{stride})", stride=n.strides)
        return _unpooled(n)

    def keras(n):
        n.needs_sizes(n.X)
        return _unpooled(n)


def _unpooled(n):
    """From the sizes that the indices count in to those of the result."""
    sizes, full = unpooled_image(n.node), n.output_shape[2:]
    return n.expr(f"max_unpool(X, I, sizes{'' if full == sizes else ', full'})", sizes=sizes, full=full)
