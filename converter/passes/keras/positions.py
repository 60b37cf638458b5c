"""Numbers that count along an axis, which a layer asks of a tensor: a functional model has no sizes while it is built."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Node, Value
from converter.passes.recover.masks import place_of
from converter.sizes import Sizes

DOMAIN = "keras"


def positions(graph: Graph) -> None:
    """Range (0, size of an axis) becomes Positions (x) along that axis, and the embedding of it PositionEmbedding (x).

    So do the first so many numbers of a constant that counts from 0 on, as BERT's ``position_ids``.
    """
    owners: dict[str, tuple[Value, int]] = {}
    sizes = Sizes(graph)
    for value in graph.inputs:
        _own(value, owners)
    for node in list(graph.nodes):
        counted = _counted(node, sizes)
        if counted in owners:
            _replace(graph, node, *owners[counted])
        for value in node.outputs:
            if value is not None and value.kind == "tensor" and node.op_type not in ("Range", "Slice", "Positions"):
                _own(value, owners)
    for node in list(graph.nodes):
        if node.op_type == "Embedding":
            _embed(graph, node)


def _own(value: Value, owners: dict[str, tuple[Value, int]]) -> None:
    for axis, size in enumerate(value.shape or ()):
        if isinstance(size, str):
            owners.setdefault(size, (value, axis))


def _counted(node: Node, sizes: Sizes) -> str | None:
    """The name of the size up to which the node counts from 0 on."""
    if node.domain:
        return None
    if node.op_type == "Range":
        first, step = node.inputs[0].array, node.inputs[2].array
        counts = first is not None and step is not None and first.item() == 0 and step.item() == 1
        size = node.output.shape[0] if counts and node.output.shape else None
        return size if isinstance(size, str) and node.output.dtype.kind == "i" else None
    if node.op_type == "Slice" and node.inputs[0].weight is not None and node.inputs[0].shape:
        data, starts, ends = node.inputs[0].array, node.inputs[1].array, sizes.contents(node.inputs[2])
        axes, steps = (np.ones(1) if value is None else value.array for value in (node.input(3), node.input(4)))
        single = all(part is not None and part.size == 1 for part in (starts, ends, axes, steps))
        if data is None or data.dtype.kind != "i" or not single:
            return None
        counts = np.array_equal(data.reshape(-1), np.arange(data.size)) and data.shape[-1] == data.size
        along = node.input(3) is not None and int(axes.item()) % data.ndim == data.ndim - 1
        return str(ends.item()) if counts and along and starts.item() == 0 and steps.item() == 1 else None
    return None


def _replace(graph: Graph, node: Node, owner: Value, axis: int) -> None:
    place, (output,) = graph.nodes.index(node), node.outputs
    output.shape = (*output.shape[:-1], owner.shape[axis])  # a Slice of fewer numbers fails where it is read
    node.detach()
    counted = output if output.rank == 1 else Value(output.name, output.dtype, output.shape[-1:])
    options = {"name": node.name, "origin": node.origin, "scope": node.scope}
    new = [Node("Positions", [owner], [counted], {"axis": axis}, domain=DOMAIN, **options)]
    if counted is not output:
        axes = Value.constant(np.arange(output.rank - 1))
        new.append(Node("Unsqueeze", [counted, axes], [output], **options))
    graph.nodes[place : place + 1] = new


def _embed(graph: Graph, node: Node) -> None:
    """The embedding of positions (1, steps) or (steps)."""
    indices, table = node.inputs
    maker = indices.producer
    if maker is not None and maker.op_type == "Unsqueeze" and indices.rank == 2 and place_of(indices) == (-1, indices.shape[1]):
        maker = maker.inputs[0].producer
    if maker is None or maker.op_type != "Positions" or maker["axis"] != 1:
        return
    owner, outputs, place = maker.inputs[0], node.outputs, graph.nodes.index(node)
    keeps = indices.rank == 2
    node.detach()
    options = {"name": node.name, "origin": node.origin, "scope": node.scope}
    embedding = outputs if keeps else [Value(outputs[0].name, outputs[0].dtype, (1, *outputs[0].shape))]
    new = [Node("PositionEmbedding", [owner, table], embedding, {}, domain=DOMAIN, **options)]
    if not keeps:
        new.append(Node("Squeeze", [embedding[0], Value.constant(np.zeros(1, np.int64))], outputs, **options))
    graph.nodes[place : place + 1] = new
