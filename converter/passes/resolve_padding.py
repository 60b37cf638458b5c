"""Kernel, strides, dilations and the padding of each side, in numbers."""

from __future__ import annotations

from converter.graph import Graph, Node
from converter.padding import Padding, ceil_padding, ceil_padding_is_exact, effective_kernel, same_padding

_POOLS = {"MaxPool", "AveragePool", "LpPool"}
_KERNELS = {"Conv": 1, "ConvTranspose": 1, "ConvInteger": 1, "DeformConv": 1, "QLinearConv": 3}
"""Convolutions by the input that holds the kernel, whose sizes they need not repeat."""
_Sizes = tuple[int | None, ...]


def resolve_padding(graph: Graph) -> None:
    """Make ``kernel_shape``, ``strides``, ``dilations`` and ``pads`` (a ``Padding``) of convolutions and pools explicit.

    ``auto_pad`` SAME with a stride above 1 and ``ceil_mode`` depend on sizes; where those are unknown and matter, the attribute
    stays, with a note for ``ceil_mode``. ``specs/padding.md`` states the formulas.
    """
    for node in graph.nodes:
        if node.domain or node.op_type not in _POOLS | _KERNELS.keys():
            continue
        kernel = _kernel(node)
        if kernel is None:
            continue
        rank = len(kernel)
        node.attributes["kernel_shape"] = kernel
        node.attributes["strides"] = node["strides"] or (1,) * rank
        node.attributes["dilations"] = node["dilations"] or (1,) * rank
        shape = node.inputs[0].shape or (None,) * (rank + 2)
        sizes = tuple(size if isinstance(size, int) else None for size in shape[2:])
        if node.op_type == "ConvTranspose":
            _resolve_transposed(node, sizes)
        else:
            _resolve_sides(graph, node, sizes)
        if node.op_type in _POOLS and node["ceil_mode"] and node["pads"] is not None:
            _resolve_ceil(graph, node, sizes)


def _kernel(node: Node) -> tuple[int, ...] | None:
    if node["kernel_shape"] is not None:
        return node["kernel_shape"]
    shape = node.inputs[_KERNELS[node.op_type]].shape  # only convolutions may leave it out
    sizes = shape[2:] if shape is not None else (None,)
    return sizes if all(isinstance(size, int) for size in sizes) else None


def _resolve_sides(graph: Graph, node: Node, sizes: _Sizes) -> None:
    mode, rank = node.attributes.get("auto_pad", "NOTSET"), len(sizes)  # DeformConv has no such attribute
    if mode in ("NOTSET", "VALID"):
        if mode == "VALID" or node["pads"] is None:
            node.attributes["pads"] = Padding.zero(rank)
        if "auto_pad" in node.attributes:
            node.attributes["auto_pad"] = "NOTSET"
        return
    sides = []
    for size, kernel, stride, dilation in zip(sizes, node["kernel_shape"], node["strides"], node["dilations"], strict=True):
        if size is None and stride != 1:
            node.attributes["pads"] = None
            return
        upper = mode == "SAME_UPPER"
        # with stride 1 every size has the same padding; a size not below the kernel shows it
        sides.append(same_padding(size or effective_kernel(kernel, dilation), kernel, stride, dilation, upper=upper))
    node.attributes["pads"] = Padding(tuple(begin for begin, _ in sides), tuple(end for _, end in sides))
    node.attributes["auto_pad"] = "NOTSET"
    if node.op_type in _POOLS:
        node.attributes["ceil_mode"] = 0  # the output size is given: size / stride, rounded up
        if any(dilation > 1 for dilation in node["dilations"]):
            graph.notes.append(
                f"{node.origin}: auto_pad counts the dilations, as the ONNX standard says; onnxruntime leaves them out"
            )


def _resolve_ceil(graph: Graph, node: Node, sizes: _Sizes) -> None:
    padding, added = node["pads"], []
    windows = zip(sizes, node["kernel_shape"], node["strides"], node["dilations"], padding.begin, padding.end, strict=True)
    for size, kernel, stride, dilation, begin, end in windows:
        if size is None and not ceil_padding_is_exact(kernel, stride, dilation, end):
            graph.notes.append(f"{node.origin}: ceil_mode depends on the input size, which is unknown")
            return
        added.append(ceil_padding(size, kernel, stride, dilation, begin, end))
    node.attributes["pads"] = Padding(padding.begin, padding.end, tuple(added))
    node.attributes["ceil_mode"] = 0


def _resolve_transposed(node: Node, sizes: _Sizes) -> None:
    rank, mode, output_shape = len(sizes), node["auto_pad"], node["output_shape"]
    extra = list(node["output_padding"] or (0,) * rank)
    node.attributes["output_padding"] = tuple(extra)
    if output_shape is None and mode in ("NOTSET", "VALID"):
        if mode == "VALID" or node["pads"] is None:
            node.attributes["pads"] = Padding.zero(rank)
        node.attributes["auto_pad"] = "NOTSET"
        return
    begin, end = [], []
    for axis, size in enumerate(sizes):
        kernel = effective_kernel(node["kernel_shape"][axis], node["dilations"][axis])
        stride = node["strides"][axis]
        if output_shape is None:
            total = kernel + extra[axis] - stride  # the output has size * stride elements
        elif size is None:
            node.attributes["pads"] = None
            return
        else:
            total = (size - 1) * stride + extra[axis] + kernel - output_shape[-rank:][axis]
        if output_shape is not None:
            extra[axis] += max(-total, 0)  # an output larger than the windows reach ends in what output_padding adds
        total = max(total, 0)
        small, large = total // 2, total - total // 2
        begin.append(small if mode == "SAME_UPPER" else large)
        end.append(large if mode == "SAME_UPPER" else small)
    padding = Padding(tuple(begin), tuple(end))
    node.attributes.update(pads=padding, output_padding=tuple(extra), auto_pad="NOTSET", output_shape=None)
