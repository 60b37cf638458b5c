"""Random operators with windows: every way ONNX has to say padding, strides, dilations and groups."""

from __future__ import annotations

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

OPSET = 22


def model_of(node: onnx.NodeProto, x: np.ndarray, weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    """A model of one node with input ``x`` and output ``y``."""
    graph = helper.make_graph(
        [node],
        "one_node",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *x.shape[1:]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def values(draw: st.DrawFn, *shape: int) -> np.ndarray:
    """Normal numbers, so half of them negative."""
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1))).standard_normal(shape).astype(np.float32)


def per_axis(draw: st.DrawFn, rank: int, low: int, high: int) -> list[int]:
    return [draw(st.integers(low, high)) for _ in range(rank)]


@st.composite
def convolutions(draw: st.DrawFn, rank: int) -> tuple[onnx.ModelProto, np.ndarray]:
    kernel, strides, dilations = (per_axis(draw, rank, 1, 3) for _ in range(3))
    groups = draw(st.integers(1, 3))
    in_channels, out_channels = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    auto_pad = draw(st.sampled_from(["NOTSET", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if auto_pad.startswith("SAME"):
        dilations = [1] * rank  # onnxruntime computes SAME without regard to dilation: see specs/padding.md
    attributes = {"kernel_shape": kernel, "strides": strides, "dilations": dilations, "group": groups, "auto_pad": auto_pad}
    if auto_pad == "NOTSET":
        attributes["pads"] = per_axis(draw, 2 * rank, 0, 3)
    sizes = [(k - 1) * d + 1 + draw(st.integers(0, 5)) for k, d in zip(kernel, dilations, strict=True)]
    x = values(draw, draw(st.integers(1, 2)), in_channels, *sizes)
    weights = {"w": values(draw, out_channels, in_channels // groups, *kernel)}
    if draw(st.booleans()):
        weights["b"] = values(draw, out_channels)
    return model_of(helper.make_node("Conv", ["x", *weights], ["y"], **attributes), x, weights), x


@st.composite
def transposed_convolutions(draw: st.DrawFn, rank: int) -> tuple[onnx.ModelProto, np.ndarray]:
    kernel, strides, dilations = (per_axis(draw, rank, 1, 3) for _ in range(3))
    groups = draw(st.integers(1, 2))
    in_channels, out_channels = groups * draw(st.integers(1, 2)), draw(st.integers(1, 2))
    auto_pad = draw(st.sampled_from(["NOTSET", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if auto_pad.startswith("SAME"):
        dilations = [1] * rank
    attributes = {"kernel_shape": kernel, "strides": strides, "dilations": dilations, "group": groups, "auto_pad": auto_pad}
    if auto_pad == "NOTSET":
        spans = [(k - 1) * d for k, d in zip(kernel, dilations, strict=True)]
        attributes["pads"] = [draw(st.integers(0, span)) for span in [*spans, *spans]]
        attributes["output_padding"] = [draw(st.integers(0, s - 1)) for s in strides]  # onnxruntime runs no larger one
    sizes = [draw(st.integers(3, 6)) for _ in range(rank)]
    x = values(draw, draw(st.integers(1, 2)), in_channels, *sizes)
    weights = {"w": values(draw, in_channels, out_channels, *kernel)}
    if draw(st.booleans()):
        weights["b"] = values(draw, out_channels * groups)
    return model_of(helper.make_node("ConvTranspose", ["x", *weights], ["y"], **attributes), x, weights), x


@st.composite
def poolings(draw: st.DrawFn, op_type: str, rank: int) -> tuple[onnx.ModelProto, np.ndarray]:
    kernel, strides = (per_axis(draw, rank, 1, 3) for _ in range(2))
    dilations = per_axis(draw, rank, 1, 2)
    auto_pad = draw(st.sampled_from(["NOTSET", "NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if auto_pad.startswith("SAME"):
        dilations = [1] * rank
        strides = [min(s, k) for s, k in zip(strides, kernel, strict=True)]  # onnxruntime refuses SAME pooling that skips
    attributes = {"kernel_shape": kernel, "strides": strides, "dilations": dilations, "auto_pad": auto_pad}
    if auto_pad == "NOTSET":
        attributes["pads"] = [draw(st.integers(0, k - 1)) for k in [*kernel, *kernel]]
        attributes["ceil_mode"] = draw(st.integers(0, 1))
    if op_type == "AveragePool":
        attributes["count_include_pad"] = draw(st.integers(0, 1))
    sizes = [(k - 1) * d + 1 + draw(st.integers(0, 5)) for k, d in zip(kernel, dilations, strict=True)]
    x = values(draw, draw(st.integers(1, 2)), draw(st.integers(1, 2)), *sizes)
    return model_of(helper.make_node(op_type, ["x"], ["y"], **attributes), x, {}), x
