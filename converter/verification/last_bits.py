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

_SUMS = {
    *(
        "Add",
        "AveragePool",
        "BatchNormalization",
        "Conv",
        "ConvTranspose",
        "CumSum",
        "Div",
        "Einsum",
        "Gemm",
        "GlobalAveragePool",
    ),
    *("GlobalLpPool", "LpPool", "MatMul", "Mean", "Mul", "Pow", "ReduceL1", "ReduceMean", "ReduceProd", "ReduceSum"),
    *("ReduceSumSquare", "Sub", "Sum"),
}
"""Operators that are exact for round numbers, in every program."""
_OTHERS = {
    *(
        "Acos",
        "Acosh",
        "Asin",
        "Asinh",
        "Atan",
        "Atanh",
        "Attention",
        "Celu",
        "Cos",
        "Cosh",
        "DFT",
        "Elu",
        "Erf",
        "Exp",
        "Gelu",
    ),
    *("GRU", "GridSample", "GroupNormalization", "HardSigmoid", "HardSwish", "InstanceNormalization", "LRN", "LSTM"),
    *("LayerNormalization", "Log", "LogSoftmax", "LpNormalization", "MeanVarianceNormalization", "Mish", "RMSNormalization"),
    *("RNN", "Reciprocal", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "Resize", "RoiAlign", "RotaryEmbedding", "STFT"),
    *("Selu", "Sigmoid", "Sin", "Sinh", "Softmax", "Softplus", "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "Upsample"),
}
_UNITS = {TensorProto.FLOAT: np.float32, TensorProto.DOUBLE: np.float64}

_ROUND = 64.0
"""What is whole, so many times as large, is a round number: a place, a count, a half."""


def with_moved_results(model: onnx.ModelProto, prefix: str) -> None:
    """Let each floating result of ``model`` that is rounded be moved by its last bit. Changes ``model``. Names that begin with
    ``prefix`` are of parts in float64, which stay as they are up to their end."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    types = {
        value.name: value.type.tensor_type.elem_type for value in (*inferred.value_info, *inferred.output, *inferred.input)
    }
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        moved = [name for name in node.output if types.get(name) in _UNITS] if _is_rounded(node, prefix) else []
        nodes.append(node)
        for name in moved:
            plain = f"{name}/plain"
            node.output[list(node.output).index(name)] = plain
            nodes += _moved(model.graph, plain, name, _UNITS[types[name]], len(nodes), round_stay=node.op_type in _SUMS)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _is_rounded(node: onnx.NodeProto, prefix: str) -> bool:
    if node.domain not in ("", "ai.onnx") or any(name.startswith(prefix) for name in node.output):
        return False
    return node.op_type in _SUMS | _OTHERS or any(name.startswith(prefix) for name in node.input)


def _moved(
    graph: onnx.GraphProto, plain: str, name: str, dtype: type, seed: int, *, round_stay: bool
) -> Iterator[onnx.NodeProto]:
    """The nodes that make ``name`` of ``plain``; with ``round_stay`` round numbers are as they were."""

    def add(operator: str, *inputs: str, output: str = "", **attributes: object) -> str:
        nodes.append(helper.make_node(operator, inputs, [output or f"{name}/moved{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    def held(number: float) -> str:
        graph.initializer.append(numpy_helper.from_array(np.array(number, dtype), f"{name}/{number}"))
        return graph.initializer[-1].name

    nodes: list[onnx.NodeProto] = []
    unit = float(np.finfo(dtype).eps)
    drawn = add("RandomUniformLike", plain, low=-unit, high=unit, seed=float(seed))
    moved = add("Add", plain, add("Mul", plain, drawn))
    if round_stay:
        times = add("Mul", plain, held(_ROUND))
        moved = add("Where", add("Equal", times, add("Round", times)), plain, moved)
    size = add("Abs", plain)
    add("Where", add("Less", size, held(float(np.finfo(dtype).tiny))), add("Sub", plain, plain), moved, output=name)
    yield from nodes
