"""Operators that pick elements, or put them, at places that tensors tell."""

from __future__ import annotations

from converter import functions
from converter.emitters.layout import along_axes, logical
from converter.emitters.vocabulary import Layer
from converter.operators.registry import operator
from converter.passes.trained import EMBEDDING


def known_slices(node):
    """{axis: (start, end, step)}, None where any of it is computed."""
    parts = [None if value is None else value.array for value in (node.input(i) for i in range(1, 5))]
    if node.inputs[0].rank is None or any(part is None and node.input(i + 1) is not None for i, part in enumerate(parts)):
        return None
    starts, ends, axes, steps = parts
    axes = range(len(starts)) if axes is None else axes.tolist()
    steps = [1] * len(starts) if steps is None else steps.tolist()
    rank = node.inputs[0].rank
    return {axis % rank: part for axis, *part in zip(axes, starts.tolist(), ends.tolist(), steps, strict=True)}


def _sliced(node, have):
    if have[0] is None or known_slices(node) is None:
        return logical(node, have)
    return [have[0], *[None] * (len(node.inputs) - 1)], [have[0]]


@operator("Slice")
class Slice:
    """A negative step walks from the end, which PyTorch's indexing does not know: there the axis is turned round first."""

    layout = _sliced

    def restrict(node, target):
        for axis, (start, _, step) in (known_slices(node) or {}).items():
            if step < 0 and start < -1 and not isinstance(node.inputs[0].shape[axis], int):
                return "it walks backwards from a place before the last, along an axis whose size is unknown"
        return None

    def pytorch(n):
        slices = known_slices(n.node) or _sized_slices(n)
        if slices is None:
            return n.expr("sliced(data, starts, ends, axes, steps)", axes=n.operand(3), steps=n.operand(4))
        return _slice(n, slices, "torch.flip(data, axes)")

    def keras(n):
        slices = known_slices(n.node) or _sized_slices(n)
        if slices is None:
            return n.eager("sliced(data, starts, ends, axes, steps)", axes=n.operand(3), steps=n.operand(4))
        return _slice(n, slices, "ops.flip(data, axes)")


def _sized_slices(n):
    """The same where starts and ends are arithmetic of sizes, and all walk forwards."""
    starts, ends = n.sizes("starts"), n.sizes("ends")
    axes, steps = (n.constant(name) if n.operand(i) is not None else () for name, i in (("axes", 3), ("steps", 4)))
    if any(each is None for each in (n.data.rank, starts, ends, axes, steps)) or any(step < 0 for step in steps):
        return None
    axes = range(len(starts)) if n.operand(3) is None else axes.tolist()
    steps = [1] * len(starts) if n.operand(4) is None else steps.tolist()
    return {axis % n.data.rank: part for axis, *part in zip(axes, starts, ends, steps, strict=True)}


def _slice(n, slices, flip):
    rank, order = n.data.rank, n.layout().order
    parts, backwards, computed = [":"] * rank, [], {}
    for axis, (start, end, step) in slices.items():
        place, size = order.index(axis), n.data.shape[order.index(axis)]
        if step < 0:
            backwards.append(place)
            start = max(start, -size) if isinstance(size, int) else start
            start, end, step = -1 - start, -1 - end, -step  # what is 0 from the front is -1 from the end
        start, end = (_named(computed, number) for number in (start, end))
        parts[place] = _part(start, end, step, size)
    while parts and parts[-1] == ":":
        parts.pop()
    if len(parts) == 1 and n.functional:  # a KerasTensor takes no slice by itself
        parts.append(":" if rank > 1 else "")
    x = n.expr(flip, axes=tuple(sorted(backwards))) if backwards else n.data
    return n.expr(f"x[{', '.join(parts)}]", x=x, **computed) if parts else x


def _named(computed, number):
    """A number itself, or the name that a computed one has in the template."""
    if isinstance(number, int):
        return number
    name = f"place_{len(computed)}"
    computed[name] = number
    return name


def _part(start, end, step, size) -> str:
    last = size if isinstance(size, int) else 2**31 - 1
    is_first = start == 0 or (isinstance(start, int) and start <= -last)
    first, stop = "" if is_first else str(start), "" if isinstance(end, int) and end >= last else str(end)
    return f"{first}:{stop}" + (f":{step}" if step != 1 else "")


def _gathered(node, have):
    index = node.inputs[1].array
    if have[0] is None or have[0].flat or index is None or index.ndim:
        return logical(node, have)
    return [have[0], None], [have[0].without([node["axis"]])]


@operator("Gather")
class Gather:
    layout = _gathered

    def pytorch(n):
        if _is_embedding(n):
            return Layer("nn.Embedding", *n.data.shape, weights={"weight": n.data.weight})(n.indices)
        return n.expr(f"data[{':, ' * (n.axis % n.data.rank)}indices]", indices=_indices(n))

    def keras(n):
        return n.expr("ops.take(data, indices, axis=axis)", indices=_indices(n), axis=n.axis)


def _is_embedding(n):
    """Whether the source has a module of PyTorch's for it, of which it looks up known places."""
    table, places = n.data.weight, n.constant("indices")
    if not n.node.scope or n.node.scope[-1].type != EMBEDDING or n.axis != 0 or table is None or places is None:
        return False
    return table.trainable and len(table.shape) == 2 and bool((places >= 0).all())


@operator("Embedding", functions.DOMAIN)
class Embedding:
    def pytorch(n):
        return Layer("nn.Embedding", *n.table.shape, weights={"weight": n.table.weight})(n.indices)

    def keras(n):
        return Layer("layers.Embedding", *n.table.shape, weights={"embeddings": n.table.weight})(n.indices)


def _indices(n):
    """Few indices as literals, in one list at most: of lists in a list torch takes each for an axis of its own."""
    known = n.constant("indices")
    if known is None or known.size > 16 or known.ndim > 1:
        return n.indices
    return int(known) if known.ndim == 0 else n.expr(str(known.tolist()))


@operator("Roll", functions.DOMAIN)
class Roll:
    layout = along_axes

    def pytorch(n):
        return n.expr("torch.roll(X, shifts, axes)", **_rolled(n))

    def keras(n):
        return n.expr("ops.roll(X, shifts, axis=axes)", **_rolled(n))


def _rolled(n):
    """Along one axis by one number, along several by a number each."""
    shifts, axes = tuple(n.node["shifts"]), tuple(n.layout().stored_axis(axis) for axis in n.node["axes"])
    return {"shifts": shifts, "axes": axes} if len(axes) > 1 else {"shifts": shifts[0], "axes": axes[0]}


@operator("GatherElements")
class GatherElements:
    def pytorch(n):
        return n.expr("torch.gather(data, axis, indices % data.shape[axis])", axis=n.axis)

    def keras(n):
        data, indices, axis = n.data.shape, n.indices.shape, n.node["axis"]
        pairs = [(None, 0)] if data is None or indices is None else list(zip(data, indices, strict=True))
        if all(i == axis % len(pairs) or (a is not None and a == b) for i, (a, b) in enumerate(pairs)):
            return n.expr("ops.take_along_axis(data, indices, axis=axis)", axis=n.axis)
        return n.sized("gather_elements(data, indices, axis=axis)", axis=n.axis)


@operator("GatherND")
class GatherND:
    def pytorch(n):
        return n.expr("data[indices.unbind(-1)]" if not n.batch_dims else "gather_nd(data, indices, batch_dims)")

    def keras(n):
        text = "gather_nd(data, indices, batch_dims=batch_dims)"
        return n.sized(text) if isinstance(n.indices.shape[-1], int) else n.eager(text)  # how many axes they index is not open


_REDUCE = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


@operator("ScatterElements")
class ScatterElements:
    def pytorch(n):
        if n.reduction == "none":
            return n.expr("data.scatter(axis, indices % data.shape[axis], updates)", axis=n.axis)
        text = "data.scatter_reduce(axis, indices % data.shape[axis], updates, reduce)"
        return n.expr(text, axis=n.axis, reduce=_REDUCE[n.reduction])

    def keras(n):
        text = "scatter_elements(data, indices, updates, axis=axis, reduction=reduction)"
        return n.sized(text, axis=n.axis, reduction=_keras_reduction(n))


def _keras_reduction(n):
    return None if n.reduction == "none" else n.reduction


@operator("ScatterND")
class ScatterND:
    def pytorch(n):
        if n.reduction in ("none", "add"):
            text = "data.index_put(indices.unbind(-1), updates, accumulate)"
            return n.expr(text, accumulate=n.reduction == "add")
        return n.expr("scatter_nd(data, indices, updates, reduce)", reduce=_REDUCE[n.reduction])

    def keras(n):
        return n.expr("ops.scatter_update(data, indices, updates, reduction=reduction)", reduction=_keras_reduction(n))


@operator("OneHot")
class OneHot:
    """``values`` holds what stands elsewhere and what stands at the index; a negative index counts from the end."""

    def pytorch(n):
        axis = n.node["axis"] % (n.indices.rank + 1)
        size = n.node.output.shape and n.node.output.shape[axis]
        depth = size if isinstance(size, int) else n.number("depth")
        return n.expr("one_hot(indices, depth, values, axis)", depth=depth, axis=axis)

    def keras(n):
        axis = n.node["axis"] % (n.indices.rank + 1)
        size = n.node.output.shape and n.node.output.shape[axis]
        depth = size if isinstance(size, int) else n.number("depth")
        return n.expr("one_hot(indices, depth, values, axis)", depth=depth, axis=axis)


@operator("NonZero")
class NonZero:
    def pytorch(n):
        return n.expr("torch.nonzero(X).T")

    def keras(n):
        return n.eager("nonzero(X)")


@operator("Unique")
class Unique:
    """Outputs: the elements, where each first is, where each input element went, and how many there are."""

    def pytorch(n):
        return n.unpack(
            "unique(X, axis, sorted)[:count]", axis=n.node["axis"], sorted=bool(n.sorted), count=len(n.node.outputs)
        )

    def keras(n):
        unique = n.eager("unique(X, axis, sorted)", axis=n.node["axis"], sorted=bool(n.sorted))
        return n.unpack("found[:count]", found=unique, count=len(n.node.outputs))


@operator("Compress")
class Compress:
    def pytorch(n):
        if n.node["axis"] is None:
            return n.expr("input.flatten()[torch.nonzero(condition).squeeze(1)]")
        return n.expr(f"input[{':, ' * (n.axis % n.input.rank)}torch.nonzero(condition).squeeze(1)]")

    def keras(n):
        return n.eager("compress(input, condition, axis)", axis=n.node["axis"])


@operator("ReverseSequence")
class ReverseSequence:
    def pytorch(n):
        return n.expr("reverse_sequence(input, sequence_lens, time_axis, batch_axis)")

    def keras(n):
        return n.sized("reverse_sequence(input, sequence_lens, time_axis=time_axis, batch_axis=batch_axis)")
