"""An ONNX network put together step by step, with everything in it drawn from one seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """Collects nodes and weights. ``opset`` is drawn as all else is."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.opset = self.one_of(13, 15, 17, 18, 21)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def one_of(self, *choices: Any) -> Any:
        return choices[int(self.random.integers(len(choices)))]

    def numbers(self, low: int, high: int, count: int) -> list[int]:
        """So many whole numbers of [low, high)."""
        return self.random.integers(low, high, count).tolist()

    def weight(self, *shape: int, scale: float | None = None) -> str:
        """Normal numbers, by default such that a sum over all axes but the first keeps the size of what it adds."""
        scale = scale if scale is not None else 1 / np.sqrt(max(np.prod(shape[1:]), 1))
        return self._held(self.random.standard_normal(shape) * scale)

    def positive(self, *shape: int) -> str:
        """Numbers from a half to two."""
        return self._held(self.random.uniform(0.5, 2, shape))

    def number(self, value: float) -> str:
        return self._held(np.array(value))

    def held(self, *values: float) -> str:
        return self._held(np.array(values))

    def whole(self, *values: int) -> str:
        return self._held(np.array(values, np.int64))

    def scalar(self, value: int) -> str:
        return self._held(np.array(value, np.int64))

    def add(self, op_type: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """The name of the result, or a list of them."""
        names = [f"{op_type.lower()}_{len(self._nodes)}_{number}" for number in range(outputs)]
        self._nodes.append(helper.make_node(op_type, inputs, names, name=f"{op_type}_{len(self._nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def reduced(self, op_type: str, x: str, axes: Sequence[int], *, keepdims: int) -> str:
        """A reduction, whose axes are an input since opset 18."""
        if self.opset < 18:
            return self.add(op_type, x, axes=list(axes), keepdims=keepdims)
        return self.add(op_type, x, self.whole(*axes), keepdims=keepdims)

    def model(self, dtype: int, shape: Sequence[int | str], outputs: Sequence[str]) -> onnx.ModelProto:
        """The network with one input, ``x``; its outputs have the shapes that the inference of the standard finds."""
        ports = [helper.make_empty_tensor_value_info(name) for name in dict.fromkeys(outputs)]
        source = helper.make_tensor_value_info("x", dtype, shape)
        graph = helper.make_graph(self._nodes, "random", [source], ports, self._weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)
        inferred = onnx.shape_inference.infer_shapes(model)
        known = {info.name: info for info in (*inferred.graph.value_info, *inferred.graph.output)}
        for port in model.graph.output:
            port.CopyFrom(known[port.name])
        return model

    def _held(self, array: np.ndarray) -> str:
        array = array if array.dtype == np.int64 else array.astype(np.float32)
        self._weights.append(numpy_helper.from_array(array, f"w{len(self._weights)}"))
        return self._weights[-1].name


FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
