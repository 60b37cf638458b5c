"""Convolutions and pools along an axis that was put in for them and is taken out again work without it.

TensorFlow computes a Conv1D as a Conv2D of images that are one pixel high: so tf2onnx writes it.
"""

from __future__ import annotations

from converter.graph import Graph, Node, Value, padding_of
from converter.padding import Padding

_WINDOWS = ("Conv", "MaxPool", "AveragePool")


def one_dimension(graph: Graph) -> None:
    """Unsqueeze, windows one element long along its axis, and Squeeze of that axis become the windows without the axis.

    A Transpose behind the Unsqueeze or before the Squeeze stays, without the axis. Nothing else may read what is between.
    """
    own = set(graph.nodes)
    for squeeze in list(graph.nodes):
        axis = _axis(squeeze, "Squeeze")
        if axis is None:
            continue
        end = axis
        back, axis, value = _transposed(squeeze.inputs[0], axis)
        windows: list[Node] = []
        while value.producer in own and axis >= 2 and _is_one_long(value.producer, axis - 2):
            windows.insert(0, value.producer)
            value = value.producer.inputs[0]
        forth, start, value = _transposed(value, axis)
        unsqueeze = value.producer
        if not windows or unsqueeze not in own or _axis(unsqueeze, "Unsqueeze") != start:
            continue
        between = [node.output for node in (unsqueeze, forth, *windows, back) if node is not None]
        if any(len(value.users) != 1 or value in graph.outputs for value in between):
            continue
        (forth or windows[0]).set_input(0, unsqueeze.inputs[0])
        for node in windows:
            _without_axis(node, axis)
        for node, place in ((forth, axis), (back, end)):
            if node is not None:
                gone = node["perm"][place]
                node.attributes["perm"] = tuple(old - (old > gone) for old in node["perm"] if old != gone)
                node.output.shape = _drop(node.output.shape, place)
        graph.replace_all_uses(squeeze.output, squeeze.inputs[0])
        graph.remove(squeeze)
        graph.remove(unsqueeze)


def _axis(node: Node | None, op_type: str) -> int | None:
    """The one axis, from 0, that the node puts in or takes out."""
    if node is None or node.op_type != op_type or node.domain or not node.inputs[0].is_tensor or node.input(1) is None:
        return None
    axes, rank = node.inputs[1].array, (node.output if op_type == "Unsqueeze" else node.inputs[0]).rank
    return int(axes.reshape(-1)[0]) % rank if axes is not None and axes.size == 1 and rank is not None else None


def _transposed(value: Value, axis: int) -> tuple[Node | None, int, Value]:
    """(the Transpose that computes the value, if one does; the place of the axis before it; its input)."""
    node = value.producer
    if node is None or node.op_type != "Transpose" or node.domain:
        return None, axis, value
    return node, node["perm"][axis], node.inputs[0]


def _is_one_long(node: Node, axis: int) -> bool:
    """Whether each window takes one element along this spatial axis and each element has one."""
    if node.op_type not in _WINDOWS or node.domain or node.attributes.get("ceil_mode") or sum(map(bool, node.outputs)) != 1:
        return False
    if node.op_type == "Conv" and node.inputs[1].weight is None:
        return False
    kernel, strides, padding = node["kernel_shape"], node["strides"], padding_of(node)
    if kernel is None or strides is None or len(kernel) < 2 or kernel[axis] != 1 or strides[axis] != 1:
        return False
    if padding is None:
        return node["auto_pad"] != "NOTSET"
    return padding.begin[axis] == padding.end[axis] == 0 and not padding.has_ceil


def _without_axis(window: Node, axis: int) -> None:
    for key in ("kernel_shape", "strides", "dilations"):
        if window.attributes.get(key) is not None:
            window.attributes[key] = _drop(window[key], axis - 2)
    padding = padding_of(window)
    if padding is not None:
        window.attributes["pads"] = Padding(_drop(padding.begin, axis - 2), _drop(padding.end, axis - 2))
    if window.op_type == "Conv":
        weight = window.inputs[1].weight
        window.set_input(1, Value.of_weight(weight.reshape(*_drop(weight.shape, axis)), window.inputs[1].name))
    window.output.shape = _drop(window.output.shape, axis)


def _drop(items: tuple | None, place: int) -> tuple | None:
    return None if items is None else (*items[:place], *items[place + 1 :])
