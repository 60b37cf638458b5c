"""A model whose own results are moved by their last bit, each number by itself: what rounding inside does to the answer.

Weights or inputs that are moved do not show all of it. Of a number near 0.5 that is 0.5 and something tiny they move what is
tiny, and a normalisation behind it divides by how much these numbers differ; beside a mean that is subtracted from what it is
the mean of there is nothing but last bits; and the largest of many sigmoids that are 1 is the one that rounds up. Rounding is
drawn here (Monte Carlo arithmetic): each result is taken times 1 + u, u uniform within one unit in the last place, and one that
underflows is 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_SUMS = {"Add", "AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "CumSum", "Div", "Einsum", "Gemm"}
_SUMS |= {"GlobalAveragePool", "GlobalLpPool", "LpPool", "MatMul", "Mean", "Mul", "Pow", "ReduceL1", "ReduceMean"}
_SUMS |= {"ReduceProd", "ReduceSum", "ReduceSumSquare", "Sub", "Sum"}
"""Operators that are exact for round numbers, in every program."""
_OTHERS = {"Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Attention", "Celu", "Cos", "Cosh", "DFT", "Elu", "Erf"}
_OTHERS |= {"Exp", "Gelu", "GridSample", "GroupNormalization", "HardSigmoid", "HardSwish", "InstanceNormalization", "LRN"}
_OTHERS |= {"LayerNormalization", "Log", "LogSoftmax", "LpNormalization", "MeanVarianceNormalization", "Mish"}
_OTHERS |= {"RMSNormalization", "Reciprocal", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "Resize", "RoiAlign"}
_OTHERS |= {"RotaryEmbedding", "STFT", "Selu", "Sigmoid", "Sin", "Sinh", "Softmax", "Softplus", "Softsign", "Sqrt", "Swish"}
_OTHERS |= {"Tan", "Tanh", "Upsample"}
_RECURRENT = {"GRU", "LSTM", "RNN"}
"""Operators of sigmoid and tanh, which onnxruntime takes by quotients of polynomials: off by a unit of 1, however small."""
_TYPES = {TensorProto.FLOAT: np.float32, TensorProto.DOUBLE: np.float64}

_ROUND = 64.0
"""What is whole, so many times as large, is a round number: a place, a count, a half."""


def with_moved_results(model: onnx.ModelProto, prefix: str) -> None:
    """Let each floating result of ``model`` that is rounded be moved by its last bit. Changes ``model``. Names that begin with
    ``prefix`` are of operators by their definition, in float64 that stands for float32."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    types = {
        value.name: value.type.tensor_type.elem_type for value in (*inferred.value_info, *inferred.output, *inferred.input)
    }
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        moved = [name for name in node.output if types.get(name) in _TYPES] if _is_rounded(node) else []
        nodes.append(node)
        for name in moved:
            plain, held = f"{name}/plain", _TYPES[types[name]]
            node.output[list(node.output).index(name)] = plain
            limits = np.finfo(np.float32 if name.startswith(prefix) else held)
            nodes += _moved(model.graph, plain, name, held, limits, len(nodes), node.op_type)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _is_rounded(node: onnx.NodeProto) -> bool:
    return node.domain in ("", "ai.onnx") and node.op_type in _SUMS | _OTHERS | _RECURRENT


def _moved(
    graph: onnx.GraphProto, plain: str, name: str, dtype: type, limits: np.finfo, seed: int, kind: str
) -> Iterator[onnx.NodeProto]:
    """The nodes that make ``name``, of type ``dtype``, out of ``plain``, the result of an operator of some ``kind``."""

    def add(operator: str, *inputs: str, output: str = "", **attributes: object) -> str:
        nodes.append(helper.make_node(operator, inputs, [output or f"{name}/moved{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    def held(number: float) -> str:
        graph.initializer.append(numpy_helper.from_array(np.array(number, dtype), f"{name}/{number}"))
        return graph.initializer[-1].name

    nodes: list[onnx.NodeProto] = []
    unit = float(limits.eps)
    drawn = add("RandomUniformLike", plain, low=-unit, high=unit, seed=float(seed))
    moved = add("Add", plain, drawn if kind in _RECURRENT else add("Mul", plain, drawn))
    if kind in _SUMS:
        times = add("Mul", plain, held(_ROUND))
        moved = add("Where", add("Equal", times, add("Round", times)), plain, moved)
    under = add("Less", add("Abs", plain), held(float(limits.tiny)))
    add("Where", under, add("Sub", plain, plain), moved, output=name)
    yield from nodes
