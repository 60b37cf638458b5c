"""Faults in the graph: sides, windows, attributes, weights, operators, wires."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from converter.functions import DOMAIN
from converter.graph import Graph, Node, Value, Weight
from converter.padding import Padding
from tests.sabotage.faults import GRAPH_FAULTS, Site, on

Plant = Callable[[], None] | None

WINDOWS = ("Conv", "ConvTranspose", "MaxPool", "AveragePool")
REDUCTIONS = ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2")


def attribute(node: Node, name: str, value: Any) -> Plant:
    """Set an attribute, where it has another value now."""
    if name not in node.attributes or node.attributes[name] == value:
        return None
    return lambda: node.attributes.__setitem__(name, value)


def weight(node: Node, index: int, change: Callable[[np.ndarray], np.ndarray]) -> Plant:
    """Change the numbers of an input that is a weight; the shape and type stay."""
    value = node.input(index)
    if value is None or value.array is None:
        return None
    old = value.array
    new = np.asarray(change(old)).astype(old.dtype)
    if new.shape != old.shape or np.array_equal(new, old):
        return None
    return lambda: node.set_input(index, held(new, value))


def held(array: np.ndarray, like: Value) -> Value:
    return Value.of_weight(Weight.of(array, like.weight.name, trainable=like.weight.trainable), like.name)


def exchange(node: Node, first: int, second: int) -> Plant:
    """Two inputs change places, where they have the same shape."""
    a, b = node.input(first), node.input(second)
    if a is None or b is None or a is b or a.shape != b.shape or a.dtype != b.dtype:
        return None
    if (a.weight is None) != (b.weight is None):
        return None

    def plant() -> None:
        node.set_input(first, b)
        node.set_input(second, a)

    return plant


def operator(node: Node, op_type: str, attributes: dict[str, Any] | None = None, inputs: slice = slice(None)) -> Plant:
    """Another operator in place of this one."""

    kept = list(node.inputs[inputs])

    def plant() -> None:
        node.detach()
        node._inputs.clear()
        for value in kept:
            node.add_input(value)
        node.op_type, node.domain = op_type, ""
        node.attributes = Node(op_type, [], [], attributes or {}).attributes

    return plant


def skip(node: Node, index: int = 0) -> Plant:
    """Leave a node out: what read its result reads its input."""
    return operator(node, "Identity", inputs=slice(index, index + 1))


def after(node: Node, graph: Graph, steps: list[tuple[str, list[Any], dict[str, Any]]]) -> Plant:
    """Put operators behind a node; each is (operator, further inputs as arrays, attributes)."""
    output = node.output

    def plant() -> None:
        place = graph.nodes.index(node) + 1
        inner = Value(f"{output.name}_sound", output.dtype, output.shape)
        node.outputs[0], inner.producer = inner, node
        value = inner
        for number, (op_type, arrays, attributes) in enumerate(steps):
            last = number == len(steps) - 1
            result = output if last else Value(f"{output.name}_{number}", attributes.pop("_dtype", output.dtype), output.shape)
            inputs = [value, *(Value.constant(np.asarray(array)) for array in arrays)]
            graph.nodes.insert(place + number, Node(op_type, inputs, [result], attributes, name=node.name))
            value = result

    return plant


def before(node: Node, graph: Graph, op_type: str, arrays: list[Any], attributes: dict[str, Any], shape=None) -> None:
    value = node.inputs[0]
    result = Value(f"{value.name}_changed", value.dtype, shape or value.shape)
    inputs = [value, *(Value.constant(np.asarray(array)) for array in arrays)]
    graph.nodes.insert(graph.nodes.index(node), Node(op_type, inputs, [result], attributes, name=node.name))
    node.set_input(0, result)


# Sides and windows ----------------------------------------------------------------------------------------------------------


def sides(node: Node) -> Padding | None:
    pads = node.attributes.get("pads")
    return pads if isinstance(pads, Padding) and not pads.is_zero else None


def exchanged(padding: Padding, axis: int) -> Padding:
    begin, end = list(padding.begin), list(padding.end)
    begin[axis], end[axis] = end[axis], begin[axis]
    return dataclasses.replace(padding, begin=tuple(begin), end=tuple(end))


@on(*WINDOWS)
def top_and_bottom_exchanged(node: Node) -> Plant:
    padding = sides(node)
    return attribute(node, "pads", exchanged(padding, 0)) if padding else None


@on(*WINDOWS)
def left_and_right_exchanged(node: Node) -> Plant:
    padding = sides(node)
    return attribute(node, "pads", exchanged(padding, 1)) if padding and padding.rank > 1 else None


@on(*WINDOWS)
def height_and_width_of_the_padding_exchanged(node: Node) -> Plant:
    padding = sides(node)
    return attribute(node, "pads", Padding(padding.begin[::-1], padding.end[::-1], padding.ceil)) if padding else None


@on(*WINDOWS)
def padding_at_the_end_as_same_does(node: Node) -> Plant:
    """All but half of the padding at the end, as Keras' "same" puts it."""
    padding = sides(node)
    if not padding:
        return None
    totals = [b + e for b, e in zip(padding.begin, padding.end, strict=True)]
    return attribute(node, "pads", Padding(tuple(t // 2 for t in totals), tuple(t - t // 2 for t in totals), padding.ceil))


@on(*WINDOWS)
def all_padding_at_the_beginning(node: Node) -> Plant:
    padding = sides(node)
    if not padding:
        return None
    totals = tuple(b + e for b, e in zip(padding.begin, padding.end, strict=True))
    return attribute(node, "pads", Padding(totals, (0,) * padding.rank, padding.ceil))


@on(*WINDOWS)
def padding_left_out(node: Node) -> Plant:
    padding = sides(node)
    return attribute(node, "pads", Padding.zero(padding.rank)) if padding else None


@on("MaxPool")
def max_pooling_padded_with_zeros(node: Node, graph: Graph) -> Plant:
    padding = sides(node)
    if not padding or not any(padding.begin + padding.end):
        return None

    def plant() -> None:
        amounts = np.array([0, 0, *padding.begin, 0, 0, *padding.end])
        shape = node.inputs[0].shape
        shape = (*shape[:2], *(s + b + e for s, b, e in zip(shape[2:], padding.begin, padding.end, strict=True)))
        before(node, graph, "Pad", [amounts], {"mode": "constant"}, shape)
        node.attributes["pads"] = Padding((0,) * padding.rank, (0,) * padding.rank, padding.ceil)

    return plant


@on("Pad")
def mode_of_padding(node: Node) -> Plant:
    return attribute(node, "mode", "edge" if node["mode"] == "reflect" else "reflect")


@on("MaxPool", "AveragePool")
def ceil_mode_left_out(node: Node) -> Plant:
    padding = sides(node)
    return attribute(node, "pads", Padding(padding.begin, padding.end)) if padding else None


@on("AveragePool")
def padding_counted_otherwise(node: Node) -> Plant:
    return attribute(node, "count_include_pad", 1 - node["count_include_pad"])


@on("Conv", "MaxPool", "AveragePool", "ConvTranspose")
def stride_of_one(node: Node) -> Plant:
    return attribute(node, "strides", (1,) * len(node["strides"] or ()))


@on("Conv")
def dilation_of_one(node: Node) -> Plant:
    return attribute(node, "dilations", (1,) * len(node["dilations"] or ()))


@on("Conv")
def dilation_of_two(node: Node) -> Plant:
    """With as much more padding that the shape stays."""
    padding = node.attributes.get("pads")
    if not isinstance(padding, Padding) or set(node["kernel_shape"] or (0,)) != {3} or set(node["dilations"]) != {1}:
        return None

    def plant() -> None:
        node.attributes["dilations"] = (2,) * padding.rank
        one = (1,) * padding.rank
        node.attributes["pads"] = padding + Padding(one, one)

    return plant


@on("Conv")
def groups_left_out(node: Node) -> Plant:
    """Only the weights of the first group, for all channels: what fits is another network."""
    return attribute(node, "group", 1)


@on("MaxPool", "AveragePool")
def window_one_smaller(node: Node) -> Plant:
    """And one less padding at the end, so that the shape stays."""
    padding = sides(node)
    if not padding or min(padding.end) < 1:
        return None

    def plant() -> None:
        node.attributes["kernel_shape"] = tuple(size - 1 for size in node["kernel_shape"])
        node.attributes["pads"] = Padding(padding.begin, tuple(size - 1 for size in padding.end), padding.ceil)

    return plant


@on("ConvTranspose")
def output_padding_on_the_other_side(node: Node) -> Plant:
    """The rows that output padding adds at the end are cut off at the beginning instead."""
    padding = node.attributes.get("pads")
    extra = node.attributes.get("output_padding")
    if not isinstance(padding, Padding) or not extra or not any(extra) or min(padding.begin) < 1:
        return None

    def plant() -> None:
        node.attributes["output_padding"] = (0,) * padding.rank
        node.attributes["pads"] = Padding(tuple(b - x for b, x in zip(padding.begin, extra, strict=True)), padding.end)

    return plant


@on("AveragePool", "MaxPool")
def other_kind_of_pooling(node: Node) -> Plant:
    pads = node.attributes.get("pads")
    kind = "MaxPool" if node.op_type == "AveragePool" else "AveragePool"
    kept = {key: node.attributes[key] for key in ("kernel_shape", "strides", "dilations", "auto_pad", "ceil_mode")}
    return operator(node, kind, {**kept, "pads": pads})


@on("GlobalAveragePool")
def maximum_for_the_mean_of_an_image(node: Node) -> Plant:
    return operator(node, "GlobalMaxPool")


# Normalisation --------------------------------------------------------------------------------------------------------------

NORMS = ("BatchNormalization", "LayerNormalization", "InstanceNormalization", "GroupNormalization", "RMSNormalization")


@on(*NORMS)
def epsilon_of_a_thousandth(node: Node) -> Plant:
    return attribute(node, "epsilon", 1e-3)


@on("BatchNormalization")
def momentum(node: Node) -> Plant:
    return attribute(node, "momentum", 0.5)


@on("BatchNormalization")
def mean_and_variance_exchanged(node: Node) -> Plant:
    mean, variance = node.input(3), node.input(4)
    if mean is None or mean.array is None or variance.array is None:
        return None

    def plant() -> None:
        node.set_input(3, held(variance.array, mean))
        node.set_input(4, held(np.abs(mean.array) + np.float32(1e-3), variance))

    return plant


@on("BatchNormalization")
def statistics_left_out(node: Node) -> Plant:
    if node.input(3).array is None:
        return None

    def plant() -> None:
        node.set_input(3, held(np.zeros_like(node.input(3).array), node.input(3)))
        node.set_input(4, held(np.ones_like(node.input(4).array), node.input(4)))

    return plant


@on("BatchNormalization")
def deviation_for_the_variance(node: Node) -> Plant:
    return weight(node, 4, np.sqrt)


@on(*NORMS[:4])
def scale_and_bias_exchanged(node: Node) -> Plant:
    return exchange(node, 1, 2)


@on(*NORMS)
def scale_left_out(node: Node) -> Plant:
    return weight(node, 1, np.ones_like)


@on("GroupNormalization")
def groups_of_a_normalisation(node: Node) -> Plant:
    return attribute(node, "num_groups", node["num_groups"] // 2 or 2)


@on("LayerNormalization", "RMSNormalization")
def normalised_over_one_axis_more(node: Node) -> Plant:
    """The statistics over the axis before, too; scale and bias as they are."""
    rank = node.inputs[0].rank
    return attribute(node, "axis", (node["axis"] + rank) % rank - 1) if rank and rank > 2 else None


@on("InstanceNormalization")
def batch_statistics_for_those_of_an_instance(node: Node, graph: Graph) -> Plant:
    """Normalised over the batch as well: right for one sample at a time only where that equals."""

    def plant() -> None:
        mean = Value("batch_mean", np.float32, (1, node.inputs[0].shape[1], 1, 1))
        axes = Value.constant(np.array([0, 2, 3]))
        place = graph.nodes.index(node)
        graph.nodes.insert(place, Node("ReduceMean", [node.inputs[0], axes], [mean], {"keepdims": 1}, name=node.name))
        shifted = Value("shifted", np.float32, node.inputs[0].shape)
        graph.nodes.insert(place + 1, Node("Sub", [node.inputs[0], mean], [shifted], name=node.name))
        output = node.output
        inner = Value("own", np.float32, output.shape)
        node.outputs[0], inner.producer = inner, node
        shift = Value("shift", np.float32, output.shape)
        graph.nodes.insert(place + 3, Node("Mul", [shifted, Value.constant(np.float32(0.1))], [shift], name=node.name))
        graph.nodes.insert(place + 4, Node("Add", [inner, shift], [output], name=node.name))

    return plant


@on("LRN")
def alpha_not_divided(node: Node) -> Plant:
    return attribute(node, "alpha", node["alpha"] * node["size"])


@on("LRN")
def size_of_response_normalisation(node: Node) -> Plant:
    return attribute(node, "size", node["size"] + 2)


@on("LRN")
def bias_of_response_normalisation(node: Node) -> Plant:
    return attribute(node, "bias", 1.0)


@on("LRN")
def beta_of_response_normalisation(node: Node) -> Plant:
    return attribute(node, "beta", 0.5)


# Weights --------------------------------------------------------------------------------------------------------------------

KERNELS = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Linear")


def kernel(node: Node, change: Callable[[np.ndarray], np.ndarray], rank: int | None = None) -> Plant:
    value = node.input(1)
    if value is None or value.array is None or value.rank not in ((rank,) if rank else (2, 3, 4, 5)):
        return None
    return weight(node, 1, change)


@on("Conv", "ConvTranspose")
def height_and_width_of_the_kernel_exchanged(node: Node) -> Plant:
    return kernel(node, lambda w: w.swapaxes(2, 3), rank=4)


@on("Conv", "ConvTranspose")
def convolution_for_correlation(node: Node) -> Plant:
    return kernel(node, lambda w: w[:, :, ::-1, ::-1], rank=4)


@on(*KERNELS)
def channels_in_and_out_exchanged(node: Node) -> Plant:
    return kernel(node, lambda w: w.swapaxes(0, 1))


@on("Gemm")
def product_transposed(node: Node) -> Plant:
    square = node.inputs[1].rank == 2 and len(set(node.inputs[1].shape)) == 1
    return attribute(node, "transB", 1 - node["transB"]) if square else None


@on("Conv", "Gemm", "Linear")
def bias_left_out(node: Node) -> Plant:
    return weight(node, 2, np.zeros_like)


@on("Conv", "Gemm", "Linear")
def sign_of_the_bias(node: Node) -> Plant:
    return weight(node, 2, np.negative)


def one(array: np.ndarray, factor: float) -> np.ndarray:
    """The number in the middle of the magnitudes, times a factor."""
    changed = array.copy()
    place = np.argsort(np.abs(array), axis=None)[array.size // 2]
    changed.flat[place] *= factor
    return changed


@on(*KERNELS)
def one_weight_changed_by_a_hundredth(node: Node) -> Plant:
    return kernel(node, lambda w: one(w, 1.01))


@on(*KERNELS)
def one_weight_of_zero(node: Node) -> Plant:
    return kernel(node, lambda w: one(w, 0.0))


@on(*KERNELS)
def one_weight_of_the_wrong_sign(node: Node) -> Plant:
    return kernel(node, lambda w: one(w, -1.0))


@on(*KERNELS)
def weights_rounded_to_float16(node: Node) -> Plant:
    return kernel(node, lambda w: w.astype(np.float16))


@on(*KERNELS)
def channels_reversed(node: Node) -> Plant:
    """As a class order, or BGR for RGB."""
    return kernel(node, lambda w: np.flip(w, 1))


@on("Conv", "Gemm")
def results_reversed(node: Node) -> Plant:
    plants = [weight(node, index, lambda w: np.flip(w, 0)) for index in (1, 2)]
    return (lambda: [plant() for plant in plants if plant]) if plants[0] else None


@on("Gemm", "Linear", "MatMul")
def image_flattened_channels_last(node: Node) -> Plant:
    """The columns of a matrix behind a Flatten in the order (height, width, channels)."""
    source = node.inputs[0].producer
    image = source.inputs[0].shape if source is not None and source.op_type in ("Flatten", "Reshape") else None
    if not image or len(image) != 4 or not all(isinstance(size, int) for size in image[1:]) or image[2] * image[3] == 1:
        return None
    order = np.arange(np.prod(image[1:])).reshape(image[1:]).transpose(1, 2, 0).ravel()
    axis = 1 if node.op_type == "Gemm" and node["transB"] else 0
    if node.inputs[1].shape[axis] != order.size:
        return None
    return kernel(node, lambda w: np.take(w, order, axis))


@on("PRelu")
def one_slope_for_all_channels(node: Node) -> Plant:
    return weight(node, 1, lambda w: np.full_like(w, w.mean()))


@on("Embedding", "Gather")
def embedding_off_by_one(node: Node) -> Plant:
    table = 1 if node.op_type == "Embedding" else 0
    return weight(node, table, lambda w: np.roll(w, 1, axis=0))


@on("Embedding")
def first_row_for_padding(node: Node) -> Plant:
    """The row of token 0 set to zeros, as padding_idx does."""
    return weight(node, 1, lambda w: np.concatenate([np.zeros_like(w[:1]), w[1:]]))


@on("Add", "Mul", "Sub", "Div")
def broadcast_along_another_axis(node: Node) -> Plant:
    """A row that is taken for a column, or the other way round, where both fit."""
    for index in (0, 1):
        value = node.input(index)
        shape = node.output.shape
        if value is None or value.array is None or shape is None or len(shape) < 2 or value.array.size == 1:
            continue
        flat = [size for size in value.shape if size != 1]
        if len(flat) != 1 or shape[-1] != shape[-2] or flat[0] != shape[-1]:
            continue
        column = value.array.size != value.shape[-1]
        new = value.array.reshape(-1) if column else value.array.reshape(-1, 1)
        return lambda index=index, new=new, value=value: node.set_input(index, held(new, value))
    return None


@on("Add", "Mul", "Sub", "Div", "Pow")
def constant_changed_by_a_hundredth(node: Node) -> Plant:
    for index in (1, 0):
        value = node.input(index)
        if value is not None and value.array is not None and value.dtype == np.float32:
            return weight(node, index, lambda w: w * np.float32(1.01))
    return None


# Recurrent layers -----------------------------------------------------------------------------------------------------------

RECURRENT = tuple(f"{start}{kind}" for start in ("", "Sequence", "Bidirectional", "Last") for kind in ("LSTM", "GRU", "RNN"))


def gates(node: Node, order: tuple[int, ...]) -> Plant:
    """The blocks of all weights in another order."""
    if ("LSTM" if len(order) == 4 else "GRU") not in node.op_type:
        return None
    count = len(order)

    def reorder(array: np.ndarray, blocks: int) -> np.ndarray:
        parts = np.split(array, blocks, axis=1)
        rows = [start + place for start in range(0, blocks, count) for place in order]
        return np.concatenate([parts[row] for row in rows], axis=1)

    plants = [weight(node, index, lambda w, n=count * (2 if index == 3 else 1): reorder(w, n)) for index in (1, 2, 3)]
    return (lambda: [plant() for plant in plants if plant]) if plants[0] else None


GATES = {
    "input and forget gate exchanged": (2, 1, 0, 3),
    "output and forget gate exchanged": (0, 2, 1, 3),
    "cell and output gate exchanged": (0, 3, 2, 1),
    "update and reset gate exchanged": (1, 0, 2),
    "reset and new gate exchanged": (0, 2, 1),
}
for _name, _order in GATES.items():
    on(*RECURRENT, name=_name)(functools.partial(gates, order=_order))


@on("GRU")
def reset_applied_on_the_other_side(node: Node) -> Plant:
    return attribute(node, "linear_before_reset", 1 - node["linear_before_reset"])


@on(*RECURRENT[:3])
def direction(node: Node) -> Plant:
    other = {"forward": "reverse", "reverse": "forward"}.get(node["direction"])
    return attribute(node, "direction", other) if other else None


@on(*RECURRENT[:3])
def directions_exchanged(node: Node) -> Plant:
    plants = [weight(node, index, lambda w: w[::-1]) for index in (1, 2, 3)]
    return (lambda: [plant() for plant in plants if plant]) if plants[0] else None


@on(*RECURRENT[:3])
def initial_state_left_out(node: Node) -> Plant:
    return (lambda: node.set_input(5, None) or node.set_input(6, None)) if node.input(5) is not None else None


@on("LSTM")
def initial_states_exchanged(node: Node) -> Plant:
    return exchange(node, 5, 6)


@on("LSTM")
def peepholes_left_out(node: Node) -> Plant:
    return weight(node, 7, np.zeros_like)


@on("LSTM")
def peepholes_in_another_order(node: Node) -> Plant:
    return weight(node, 7, lambda p: np.roll(p, p.shape[1] // 3, axis=1))


@on(*RECURRENT)
def input_and_state_weights_exchanged(node: Node) -> Plant:
    return exchange(node, 1, 2)


@on(*RECURRENT)
def recurrent_bias_left_out(node: Node) -> Plant:
    return weight(node, 3, lambda b: np.concatenate([b[:, : b.shape[1] // 2], np.zeros_like(b[:, b.shape[1] // 2 :])], axis=1))


@on(*RECURRENT)
def biases_of_input_and_state_exchanged(node: Node) -> Plant:
    """Their sum is what counts, but for a GRU that resets behind the product."""
    return weight(node, 3, lambda b: np.roll(b, b.shape[1] // 2, axis=1))


# Axes -----------------------------------------------------------------------------------------------------------------------


@on("Concat", "Softmax", "LogSoftmax", "Gather", "ArgMax", "ArgMin", "TopK", "Split", "Hardmax")
def axis_off_by_one(node: Node) -> Plant:
    rank = node.inputs[0].rank
    if rank is None or rank < 2:
        return None
    axis = node["axis"] % rank
    return attribute(node, "axis", axis - 1 if axis > 1 or rank == 2 else axis + 1)


@on(*REDUCTIONS, "CumSum")
def axes_off_by_one(node: Node) -> Plant:
    rank = node.inputs[0].rank
    return weight(node, 1, lambda axes: np.where(axes % rank > 1, axes % rank - 1, axes % rank + 1) if rank > 2 else axes)


@on("Transpose")
def last_axes_exchanged(node: Node) -> Plant:
    perm = list(node["perm"] or ())
    if len(perm) < 3:
        return None
    perm[-1], perm[-2] = perm[-2], perm[-1]
    return attribute(node, "perm", tuple(perm))


@on("Transpose")
def transpose_left_out(node: Node) -> Plant:
    """A Reshape to the same shape in its place: the numbers stay in the order they have."""
    shape = node.output.shape
    if shape is None or sum(not isinstance(size, int) for size in shape) > 2:
        return None
    perm = node["perm"]
    target = [0 if perm[i] == i else -1 if not isinstance(size, int) else size for i, size in enumerate(shape)]
    if target.count(-1) > 1:
        return None

    def plant() -> None:
        source = node.inputs[0]
        operator(node, "Reshape")()
        node.set_input(0, source)
        node.add_input(Value.constant(np.array(target)))

    return plant


@on("Concat")
def order_of_a_concatenation(node: Node) -> Plant:
    values = list(node.inputs)
    return (lambda: [node.set_input(i, value) for i, value in enumerate(values[::-1])]) if len(set(values)) > 1 else None


@on("Split")
def halves_exchanged(node: Node) -> Plant:
    values = node.outputs
    if len(values) < 2 or values[0].shape != values[1].shape:
        return None
    return lambda: values.__setitem__(slice(0, 2), [values[1], values[0]])


@on("Slice")
def slice_one_further(node: Node) -> Plant:
    """From the second element on, with as many."""
    starts, ends = node.input(1), node.input(2)
    if starts is None or starts.array is None or ends is None:
        return None

    def plant() -> None:
        node.set_input(1, held(starts.array + 1, starts))
        if ends.array is not None:
            node.set_input(2, held(ends.array + 1, ends))

    return plant


@on(*REDUCTIONS)
def sum_for_mean_or_mean_for_sum(node: Node) -> Plant:
    other = {"ReduceMean": "ReduceSum", "ReduceSum": "ReduceMean", "ReduceMax": "ReduceMin", "ReduceMin": "ReduceMax"}
    return operator(node, other[node.op_type], dict(node.attributes)) if node.op_type in other else None


@on(*REDUCTIONS, "ArgMax", "ArgMin")
def kept_axes(node: Node) -> Plant:
    return attribute(node, "keepdims", 1 - node["keepdims"])


@on("ArgMax", "ArgMin")
def last_of_equal_places(node: Node) -> Plant:
    return attribute(node, "select_last_index", 1 - node["select_last_index"])


@on("TopK")
def smallest_for_largest(node: Node) -> Plant:
    return attribute(node, "largest", 1 - node["largest"])


@on("CumSum")
def sum_that_counts_the_element_itself(node: Node) -> Plant:
    return attribute(node, "exclusive", 1 - node["exclusive"])


@on("CumSum")
def sum_from_the_end(node: Node) -> Plant:
    return attribute(node, "reverse", 1 - node["reverse"])


# Functions ------------------------------------------------------------------------------------------------------------------


FUNCTIONS = ("Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Gelu", "HardSwish", "Silu", "Sigmoid", "Tanh", "Softplus")
FUNCTIONS += ("HardSigmoid", "Exp", "Log", "Sqrt", "Abs", "Neg", "Floor", "Round", "Clip", "Softmax", "LogSoftmax")


@on(*FUNCTIONS)
def function_left_out(node: Node) -> Plant:
    return skip(node)


@on("Relu")
def rectifier_that_ends_at_six(node: Node) -> Plant:
    def plant() -> None:
        operator(node, "Clip")()
        node.add_input(Value.constant(np.float32(0)))
        node.add_input(Value.constant(np.float32(6)))

    return plant


@on("Relu")
def rectifier_that_leaks(node: Node) -> Plant:
    return operator(node, "LeakyRelu", {"alpha": 0.01})


@on("Clip")
def rectifier_without_an_end(node: Node) -> Plant:
    return operator(node, "Relu", inputs=slice(0, 1)) if node.input(1) is not None and node.input(1).array == 0 else None


@on("Clip")
def upper_bound(node: Node) -> Plant:
    return weight(node, 2, lambda bound: bound * 1.2)


@on("Clip")
def lower_bound(node: Node) -> Plant:
    return weight(node, 1, lambda bound: bound - 1)


@on("Gelu")
def gelu_by_the_other_formula(node: Node) -> Plant:
    return attribute(node, "approximate", "none" if node["approximate"] == "tanh" else "tanh")


@on("LeakyRelu", "Elu", "HardSigmoid")
def slope_of_an_activation(node: Node) -> Plant:
    return attribute(node, "alpha", {"LeakyRelu": 0.01, "Elu": 1.0, "HardSigmoid": 0.2}[node.op_type])


@on("LeakyRelu")
def negative_side_turned_positive(node: Node, graph: Graph) -> Plant:
    return after(node, graph, [("Abs", [], {})])


@on("Selu")
def scaled_exponential_unit_without_its_scale(node: Node) -> Plant:
    return operator(node, "Elu", {"alpha": 1.0})


@on("HardSwish")
def swish_for_hard_swish(node: Node) -> Plant:
    def plant() -> None:
        node.op_type, node.domain, node.attributes = "Silu", DOMAIN, {}

    return plant


@on("HardSigmoid")
def sigmoid_for_hard_sigmoid(node: Node) -> Plant:
    return operator(node, "Sigmoid")


@on("Softplus")
def rectifier_for_softplus(node: Node) -> Plant:
    return operator(node, "Relu")


@on("Tanh")
def softsign_for_tanh(node: Node) -> Plant:
    return operator(node, "Softsign")


@on("LogSoftmax")
def logarithm_left_out(node: Node) -> Plant:
    return operator(node, "Softmax", {"axis": node["axis"]})


@on("Softmax")
def logarithm_too_much(node: Node) -> Plant:
    return operator(node, "LogSoftmax", {"axis": node["axis"]})


@on("Sub", "Div", "Less", "Greater", "Pow")
def operands_exchanged(node: Node) -> Plant:
    a, b = node.inputs
    return lambda: (node.set_input(0, b), node.set_input(1, a))


@on("Sub")
def sum_for_difference(node: Node) -> Plant:
    return operator(node, "Add")


@on("Add")
def difference_for_sum(node: Node) -> Plant:
    return operator(node, "Sub")


@on("Add")
def maximum_for_sum(node: Node) -> Plant:
    return operator(node, "Max")


@on("Add")
def skip_connection_left_out(node: Node) -> Plant:
    return skip(node, 0) if all(value.weight is None for value in node.inputs) else None


@on("Mul")
def gate_left_out(node: Node) -> Plant:
    return skip(node, 0) if all(value.weight is None for value in node.inputs) else None


@on("MatMul")
def factors_exchanged(node: Node) -> Plant:
    return exchange(node, 0, 1)


@on("Less", "Greater")
def equal_counted_too(node: Node) -> Plant:
    return operator(node, f"{node.op_type}OrEqual")


@on("Where")
def branches_exchanged(node: Node) -> Plant:
    return exchange(node, 1, 2)


@on("Min", "Max")
def maximum_for_minimum(node: Node) -> Plant:
    return operator(node, {"Min": "Max", "Max": "Min"}[node.op_type])


@on("Floor")
def rounding_to_nearest_for_floor(node: Node) -> Plant:
    return operator(node, "Round")


@on("Floor")
def rounding_up_for_floor(node: Node) -> Plant:
    return operator(node, "Ceil")


@on("Round")
def halves_rounded_up(node: Node, graph: Graph) -> Plant:
    """floor(x + 1/2): the even number nearest a half is what the standard says."""

    def plant() -> None:
        before(node, graph, "Add", [np.float32(0.5)], {})
        node.op_type = "Floor"

    return plant


# Attention ------------------------------------------------------------------------------------------------------------------


@on("Attention")
def scale_of_attention_left_out(node: Node) -> Plant:
    return attribute(node, "scale", 1.0)


@on("Attention")
def mask_left_out(node: Node) -> Plant:
    return (lambda: node.set_input(3, None)) if node.input(3) is not None else None


@on("Attention", "Add", "Mul", "Where")
def causal_mask_off_by_one(node: Node) -> Plant:
    """Each token sees the one after it as well."""
    for index, value in enumerate(node.inputs):
        array = None if value is None else value.array
        if array is None or array.ndim < 2 or array.shape[-1] != array.shape[-2] or array.min() > -1e3 or array.shape[-1] < 3:
            continue

        def shifted(mask: np.ndarray) -> np.ndarray:
            new = np.roll(mask, 1, axis=-1)
            new[..., 0] = 0
            return new

        return weight(node, index, shifted)
    return None


@on("Attention")
def causal_mask_transposed(node: Node) -> Plant:
    value = node.input(3)
    return weight(node, 3, lambda mask: mask.swapaxes(-1, -2)) if value is not None and value.array is not None else None


@on("Sub")
def mask_inverted(node: Node) -> Plant:
    """1 - mask, of which only the mask is left."""
    first = node.input(0)
    return skip(node, 1) if first.array is not None and first.array.size == 1 and first.array == 1 else None


@on("Attention")
def queries_and_keys_exchanged(node: Node) -> Plant:
    return exchange(node, 0, 1)


@on("Attention")
def keys_and_values_exchanged(node: Node) -> Plant:
    return exchange(node, 1, 2)


@on("RotateHalf")
def halves_turned_the_other_way(node: Node, graph: Graph) -> Plant:
    return after(node, graph, [("Neg", [], {})])


@on("RotateHalf")
def halves_interleaved(node: Node, graph: Graph) -> Plant:
    """Neighbours are turned into each other, not halves."""
    size = node.inputs[0].shape[-1]
    if not isinstance(size, int):
        return None
    order = np.arange(size).reshape(-1, 2)[:, ::-1].ravel()
    signs = np.where(np.arange(size) % 2 == 0, -1, 1).astype(np.float32)

    def plant() -> None:
        operator(node, "Gather", {"axis": -1})()
        node.add_input(Value.constant(order))
        after(node, graph, [("Mul", [signs], {})])()

    return plant


@on("Attention")
def sign_of_the_mask(node: Node) -> Plant:
    return weight(node, 3, np.negative)


LAYERS = ("MultiheadAttention", "MultiheadAttentionOfSteps")
"""Attention with the products around it: query, key, value, weight and bias of their products, weight and bias of the last."""


@on(*LAYERS)
def number_of_heads(node: Node) -> Plant:
    """Half as many, or one."""
    return attribute(node, "heads", node["heads"] // 2 if node["heads"] % 2 == 0 else 1)


def thirds(node: Node, order: tuple[int, int, int]) -> Plant:
    """The parts of the weight and bias in another order."""
    plants = [weight(node, index, lambda w: np.concatenate([np.split(w, 3)[part] for part in order])) for index in (3, 4)]
    return lambda: [plant() for plant in plants if plant]


@on(*LAYERS)
def products_of_queries_and_keys_exchanged(node: Node) -> Plant:
    """With keys and values of one tensor; of itself alone the scores are transposed."""
    return thirds(node, (1, 0, 2))


@on(*LAYERS)
def products_of_keys_and_values_exchanged(node: Node) -> Plant:
    return thirds(node, (0, 2, 1))


@on(*LAYERS)
def bias_of_the_products_left_out(node: Node) -> Plant:
    return weight(node, 4, np.zeros_like)


@on(*LAYERS)
def bias_of_the_last_product_left_out(node: Node) -> Plant:
    return weight(node, 6, np.zeros_like)


@on(*LAYERS)
def last_product_transposed(node: Node) -> Plant:
    return weight(node, 5, np.transpose)


@on(*LAYERS)
def products_transposed(node: Node) -> Plant:
    return weight(node, 3, lambda w: np.concatenate([part.T for part in np.split(w, 3)]))


@on(*LAYERS)
def heads_interleaved(node: Node) -> Plant:
    """Neighbouring rows belong to different heads."""

    def interleaved(w: np.ndarray) -> np.ndarray:
        parts = [part.reshape(node["heads"], -1, *part.shape[1:]).swapaxes(0, 1) for part in np.split(w, 3)]
        return np.concatenate(parts).reshape(w.shape)

    plants = [weight(node, index, interleaved) for index in (3, 4)]
    return lambda: [plant() for plant in plants if plant]


@on(*LAYERS)
def values_for_keys(node: Node) -> Plant:
    """Where they are two tensors."""
    value = node.inputs[2]
    return (lambda: node.set_input(1, value)) if value is not node.inputs[1] else None


@on(*LAYERS)
def attention_to_itself(node: Node) -> Plant:
    """The queries' own tensor for keys and values."""
    query = node.inputs[0]
    if node.inputs[2] is query:
        return None
    return lambda: (node.set_input(1, query), node.set_input(2, query))


@on(*LAYERS)
def batch_and_steps_exchanged(node: Node) -> Plant:
    if len({value.shape for value in node.inputs[:3]}) > 1:
        return None

    def plant() -> None:
        node.op_type = LAYERS[1 - LAYERS.index(node.op_type)]

    return plant


# Windows --------------------------------------------------------------------------------------------------------------------

WINDOWED = ("WindowPartition", "WindowReverse")


@on(*WINDOWED)
def windows_by_their_place_in_memory(node: Node) -> Plant:
    """A Reshape alone, as if the rows of a window lay side by side."""
    shape = (-1, *node.output.shape[1:])

    def plant() -> None:
        operator(node, "Reshape")()
        node.add_input(Value.constant(np.array(shape)))

    return plant


@on(*WINDOWED)
def image_of_windows_transposed(node: Node, graph: Graph) -> Plant:
    """Height and width of what is read are exchanged."""
    x = node.inputs[0].shape
    if len(x) != 4 or x[1] != x[2]:
        return None
    return lambda: before(node, graph, "Transpose", [], {"perm": (0, 2, 1, 3)})


@on("ChannelShuffle")
def channels_shuffled_back(node: Node) -> Plant:
    """As many groups as a group has channels: the inverse of the shuffle."""
    return attribute(node, "groups", node.inputs[0].shape[1] // node["groups"])


@on("ChannelShuffle")
def channels_not_shuffled(node: Node) -> Plant:
    return attribute(node, "groups", 1)


@on("Roll")
def rolled_the_other_way(node: Node) -> Plant:
    return attribute(node, "shifts", tuple(-shift for shift in node["shifts"]))


@on("Roll")
def rolled_one_further(node: Node) -> Plant:
    return attribute(node, "shifts", (node["shifts"][0] + 1, *node["shifts"][1:]))


@on("Roll")
def roll_left_out(node: Node) -> Plant:
    return skip(node)


# Images ---------------------------------------------------------------------------------------------------------------------


@on("DepthToSpace")
def order_of_depth_to_space(node: Node) -> Plant:
    return attribute(node, "mode", {"DCR": "CRD", "CRD": "DCR"}[node["mode"]])


@on("Resize")
def mode_of_resizing(node: Node) -> Plant:
    return attribute(node, "mode", {"linear": "nearest", "nearest": "linear", "cubic": "linear"}[node["mode"]])


@on("Resize")
def coordinates_of_resizing(node: Node) -> Plant:
    current = node["coordinate_transformation_mode"]
    return attribute(node, "coordinate_transformation_mode", "align_corners" if current != "align_corners" else "half_pixel")


@on("Resize")
def rounding_of_resizing(node: Node) -> Plant:
    other = {"floor": "ceil", "ceil": "floor"}.get(node["nearest_mode"], "floor")
    return attribute(node, "nearest_mode", other) if node["mode"] == "nearest" else None


@on("Resize")
def height_and_width_of_a_resized_image_exchanged(node: Node) -> Plant:
    """The sizes, or the factors."""
    plants = [weight(node, index, lambda w: np.concatenate([w[:-2], w[:-3:-1]])) for index in (2, 3)]
    return next((plant for plant in plants if plant), None)


@on("Resize")
def coefficient_of_cubic_resizing(node: Node) -> Plant:
    return attribute(node, "cubic_coeff_a", -0.5) if node["mode"] == "cubic" else None


@on("Resize")
def what_lies_outside_left_out(node: Node) -> Plant:
    return attribute(node, "exclude_outside", 1 - node["exclude_outside"]) if node["mode"] == "cubic" else None


@on("Resize")
def smoothing_of_a_smaller_image(node: Node) -> Plant:
    return attribute(node, "antialias", 1 - node["antialias"]) if node["mode"] != "nearest" else None


@on("Resize")
def resizing_left_to_a_repetition(node: Node) -> Plant:
    """Each pixel once for each of the new ones, whatever the mode."""
    if node["mode"] == "nearest":
        return None
    nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return lambda: node.attributes.update(nearest)


# Number types ---------------------------------------------------------------------------------------------------------------


@on("Conv", "Gemm", "Linear", "MatMul", "Attention", "Add", "LSTM")
def float16_inside(node: Node, graph: Graph) -> Plant:
    if node.output.dtype != np.float32 or len([v for v in node.outputs if v is not None]) > 1:
        return None
    return after(node, graph, [("Cast", [], {"to": 10, "_dtype": np.dtype(np.float16)}), ("Cast", [], {"to": 1})])


@on("Add", "Mul", "Sub")
def int32_inside(node: Node, graph: Graph) -> Plant:
    if node.output.dtype != np.int64:
        return None
    return after(node, graph, [("Cast", [], {"to": 6, "_dtype": np.dtype(np.int32)}), ("Cast", [], {"to": 7})])


# Quantisation ---------------------------------------------------------------------------------------------------------------


@on("QuantizeLinear", "DequantizeLinear")
def scale_of_quantisation(node: Node) -> Plant:
    return weight(node, 1, lambda scale: scale * np.float32(1.05))


@on("QuantizeLinear", "DequantizeLinear")
def zero_point_off_by_one(node: Node) -> Plant:
    return weight(node, 2, lambda zero: zero + 1)


@on("DequantizeLinear")
def axis_of_quantisation(node: Node) -> Plant:
    value = node.inputs[0]
    return attribute(node, "axis", 1 - node["axis"]) if node.input(1).rank == 1 and value.rank > 1 else None


@on("DequantizeLinear")
def one_scale_for_all_channels(node: Node) -> Plant:
    return weight(node, 1, lambda scale: np.full_like(scale, scale.mean())) if node.input(1).rank == 1 else None


@on("DequantizeLinear")
def rounding_left_out(node: Node, graph: Graph) -> Plant:
    """The pair of QuantizeLinear and DequantizeLinear is left out; the latter's result is the first that is another."""
    before = node.inputs[0].producer
    if before is None or before.op_type != "QuantizeLinear" or len(before.output.users) != 1:
        return None

    def plant() -> None:
        node.set_input(0, before.inputs[0])
        operator(node, "Identity", inputs=slice(0, 1))()
        graph.remove(before)

    return plant


# Wires ----------------------------------------------------------------------------------------------------------------------


def _skipped(node: Node) -> Node | None:
    """What computes the first input, if nothing else reads that: to skip it is to leave it out."""
    value = node.input(0)
    return None if value is None or len(value.users) != 1 else value.producer


@on(name="input of another layer", same=_skipped)
def input_of_another_layer(node: Node, graph: Graph) -> Plant:
    """Its input's own input is read instead, where both have one shape: a layer is skipped for this reader only."""
    value = node.input(0)
    if value is None or value.producer is None or node.op_type in ("Shape", "Cast"):
        return None
    earlier = value.producer.input(0)
    if earlier is None or earlier.weight is not None or earlier.shape != value.shape or earlier.dtype != value.dtype:
        return None
    return lambda: node.set_input(0, earlier)


@dataclasses.dataclass(frozen=True)
class WholeGraph:
    """A fault of the graph as a whole, in one place."""

    name: str
    harm: Callable[[Graph], Plant]

    def sites(self, graph: Graph) -> Iterator[Site]:
        plant = self.harm(graph)
        if plant is not None:
            yield Site((), plant)


def outputs_exchanged(graph: Graph) -> Plant:
    values = graph.outputs
    for a in range(len(values)):
        for b in range(a + 1, len(values)):
            if values[a].dtype == values[b].dtype and values[a].shape == values[b].shape:

                def plant(a=a, b=b) -> None:
                    first, second = values[a], values[b]
                    first.name, second.name = second.name, first.name
                    values[a], values[b] = second, first

                return plant
    return None


def inputs_exchanged(graph: Graph) -> Plant:
    values = graph.inputs
    for a in range(len(values)):
        for b in range(a + 1, len(values)):
            if values[a].dtype == values[b].dtype and values[a].shape == values[b].shape:

                def plant(a=a, b=b) -> None:
                    first, second = values[a].users, values[b].users
                    for node, index in first:
                        node.set_input(index, values[b])
                    for node, index in second:
                        node.set_input(index, values[a])

                return plant
    return None


def weights_of_two_layers_exchanged(graph: Graph) -> Plant:
    seen: dict[Any, Node] = {}
    for node in graph.nodes:
        value = node.input(1) if node.op_type in KERNELS else None
        if value is None or value.weight is None:
            continue
        other = seen.setdefault((value.shape, node.op_type), node)
        if other is not node and other.inputs[1] is not value:

            def plant(a=other, b=node) -> None:
                first, second = a.inputs[1], b.inputs[1]
                a.set_input(1, second)
                b.set_input(1, first)

            return plant
    return None


GRAPH_FAULTS += [
    WholeGraph("outputs exchanged", outputs_exchanged),
    WholeGraph("inputs exchanged", inputs_exchanged),
    WholeGraph("weights of two layers exchanged", weights_of_two_layers_exchanged),
]
