"""Older forms of an operator, brought to the form it has at ``OPSET``.

One rule for each change of meaning: the rule at version v turns the form before v into the form of v, so a file of opset n
passes through the rules above n in ascending order. Changes of types alone need no rule. Attributes arrive complete, with the
defaults of the file's own opset, since some defaults have changed. Source: the version history of each operator on
https://onnx.ai/onnx/operators, and for Upsample and Resize-10 the behaviour of onnxruntime.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from converter.errors import Problem, UnsupportedError
from converter.graph import Graph, Node, Shape, Value


@dataclass
class Call:
    """One node of a file on its way to the modern form.

    ``shape`` and ``dtype`` tell what type inference on the file knows of a value (None where it knows nothing).
    """

    graph: Graph
    op_type: str
    inputs: list[Value | None]
    outputs: list[Value | None]
    attributes: dict[str, Any]
    name: str
    origin: str
    shape_of: Callable[[Value], Shape | None]
    dtype_of: Callable[[Value], np.dtype | None]
    after: list[tuple[str, list[Value | None], list[Value | None], dict[str, Any]]] = field(default_factory=list)
    """Nodes that follow this one: (operator, inputs, outputs, attributes)."""
    only_grows: bool = False
    """Whether it resizes by scales of at least 1, as Upsample had to."""

    def input(self, index: int) -> Value | None:
        return self.inputs[index] if index < len(self.inputs) else None

    def shape(self, index: int) -> Shape | None:
        value = self.input(index)
        return None if value is None else self.shape_of(value)

    def dtype(self, index: int) -> np.dtype:
        value = self.input(index)
        dtype = None if value is None else self.dtype_of(value)
        return np.dtype(np.float32) if dtype is None else dtype

    def set_input(self, index: int, value: Value | None) -> None:
        self.inputs += [None] * (index + 1 - len(self.inputs))
        self.inputs[index] = value

    def constant(self, data: Any, dtype: Any, suffix: str) -> Value:
        return Value.constant(np.asarray(data, dtype), f"{self.outputs[0].name}_{suffix}")

    def before(self, op_type: str, inputs: Sequence[Value | None], suffix: str, **attributes: Any) -> Value:
        """The result of a node put before this one."""
        name = f"{self.outputs[0].name}_{suffix}"
        return self.graph.add(op_type, inputs, attributes, name=name, origin=self.origin)

    def then(self, op_type: str, inputs: Callable[[Value], list[Value | None]], index: int = 0, **attributes: Any) -> None:
        """Let a further node produce output ``index``, from inputs made of what this node now gives there."""
        final = self.outputs[index]
        inner = Value(f"{final.name}_{self.op_type}")
        self.outputs[index] = inner
        self.after.append((op_type, inputs(inner), [final], attributes))

    def refuse(self, reason: str, advice: str = "") -> UnsupportedError:
        return UnsupportedError(Problem(reason, self.origin, advice))


ALWAYS = 10**6
"""The version of a rule that holds for files of every opset: for what onnxruntime takes beyond the standard."""

Rule = Callable[[Call], None]
RULES: dict[str, list[tuple[int, Rule]]] = {}


EVERY = 10**6
"""The version of a rule for what every opset leaves open and onnxruntime takes."""


def rule(version: int, *op_types: str) -> Callable[[Rule], Rule]:
    """Register a function that turns the form before ``version`` into the form of ``version``."""

    def register(function: Rule) -> Rule:
        for op_type in op_types:
            RULES.setdefault(op_type, []).append((version, function))
        return function

    return register


def lift(call: Call, opset: int) -> None:
    """Bring ``call``, written for ``opset``, to its modern form."""
    reached = opset
    while ahead := [version for version, _ in RULES.get(call.op_type, ()) if version > reached]:
        reached = min(ahead)
        for version, function in RULES[call.op_type]:
            if version == reached:
                function(call)


# Attributes that became inputs: version, operators, then (attribute, input index, dtype; None: that of the first input).
_MOVED: list[tuple[int, tuple[str, ...], list[tuple[str, int, Any]]]] = [
    (5, ("Reshape",), [("shape", 1, np.int64)]),
    (9, ("Upsample",), [("scales", 1, np.float32)]),
    (10, ("TopK",), [("k", 1, np.int64)]),
    (10, ("Slice",), [("starts", 1, np.int64), ("ends", 2, np.int64), ("axes", 3, np.int64)]),
    (11, ("Clip",), [("min", 1, None), ("max", 2, None)]),
    (11, ("Pad",), [("pads", 1, np.int64), ("value", 2, None)]),
    (12, ("Dropout",), [("ratio", 1, np.float32)]),
    (13, ("Split",), [("split", 1, np.int64)]),
    (13, ("Squeeze", "Unsqueeze", "ReduceSum"), [("axes", 1, np.int64)]),
    (
        18,
        tuple(f"Reduce{name}" for name in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")),
        [("axes", 1, np.int64)],
    ),
    (20, ("DFT",), [("axis", 2, np.int64)]),
]


def _move(rows: list[tuple[str, int, Any]]) -> Rule:
    def move(call: Call) -> None:
        for attribute, index, dtype in rows:
            data = call.attributes.pop(attribute, None)
            if data is None or data == ():
                continue
            if attribute == "k":
                data = (data,)
            call.set_input(index, call.constant(data, call.dtype(0) if dtype is None else dtype, attribute))

    return move


@rule(11, "Clip")
def clip_without_bounds(call: Call) -> None:
    """The default bounds were the largest float32, which bound nothing; now they are left out."""
    limit = np.finfo(np.float32).max
    for attribute in ("min", "max"):
        if abs(call.attributes[attribute] or 0) >= limit:
            call.attributes[attribute] = None


for _version, _op_types, _rows in _MOVED:
    rule(_version, *_op_types)(_move(_rows))


# Attributes that appeared with a default that is not what the operator did before.
_FORMERLY: list[tuple[int, str, dict[str, Any]]] = [
    (11, "Resize", {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}),
    (16, "RoiAlign", {"coordinate_transformation_mode": "output_half_pixel"}),
]

for _version, _op_type, _attributes in _FORMERLY:
    rule(_version, _op_type)(lambda call, attributes=_attributes: call.attributes.update(attributes))


@rule(6, "Cast")
def cast_by_name(call: Call) -> None:
    if isinstance(call.attributes["to"], str):
        call.attributes["to"] = onnx.TensorProto.DataType.Value(call.attributes["to"].upper())


@rule(4, "Concat")
def concatenate_channels(call: Call) -> None:
    """The axis could be left out, and was then 1."""
    if call.attributes["axis"] is None:
        call.attributes["axis"] = 1


@rule(2, "LpPool", "GlobalLpPool")
def whole_power(call: Call) -> None:
    if call.attributes["p"] != int(call.attributes["p"]):
        raise call.refuse(f"takes the norm of p = {call.attributes['p']}, which the standard allowed at opset 1 alone")
    call.attributes["p"] = int(call.attributes["p"])


@rule(2, "Pad")
def amounts_renamed(call: Call) -> None:
    call.attributes["pads"] = call.attributes.pop("paddings")


@rule(2, "Split")
def sizes_as_numbers_of_the_data(call: Call) -> None:
    """The sizes were an input of the data's own type."""
    if call.input(1) is not None:
        call.inputs[1] = call.before("Cast", [call.inputs[1]], "sizes", to=onnx.TensorProto.INT64)
        call.attributes.pop("split", None)


@rule(6, "Tile")
def along_one_axis(call: Call) -> None:
    """It repeated ``tiles`` times along ``axis``, both scalar inputs; today there is a number for each axis."""
    rank, axis = len(call.shape(0) or ()), call.inputs[2].array
    if call.shape(0) is None or axis is None:
        raise call.refuse("repeats along an axis that is computed, or data of unknown rank", "Export it at opset 6 or above.")
    before, after = np.ones(int(axis.item()), np.int64), np.ones(rank - 1 - int(axis.item()), np.int64)
    count = call.before("Cast", [call.inputs[1]], "count", to=onnx.TensorProto.INT64)
    count = call.before("Reshape", [count, call.constant([1], np.int64, "one")], "times")
    parts = [call.constant(before, np.int64, "before"), count, call.constant(after, np.int64, "after")]
    call.inputs = [call.inputs[0], call.before("Concat", parts, "repeats", axis=0)]


def _drop(*attributes: str) -> Rule:
    def drop(call: Call) -> None:
        for attribute in attributes:
            call.attributes.pop(attribute, None)

    return drop


# A hint for the memory planner of frameworks long gone.
rule(
    6,
    *("Abs", "Add", "BatchNormalization", "Ceil", "Clip", "Div", "Dropout", "Elu", "Exp", "Floor", "HardSigmoid"),
    *("InstanceNormalization", "LeakyRelu", "Log", "Max", "Mean", "Min", "Mul", "Neg", "PRelu", "Reciprocal", "Relu"),
    *("Selu", "Sigmoid", "Sqrt", "Sub", "Sum", "Tanh"),
)(_drop("consumed_inputs"))
rule(5, "Reshape")(_drop("consumed_inputs"))
rule(7, "BatchNormalization", "Dropout")(_drop("is_test"))  # a converted model is run for inference
rule(7, "LSTM", "GRU", "RNN")(_drop("output_sequence"))
rule(7, "Gemm")(_drop("broadcast"))  # the bias already broadcast as it does today


@rule(3, "GRU")
@rule(7, "LSTM", "RNN")
def direction_misspelt(call: Call) -> None:
    if call.attributes["direction"] == "foward":
        call.attributes["direction"] = "forward"


@rule(7, "Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Greater", "Less")
def limited_broadcasting(call: Call) -> None:
    """The second operand was aligned with the first at ``axis``; today shapes are aligned at their last axes."""
    axis = call.attributes.pop("axis", None)
    if not call.attributes.pop("broadcast", 0) or axis is None:
        return
    first, second = call.shape(0), call.shape(1)
    if first is None or second is None:
        raise call.refuse("broadcasts along an axis, and the ranks of its inputs are unknown", "Export it at opset 7 or above.")
    missing = len(first) - axis % max(len(first), 1) - len(second)
    if missing > 0:
        axes = call.constant(range(len(second), len(second) + missing), np.int64, "axes")
        call.inputs[1] = call.before("Unsqueeze", [call.inputs[1], axes], "aligned")


@rule(7, "PRelu")
def slope_for_each_channel(call: Call) -> None:
    """A slope of one axis meant one for each channel; today shapes are aligned at their last axes."""
    first, slope = call.shape(0), call.shape(1)
    if slope is None or len(slope) != 1 or slope[0] == 1:
        return
    if first is None:
        raise call.refuse(
            "has one slope for each channel, and the rank of its input is unknown", "Export it at opset 7 or above."
        )
    axes = call.constant(range(1, len(first) - 1), np.int64, "axes")
    call.inputs[1] = call.before("Unsqueeze", [call.inputs[1], axes], "slope")


@rule(7, "Upsample")
def height_and_width_scale(call: Call) -> None:
    scales = (1.0, 1.0, call.attributes.pop("height_scale"), call.attributes.pop("width_scale"))
    call.attributes["scales"] = scales
    if call.attributes["mode"] == "bilinear":
        call.attributes["mode"] = "linear"


@rule(10, "Upsample")
def upsample_is_resize(call: Call) -> None:
    call.op_type, call.only_grows = "Resize", True


@rule(11, "Resize")
def scales_behind_region(call: Call) -> None:
    """``roi`` came between the data and the scales. Nearest neighbours were rounded up where the image shrank."""
    scales = call.inputs[1].array
    call.inputs = [call.inputs[0], None, call.inputs[1]]
    if call.attributes["mode"] != "nearest":
        return
    if scales is None and call.only_grows:
        return
    if scales is None:
        raise call.refuse(
            "resizes by scales that are computed when it runs, in the form of opset 10", "Export it at opset 11 or above."
        )
    if not (scales < 1).any():
        return
    if (scales > 1).any():
        shrink = call.constant(np.minimum(scales, 1), np.float32, "shrink")
        call.inputs[0] = call.before("Resize", [call.inputs[0], None, shrink], "shrunk", mode="nearest", **_SHRINK)
        call.inputs[2] = call.constant(np.maximum(scales, 1), np.float32, "grow")
    else:
        call.attributes.update(_SHRINK)


_SHRINK = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "ceil"}


@rule(9, "BatchNormalization")
def statistics_for_each_element(call: Call) -> None:
    """With ``spatial`` 0 each element had its own statistics, without the batch axis: plain broadcasting."""
    if call.attributes.pop("spatial", 1):
        return
    x, scale, bias, mean, variance = call.inputs
    epsilon = call.constant(call.attributes["epsilon"], call.dtype(0), "epsilon")
    centred = call.before("Sub", [x, mean], "centred")
    deviation = call.before("Sqrt", [call.before("Add", [variance, epsilon], "variance")], "deviation")
    scaled = call.before("Mul", [call.before("Div", [centred, deviation], "normalised"), scale], "scaled")
    call.op_type, call.inputs, call.attributes = "Add", [scaled, bias], {}
    _only_first_output(call)


@rule(14, "BatchNormalization")
def _only_first_output(call: Call) -> None:
    """The further outputs were statistics of training."""
    for value in call.outputs[1:]:
        if value is not None:
            call.graph.notes.append(f"{call.origin}: its output {value.name!r} exists in training only and is left out")
    del call.outputs[1:]


@rule(10, "Dropout")
def mask_of_the_data_type(call: Call) -> None:
    if len(call.outputs) > 1 and call.outputs[1] is not None:
        to = onnx.helper.np_dtype_to_tensor_dtype(call.dtype(0))
        call.then("Cast", lambda mask: [mask], index=1, to=to)


@rule(11, "Scatter")
def scatter_elements(call: Call) -> None:
    call.op_type = "ScatterElements"


@rule(13, "Softmax", "LogSoftmax", "Hardmax")
def over_all_axes_from_one_on(call: Call) -> None:
    """It ran over all axes from ``axis`` on, flattened together; today it runs over one axis."""
    axis, shape = call.attributes["axis"], call.shape(0)
    if shape is not None:
        axis %= max(len(shape), 1)
        if all(size == 1 for size in shape[axis + 1 :]):
            call.attributes["axis"] = -1 if axis == len(shape) - 1 else axis
            return
    data = call.inputs[0]
    call.inputs[0] = call.before("Flatten", [data], "flat", axis=axis)
    call.attributes["axis"] = -1
    shape_value = call.before("Shape", [data], "shape")
    call.then("Reshape", lambda flat: [flat, shape_value])


@rule(13, "QuantizeLinear", "DequantizeLinear")
def one_scale_for_the_tensor(call: Call) -> None:
    """Scale and zero point belonged to the whole tensor, with one axis or none; today an axis means one for each index."""
    for index in (1, 2):
        value = call.input(index)
        if value is not None and call.shape(index) == (1,):
            scalar = call.constant([], np.int64, "scalar")
            call.inputs[index] = call.before("Reshape", [value, scalar], ("", "scale", "zero_point")[index])


_FLOAT, _FLOATS, _INT, _INTS = (getattr(onnx.AttributeProto, name) for name in ("FLOAT", "FLOATS", "INT", "INTS"))
EXPERIMENTAL = {
    "ImageScaler": {"scale": _FLOAT, "bias": _FLOATS},
    "Affine": {"alpha": _FLOAT, "beta": _FLOAT},
    "Crop": {"border": _INTS, "scale": _INTS},
    "Scale": {"scale": _FLOAT},
    "ParametricSoftplus": {"alpha": _FLOAT, "beta": _FLOAT},
    "ScaledTanh": {"alpha": _FLOAT, "beta": _FLOAT},
    "DynamicSlice": {},
    "ThresholdedRelu": {"alpha": _FLOAT},
    "MeanVarianceNormalization": {"across_channels": _INT, "normalize_variance": _INT},
}
"""Operators that were in use before, or without, being part of the standard, with the types of their attributes."""


@rule(10, "ImageScaler")
def scaled_image(call: Call) -> None:
    """An experimental operator that left the standard, met in exports of Core ML: x * scale + a bias per channel."""
    scale, bias = call.attributes.get("scale", 1.0), call.attributes.get("bias", (0.0,))
    scaled = call.before("Mul", [call.inputs[0], call.constant(scale, call.dtype(0), "scale")], "scaled")
    column = np.reshape(bias, (-1, 1, 1))
    call.op_type, call.inputs, call.attributes = "Add", [scaled, call.constant(column, call.dtype(0), "bias")], {}


@rule(10, "Affine")
def affine(call: Call) -> None:
    """Experimental as well: alpha * x + beta."""
    alpha, beta = call.attributes.get("alpha", 1.0), call.attributes.get("beta", 0.0)
    scaled = call.before("Mul", [call.inputs[0], call.constant(alpha, call.dtype(0), "alpha")], "scaled")
    call.op_type, call.inputs, call.attributes = "Add", [scaled, call.constant(beta, call.dtype(0), "beta")], {}


@rule(10, "Scale")
def scale(call: Call) -> None:
    """Experimental as well: scale * x."""
    call.op_type, scale = "Mul", call.attributes.pop("scale", 1.0)
    call.set_input(1, call.constant(scale, call.dtype(0), "scale"))


@rule(10, "ParametricSoftplus", "ScaledTanh")
def stretched(call: Call) -> None:
    """Experimental as well: alpha * softplus(beta * x) and alpha * tanh(beta * x)."""
    alpha, beta = call.attributes.get("alpha", 0.0), call.attributes.get("beta", 0.0)
    function = {"ParametricSoftplus": "Softplus", "ScaledTanh": "Tanh"}[call.op_type]
    inner = call.before("Mul", [call.inputs[0], call.constant(beta, call.dtype(0), "beta")], "inner")
    curve = call.before(function, [inner], "curve")
    call.op_type, call.inputs, call.attributes = "Mul", [curve, call.constant(alpha, call.dtype(0), "alpha")], {}


@rule(10, "DynamicSlice")
def dynamic_slice(call: Call) -> None:
    """Experimental as well: today's Slice."""
    call.op_type = "Slice"


@rule(10, "Crop")
def cropped_image(call: Call) -> None:
    """Experimental as well: ``border`` is (left, top, right, bottom), ``scale`` the (height, width) that remains."""
    left, top, right, bottom = call.attributes.get("border", (0, 0, 0, 0))
    far = np.iinfo(np.int64).max
    ends = [-bottom or far, -right or far]
    if call.attributes.get("scale"):
        height, width = call.attributes["scale"]
        ends = [top + height, left + width]
    bounds = [("starts", [top, left]), ("ends", ends), ("axes", [2, 3])]
    call.op_type, call.attributes = "Slice", {}
    call.inputs = [call.inputs[0], *(call.constant(data, np.int64, suffix) for suffix, data in bounds)]


@rule(18, "Split")
def into_equal_parts(call: Call) -> None:
    if call.input(1) is None:
        call.attributes["num_outputs"] = len(call.outputs)


@rule(20, "GridSample")
def names_of_modes(call: Call) -> None:
    names = {"bilinear": "linear", "bicubic": "cubic"}
    call.attributes["mode"] = names.get(call.attributes["mode"], call.attributes["mode"])


@rule(21, "GroupNormalization")
def scale_for_each_group(call: Call) -> None:
    """Scale and bias had one number for each group; today they have one for each channel."""
    shape, groups = call.shape(0), call.attributes["num_groups"]
    if shape is None or not isinstance(shape[1], int):
        raise call.refuse(
            "has one scale for each group, and the number of channels is unknown", "Export it at opset 21 or above."
        )
    for index, suffix in ((1, "scale"), (2, "bias")):
        column = call.before("Unsqueeze", [call.inputs[index], call.constant([1], np.int64, "axes")], f"{suffix}_column")
        size = call.constant([groups, shape[1] // groups], np.int64, f"{suffix}_size")
        wide = call.before("Expand", [column, size], f"{suffix}_wide")
        call.inputs[index] = call.before("Reshape", [wide, call.constant([-1], np.int64, "all")], suffix)


@rule(EVERY, "Range")
def scalars_of_a_range(call: Call) -> None:
    """onnxruntime takes vectors of one number too, and exporters write them."""
    for index, value in enumerate(call.inputs):
        if value is not None and call.shape(index) != ():
            scalar = call.constant(np.empty(0), np.int64, f"scalar_{index}")
            call.inputs[index] = call.before("Reshape", [value, scalar], f"number_{index}")


@rule(9, "Scan")
def scan_over_a_batch(call: Call) -> None:
    """It walked along axis 1 of each sample of a batch: a Scan over the batch around a Scan over the sequence."""
    lengths, *inputs = call.inputs
    if lengths is not None:
        raise call.refuse("has sequences of different lengths in the form of opset 8", "Export it at opset 9 or above.")
    body, count = call.attributes["body"], call.attributes["num_scan_inputs"]
    states = len(inputs) - count
    samples = [Value(f"{value.name}_sample", like.dtype) for value, like in zip(inputs, body.inputs, strict=True)]
    for sample, state in zip(samples[:states], body.inputs, strict=False):
        sample.shape = state.shape
    directions = call.attributes["directions"]
    results = [Value(f"{value.name}_sample") for value in body.outputs]
    walk = {"body": body, "num_scan_inputs": count, "scan_input_directions": directions}
    node = Node("Scan", samples, results, walk, name=call.name, origin=call.origin)
    call.inputs = inputs
    call.attributes = {"body": Graph("sample", samples, results, [node]), "num_scan_inputs": len(inputs)}


@rule(ALWAYS, "Range")
def without_axes(call: Call) -> None:
    """onnxruntime also takes a tensor that holds one number, where the standard wants the number alone."""
    for index, suffix in enumerate(("start", "limit", "delta")):
        if call.shape(index) != ():
            none = call.constant([], np.int64, f"{suffix}_shape")
            call.inputs[index] = call.before("Reshape", [call.inputs[index], none], suffix)


@rule(2, "LabelEncoder")
def classes_by_number(call: Call) -> None:
    """One list of classes stood for both directions: text to its place in the list, or a place to its text."""
    classes = call.attributes.pop("classes_strings", ())
    keys, values = ("strings", "int64s") if call.dtype(0).hasobject else ("int64s", "strings")
    lists = {"strings": tuple(classes), "int64s": tuple(range(len(classes)))}
    call.attributes |= {f"keys_{keys}": lists[keys], f"values_{values}": lists[values]}
