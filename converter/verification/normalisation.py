"""Normalisations in float64, by their definition, for a judge whose own sums are too coarse.

onnxruntime sums the numbers of an InstanceNormalization one after another in float32: of an image of 700 by 700 its mean and
variance have four right digits. Of a GroupNormalization it takes the mean of the squares less the square of the mean, of which
nothing is left where the mean is large beside the deviation. For an LRN it adds the square of each channel to a sum that goes
along, and takes the one that leaves off again, so that small numbers beside large ones have as few. That is no noise, which
other orders of sums would show, so a network of such layers is judged by what they are defined to be, where its answer
differs.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_EPSILON = 1e-5  # of an instance's or a group's normalisation that says none
_LRN = {"alpha": 1e-4, "beta": 0.75, "bias": 1.0}  # and of an LRN


COARSE = ("InstanceNormalization", "GroupNormalization", "LRN")
"""The operators that are written by their definition."""


def in_float64(model: onnx.ModelProto) -> None:
    """Replace each operator of ``COARSE`` in the main graph by operators in float64. Changes ``model``."""
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
    prefix = "float64"
    while any(name.startswith(prefix) for name in taken):
        prefix += "_"
    nodes: list[onnx.NodeProto] = []
    for number, node in enumerate(model.graph.node):
        written = node.op_type in COARSE and node.domain in ("", "ai.onnx")
        nodes += _definition(model.graph, node, f"{prefix}/{number}", opset) if written else [node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _definition(graph: onnx.GraphProto, node: onnx.NodeProto, prefix: str, opset: int) -> list[onnx.NodeProto]:
    nodes: list[onnx.NodeProto] = []

    def add(operator: str, *inputs: str, **attributes: object) -> str:
        nodes.append(helper.make_node(operator, inputs, [f"{prefix}/{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    def constant(array: np.ndarray) -> str:
        graph.initializer.append(numpy_helper.from_array(array, f"{prefix}/constant{len(graph.initializer)}"))
        return graph.initializer[-1].name

    def mean(value: str) -> str:
        if opset < 18:
            return add("ReduceMean", value, axes=[2], keepdims=1)
        return add("ReduceMean", value, constant(np.array([2])), keepdims=1)

    def parameter(value: str) -> str:
        return add("Reshape", add("Cast", value, to=TensorProto.DOUBLE), constant(np.array([-1, 1])))

    def back(value: str) -> list[onnx.NodeProto]:
        return [*nodes, helper.make_node("Cast", [value], [node.output[0]], to=TensorProto.FLOAT)]

    if node.op_type == "LRN":
        given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        size, before = given["size"], (given["size"] - 1) // 2
        wide = add("Cast", node.input[0], to=TensorProto.DOUBLE)
        pads = np.array([0, before, 0, 0, 0, size - 1 - before, 0, 0])  # onnxruntime's LRN takes images alone
        squares = add("Mul", wide, wide)
        padded = add("Pad", squares, pads=pads.tolist()) if opset < 11 else add("Pad", squares, constant(pads))
        parts = []
        for start in range(size):
            end = start + 1 - size or 2**31 - 1
            if opset < 10:
                parts.append(add("Slice", padded, starts=[start], ends=[end], axes=[1]))
            else:
                parts.append(add("Slice", padded, *(constant(np.array([number])) for number in (start, end, 1))))
        alpha, beta, bias = (np.float64(np.float32(given.get(key, default))) for key, default in _LRN.items())
        scaled = add("Mul", add("Sum", *parts), constant(np.array(alpha / size)))
        return back(add("Div", wide, add("Pow", add("Add", scaled, constant(np.array(bias))), constant(np.array(beta)))))
    x, scale, bias = node.input
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    epsilon, groups = given.get("epsilon", _EPSILON), given.get("num_groups", 0)  # 0: as many as channels
    rows = add("Cast", add("Reshape", x, constant(np.array([0, groups, -1]))), to=TensorProto.DOUBLE)  # (batch, group, pixel)
    centred = add("Sub", rows, mean(rows))
    variance = add("Add", mean(add("Mul", centred, centred)), constant(np.array(epsilon, np.float64)))
    normal = add("Div", centred, add("Sqrt", variance))
    if groups and opset >= 21:  # before, a number for each group and not for each channel
        sizes = add("Concat", add("Shape", x, start=0, end=2), constant(np.array([-1])), axis=0)
        normal = add("Reshape", normal, sizes)
    result = add("Add", add("Mul", normal, parameter(scale)), parameter(bias))
    return back(add("Reshape", result, add("Shape", x)))
