"""Sums, means, extremes and the like over axes; running sums and products; places of extremes; the largest elements."""

from __future__ import annotations

from converter.emitters.layout import Layout, along_axes, logical
from converter.emitters.signed_zeros import has_signed_zeros
from converter.emitters.site import known
from converter.operators.registry import operator


def _reduced(node, have):
    """Over known axes in any order; what remains keeps its order."""
    axes = known(node.input(1))
    if have[0] is None or (node.input(1) is not None and axes is None):
        return logical(node, have)
    layout = Layout(have[0].order)
    empty = axes is None or not axes.size
    keeps = node["keepdims"] or (empty and node["noop_with_empty_axes"])
    gone = range(len(layout.order)) if empty else axes.tolist()
    return [layout, None][: len(node.inputs)], [layout if keeps else layout.without(gone)]


def _reduction(op_type: str, torch: str, keras: str, before: str = "x", after: str = "x") -> None:
    """Enter a room: the functions over axes, what happens to each element before and to the result after.

    Both texts are of functions that PyTorch and Keras call alike. PyTorch sums integers as int64.
    """

    def axes_of(n):
        """Known axes; all where none are given; None where there is nothing to reduce."""
        if n.axes:
            return n.axes[0] if len(n.axes) == 1 else n.axes
        return None if n.noop_with_empty_axes else tuple(range(n.data.rank))

    def initial(n):
        """The extreme of nothing, where the input is empty."""
        if n.data.shape is None or 0 not in n.data.shape or keras not in ("ops.max", "ops.min"):
            return ""
        return ', initial=-float("inf")' if keras == "ops.max" else ', initial=float("inf")'

    def pytorch(n):
        x = n.expr(before.replace("ops", "torch"), x=n.data)
        axes = axes_of(n) if n.is_known("axes") else n.expr("axes.tolist()", axes=n.operand(1))
        if axes is not None and axes != ():
            if initial(n):
                text, axes = f"extreme({torch}, x, axes, keep{initial(n)})", (axes,) if isinstance(axes, int) else axes
            else:
                text = f"{torch}(x, dim=axes{', keepdim=True' if n.keepdims else ''})"
            if n.noop_with_empty_axes and not n.is_known("axes"):
                text = f"{text} if axes else x"
            x = n.expr(text, x=x, axes=axes, keep=bool(n.keepdims))
            if torch in ("torch.sum", "product") and n.data.dtype.kind in "iu" and n.data.dtype != "int64":
                x = n.expr(f"x.to(torch.{n.data.dtype.name})", x=x)
        return n.expr(after.replace("ops", "torch"), x=x)

    def keras_(n):
        x = n.expr(before, x=n.data)
        if not n.is_known("axes"):
            chosen = "tuple(numbers(axes))" + ("" if n.noop_with_empty_axes else " or None")
            text = f"{keras}(x, axis={chosen}, keepdims=keep{initial(n)})"
            x = n.eager(text, x=x, axes=n.operand(1), keep=bool(n.keepdims))
        elif axes_of(n) not in (None, ()):
            x = n.expr(f"{keras}(x, axis=axes, keepdims=keep{initial(n)})", x=x, axes=axes_of(n), keep=bool(n.keepdims))
        return n.expr(after, x=x)

    members = {"layout": _reduced, "pytorch": pytorch, "keras": keras_}
    operator(op_type)(type(op_type, (), members))


_reduction("ReduceSum", "torch.sum", "ops.sum")
_reduction("ReduceMean", "torch.mean", "ops.mean")
_reduction("ReduceMax", "torch.amax", "ops.max")
_reduction("ReduceMin", "torch.amin", "ops.min")
_reduction("ReduceProd", "product", "ops.prod")
_reduction("ReduceL1", "torch.sum", "ops.sum", before="ops.abs(x)")
_reduction("ReduceL2", "torch.sum", "ops.sum", before="ops.square(x)", after="ops.sqrt(x)")
_reduction("ReduceLogSum", "torch.sum", "ops.sum", after="ops.log(x)")
_reduction("ReduceLogSumExp", "torch.logsumexp", "ops.logsumexp")
_reduction("ReduceSumSquare", "torch.sum", "ops.sum", before="ops.square(x)")


def _along_one_axis(node, have):
    need, give = along_axes(node, have)
    if not node["keepdims"] and need and need[0] is not None and have[0] is not None:
        layout = Layout(have[0].order)
        return [layout], [layout.without([node["axis"]])]
    return need, give


def _place(op_type: str, function: str) -> None:
    """Enter the room of ArgMax or ArgMin: the first place of the extreme, or the last one."""

    def write(n, text: str, flip: str):
        x = n.data if not n.select_last_index else n.expr(flip)
        place = n.expr(text, x=x, keep=bool(n.keepdims))
        if n.select_last_index and isinstance(_size(n), int):
            return n.expr("last - place", place=place, last=_size(n) - 1)
        return n.expr("data.shape[axis] - 1 - place", place=place) if n.select_last_index else place

    def pytorch(n):
        return write(n, f"torch.{function}(x, dim=axis, keepdim=keep)", "torch.flip(data, [axis])")

    def keras(n):
        if n.select_last_index:
            n.needs_sizes(n.data, axes=(n.node["axis"],))
        x = "ops.where(ops.equal(x, 0), 0.0, x)" if has_signed_zeros(n.data.value) else "x"  # TensorFlow leaves + 0.0 out
        return write(n, f'ops.cast(ops.{function}({x}, axis=axis, keepdims=keep), "int64")', "ops.flip(data, axis)")

    members = {"layout": _along_one_axis, "pytorch": pytorch, "keras": keras}
    operator(op_type)(type(op_type, (), members))


def _size(n) -> int:
    return n.data.shape[n.axis]


_place("ArgMax", "argmax")
_place("ArgMin", "argmin")


def _running(op_type: str, function: str, start: int) -> None:
    """Enter the room of CumSum or CumProd, ``start`` being the result over nothing."""

    def pytorch(n):
        known = n.constant("axis")
        axis = n.expr("axis.item()", axis=n.operand(1)) if known is None else int(known.reshape(-1)[0])
        dtype = f", dtype=torch.{n.x.dtype.name}" if n.x.dtype.kind in "iu" else ""
        if not n.exclusive and not n.reverse:
            return n.expr(f"torch.{function}(x, dim=axis{dtype})", axis=axis)
        text = f"running(torch.{function}, x, axis, start, exclusive, reverse)"
        return n.expr(text, axis=axis, start=start, **_switches(n))

    def keras(n):
        known = n.constant("axis")
        axis = n.eager("int(axis)", axis=n.operand(1)) if known is None else int(known.reshape(-1)[0])
        if not n.exclusive and not n.reverse:
            return n.expr(f"ops.{function}(x, axis=axis)", axis=axis)
        return n.expr(f"running(ops.{function}, x, axis, start, exclusive, reverse)", axis=axis, start=start, **_switches(n))

    operator(op_type)(type(op_type, (), {"pytorch": pytorch, "keras": keras}))


def _switches(n):
    return {"exclusive": bool(n.exclusive), "reverse": bool(n.reverse)}


_running("CumSum", "cumsum", 0)
_running("CumProd", "cumprod", 1)


@operator("TopK")
class TopK:
    """Of equal elements the one with the lower index comes first, which neither target's own function promises."""

    def pytorch(n):
        size = n.node.output.shape and n.node.output.shape[n.node["axis"]]
        count = size if isinstance(size, int) else n.number("K")
        return n.unpack("top_k(X, count, axis, largest)", count=count, largest=bool(n.largest))

    def keras(n):
        size = n.node.output.shape and n.node.output.shape[n.node["axis"]]
        count = size if isinstance(size, int) else n.number("K")
        return n.unpack("top_k(X, count, axis, largest)", count=count, largest=bool(n.largest))
