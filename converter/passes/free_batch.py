"""A batch size that the exporter fixed to 1 becomes free, where the whole graph allows it."""

from __future__ import annotations

from itertools import chain, count

from converter.errors import ReadError
from converter.graph import Graph, Node, Shape, Value
from converter.passes.infer_shapes import infer_shapes

# Operators whose further inputs do not broadcast over the batch: a constant there stands for a batch of 1.
_ONE_EACH = {
    *("GridSample", "GatherElements", "GatherND", "ScatterElements", "ScatterND", "RoiAlign", "MaxRoiPool"),
    *("LSTM", "GRU", "RNN", "ReverseSequence", "Compress", "AffineGrid", "CenterCropPad"),
}
# Operators whose further inputs hold what all samples share: where the network computes them, their first axis is no batch.
_SHARED = {
    *("Conv", "ConvTranspose", "QLinearConv", "ConvInteger", "DeformConv", "CausalConvWithState", "MaxUnpool"),
    *("BatchNormalization", "InstanceNormalization", "GroupNormalization", "LSTM", "GRU", "RNN"),
}
_NOT_PER_SAMPLE = {"If", "Loop", "Scan", "NonMaxSuppression", "Unique", "NonZero", "TfIdfVectorizer", "DynamicQuantizeLSTM"}


def free_batch(graph: Graph) -> None:
    """Give every input whose first size is 1 a symbol there, and a Reshape target that repeats that 1 a 0 ("as it is").

    It is accepted only when each value that depends on an input then carries the symbol exactly once, in place of a 1, and is
    otherwise shaped as before, and no node works along that axis; else nothing is changed and a note says so.
    """
    if not graph.inputs or not all(value.shape and value.shape[0] == 1 for value in graph.inputs):
        return
    flowing = [value for value in graph.values() if value.weight is None]
    before = {value: value.shape for value in flowing}
    symbols = {size for shape in before.values() for size in shape or () if isinstance(size, str)}
    symbol = next(name for name in chain(["batch"], map("batch_{}".format, count(1))) if name not in symbols)
    targets = {node: node.inputs[1] for node in graph.nodes if _repeats_batch(node)}
    for value in flowing:
        value.shape = None
    for value in graph.inputs:
        value.shape = (symbol, *before[value][1:])
    for node, target in targets.items():
        sizes = target.array.copy()
        sizes[0] = 0
        node.set_input(1, Value.constant(sizes, target.name))
    try:
        infer_shapes(graph)
        position = {value: _batch_axis(before[value], value.shape, symbol) for value in flowing}
        free = None not in position.values() and all(_keeps_samples_apart(node, position) for node in graph.nodes)
    except ReadError:  # with a free batch the shapes contradict each other
        free = False
    if free:
        return
    for value, shape in before.items():
        value.shape = shape
    for node, target in targets.items():
        node.set_input(1, target)
    graph.notes.append("the batch size is fixed to 1: the graph mixes the batch with other axes")


def _repeats_batch(node: Node) -> bool:
    if node.op_type != "Reshape" or node.domain or node["allowzero"]:
        return False
    data, target = node.inputs[0], node.inputs[1].array
    if target is None or not len(target) or data.weight is not None:
        return False
    return (
        bool(data.shape)
        and data.shape[0] == 1
        and target[0] in (1, -1)
        and bool(node.output.shape)
        and node.output.shape[0] == 1
    )


def _batch_axis(before: Shape | None, after: Shape | None, symbol: str) -> int | None:
    """Where the symbol stands, if it took the place of a 1 and all else is as before."""
    if before is None or after is None or len(before) != len(after) or after.count(symbol) != 1:
        return None
    axis = after.index(symbol)
    same = all(old == new for index, (old, new) in enumerate(zip(before, after, strict=True)) if index != axis)
    return axis if same and before[axis] == 1 else None


def _keeps_samples_apart(node: Node, position: dict[Value, int]) -> bool:
    flowing = [value for value in node.inputs if value is not None and value.weight is None]
    if not flowing:
        return True  # computed from constants: position refuses it already, as it carries no symbol
    if node.op_type in _NOT_PER_SAMPLE:
        return False
    if node.op_type in _ONE_EACH and any(_stands_for_batch(node, index) for index in range(1, len(node.inputs))):
        return False
    counts_all = node.op_type == "MaxPool" and len(node.outputs) > 1  # the indices count over all samples
    if counts_all or (node.op_type in _SHARED and len(flowing) > 1):
        return False
    axis, value = node.attributes.get("axis"), flowing[0]
    if node.op_type == "LayerNormalization":
        return position[value] < axis % value.rank
    return axis is None or node.op_type == "Flatten" or axis % value.rank != position[value]


def _stands_for_batch(node: Node, index: int) -> bool:
    value = node.inputs[index]
    if value is None or value.weight is None:
        return False
    return node.op_type not in ("LSTM", "GRU", "RNN") or index >= 4  # the first ones are weights
