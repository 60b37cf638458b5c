"""A Pad node in front of a convolution or pool becomes part of its padding."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Node, padding_of
from converter.padding import Padding


def merge_padding(graph: Graph) -> None:
    """Merge a constant, spatial, non-negative Pad whose value is what the node itself pads with.

    That is 0 for a convolution, 0 for average pooling that counts its padding, minus infinity for max pooling. Pooling with
    ``ceil_mode`` is left alone: which windows it drops depends on where the input ends.
    """
    removed = set()
    for node in graph.nodes:
        value = own_value(node)
        pad = node.inputs[0].producer if value is not None else None
        if pad is None or pad.op_type != "Pad" or pad.domain or len(pad.output.users) > 1 or pad.output in graph.outputs:
            continue
        padding = _spatial(pad, value)
        if padding is None:
            continue
        padding += node["pads"]
        if node.op_type != "Conv" and not all(map(_fits, padding.begin, padding.end, node["kernel_shape"])):
            continue
        node.set_input(0, pad.inputs[0])
        node.attributes["pads"] = padding
        pad.detach()
        removed.add(pad)
    graph.nodes = [node for node in graph.nodes if node not in removed]


def own_value(node: Node) -> float | None:
    """The number that the node pads with, None where it has none to merge with."""
    padding = padding_of(node) if node.op_type in ("Conv", "AveragePool", "MaxPool") and not node.domain else None
    if padding is None or padding.has_ceil or node.attributes.get("ceil_mode"):
        return None
    if node.op_type == "MaxPool":
        return -np.inf if len(node.outputs) == 1 else None  # indices count from the start of the input
    return 0.0 if node.op_type == "Conv" or node["count_include_pad"] else None


def _fits(begin: int, end: int, kernel: int) -> bool:
    """onnxruntime pools no window that lies in the padding alone."""
    return max(begin, end) < kernel


def _spatial(pad: Node, expected: float) -> Padding | None:
    rank = pad.inputs[0].rank
    sizes, constant, axes = (pad.input(index) for index in (1, 2, 3))
    if pad["mode"] != "constant" or rank is None or sizes.array is None:
        return None
    value = 0.0 if constant is None else constant.array
    if value is None or (axes is not None and axes.array is None) or not np.all(value == expected):
        return None
    chosen = range(rank) if axes is None else [int(axis) % rank for axis in axes.array]
    amounts = sizes.array.reshape(2, -1).tolist()
    sides = {axis: (begin, end) for axis, begin, end in zip(chosen, *amounts, strict=True)}
    if any(min(pair) < 0 for pair in sides.values()) or any(sides.get(axis, (0, 0)) != (0, 0) for axis in (0, 1)):
        return None
    spatial = [sides.get(axis, (0, 0)) for axis in range(2, rank)]
    return Padding(tuple(begin for begin, _ in spatial), tuple(end for _, end in spatial))
