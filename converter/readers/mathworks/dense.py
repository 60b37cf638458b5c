"""Fully connected layers, which MATLAB writes as convolutions."""

from __future__ import annotations

import math

from converter.graph import Graph, Node, Value
from converter.sizes import Sizes

_EACH_CHANNEL = {
    *("Relu", "LeakyRelu", "Elu", "Selu", "Celu", "Gelu", "Tanh", "Sigmoid", "HardSigmoid", "Softplus", "Clip"),
    *("Dropout", "Identity", "BatchNormalization"),
}
"""Operators that are the same for an image of one pixel and for its channels alone."""


def fully_connected(graph: Graph) -> None:
    """Convolutions whose window is the whole image become Flatten and Gemm, where nothing but their channels is read.

    MATLAB writes a fully connected layer so, the activations after it on images of one pixel, and a Flatten at the end [files].
    A convolution whose image of one pixel is read as an image (a squeeze-and-excitation block) stays one. A vector that was
    made such an image stays a vector.
    """
    if any(any(node.subgraphs()) for node in graph.nodes):  # MATLAB writes none
        return
    sizes = Sizes(graph)
    whole = {node for node in graph.nodes if _is_whole(node, sizes) or _makes_pixel(node)}
    flat: set[Value] = set()
    for node in reversed(graph.nodes):
        for value in node.outputs[:1]:
            if value is not None and (node in whole or node.op_type in _EACH_CHANNEL | {"Softmax"}):
                users = value.users
                if users and value not in graph.outputs and all(_reads_channels(*user, whole, flat) for user in users):
                    flat.add(value)
    chosen = {node for node in whole if node.output in flat}
    region = _after(graph, chosen)
    nodes: list[Node] = []
    for node in graph.nodes:
        if node in chosen and node.op_type == "Conv":
            nodes += _linear(node, region)
            continue
        if node in chosen or (_flattens(node) and node.inputs[0] in region):
            data = node.inputs[0]
            node.detach()
            node = Node("Identity", [data], node.outputs, name=node.name, origin=node.origin)
        nodes.append(node)
    for value in region:
        value.shape = None  # for inference to find
    graph.nodes = nodes


def _is_whole(node: Node, sizes: Sizes) -> bool:
    """Whether it is a convolution whose only window is the whole image, with weights of the file."""
    if node.op_type != "Conv" or node.domain or node["group"] != 1 or node["auto_pad"] not in ("NOTSET", "VALID"):
        return False
    kernel, weights = node.inputs[1].shape, [value for value in node.inputs[1:] if value is not None]
    if any(value.weight is None for value in weights) or (node["pads"] is not None and not node["pads"].is_zero):
        return False
    shape = sizes.shape(node.inputs[0])
    dilated = any(d != 1 and k != 1 for d, k in zip(node["dilations"] or (), kernel[2:], strict=False))
    return shape is not None and shape[1:] == kernel[1:] and not dilated


def _makes_pixel(node: Node) -> bool:
    """Whether it makes an image of one pixel of a vector."""
    if node.op_type != "Unsqueeze" or node.domain or node.inputs[0].rank != 2 or node.inputs[1].array is None:
        return False
    return sorted(axis % 4 for axis in node.inputs[1].array.tolist()) == [2, 3]


def _flattens(node: Node) -> bool:
    """Whether it makes the channels of an image of one pixel a vector."""
    if node.domain:
        return False
    if node.op_type == "Squeeze" and node.input(1) is not None and node.inputs[1].array is not None:
        return sorted(axis % 4 for axis in node.inputs[1].array.tolist()) == [2, 3]
    return node.op_type == "Flatten" and node["axis"] == 1


def _reads_channels(user: Node, index: int, whole: set[Node], flat: set[Value]) -> bool:
    """Whether the user of an image of one pixel may as well have its channels alone."""
    if _flattens(user):
        return True
    passes = user in whole or user.op_type in _EACH_CHANNEL or (user.op_type == "Softmax" and user["axis"] == 1)
    return passes and not user.domain and index == 0 and user.output in flat and not any(user.outputs[1:])


def _after(graph: Graph, chosen: set[Node]) -> set[Value]:
    """The values that are vectors from now on: what the chosen convolutions give, until it is flattened."""
    region: set[Value] = set()
    for node in graph.nodes:
        if node in chosen or (not _flattens(node) and node.inputs and node.inputs[0] in region):
            region.add(node.output)
    return region


def _linear(node: Node, region: set[Value]) -> list[Node]:
    """Flatten, where its input is an image, and Gemm in the place of the convolution."""
    data, kernel, *bias = node.inputs
    before, features = [], math.prod(kernel.shape[1:])
    if data not in region:
        flat = Value(f"{data.name}_flat")
        before.append(Node("Flatten", [data], [flat], {"axis": 1}, origin=node.origin))
        data = flat
    weight = kernel.weight.reshape(kernel.shape[0], features)
    inputs = [data, Value.of_weight(weight, kernel.name), *bias]
    node.detach()
    return [*before, Node("Gemm", inputs, node.outputs, {"transB": 1}, name=node.name, origin=node.origin)]
