"""Operators in float64, by their definition, for a judge whose own numbers are too coarse.

onnxruntime sums the numbers of an InstanceNormalization one after another in float32: of an image of 700 by 700 its mean and
variance have four right digits. Of a GroupNormalization it takes the mean of the squares less the square of the mean, of which
nothing is left where the mean is large beside the deviation. For an LRN it adds the square of each channel to a sum that goes
along, and takes the one that leaves off again, so that small numbers beside large ones have as few. The mean of 500 by 500
pixels around zero is off by 8e-6, and what is left of an image without its mean by more. A sigmoid is a quotient of
polynomials, off by 1.4e-7 however small it is: where a gate is all but closed, in most of its digits. As far off is exp(x) - 1
in an Elu, for a tiny x. The places between which Resize interpolates are float32 numbers.

That is no noise, which other orders of sums would show, so a network of such operators is judged by what they are defined to
be, where its answer differs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import uses_external_data

from converter.verification.interpolation import factors, interpolated

_DEFAULTS: dict[str, dict[str, float]] = {
    "InstanceNormalization": {"epsilon": 1e-5},
    "GroupNormalization": {"epsilon": 1e-5},
    "LRN": {"alpha": 1e-4, "beta": 0.75, "bias": 1.0},
    "Elu": {"alpha": 1.0},
    "Celu": {"alpha": 1.0},
    "Selu": {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875},
}
"""Attributes that a node need not say (https://onnx.ai/onnx/operators/)."""

_REDUCTIONS = {"ReduceMean", "ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp", "GlobalAveragePool"}
_BY_NUMBER = {"Sigmoid", *_DEFAULTS}
"""Operators of which nothing need be known but that their numbers are float32."""
_COARSE = {"Resize", *_BY_NUMBER, *_REDUCTIONS}

Axes = range | list[float | None]
"""The axes that a sum or mean adds along, or by what a Resize makes each axis longer, None where sizes tell it."""

PREFIX = "float64"
"""With which the names of what takes their places begin."""

_MANY = 64
"""Numbers of a sum from which on it is coarse: below, it is off by less than is allowed to any output."""


def coarse(model: onnx.ModelProto) -> dict[int, Axes]:
    """The places in the main graph of nodes that onnxruntime may compute coarsely, in float32, each with its axes, as far as
    they are known; data of weights need not be there."""
    found = [place for place, node in enumerate(model.graph.node) if node.op_type in _COARSE and node.domain in ("", "ai.onnx")]
    if not found:
        return {}
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    types = {value.name: value.type.tensor_type for value in (*graph.input, *graph.value_info, *graph.output)}
    nodes, plain = {place: model.graph.node[place] for place in found}, _is_float32(model.graph)
    axes = {place: _axes(model.graph, node, types) for place, node in nodes.items() if _is_coarse(node, types, plain)}
    return {place: each for place, each in axes.items() if each is not None}


def _is_float32(graph: onnx.GraphProto) -> bool:
    """Whether all floating numbers are float32, as far as the graph tells."""
    types = [value.type.tensor_type.elem_type for value in graph.input] + [weight.data_type for weight in graph.initializer]
    others = {TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}
    return not others.intersection(types) and not any(node.op_type in ("Cast", "CastLike") for node in graph.node)


def _is_coarse(node: onnx.NodeProto, types: dict[str, onnx.TypeProto.Tensor], plain: bool) -> bool:
    """Whether it computes float32 numbers, and if it sums, many. ``plain``: there are no other floating ones, so that these are
    where inference knows nothing, as behind an ImageScaler, which ONNX has no more."""
    before, after = (types.get(name) for name in (node.input[0], node.output[0]))
    if before is None:
        return plain and node.op_type in _BY_NUMBER
    if before.elem_type != TensorProto.FLOAT:
        return False
    if node.op_type not in _REDUCTIONS:
        return True
    if not before.HasField("shape") or after is None or not after.HasField("shape") or not _free(before) <= _free(after):
        return True
    return math.prod(_fixed(before)) >= _MANY * math.prod(_fixed(after))


def _free(tensor: onnx.TypeProto.Tensor) -> Counter[str]:
    """The names of its free axes; one that has none is none of another tensor."""
    return Counter(axis.dim_param or str(id(axis)) for axis in tensor.shape.dim if not axis.HasField("dim_value"))


def _fixed(tensor: onnx.TypeProto.Tensor) -> list[int]:
    return [axis.dim_value for axis in tensor.shape.dim if axis.HasField("dim_value")]


def in_sequence(model: onnx.ModelProto, places: Mapping[int, Axes]) -> None:
    """Let sums, means and normalisations at the ``places`` that ``coarse`` finds add one number after another in float32, as
    some frameworks do. Changes ``model``; leaves alone axes that do not follow each other, or are not known."""
    _rewrite(model, places, _Sequence)


def _axes(graph: onnx.GraphProto, node: onnx.NodeProto, types: Mapping[str, onnx.TypeProto.Tensor]) -> Axes | None:
    """The axes that a sum or mean adds along, if they follow each other, or those of a Resize; of any other operator none.
    None for a Resize that is not coarse."""
    if node.op_type in _BY_NUMBER:
        return range(0)
    rank = len(types[node.input[0]].shape.dim)
    if node.op_type == "Resize":
        return factors(graph, node, types[node.input[0]], types[node.output[0]]) if node.output[0] in types else None
    if node.op_type == "GlobalAveragePool":
        return range(2, rank)
    if node.op_type not in ("ReduceMean", "ReduceSum"):
        return range(0)
    given = next((list(attribute.ints) for attribute in node.attribute if attribute.name == "axes"), None)
    if len(node.input) > 1 and node.input[1]:
        held = (each for each in graph.initializer if each.name == node.input[1] and not uses_external_data(each))
        given = next((numpy_helper.to_array(each).tolist() for each in held), [])
    axes = sorted(axis % rank for axis in given) if given is not None and rank else [*range(rank)]
    return range(axes[0], axes[-1] + 1) if axes and axes == [*range(axes[0], axes[-1] + 1)] else range(0)


def in_float64(model: onnx.ModelProto, places: Mapping[int, Axes]) -> None:
    """Replace the nodes at the ``places`` that ``coarse`` finds by operators in float64. Changes ``model``."""
    _rewrite(model, places, _Definition)


def _rewrite(model: onnx.ModelProto, places: Mapping[int, Axes], how: type[_Rewriting]) -> None:
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
    prefix = PREFIX
    while any(name.startswith(prefix) for name in taken):
        prefix += "_"
    nodes: list[onnx.NodeProto] = []
    for place, node in enumerate(model.graph.node):
        nodes += how(node, model.graph, f"{prefix}/{place}", opset, places[place]).nodes if place in places else [node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


class _Rewriting:
    """The ``nodes`` that take the place of one; constants are added to ``graph``."""

    _dtype: type = np.float64

    def __init__(self, node: onnx.NodeProto, graph: onnx.GraphProto, prefix: str, opset: int, axes: Axes):
        self.nodes: list[onnx.NodeProto] = []
        self._graph, self._prefix, self._opset, self._kind, self._axes = graph, prefix, opset, node.op_type, axes
        self._inputs = list(node.input)
        self._given = _DEFAULTS.get(node.op_type, {}) | {a.name: helper.get_attribute_value(a) for a in node.attribute}

    def _normalised(self) -> str:
        x, scale, bias = self._inputs
        groups = self._given.get("num_groups", 0)  # 0: as many as channels
        rows = self._rows(groups)
        centred = self._add("Sub", rows, self._mean(rows))
        variance = self._add("Add", self._mean(self._add("Mul", centred, centred)), self._number("epsilon"))
        normal = self._add("Div", centred, self._add("Sqrt", variance))
        if groups and self._opset >= 21:  # before, a number for each group and not for each channel
            sizes = self._add("Concat", self._add("Shape", x, start=0, end=2), self._constant([-1]), axis=0)
            normal = self._add("Reshape", normal, sizes)
        scale, bias = (self._add("Reshape", self._cast(each), self._constant([-1, 1])) for each in (scale, bias))
        return self._add("Reshape", self._add("Add", self._add("Mul", normal, scale), bias), self._add("Shape", x))

    def _rows(self, groups: int) -> str:
        """The input as (batch, group, number); 0 groups are as many as there are channels."""
        return self._cast(self._add("Reshape", self._inputs[0], self._constant([0, groups, -1])))

    def _mean(self, rows: str) -> str:
        """The mean along the last of three axes, which stays."""
        if self._opset < 18:
            return self._add("ReduceMean", rows, axes=[2], keepdims=1)
        return self._add("ReduceMean", rows, self._constant([2]), keepdims=1)

    def _cast(self, name: str) -> str:
        return self._add("Cast", name, to=helper.np_dtype_to_tensor_dtype(np.dtype(self._dtype)))

    def _number(self, attribute: str) -> str:
        """An attribute, which is a float32 number."""
        return self._constant(float(np.float32(self._given[attribute])))

    def _add(self, operator: str, *inputs: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [f"{self._prefix}/{len(self.nodes)}"], **attributes))
        return self.nodes[-1].output[0]

    def _constant(self, numbers: float | list[int]) -> str:
        name = f"{self._prefix}/constant{len(self._graph.initializer)}"
        array = np.array(numbers, self._dtype if isinstance(numbers, float) else np.int64)
        self._graph.initializer.append(numpy_helper.from_array(array, name))
        return name


class _Sequence(_Rewriting):
    """A normalisation, or a sum or mean along some axes, of one number after another."""

    _dtype = np.float32

    def __init__(self, node: onnx.NodeProto, graph: onnx.GraphProto, prefix: str, opset: int, axes: Axes):
        super().__init__(node, graph, prefix, opset, axes)
        if opset >= 11 and self._kind in ("InstanceNormalization", "GroupNormalization"):
            self.nodes.append(helper.make_node("Identity", [self._normalised()], [node.output[0]]))
        elif opset >= 11 and axes and self._kind != "Resize":
            self.nodes.append(helper.make_node("Identity", [self._reduced()], [node.output[0]]))
        else:
            self.nodes.append(node)

    def _reduced(self) -> str:
        axes = self._axes
        plain = self._add(self._kind, *self._inputs, **self._given)  # of which only the shape is asked
        sizes = self._add("Shape", self._inputs[0])
        first = self._add("Slice", sizes, self._constant([0]), self._constant([axes[0]]))
        last = self._add("Slice", sizes, self._constant([axes[-1] + 1]), self._constant([2**31 - 1]))
        rows = self._add("Reshape", self._inputs[0], self._add("Concat", first, self._constant([-1]), last, axis=0))
        return self._add("Reshape", self._along(rows, axes[0], mean=self._kind != "ReduceSum"), self._add("Shape", plain))

    def _mean(self, rows: str) -> str:
        return self._along(rows, 2, mean=True)

    def _along(self, rows: str, axis: int, *, mean: bool) -> str:
        """The sum or mean along one axis, which stays."""
        sums = self._add("CumSum", rows, self._constant([axis]))
        total = self._add("Slice", sums, self._constant([-1]), self._constant([2**31 - 1]), self._constant([axis]))
        if not mean:
            return total
        return self._add("Div", total, self._cast(self._add("Div", self._add("Size", rows), self._add("Size", total))))


class _Definition(_Rewriting):
    """What one node is defined to compute, in float64."""

    def __init__(self, node: onnx.NodeProto, graph: onnx.GraphProto, prefix: str, opset: int, axes: Axes):
        super().__init__(node, graph, prefix, opset, axes)
        self.nodes.append(helper.make_node("Cast", [self._result()], [node.output[0]], to=TensorProto.FLOAT))

    def _result(self) -> str:
        if self._kind == "LRN":
            return self._local_response()
        if self._kind == "Resize":
            plain = self._add("Resize", *self._inputs, **self._given)  # of which only the shape is asked
            return interpolated(self._add, self._constant, self._given, self._cast(self._inputs[0]), plain, self._axes)
        if self._kind in ("Elu", "Celu", "Selu"):
            return self._exponential()
        if self._kind == "Sigmoid":  # onnxruntime's own is one of tanh, which is 0 from -38 on
            below = self._add("Exp", self._add("Neg", self._cast(self._inputs[0])))
            return self._add("Div", self._constant(1.0), self._add("Add", below, self._constant(1.0)))
        if self._kind == "GlobalAveragePool":
            plain = self._add("GlobalAveragePool", self._inputs[0])  # of which only the shape is asked
            return self._add("Reshape", self._mean(self._rows(0)), self._add("Shape", plain))
        if self._kind in ("InstanceNormalization", "GroupNormalization"):
            return self._normalised()
        return self._add(self._kind, self._cast(self._inputs[0]), *self._inputs[1:], **self._given)

    def _exponential(self) -> str:
        x, alpha = self._cast(self._inputs[0]), self._number("alpha")
        exponent = self._add("Div", x, alpha) if self._kind == "Celu" else x
        below = self._add("Mul", alpha, self._add("Sub", self._add("Exp", exponent), self._constant(1.0)))
        result = self._add("Where", self._add("Less", x, self._constant(0.0)), below, x)
        return self._add("Mul", result, self._number("gamma")) if self._kind == "Selu" else result

    def _local_response(self) -> str:
        size, before = self._given["size"], (self._given["size"] - 1) // 2
        x = self._cast(self._inputs[0])
        squares = self._add("Mul", x, x)
        pads = [0, before, 0, 0, 0, size - 1 - before, 0, 0]  # onnxruntime's LRN takes images alone
        padded = self._add("Pad", squares, pads=pads) if self._opset < 11 else self._add("Pad", squares, self._constant(pads))
        parts = []
        for start in range(size):
            end = start + 1 - size or 2**31 - 1
            if self._opset < 10:
                parts.append(self._add("Slice", padded, starts=[start], ends=[end], axes=[1]))
            else:
                parts.append(self._add("Slice", padded, *(self._constant([number]) for number in (start, end, 1))))
        scale = self._add("Div", self._number("alpha"), self._constant(float(size)))
        total = self._add("Add", self._add("Mul", self._add("Sum", *parts), scale), self._number("bias"))
        return self._add("Div", x, self._add("Pow", total, self._number("beta")))
