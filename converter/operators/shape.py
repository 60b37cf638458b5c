"""Operators that move elements without computing."""

from __future__ import annotations

from converter import functions
from converter.emitters.layout import along_axes, as_stored, logical, reshaped, spatial, transposed, unsqueezed
from converter.emitters.pad_amounts import amounts_of, sides_of
from converter.emitters.parts import sections, split, split_sizes
from converter.emitters.vocabulary import Layer
from converter.operators.registry import elementwise, operator
from converter.padding import Padding

elementwise(Identity=("input", "input"))


@operator("Flatten")
class Flatten:
    layout = reshaped

    def pytorch(n):
        axis = n.node["axis"] % n.input.rank if n.input.rank else n.node["axis"]
        if axis > 1 and _target(n).count(-1) > 1:
            return n.expr("input.flatten(0, last).flatten(1)", last=axis - 1)
        return n.expr("torch.flatten(input, 1)") if axis == 1 else n.expr("input.reshape(*shape)", shape=_target(n))

    def keras(n):
        axis = n.node["axis"] % n.input.rank if n.input.rank else n.node["axis"]
        if axis != 1 and _target(n).count(-1) > 1:
            return n.eager("ops.reshape(input, (math.prod(input.shape[:axis]), math.prod(input.shape[axis:])))", axis=axis)
        if axis == 1 and n.layout().order[:1] == (0,):
            return Layer("layers.Flatten")(n.input)
        return n.expr("ops.reshape(input, shape)", shape=_target(n))


def _target(n) -> tuple[int, ...]:
    """The result's shape with -1 for what is unknown; two of them where all is."""
    return (-1, -1) if n.node.output.shape is None else tuple(s if isinstance(s, int) else -1 for s in n.output_shape)


@operator("Reshape")
class Reshape:
    layout = reshaped
    restrictions = "Keras: a target with at most one size unknown when converting, or a model that runs eagerly"

    def pytorch(n):
        target = n.target()
        if target is None:
            return n.expr("reshaped(data, shape.tolist(), zero=zero)", zero=bool(n.allowzero))
        return n.reshape(target)

    def keras(n):
        if n.data.shape and n.node.output.shape and len(n.output_shape) > 1 and n.output_shape[0] == n.data.shape[0]:
            batch, *rest = _target(n)
            if batch == -1 and rest.count(-1) <= 1:
                return Layer("layers.Reshape", tuple(rest))(n.data)
        target = n.target()
        if target is None:
            return n.eager("reshaped(data, shape, zero=zero)", zero=bool(n.allowzero))
        return n.expr("ops.reshape(data, target)", target=tuple(target))


@operator("Transpose")
class Transpose:
    """In Keras only the layout changes where the number of axes is known: no element moves."""

    layout = transposed

    def pytorch(n):
        if n.data.rank is None and not n.perm:
            return n.expr("data.permute(tuple(range(data.ndim))[::-1])")
        perm = n.perm or tuple(range(n.data.rank))[::-1]
        moved = [axis for axis, source in enumerate(perm) if source != axis]
        if len(moved) == 2:
            return n.expr("data.transpose(a, b)", a=moved[0], b=moved[1])
        return n.expr("data.permute(*perm)", perm=list(perm))

    def keras(n):
        unplanned = n.data.rank is None or n.data.weight is not None
        return n.expr("ops.transpose(data, axes=perm)") if unplanned else n.data


@operator("Concat")
class Concat:
    layout = along_axes

    def pytorch(n):
        return n.expr("torch.cat([*inputs], dim=axis)")

    def keras(n):
        return n.expr("ops.concatenate([*inputs], axis=axis)")


def _squeezed(node, have):
    axes = node.inputs[1].array if node.input(1) is not None else None
    if have[0] is None or have[0].flat or axes is None:
        return logical(node, have)
    return [have[0], None], [have[0].without(axes.tolist())]


@operator("Squeeze")
class Squeeze:
    layout = _squeezed

    def pytorch(n):
        if not n.is_known("axes"):
            return n.expr("torch.squeeze(data, axes.tolist())", axes=n.operand(1))
        return n.expr("torch.squeeze(data, axes)" if n.axes else "torch.squeeze(data)")

    def keras(n):
        if not n.is_known("axes") and _target(n).count(-1) > 1:
            return n.eager("ops.squeeze(data, tuple(numbers(axes)))", axes=n.operand(1))
        if not n.is_known("axes"):
            return n.expr("ops.reshape(data, target)", target=_target(n))
        return n.expr("ops.squeeze(data, axes)" if n.axes else "ops.squeeze(data)")


@operator("Unsqueeze")
class Unsqueeze:
    layout = unsqueezed

    def pytorch(n):
        if not _places_known(n):
            return n.expr("unsqueezed(data, axes.tolist())", axes=n.operand(1))
        axes = _new_axes(n)
        if len(axes) == 1:
            return n.expr("torch.unsqueeze(data, axis)", axis=axes[0])
        places = ["None" if axis in axes else ":" for axis in range(axes[-1] + 1)] if axes else []
        return n.expr(f"data[{', '.join(places)}]") if places else n.data

    def keras(n):
        if _places_known(n):
            order = n.plan.of(n.node.output).order or range(len(_new_axes(n)))
            new = sorted(order.index(axis) if axis in order else axis for axis in _new_axes(n))
            return n.expr("ops.expand_dims(data, new)", new=new[0] if len(new) == 1 else tuple(new))
        if _target(n).count(-1) > 1:
            return n.eager("ops.expand_dims(data, tuple(numbers(axes)))", axes=n.operand(1))
        return n.expr("ops.reshape(data, target)", target=_target(n))


def _places_known(n) -> bool:
    """Whether it is known where the new axes stand; from the end only with the number of axes."""
    axes = n.constant("axes")
    return axes is not None and (n.data.rank is not None or axes.size < 2 or axes.min() >= 0)


def _new_axes(n) -> list[int]:
    rank, axes = n.node.output.rank, n.constant("axes").reshape(-1).tolist()
    return sorted(axis % rank for axis in axes) if rank else sorted(axes)


def _padded(node, have):
    known = all(node.input(i) is None or node.input(i).array is not None for i in (1, 3))
    return along_axes(node, have) if known else logical(node, have)


@operator("Pad")
class Pad:
    """F.pad takes other modes than zeros for up to three axes, and ops.pad no negative amounts: a helper does the rest."""

    layout = _padded

    def pytorch(n):
        if not (n.is_known("pads") and n.is_known("axes")):
            pads, axes = n.listed("pads"), n.operand(3) and n.listed("axes")
            known = axes is None or (isinstance(axes, tuple) and all(isinstance(axis, int) for axis in axes))
            if n.mode == "constant" and n.is_known("constant_value") and isinstance(pads, tuple) and known:
                return n.expr("F.pad(data, sides, value=fill)", sides=sides_of(n, pads, axes), fill=_fill(n) or None)
            text = "padded(data, amounts, mode, fill" + (", axes)" if axes is not None else ")")
            return n.expr(text, fill=_fill(n), amounts=pads, axes=axes)
        amounts = amounts_of(n)
        if n.mode == "constant" and n.is_known("constant_value"):
            return n.expr("F.pad(data, sides, value=fill)", sides=amounts.torch, fill=_fill(n) or None)
        if _pads_image(n, amounts):
            mode = {"edge": "replicate", "wrap": "circular"}.get(n.mode, n.mode)
            return n.expr("F.pad(data, sides, mode=mode)", sides=amounts.torch[: 2 * n.rank], mode=mode)
        return n.expr("padded(data, sides, mode, fill)", sides=tuple(amounts.onnx), fill=_fill(n))

    def keras(n):
        if not (n.is_known("pads") and n.is_known("axes")):
            return n.eager(
                "padded_by(data, amounts, mode, fill, axes)", amounts=n.listed("pads"), fill=_fill(n), axes=n.operand(3)
            )
        padding = amounts_of(n)
        order = n.layout().order
        sides = tuple((padding.begin[axis], padding.end[axis]) for axis in order)
        if min(map(min, sides), default=0) < 0 or n.mode in ("edge", "wrap") or not n.is_known("constant_value"):
            sizes = [n.data.value.shape[axis] for axis, amounts in zip(order, sides, strict=True) if any(amounts)]
            how = n.expr if all(isinstance(size, int) for size in sizes) else n.sized
            return how("padded(data, sides, mode, fill)", sides=sides, fill=_fill(n))
        return n.expr("ops.pad(data, sides, mode=mode, constant_values=fill)", sides=sides, fill=_fill(n) or None)


def _pads_image(n, amounts: Padding) -> bool:
    """Whether F.pad takes the mode: up to three spatial axes alone, each padded by less than its size."""
    sides = list(zip(amounts.begin, amounts.end, n.data.shape, strict=True))
    inside = all(isinstance(size, int) and min(a, b) >= 0 and max(a, b) < size for a, b, size in sides[2:])
    batch = all(side[:2] == (0, 0) for side in sides[:2])
    return n.mode != "constant" and n.rank in (1, 2, 3) and batch and inside and n.data.dtype.kind == "f"


def _fill(n):
    value = n.constant("constant_value")
    if value is None and n.constant_value is not None and n.mode == "constant":
        return n.constant_value
    return 0 if value is None or n.mode != "constant" or not value.size else value.reshape(-1)[0]


@operator("Split")
class Split:
    layout = along_axes

    def pytorch(n):
        if n.node.input(1) is not None and split_sizes(n.node) is None:
            return n.results("input.split(split.tolist(), dim=axis)", len(n.node.outputs))
        places = sections(n, split_sizes(n.node) or [0])["places"]
        all_parts = "input.split(size, dim=axis)" if type(places) is tuple else "input.chunk(places, dim=axis)"
        return split(n, all_parts, "input[{}{}:{}]", "input.chunk(num_outputs, dim=axis)")

    def keras(n):
        if n.node.input(1) is not None and split_sizes(n.node) is None:
            n.needs_numbers()
            return n.results("parts_of(input, numbers(split), axis)", len(n.node.outputs))
        return split(n, "ops.split(input, places, axis=axis)", "input[{}{}:{}]", "parts_alike(input, num_outputs, axis)")


def _fixed(n) -> bool:
    return all(isinstance(size, int) for size in n.node.output.shape or (None,))


@operator("Expand")
class Expand:
    def pytorch(n):
        sizes = _expanded(n)
        if sizes is None:
            text = "torch.broadcast_to(x, torch.broadcast_shapes(x.shape, sizes))"
            return n.expr(text, x=n.first, sizes=n.listed("shape"))
        if n.first.is_number:
            return n.expr(f"torch.full(sizes, x, dtype=torch.{n.first.dtype.name})", x=n.first, sizes=tuple(sizes))
        return n.expr("x.expand(*sizes)", x=n.first, sizes=sizes)

    def keras(n):
        sizes = n.result_sizes()
        if sizes is None or None in sizes:
            return n.eager("expanded(input, sizes)", sizes=n.listed("shape"))
        if n.first.is_number:
            number, sizes = n.first.weight.array().item(), tuple(sizes)
            name = {0: "zeros", 1: "ones"}.get(number, "full")
            more = "" if name != "full" else "x, "
            dtype = None if n.first.dtype == "float32" else n.first.dtype.name
            return n.expr(f"ops.{name}(sizes, {more}dtype=dtype)", sizes=sizes, x=n.first, dtype=dtype)
        return n.expr("ops.broadcast_to(x, sizes)", x=n.first, sizes=tuple(sizes))


def _expanded(n) -> list | None:
    """The result's sizes, -1 where it keeps what the data have; None where more is to be found out."""
    sizes, own = n.result_sizes(), n.shape_of(n.first) or []
    if sizes is None or None in sizes:
        return None
    for axis in range(-len(own), 0):
        if not isinstance(own[axis], int) and not isinstance(sizes[axis], int) and own[axis].number == sizes[axis].number:
            sizes[axis] = -1
    return sizes


@operator("Tile")
class Tile:
    def pytorch(n):
        return n.expr("torch.tile(input, times)", times=_times(n) or n.listed("repeats"))

    def keras(n):
        return n.expr("ops.tile(input, times)", times=_times(n) or n.listed("repeats"))


def _times(n):
    known = n.constant("repeats")
    if known is not None:
        return tuple(known.tolist())
    fixed = _fixed(n) and all(isinstance(size, int) and size for size in n.input.shape)
    return tuple(a // b for a, b in zip(n.output_shape, n.input.shape, strict=True)) if fixed else None


@operator("Trilu")
class Trilu:
    def pytorch(n):
        return n.expr(f"torch.tri{'u' if n.upper else 'l'}(input, diagonal)", diagonal=n.number("k") if n.k is not None else 0)

    def keras(n):
        name = "triu" if n.upper else "tril"
        if n.is_known("k"):
            rows, columns = n.input.shape[-2:]
            diagonal = int(n.constant("k").reshape(-1)[0]) if n.k is not None else 0
            if isinstance(rows, int) and isinstance(columns, int):
                diagonal = max(-rows, min(diagonal, columns))  # TensorFlow refuses what lies outside
            return n.expr(f"ops.{name}(input, diagonal)", diagonal=diagonal)
        return n.eager("triangle(input, diagonal, upper=upper)", diagonal=n.number("k"), upper=bool(n.upper))


@operator("EyeLike")
class EyeLike:
    def pytorch(n):
        dtype = n.node.output.dtype.name
        if n.k == 0 and _fixed(n):
            rows, columns = n.output_shape
            return n.expr(f"torch.eye(rows, columns, dtype=torch.{dtype})", rows=rows, columns=columns)
        return n.expr(f"torch.ones_like(input, dtype=torch.{dtype}).triu(k).tril(k)")

    def keras(n):
        dtype = n.node.output.dtype.name
        if not _fixed(n):
            return n.eager("ops.eye(*input.shape, k, dtype=dtype)", dtype=dtype)
        rows, columns = n.output_shape
        text = "ops.zeros_like(input, dtype=dtype) + ops.eye(rows, columns, k, dtype=dtype)"
        return n.expr(text, rows=rows, columns=columns, dtype=dtype)


@operator("Range")
class Range:
    def pytorch(n):
        first, last, step = (_end(n, name) for name in ("start", "limit", "delta"))
        text = "first, last, step" if step != 1 else "first, last" if first != 0 else "last"
        more = "" if n.start.dtype == "int64" else f", dtype=torch.{n.start.dtype.name}"
        return n.expr(f"torch.arange({text}{more})", first=first, last=last, step=step)

    def keras(n):
        first, last, step = (n.sizes(name) for name in ("start", "limit", "delta"))
        if first is None or last is None or step is None or not isinstance(step[0], int):
            return n.eager("count(start, limit, delta, dtype)", dtype=n.start.dtype.name)
        text = "first, last, step" if step != [1] else "first, last" if first != [0] else "last"
        dtype = n.start.dtype.name
        say = n.eager if isinstance(first[0], int) and isinstance(last[0], int) else n.expr
        return say(f"ops.arange({text}, dtype=dtype)", first=first[0], last=last[0], step=step[0], dtype=dtype)


def _end(n, name):
    """An end or the step of a range as a plain number."""
    operand, said = n.named(name), n.sizes(name)
    return said[0] if said is not None else operand if operand.is_number else n.expr("x.item()", x=operand)


@operator("ConstantOfShape")
class ConstantOfShape:
    def pytorch(n):
        sizes = n.output_shape if _fixed(n) else n.listed("input")
        return n.expr(f"torch.full(sizes, fill, dtype=torch.{n.node.output.dtype.name})", sizes=sizes, fill=_constant(n))

    def keras(n):
        say = n.eager if _fixed(n) else n.expr  # what depends on no tensor is none of a functional model
        sizes = n.output_shape if _fixed(n) else n.listed("input")
        return say("ops.full(sizes, fill, dtype=dtype)", sizes=sizes, fill=_constant(n), dtype=n.node.output.dtype.name)


def _constant(n):
    return 0.0 if n.value is None else n.value.reshape(-1)[0]


@operator("Shape")
class Shape:
    def pytorch(n):
        return n.expr(
            "torch.tensor(data.shape[first:last])" if n.start or n.end else "torch.tensor(data.shape)",
            first=n.start,
            last=n.end,
        )

    def keras(n):
        return n.eager("shape_of(data, start, end)")


@operator("Size")
class Size:
    def pytorch(n):
        return n.expr("torch.tensor(data.numel())")

    def keras(n):
        return n.eager("size_of(data)")


def _blocks(n, sizes, space: bool):
    """Shapes and axis orders of moving blocks of an image into its channels, or back; ``mode`` tells what comes first there."""
    channels, height, width = sizes
    b, first = n.blocksize, n.mode == "CRD"
    if space:
        split = (-1, channels, height // b, b, width // b, b)
        return split, (0, 1, 3, 5, 2, 4) if first else (0, 3, 5, 1, 2, 4), (-1, channels * b * b, height // b, width // b)
    inner = channels // (b * b)
    split = (-1, inner, b, b, height, width) if first else (-1, b, b, inner, height, width)
    return split, (0, 1, 4, 2, 5, 3) if first else (0, 3, 4, 1, 5, 2), (-1, inner, height * b, width * b)


def _open_sizes(n) -> bool:
    """Whether a size but that of the batch is not known when converting."""
    return n.first.shape is None or not all(isinstance(size, int) for size in n.first.shape[1:])


def _blocked(op_type: str, space: bool) -> None:
    def pytorch(n):
        if n.mode == "CRD":
            return n.expr("F.pixel_unshuffle(x, b)" if space else "F.pixel_shuffle(x, b)", x=n.first, b=n.blocksize)
        if _open_sizes(n):
            return n.expr("space_to_depth(x, b)" if space else "depth_to_space(x, b)", x=n.first, b=n.blocksize)
        split, order, whole = _blocks(n, n.first.shape[1:], space)
        text = "x.reshape(*split).permute(*order).reshape(*whole)"
        return n.expr(text, x=n.first, split=list(split), order=list(order), whole=list(whole))

    def keras(n):
        if _open_sizes(n):
            text = "space_to_depth(x, b, channels_first=first)" if space else "depth_to_space(x, b, channels_first=first)"
            return n.sized(text, x=n.first, b=n.blocksize, first=n.mode == "CRD")
        split, order, whole = _blocks(n, n.first.shape[1:], space)
        text = "ops.reshape(ops.transpose(ops.reshape(x, split), order), whole)"
        return n.expr(text, x=n.first, split=split, order=order, whole=whole)

    operator(op_type)(type(op_type, (), {"pytorch": pytorch, "keras": keras}))


_blocked("DepthToSpace", space=False)
_blocked("SpaceToDepth", space=True)


@operator("WindowPartition", functions.DOMAIN)
class WindowPartition:
    def both(n):
        return n.expr("window_partition(X, size)", size=n.node["split"][2])


@operator("WindowReverse", functions.DOMAIN)
class WindowReverse:
    def both(n):
        _, height, width, _ = n.node["whole"]
        return n.expr("window_reverse(X, size, height, width)", size=n.node["split"][3], height=height, width=width)


@operator("ChannelShuffle", functions.DOMAIN)
class ChannelShuffle:
    layout = spatial

    def pytorch(n):
        return n.expr("F.channel_shuffle(X, groups)")

    def keras(n):
        return (n.sized if _open_sizes(n) else n.expr)("channel_shuffle(X, groups)", groups=n.groups)


@operator("RepeatLike", functions.DOMAIN)
class RepeatLike:
    layout = as_stored

    def pytorch(n):
        ones = (1,) * (n.mask.rank - 1)
        return n.expr("mask.repeat(X.shape[0] // mask.shape[0], *ones)", ones=list(ones))

    def keras(n):
        return Layer("RepeatLike")(n.X, n.mask)


@operator("CenterCropPad")
class CenterCropPad:
    """Crops and pads both sides alike; of an odd number the smaller half at the beginning."""

    def pytorch(n):
        if not _known_middle(n):
            return n.expr("middle(input_data, shape.tolist(), axes)", axes=n.node["axes"])
        return n.expr("F.pad(input_data, sides)", sides=_around(n).torch)

    def keras(n):
        if not _known_middle(n):
            return n.eager("middle(input_data, numbers(shape), axes)", axes=n.node["axes"])
        padding = _around(n)
        sides = tuple(zip(padding.begin, padding.end, strict=True))
        return n.expr('padded(input_data, sides, "constant", 0)', sides=sides)


def _known_middle(n) -> bool:
    return all(isinstance(size, int) for value in (n.input_data.value, n.node.output) for size in value.shape or (None,))


def _around(n) -> Padding:
    more = [after - before for before, after in zip(n.node.inputs[0].shape, n.node.output.shape, strict=True)]
    begin = tuple(size // 2 if size > 0 else -(-size // 2) for size in more)
    return Padding(begin, tuple(size - first for size, first in zip(more, begin, strict=True)))
