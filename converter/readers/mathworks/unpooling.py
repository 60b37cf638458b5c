"""MATLAB's operator for a layer that undoes max pooling."""

from __future__ import annotations

from collections.abc import Sequence

from converter.errors import Problem
from converter.graph import Graph, Node
from converter.passes.infer_shapes import infer_shapes
from converter.sizes import Sizes


def lift_unpooling(graph: Graph, nodes: Sequence[Node]) -> None:
    """Make each com.mathworks:MaxUnpool of ``nodes`` a standard MaxUnpool; what cannot be said so keeps a ``refusal``.

    Its inputs are the data, the indices of the standard MaxPool that it undoes and the shape of that one's input [files]. It
    puts each element in its place in an image of that shape. The standard operator counts its indices in an image whose size
    follows from the window; the window given here is the one that follows from the size, so that both are the same image, also
    where the windows of the pooling do not cover it evenly.
    """
    waiting = list(nodes)
    while waiting:
        infer_shapes(graph)
        sizes = Sizes(graph)
        reasons = {node: _lift(graph, node, sizes) for node in waiting}
        left = [node for node in waiting if reasons[node]]
        if len(left) == len(waiting):
            for node in left:
                advice = "Convert the .mat file that holds the network instead."
                node.refusal = Problem(f"com.mathworks:MaxUnpool: {reasons[node]}", node.origin, advice)
            return
        waiting = left


def _lift(graph: Graph, node: Node, sizes: Sizes) -> str:
    """Put the standard node in the place of ``node``, or tell why not."""
    if len(node.inputs) != 3 or None in node.inputs:
        return f"it has {len(node.inputs)} inputs; data, indices and size are expected"
    data, indices, size = node.inputs
    pool = indices.producer
    if pool is None or pool.op_type != "MaxPool" or pool.domain or indices is pool.output or pool["storage_order"]:
        return "its indices do not come from a MaxPool"
    shape, full, wanted = sizes.shape(data), sizes.shape(pool.inputs[0]), sizes.contents(size)
    if full is None or wanted is None or list(wanted) != list(full):
        return "its size is not provably that of the image which was pooled"
    if shape is None or not all(isinstance(n, int) for n in (*shape[2:], *full[2:])):
        return "the size of its image is not known when converting"
    strides = pool["strides"] or (1,) * len(full[2:])
    if any(window > step for window, step in zip(pool["kernel_shape"], strides, strict=True)):
        return "the windows of its pooling overlap, and then two elements may belong in one place"
    kernel = tuple(whole - (n - 1) * step for whole, n, step in zip(full[2:], shape[2:], strides, strict=True))
    if min(kernel) < 1 or shape[2:] != sizes.shape(indices)[2:]:
        return f"its data, of shape {shape}, are not what pooling an image of shape {full} gives"
    node.detach()
    attributes = {"kernel_shape": kernel, "strides": strides}
    lifted = Node("MaxUnpool", [data, indices], node.outputs, attributes, name=node.name, origin=node.origin)
    graph.nodes[graph.nodes.index(node)] = lifted
    return ""
