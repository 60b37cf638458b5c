"""The shape of what an operator gives, as sizes: by its own rule where it computes with sizes, by ONNX inference otherwise."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import onnx
import onnx.checker
import onnx.helper
import onnx.numpy_helper
import onnx.shape_inference

from converter.emitters.onnx import node_proto
from converter.graph import NEWEST_OPSET, Node, Value, onnx_schema, padding_of
from converter.padding import Padding
from converter.sizes import expression as e
from converter.sizes.contents import Ratio, whole
from converter.sizes.expression import Number, Size

Sizes = tuple[Number | None, ...]
"""A shape; None is a size that nothing is known of."""

_INFINITE = 2**31 - 1


class Known(Protocol):
    """What is known of a node's inputs."""

    def shape(self, value: Value) -> tuple[Number, ...] | None: ...

    def contents(self, value: Value) -> np.ndarray | None: ...

    def is_natural(self, number: Number) -> bool: ...

    def assume_natural(self, number: Number) -> None: ...


class Inputs:
    """Shapes and elements of one node's inputs, None where they are left out or unknown."""

    def __init__(self, node: Node, known: Known):
        self.node, self.known = node, known

    def shape(self, index: int) -> tuple[Number, ...] | None:
        value = self.node.input(index)
        return None if value is None else self.known.shape(value)

    def vector(self, index: int) -> list | None:
        """The elements of a vector or a single number."""
        value = self.node.input(index)
        contents = None if value is None else self.known.contents(value)
        return None if contents is None else list(contents.reshape(-1))

    def naturals(self, index: int) -> list[Number] | None:
        """The elements, where all of them are sizes."""
        found = self.vector(index)
        whole = found is not None and not any(isinstance(x, Ratio) for x in found)
        return found if whole and all(map(self.known.is_natural, found)) else None

    def integers(self, index: int) -> list[int] | None:
        found = self.vector(index)
        return found if found is not None and all(isinstance(x, int) for x in found) else None


def product(sizes: Sequence[Number]) -> Number:
    return math.prod(sizes, start=1)


def broadcast(a: Sequence[Number | None], b: Sequence[Number | None]) -> Sizes:
    rank = max(len(a), len(b))
    pairs = zip((1,) * (rank - len(a)) + tuple(a), (1,) * (rank - len(b)) + tuple(b), strict=True)
    return tuple(_broadcast(x, y) for x, y in pairs)


def _broadcast(a: Number | None, b: Number | None) -> Number | None:
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    if isinstance(a, int) or isinstance(b, int):
        return a if isinstance(a, int) else b
    return a if _is_part_of(b, a) else b if _is_part_of(a, b) else None


def _is_part_of(part: Number | None, whole: Number | None) -> bool:
    """Whether one is min(whole, something above 0): unless they are equal, it broadcasts to the whole only as 1 does."""
    sides = None if part is None or whole is None else e.least_of(part)
    return sides is not None and any(side == whole and (e.bounds(other)[0] or 0) >= 1 for side, other in (sides, sides[::-1]))


def _reshape(n: Inputs) -> Sizes | None:
    data, target = n.shape(0), n.vector(1)
    if target is None or any(isinstance(x, Ratio) or not (x == -1 or n.known.is_natural(x)) for x in target):
        return None
    if not n.node["allowzero"]:
        if data is None and 0 in target:
            return None
        target = [data[i] if x == 0 else x for i, x in enumerate(target)]
    if -1 in target and data is not None:
        place = target.index(-1)
        others = product(target[:place] + target[place + 1 :])
        target[place] = None if others == 0 else e.floor_divide(product(data), others)
    return tuple(None if isinstance(x, int) and x < 0 else x for x in target)


def _expand(n: Inputs) -> Sizes | None:
    data, target = n.shape(0), n.naturals(1)
    return None if data is None or target is None else broadcast(data, target)


def _range(n: Inputs) -> Sizes | None:
    parts = [n.vector(i) for i in range(3)]
    if None in parts:
        return None
    start, limit, delta = (whole(part[0]) for part in parts)
    if isinstance(start, Ratio) or isinstance(limit, Ratio) or not isinstance(delta, int) or delta == 0:
        return None
    return (e.greatest(e.ceiling_divide((limit - start) * (1 if delta > 0 else -1), abs(delta)), 0),)


def _slice(n: Inputs) -> Sizes | None:
    data, starts, ends, steps = n.shape(0), n.vector(1), n.vector(2), n.integers(4)
    if data is None or (n.node.input(3) is not None and n.integers(3) is None):
        return None
    if n.node.input(3) is not None:
        axes = n.integers(3)
    else:
        (count,) = n.shape(1) or (None,)
        if not isinstance(count, int):
            return None
        axes = list(range(count))
    result = list(data)
    for i, axis in enumerate(axes):
        step = 1 if n.node.input(4) is None else None if steps is None else steps[i]
        result[axis] = sliced(data[axis], starts and starts[i], ends and ends[i], step)
    return tuple(result)


def sliced(size: Number, start: Number | None, end: Number | None, step: int | None) -> Number | None:
    """How many elements of an axis a slice takes."""
    if start is None or end is None or not step:
        return None
    if step > 0:
        first, last = place(start, size), place(end, size)
        if first is None or last is None:
            return None
        return e.ceiling_divide(e.greatest(last - first, 0), step)
    if isinstance(size, int) and isinstance(start, int) and isinstance(end, int):
        return len(range(size)[start:end:step])
    whole = isinstance(start, int) and isinstance(end, int) and (start == -1 or start >= _INFINITE) and end <= -_INFINITE
    return e.ceiling_divide(size, -step) if whole else None


def place(position: Number, size: Number) -> Number | None:
    """Where a slice that walks forwards begins or ends; None where it is not known from which end it counts."""
    low, high = e.bounds(position)
    if low is not None and low >= _INFINITE:
        return size
    if low is not None and low >= 0:
        return e.least(position, size)
    if high is not None and high < 0:
        return e.greatest(position + size, 0)
    return None


def _concat(n: Inputs) -> Sizes | None:
    shapes = [n.shape(i) for i in range(len(n.node.inputs))]
    if None in shapes or not shapes[0]:
        return None
    axis = n.node["axis"] % len(shapes[0])
    result = [next((s for s in sizes if isinstance(s, int)), sizes[0]) for sizes in zip(*shapes, strict=True)]
    result[axis] = sum((shape[axis] for shape in shapes), start=0)
    return tuple(result)


def _tile(n: Inputs) -> Sizes | None:
    data, repeats = n.shape(0), n.naturals(1)
    return None if data is None or repeats is None else tuple(a * b for a, b in zip(data, repeats, strict=True))


def _pad(n: Inputs) -> Sizes | None:
    data, pads = n.shape(0), n.vector(1)
    axes = n.integers(3) if n.node.input(3) is not None else None if data is None else list(range(len(data)))
    if data is None or pads is None or axes is None:
        return None
    result = list(data)
    for axis, begin, end in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        result[axis] = e.greatest(data[axis] + begin + end, 0)
    return tuple(result)


def _split(n: Inputs) -> list[Sizes] | None:
    data, count = n.shape(0), len(n.node.outputs)
    if data is None:
        return None
    axis = n.node["axis"] % len(data)
    sizes = n.naturals(1)
    if n.node.input(1) is None:
        each = e.ceiling_divide(data[axis], n.node["num_outputs"] or count)
        sizes = [each] * (count - 1) + [data[axis] - each * (count - 1)]
    if sizes is None:
        return None
    return [(*data[:axis], size, *data[axis + 1 :]) for size in sizes]


def sizes_of_parts(node: Node, shape: Sizes | None) -> list[int] | None:
    """The sizes of the parts into which SplitToSequence cuts its axis of a tensor of this shape, where they are numbers."""
    given = node.input(1)
    whole = shape[node["axis"]] if shape else None
    if given is None or given.array is None or not isinstance(whole, int) or not given.array.size:
        return None
    numbers = given.array.reshape(-1).tolist()
    if given.rank == 0:
        size = numbers[0]
        numbers = [min(size, whole - begin) for begin in range(0, whole, size)] if size > 0 else []
    return numbers if sum(numbers) == whole and min(numbers, default=0) > 0 else None


def _sequence_at(n: Inputs) -> Sizes | None:
    cut, place = n.node.inputs[0].producer, n.integers(1)
    if cut is None or cut.op_type != "SplitToSequence" or cut.domain or place is None:
        return None
    shape = n.known.shape(cut.inputs[0])
    sizes = sizes_of_parts(cut, shape)
    if sizes is None or not -len(sizes) <= place[0] < len(sizes):
        return None
    axis = cut["axis"] % len(shape)
    return (*shape[:axis], sizes[place[0]], *shape[axis + 1 :])


def _flatten(n: Inputs) -> Sizes | None:
    data = n.shape(0)
    if data is None:
        return None
    axis = n.node["axis"] + (len(data) if n.node["axis"] < 0 else 0)
    return product(data[:axis]), product(data[axis:])


def _resize(n: Inputs) -> Sizes | None:
    data, axes = n.shape(0), n.node["axes"]
    if data is None or n.node["keep_aspect_ratio_policy"] != "stretch":
        return None
    axes = range(len(data)) if axes is None else axes
    sizes, scales = n.naturals(3), n.vector(2)
    if sizes is None and scales and all(isinstance(x, Ratio) and x.is_exact and x.number != 0 for x in scales):
        sizes = [e.floor_divide(data[axis] * x.number, x.divisor) for axis, x in zip(axes, scales, strict=True)]
    if not sizes:
        return None
    result = list(data)
    for axis, size in zip(axes, sizes, strict=True):
        result[axis] = size
    return tuple(result)


def _top_k(n: Inputs) -> list[Sizes] | None:
    data, k = n.shape(0), n.naturals(1)
    if not data or not k:
        return None
    result = list(data)
    result[n.node["axis"]] = k[0]
    return [tuple(result)] * 2


def _one_hot(n: Inputs) -> Sizes | None:
    indices, depth = n.shape(0), n.naturals(1)
    if indices is None or not depth:
        return None
    axis = n.node["axis"] % (len(indices) + 1)
    return (*indices[:axis], depth[0], *indices[axis:])


def _window(n: Inputs) -> list[Sizes] | None:
    """Of a convolution or pool whose padding is explicit."""
    node, data = n.node, n.shape(0)
    padding = padding_of(node)
    if padding is None and node.attributes.get("auto_pad") in ("NOTSET", "VALID"):
        rank = 0 if data is None else len(data) - 2
        padding = Padding.from_onnx(node["pads"] or (0,) * (2 * rank)) if not isinstance(node["pads"], Padding) else None
    weight = n.shape(1) if node.op_type == "Conv" else None
    kernel = node["kernel_shape"] or (None if weight is None else weight[2:])
    if data is None or padding is None or padding.has_ceil or kernel is None or node.attributes.get("ceil_mode"):
        return None
    ones = (1,) * len(kernel)
    parts = zip(data[2:], kernel, node["strides"] or ones, node["dilations"] or ones, padding.begin, padding.end, strict=True)
    image = []
    for size, k, s, d, b, a in parts:
        steps = size + b + a - (k - 1) * d - 1
        n.known.assume_natural(steps)
        image.append(e.floor_divide(steps, s) + 1)
    shape = data[0], (weight[0] if weight is not None else data[1]), *image
    return [shape] * len(node.outputs)


def _depth_to_space(n: Inputs) -> Sizes | None:
    data, block = n.shape(0), n.node["blocksize"]
    if data is None:
        return None
    batch, channels, height, width = data
    return batch, e.floor_divide(channels, block * block), height * block, width * block


def _einsum(n: Inputs) -> Sizes | None:
    equation, shapes = n.node["equation"].replace(" ", ""), [n.shape(index) for index in range(len(n.node.inputs))]
    before, arrow, after = equation.partition("->")
    terms = before.split(",")
    if not arrow or "." in equation or None in shapes or list(map(len, terms)) != list(map(len, shapes)):
        return None
    sizes: dict[str, Number] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, size in zip(term, shape, strict=True):
            if sizes.get(letter, 1) == 1 or (isinstance(size, int) and size != 1):
                sizes[letter] = size
    return tuple(sizes[letter] for letter in after)


def _elementwise(n: Inputs) -> Sizes | None:
    shapes = [n.shape(index) for index in range(len(n.node.inputs))]
    return None if None in shapes else functools.reduce(broadcast, shapes)


_ELEMENTWISE = ["Add", "Sub", "Mul", "Div", "Pow", "Mod", "Max", "Min", "Sum", "Mean", "Where", "And", "Or", "Xor"]
_ELEMENTWISE += ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"]

_RULES: dict[str, Callable[[Inputs], Sizes | list[Sizes] | None]] = {
    "Reshape": _reshape,
    "Expand": _expand,
    "ConstantOfShape": lambda n: None if n.naturals(0) is None else tuple(n.naturals(0)),
    "Range": _range,
    "Slice": _slice,
    "Concat": _concat,
    "Tile": _tile,
    "Pad": _pad,
    "Split": _split,
    "Flatten": _flatten,
    "Resize": _resize,
    "TopK": _top_k,
    "OneHot": _one_hot,
    "Conv": _window,
    "MaxPool": _window,
    "AveragePool": _window,
    "DepthToSpace": _depth_to_space,
    "Einsum": _einsum,
    "SequenceAt": _sequence_at,
    **dict.fromkeys(_ELEMENTWISE, _elementwise),
}


def shapes_of(node: Node, known: Known) -> list[Sizes | None]:
    """The shape of each output, as far as it is known."""
    rule = _RULES.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    found = None if rule is None else rule(Inputs(node, known))
    if found is None:
        found = _inferred(node, known)
    found = found if isinstance(found, list) else [found]
    return [*found, *[None] * (len(node.outputs) - len(found))]


_WRONG = (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError, ValueError)


def _inferred(node: Node, known: Known) -> list[Sizes | None]:
    """What ONNX inference says of the node alone, each size that is no number as a symbol of its own."""
    schema = onnx_schema(node.op_type, node.domain)
    nothing: list[Sizes | None] = [None] * len(node.outputs)
    if schema is None or any(node.subgraphs()) or any(v is not None and v.dtype is None for v in node.inputs):
        return nothing
    names: dict[Size, str] = {}
    types, data = {}, {}
    for index, value in enumerate(node.inputs):
        if value is None:
            continue
        shape = known.shape(value)
        sizes = None if shape is None else [s if isinstance(s, int) else names.setdefault(s, f"s{len(names)}") for s in shape]
        types[f"i{index}"] = onnx.helper.make_tensor_type_proto(onnx.helper.np_dtype_to_tensor_dtype(value.dtype), sizes)
        if value.weight is not None and value.weight.nbytes <= 1024 and value.dtype.kind in "iufb" and value.weight.has_data:
            data[f"i{index}"] = onnx.numpy_helper.from_array(value.array, f"i{index}")
    proto = node_proto(node, [None if v is None else f"i{i}" for i, v in enumerate(node.inputs)])
    opsets = [onnx.helper.make_opsetid(node.domain, NEWEST_OPSET if node.domain in ("", "ai.onnx") else schema.since_version)]
    try:
        found = onnx.shape_inference.infer_node_outputs(schema, proto, types, data, opset_imports=opsets)
    except _WRONG:  # deprecated operators, and what only inference on the whole graph knows
        return nothing
    sizes_of = {name: size for size, name in names.items()}

    def shape(kind: onnx.TypeProto | None) -> Sizes | None:
        if kind is None or not kind.tensor_type.HasField("shape"):
            return None
        dims = kind.tensor_type.shape.dim
        return tuple(dim.dim_value if dim.HasField("dim_value") else sizes_of.get(dim.dim_param) for dim in dims)

    return [shape(found.get(f"o{index}")) for index in range(len(node.outputs))]
