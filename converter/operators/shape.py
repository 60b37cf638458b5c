"""Operators that move elements without computing."""

from __future__ import annotations

from converter.emitters.layout import along_axes, logical, reshaped, transposed
from converter.emitters.vocabulary import Layer
from converter.operators.registry import elementwise, operator
from converter.padding import Padding

elementwise(Identity=("input", "input"))


@operator("Flatten")
class Flatten:
    layout = reshaped

    def pytorch(n):
        axis = n.node["axis"] % n.input.rank if n.input.rank else 0
        return n.expr("torch.flatten(input, 1)") if axis == 1 else n.expr("input.reshape(shape)", shape=_target(n))

    def keras(n):
        axis = n.node["axis"] % n.input.rank if n.input.rank else 0
        return Layer("layers.Flatten")(n.input) if axis == 1 else n.expr("ops.reshape(input, shape)", shape=_target(n))


def _target(n) -> tuple[int, ...]:
    return tuple(size if isinstance(size, int) else -1 for size in n.output_shape)


@operator("Reshape")
class Reshape:
    layout = reshaped
    restrictions = "a target with at most one size unknown when converting"

    def restrict(node, target):
        shape = node.output.shape
        if shape is None or sum(not isinstance(size, int) for size in shape) > 1:
            return "more than one size of its result is unknown when converting"
        return None

    def pytorch(n):
        return n.expr("data.reshape(target)", target=_target(n))

    def keras(n):
        target, batch = _target(n), n.data.shape[0]
        if target and target[0] == -1 and n.output_shape[0] == batch and len(target) > 1:
            return Layer("layers.Reshape", target[1:])(n.data)
        return n.expr("ops.reshape(data, target)", target=target)


@operator("Transpose")
class Transpose:
    """In Keras only the layout changes: no element moves."""

    layout = transposed

    def pytorch(n):
        rank = n.data.rank
        perm = n.perm or tuple(range(rank))[::-1]
        moved = [axis for axis in range(rank) if perm[axis] != axis]
        if len(moved) == 2:
            return n.expr("data.transpose(a, b)", a=moved[0], b=moved[1])
        return n.expr("data.permute(perm)", perm=perm)

    def keras(n):
        return n.data


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


def _constant_axes(node, target):
    axes = node.input(1)
    return "its axes are not known when converting" if axes is not None and axes.array is None else None


@operator("Squeeze")
class Squeeze:
    layout = _squeezed
    restrict = _constant_axes

    def pytorch(n):
        return n.expr("torch.squeeze(data, axes)" if n.axes else "torch.squeeze(data)")

    def keras(n):
        return n.expr("ops.squeeze(data, axes)" if n.axes else "ops.squeeze(data)")


@operator("Unsqueeze")
class Unsqueeze:
    restrict = _constant_axes

    def pytorch(n):
        result = n.data
        for axis in _new_axes(n):
            result = n.expr("torch.unsqueeze(x, axis)", x=result, axis=axis)
        return result

    def keras(n):
        return n.expr("ops.expand_dims(data, new)", new=tuple(_new_axes(n)))


def _new_axes(n) -> list[int]:
    rank = n.node.output.rank
    return sorted(int(axis) % rank for axis in n.constant("axes").reshape(-1))


@operator("Pad")
class Pad:
    layout = along_axes
    restrictions = "amounts known when converting; constant and reflect"

    def restrict(node, target):
        if node.inputs[1].array is None:
            return "its amounts are not known when converting"
        if node["mode"] not in ("constant", "reflect"):
            return f"mode {node['mode']} is not supported"
        return None

    def pytorch(n):
        return n.expr("F.pad(data, sides, mode=mode, value=fill)", sides=_amounts(n).torch, fill=_fill(n) or None)

    def keras(n):
        padding = _amounts(n)
        order = n.layout().order
        sides = tuple((padding.begin[axis], padding.end[axis]) for axis in order)
        return n.expr("ops.pad(data, sides, mode=mode, constant_values=fill)", sides=sides, fill=_fill(n) or None)


def _fill(n) -> float:
    value = n.constant("constant_value")
    return 0.0 if value is None or n.mode != "constant" else value.reshape(-1)[0]


def _amounts(n) -> Padding:
    """The padding of every axis, in logical order."""
    given = Padding.from_onnx(n.constant("pads").tolist())
    axes = n.constant("axes")
    if axes is None:
        return given
    begin, end = [0] * n.data.rank, [0] * n.data.rank
    for axis, b, e in zip(axes.tolist(), given.begin, given.end, strict=True):
        begin[axis], end[axis] = b, e
    return Padding(tuple(begin), tuple(end))
