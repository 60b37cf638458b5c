"""Whatever can be computed when converting is computed, by onnxruntime."""

from __future__ import annotations

import math

import numpy as np
import onnx
import onnx.helper
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as onnxruntime_errors

from converter.emitters.onnx import to_model
from converter.errors import Problem, ReadError, UnsupportedError
from converter.graph import RANDOM, Graph, Node, Value, Weight
from converter.passes.infer_shapes import infer_shapes
from converter.passes.trained import kept

LARGEST = 2**30
"""Bytes of the largest result that is computed; a small file may describe any size."""

# The size of the result may depend on numbers, which inference does not see inside a loop, but never exceeds that of the input,
# for NonZero times its rank.
_BOUNDED = {"NonZero", "Unique", "Compress", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Slice", "Split"}


def fold_constants(graph: Graph, *, layers: bool = True) -> None:
    """Replace each node whose inputs are all known by its result, which keeps the output's name.

    What the source's own code computes of its parameters stays (``trained.py``), weights of layers where ``layers`` says so.

    A float result of rank 1 or more counts as trainable where it comes from a trainable weight or from ConstantOfShape, which
    exporters write in place of weights, other than torch's, which tells the classes of modules. Raises UnsupportedError for a
    result above ``LARGEST`` bytes.
    """
    folded = True
    while folded:
        inner = [_fold_if_it_can(each, layers) for each in graph.nested() if each is not graph]
        folded = (_fold(graph, layers) or any(inner)) and any(_is_incomplete(each) for each in graph.nested())
        if folded:
            infer_shapes(graph)


def _fold_if_it_can(subgraph: Graph, layers: bool) -> bool:
    """A branch that is never taken may hold what cannot be computed; it is left as it is."""
    try:
        return _fold(subgraph, layers)
    except ReadError:
        return False


def _is_incomplete(graph: Graph) -> bool:
    return any(value.shape is None or None in value.shape for value in graph.values() if value.is_tensor)


def _fold(graph: Graph, layers: bool) -> bool:
    """One round. A result of unknown size waits for the next round, when more is known."""
    known: dict[Value, bool] = {}  # result: whether it counts as trainable
    computed: list[Node] = []
    stays = kept(graph, _cannot_fold, layers=layers)
    for node in graph.nodes:
        if _cannot_fold(node):
            continue
        if _is_vector_of_axes(node):
            _become(node.output, node.inputs[0].weight.reshape(*node.output.shape))
            node.detach()
            continue
        if node in stays:
            continue
        if node.op_type in ("Shape", "Size") and _set_shape(node):
            continue
        if node.op_type == "Transpose" and node.inputs[0].weight is not None and node.inputs[0].weight.trainable:
            _turn(node)
            continue
        if not all(value is None or value in known or _has_data(value) for value in node.inputs):
            continue
        if not all(_has_known_size(value) for value in node.outputs if value is not None) and node.op_type not in _BOUNDED:
            continue
        for value in node.outputs:
            if value is not None:
                _refuse_large(node, value)
                known[value] = _counts_as_trainable(node, value, known)
        if node.op_type == "ConstantOfShape":
            _fill(node, known.pop(node.output))
        else:
            computed.append(node)
    _compute(graph, computed, known)
    count = len(graph.nodes)
    graph.nodes = [node for node in graph.nodes if any(value is not None and value.producer is node for value in node.outputs)]
    return len(graph.nodes) < count


def _cannot_fold(node: Node) -> bool:
    return bool(node.domain) or node.op_type in RANDOM or any(node.subgraphs()) or _keeps_small(node)


def _keeps_small(node: Node) -> bool:
    """Whether it is how a weight is kept in a few bits: its numbers by blocks, each with a scale."""
    return node.op_type == "DequantizeLinear" and bool(node["block_size"])


def _has_data(value: Value) -> bool:
    return value.weight is not None and value.weight.has_data


def _has_known_size(value: Value) -> bool:
    return value.dtype is not None and value.shape is not None and all(isinstance(size, int) for size in value.shape)


def _refuse_large(node: Node, value: Value) -> None:
    if value.shape is None or value.dtype is None or None in value.shape:
        return
    nbytes = math.prod(value.shape) * value.dtype.itemsize
    if nbytes > LARGEST:
        raise UnsupportedError(
            Problem(
                f"computes a constant of {nbytes / 2**30:,.1f} GiB, shape {value.shape}; {LARGEST / 2**30:.0f} GiB is the most",
                node.origin,
                "Store it as a weight.",
            )
        )


def _counts_as_trainable(node: Node, value: Value, known: dict[Value, bool]) -> bool:
    if value.dtype is None or value.dtype.kind not in "fV" or not value.shape:
        return False
    if node.op_type == "ConstantOfShape":
        return not any(module.type for module in node.scope or ())
    return any(
        known.get(source, source.weight is not None and source.weight.trainable) for source in node.inputs if source is not None
    )


def _become(value: Value, weight: Weight) -> None:
    """From now on ``value`` is a weight instead of the result of a node."""
    value.producer, value.weight, value.dtype, value.shape = None, weight, weight.dtype, weight.shape


def _set_shape(node: Node) -> bool:
    """The result of Shape or Size, where the shape is known though the numbers are not."""
    shape = node.inputs[0].shape
    if shape is None:
        return False
    if node.op_type == "Shape":
        shape = shape[node["start"] : node["end"]]
    if not all(isinstance(size, int) for size in shape):
        return False
    array = np.array(shape if node.op_type == "Shape" else math.prod(shape), np.int64)
    _become(node.output, Weight.of(array, node.output.name, trainable=False))
    node.detach()
    return True


def _fill(node: Node, trainable: bool) -> None:
    """ConstantOfShape takes no memory before its numbers are asked for."""
    value = node.output
    number = node["value"][0] if node["value"] is not None else np.float32(0)
    shape = tuple(int(size) for size in node.inputs[0].weight.array()) if node.inputs[0].weight else value.shape
    weight = Weight(value.name, shape, value.dtype, lambda: np.full(shape, number, number.dtype), trainable=trainable)
    _become(value, weight)
    node.detach()


def _turn(node: Node) -> None:
    """A weight in another order of axes is still that weight of the source: it keeps its name, and is read when asked for."""
    weight = node.inputs[0].weight
    perm = node["perm"] if node["perm"] is not None else range(len(weight.shape))[::-1]
    _become(node.output, weight.transpose(*perm))
    node.detach()


def _is_vector_of_axes(node: Node) -> bool:
    """Whether a trained vector gets axes of size 1, as ``gamma.view(1, -1, 1, 1)``: it is still that weight of the source."""
    given, result = node.input(0), node.outputs[0]
    weight, shape = given.weight if given is not None else None, result.shape if result is not None else None
    if node.op_type not in ("Reshape", "Unsqueeze") or weight is None or not weight.trainable or not _has_data(node.inputs[0]):
        return False
    return len(weight.shape) == 1 and _has_known_size(node.output) and weight.size == max(shape, default=0) == math.prod(shape)


_SHAPES = {"Reshape", "Unsqueeze", "Squeeze", "Expand", "Flatten", "Identity"}
"""Operators whose result, if it has as many numbers as the first input, has the same in the same order."""


def _base(value: Value) -> Weight | None:
    """The constant of the source of which ``value`` is another shape, if it has as many numbers."""
    while (node := value.producer) is not None:
        if node.domain or not (node.op_type in _SHAPES or (node.op_type == "Concat" and len(node.inputs) == 1)):
            return None
        value = node.inputs[0]
    return value.weight


def _with_numpy_outputs(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with results of a type that NumPy lacks (bfloat16 and its like) as float32, which holds each such number."""
    for info in model.graph.output:
        kind = info.type.tensor_type.elem_type
        if kind and onnx.helper.tensor_dtype_to_np_dtype(kind).kind == "V":
            name = info.name + "_float32"
            model.graph.node.append(onnx.helper.make_node("Cast", [info.name], [name], to=onnx.TensorProto.FLOAT))
            info.name, info.type.tensor_type.elem_type = name, onnx.TensorProto.FLOAT
    return model


def _compute(graph: Graph, nodes: list[Node], trainable: dict[Value, bool]) -> None:
    if not nodes:
        return
    inside = set(nodes)
    outputs = [
        value
        for node in nodes
        for value in node.outputs
        if value is not None and (value in graph.outputs or any(user not in inside for user, _ in value.users))
    ]
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        model = _with_numpy_outputs(to_model(Graph("constants", outputs=outputs, nodes=nodes)))
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        arrays = session.run(None, {}) if outputs else []
    except onnxruntime_errors.NotImplemented as error:
        graph.notes.append(f"constants were left as they are, since onnxruntime cannot compute them: {error}")
        return
    except (
        onnxruntime_errors.Fail,
        onnxruntime_errors.InvalidArgument,
        onnxruntime_errors.InvalidGraph,
        onnxruntime_errors.RuntimeException,
    ) as error:
        reason = str(error).split(" : ")[-1].strip()
        raise ReadError(Problem(f"a constant part of the network cannot be computed: {reason}")) from None
    bases = [None if trainable[value] else _base(value) for value in outputs]
    for value, array, base in zip(outputs, arrays, bases, strict=True):
        array = array.astype(value.dtype) if value.dtype is not None and value.dtype.kind == "V" else array
        if base is not None and base.size == array.size and base.dtype == array.dtype:
            _become(value, base.reshape(*array.shape))
        else:
            _become(value, Weight.of(array, value.name, trainable=trainable[value]))
    for node in nodes:
        node.detach()
        for value in node.outputs:
            if value is not None and value.producer is node:
                value.producer = None
