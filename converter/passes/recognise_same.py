"""Padding that a network computes from the size of its input becomes SAME_UPPER again, where it provably is that."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Node
from converter.padding import effective_kernel
from converter.passes.merge_padding import own_value
from converter.sizes import Number, Sizes
from converter.sizes import expression as e


def recognise_same(graph: Graph) -> None:
    """A Pad with computed amounts in front of a convolution or max pool becomes ``auto_pad`` SAME_UPPER.

    That is how MATLAB writes ``'same'`` from opset 11 on [files], and others after it. The amounts are compared as arithmetic
    of sizes: they must be SAME_UPPER's for every size. With stride 1, or where sizes are known, they are numbers by now, and
    ``merge_padding`` takes them.
    """
    candidates = [node for node in graph.nodes if _is_candidate(node, graph)]
    if not candidates:
        return
    sizes, removed = Sizes(graph), set()
    for node in candidates:
        pad = node.inputs[0].producer
        if _is_same(pad, node, sizes):
            node.set_input(0, pad.inputs[0])
            node.attributes.update(auto_pad="SAME_UPPER", pads=None)
            pad.detach()
            removed.add(pad)
    graph.nodes = [node for node in graph.nodes if node not in removed]


def _is_candidate(node: Node, graph: Graph) -> bool:
    """Whether a Pad whose amounts are computed stands in front of it, and nothing else reads that.

    Dilated windows stay as they are: no runtime pads them by itself.
    """
    value = own_value(node) if node.op_type in ("Conv", "MaxPool") else None
    if value is None or not node["pads"].is_zero or set(node["dilations"]) != {1}:
        return False
    pad = node.inputs[0].producer
    if pad is None or pad.op_type != "Pad" or pad.domain or pad["mode"] != "constant" or pad.inputs[1].weight is not None:
        return False
    filled = 0.0 if pad.input(2) is None else pad.inputs[2].array
    alone = len(pad.output.users) == 1 and pad.output not in graph.outputs
    return alone and pad.input(3) is None and filled is not None and bool(np.all(filled == value))


def _is_same(pad: Node, node: Node, sizes: Sizes) -> bool:
    shape, amounts = sizes.shape(pad.inputs[0]), sizes.contents(pad.inputs[1])
    if shape is None or amounts is None:
        return False
    windows = zip(shape[2:], node["kernel_shape"], node["strides"], node["dilations"], strict=True)
    pairs = [(0, 0), (0, 0), *(_sides(*window) for window in windows)]
    return list(amounts) == [begin for begin, _ in pairs] + [end for _, end in pairs]


def _sides(size: Number, kernel: int, stride: int, dilation: int) -> tuple[Number, Number]:
    """What SAME_UPPER adds on both sides of an axis: ``padding.same_padding`` for a size that may be open."""
    outputs = e.ceiling_divide(size, stride)
    total = e.greatest((outputs - 1) * stride + effective_kernel(kernel, dilation) - size, 0)
    return e.floor_divide(total, 2), e.ceiling_divide(total, 2)
