"""Where a network does something else: bounds, thresholds, halves that are rounded, ties. Noise hardly ever comes near them.

They are found in the model that the judge runs, so that nothing that went wrong on reading hides them, and followed back to the
inputs where what lies between moves numbers or scales them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnx.numpy_helper
from onnx import TensorProto

_COMPARES = {"Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"}
_ORDERS = {"TopK": (0,), "ArgMax": (0,), "ArgMin": (0,), "Hardmax": (0,), "Unique": (0,), "NonMaxSuppression": (0, 1)}
"""Operators to which it counts that two numbers are equal, and the inputs that hold them."""
_SPECIAL = {"IsNaN": [float("nan")], "IsInf": [float("inf"), float("-inf")]}
_WHOLE_STEPS = {"Floor", "Ceil", "Mod"}
_ROUNDS = {"Round", "Floor", "Ceil", "QuantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul"}
_INTEGERS = {
    getattr(TensorProto, name) for name in ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "BOOL")
}
_FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16}

_MOVES = {"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Gather", "Split", "Expand", "Tile"}
_MOVES |= {"Clip", "Relu", "LeakyRelu", "Abs", "MaxPool", "ReduceMax", "ReduceMin", "TopK", "Dropout", "Pad", "Cast", "Sum"}
_MOVES |= {"Concat", "Min", "Max", "Where"}
"""Operators that hand numbers on as they are, at least some of them."""
_ALL_INPUTS = {"Concat", "Min", "Max", "Where", "Sum"}

_ARITHMETIC = {"Add", "Sub", "Mul", "Div", "Neg", "Abs", "Sign", "Min", "Max", "Mod", "Sum", "Mean", "Where", "Cast", "Clip"}
_ARITHMETIC |= {"Identity", "Concat", "Not", "And", "Or", "Xor", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot"}
_ARITHMETIC |= {"Exp", "Log", "Sqrt", "Floor", "Ceil", "Round", "Relu", "Sigmoid", "Tanh"} | _COMPARES
_DATA = {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Slice", "Gather", "Split", "Expand", "Tile", "Pad", "TopK"}
_DATA |= {"CumSum", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceMean", "ArgMax", "ArgMin"}
"""Operators in which a large whole number is a number: in all inputs, or in the first. Elsewhere it may be an index, a size."""

_MOST_NUMBERS = 8
"""Of a constant: one with more different numbers is no threshold."""
_LARGEST = 1e6


@dataclass
class Border:
    """The numbers at which what reads an input changes, by which ``equal`` ones count too."""

    numbers: list[float] = field(default_factory=list)
    equal: bool = False
    special: list[float] = field(default_factory=list)
    """NaN and infinities, where the network asks whether a number is one."""


@dataclass
class Borders:
    """Those of a model. ``inputs`` are by name; ``whole`` names the inputs of integers that are mere numbers; ``inside`` has
    the bounds and thresholds of tensors by name, those of inputs too."""

    inputs: dict[str, Border]
    whole: list[str]
    inside: dict[str, list[float]]
    rounds: bool
    """Whether numbers inside are rounded to integers: then a small error shows in the few alone that lie between two."""


@dataclass(frozen=True)
class _Reach:
    """A tensor holds ``scale`` times the numbers of an input, and ``shift``."""

    name: str
    scale: float = 1.0
    shift: float = 0.0


def borders(model: onnx.ModelProto) -> Borders:
    """The borders of the main graph of a model, whose large weights need not be loaded."""
    return _Search(model.graph).found()


class _Search:
    def __init__(self, graph: onnx.GraphProto):
        self._graph = graph
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            for attribute in node.attribute:
                if node.op_type == "Constant" and attribute.name == "value":
                    self._constants[node.output[0]] = attribute.t
        self._given = {info.name: info for info in graph.input if info.name not in self._constants}
        numbers = _FLOATS | (_INTEGERS - {TensorProto.BOOL})
        self._reached = {name: [_Reach(name)] for name in self._given if self._type(name) in numbers}

    def found(self) -> Borders:
        inputs = {name: Border() for name in self._reached}
        inside: dict[str, list[float]] = {}
        for node in self._graph.node:
            if node.domain not in ("", "ai.onnx"):
                continue
            for index, numbers in self._bounds(node):
                inside.setdefault(node.input[index], []).extend(numbers)
                self._note(inputs, node.input[index], [each for number in numbers for each in (number, number - 1, number + 1)])
            for index, numbers in self._steps(node):
                self._note(inputs, node.input[index], numbers, _FLOATS)
            if node.op_type == "OneHot":
                self._note(inputs, node.input[0], [n - side for n in self._numbers(node.input[1]) for side in (0, 1)])
            for reach in self._reached.get(node.input[0], ()) if node.op_type in _SPECIAL else ():
                inputs[reach.name].special += _SPECIAL[node.op_type]
            for index in self._equals(node):
                for reach in self._reached.get(node.input[index], ()):
                    inputs[reach.name].equal = True
            for output in node.output[: None if node.op_type == "Split" else 1]:
                if output and (reached := list(self._passed_on(node))):
                    self._reached[output] = reached[:_MOST_NUMBERS]
        whole = [name for name in self._given if self._type(name) in _INTEGERS - {TensorProto.BOOL} and self._is_number(name)]
        compared = list(dict.fromkeys(number for each in inputs.values() if each.equal for number in each.numbers))
        for each in inputs.values():
            each.numbers = compared if each.equal else each.numbers  # which may be compared with each other
        rounds = any(node.op_type in _ROUNDS for node in self._graph.node)
        found = {name: each for name, each in inputs.items() if each.numbers or each.equal or each.special}
        return Borders({name: each for name, each in found.items() if self._has_borders(name, each)}, whole, inside, rounds)

    def _has_borders(self, name: str, border: Border) -> bool:
        """Of whole numbers those that are compared with constants; a mask has holes in other questions."""
        return self._type(name) in _FLOATS or bool(border.numbers and "mask" not in name.lower())

    def _note(self, inputs: Mapping[str, Border], name: str, numbers: Sequence[float], kinds: Collection[int] = ()) -> None:
        """Numbers at which a tensor changes; of inputs of some ``kinds`` alone, if there are any."""
        for reach in self._reached.get(name, ()):
            if kinds and self._type(reach.name) not in kinds:
                continue
            own = inputs[reach.name].numbers
            own += [each for each in ((number - reach.shift) / reach.scale for number in numbers) if each not in own]

    def _bounds(self, node: onnx.NodeProto) -> Iterator[tuple[int, list[float]]]:
        """The numbers at which the operator bends or jumps, by the index of the input that comes to them."""
        given = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        kind = node.op_type
        if kind == "Clip":
            own = [given[name] for name in ("min", "max") if name in given]
            yield 0, _usable([*own, *(number for name in node.input[1:] for number in self._numbers(name))])
        elif kind == "HardSigmoid":
            alpha, beta = given.get("alpha", 0.2), given.get("beta", 0.5)
            yield 0, _usable([-beta / alpha, (1 - beta) / alpha] if alpha else [])
        elif kind == "HardSwish":
            yield 0, [-3.0, 3.0]
        elif kind == "ThresholdedRelu":
            yield 0, [given.get("alpha", 1.0)]
        elif kind == "Shrink":
            yield 0, [-given.get("lambd", 0.5), given.get("lambd", 0.5)]
        elif kind in _COMPARES | {"Min", "Max"}:
            constants = [number for name in node.input for number in self._numbers(name)]
            for index, name in enumerate(node.input):
                if name not in self._constants and constants:
                    yield index, _usable(constants)

    def _steps(self, node: onnx.NodeProto) -> Iterator[tuple[int, list[float]]]:
        """Numbers at which the operator jumps again and again."""
        if node.op_type == "Round":
            yield 0, [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]
        elif node.op_type in _WHOLE_STEPS or (
            node.op_type == "Cast" and any(a.name == "to" and a.i in _INTEGERS for a in node.attribute)
        ):
            for index in range(len(node.input)):
                yield index, [-1.0, 0.0, 1.0, 2.0, -1.5, -0.5, 0.5, 1.5]
        elif node.op_type == "Sign":
            yield 0, [0.0]

    def _equals(self, node: onnx.NodeProto) -> Sequence[int]:
        """The inputs of whose numbers it counts which are equal."""
        if node.op_type in _COMPARES:
            return (0, 1)
        if node.op_type == "MaxPool" and len(node.output) > 1:
            return (0,)
        return [index for index in _ORDERS.get(node.op_type, ()) if index < len(node.input)]

    def _passed_on(self, node: onnx.NodeProto) -> Iterator[_Reach]:
        kind, inputs = node.op_type, list(node.input)
        if kind in _MOVES:
            for name in inputs if kind in _ALL_INPUTS else inputs[:1]:
                yield from self._reached.get(name, ())
        elif kind == "Neg":
            for reach in self._reached.get(inputs[0], ()):
                yield _Reach(reach.name, -reach.scale, -reach.shift)
        elif kind in ("Add", "Sub", "Mul", "Div"):
            for index, name in enumerate(inputs):
                others = self._numbers(inputs[1 - index])
                if not others and kind in ("Add", "Sub"):  # of two that are given: where the other is 0
                    others = [0.0] if inputs[1 - index] in self._reached else []
                for reach in self._reached.get(name, ()):
                    yield from (each for number in others for each in _moved(kind, index, reach, number))

    def _numbers(self, name: str) -> list[float]:
        """The different numbers of a constant, none where it has many or is none."""
        tensor = self._constants.get(name)
        if tensor is None or tensor.data_location == TensorProto.EXTERNAL or np.prod(tensor.dims) > 1024:
            return []
        numbers = np.unique(onnx.numpy_helper.to_array(tensor)) if tensor.data_type != TensorProto.STRING else []
        return [float(number) for number in numbers] if len(numbers) <= _MOST_NUMBERS else []

    def _type(self, name: str) -> int:
        return self._given[name].type.tensor_type.elem_type

    def _is_number(self, name: str) -> bool:
        """Whether an input of integers is no index and no size, wherever it goes."""
        if "mask" in name.lower():
            return False
        tainted = {name}
        for node in self._graph.node:
            for inner in _inner(node):
                if tainted & inner:
                    return False
            read = [index for index, each in enumerate(node.input) if each in tainted]
            if not read:
                continue
            if node.domain not in ("", "ai.onnx") or not (
                node.op_type in _ARITHMETIC or (node.op_type in _DATA and read == [0])
            ):
                return False
            if node.op_type not in _COMPARES:  # the answer holds for any number
                tainted |= set(node.output)
        return True


def _inner(node: onnx.NodeProto) -> Iterator[set[str]]:
    """The names that the sub-graphs of a node read."""
    for attribute in node.attribute:
        for graph in [attribute.g] if attribute.HasField("g") else attribute.graphs:
            yield {name for each in graph.node for name in each.input} | {output.name for output in graph.output}
            for each in graph.node:
                yield from _inner(each)


def _moved(kind: str, index: int, reach: _Reach, number: float) -> Iterator[_Reach]:
    """What the operator makes of the numbers of an input that it reads at ``index``, with a constant on the other side."""
    if not np.isfinite(number):
        return
    if kind == "Add":
        yield _Reach(reach.name, reach.scale, reach.shift + number)
    elif kind == "Sub":
        sign = 1 - 2 * index
        yield _Reach(reach.name, sign * reach.scale, sign * (reach.shift - number))
    elif number and (kind == "Mul" or index == 0):
        factor = number if kind == "Mul" else 1 / number
        yield _Reach(reach.name, factor * reach.scale, factor * reach.shift)


def _usable(numbers: Sequence[Any]) -> list[float]:
    return list(dict.fromkeys(float(number) for number in numbers if abs(number) <= _LARGEST))


def near_borders(array: np.ndarray, border: Border, generator: np.random.Generator) -> np.ndarray:
    """An array of its shape and type: the numbers of ``border``, and numbers like its own rounded to few binary digits, so that
    some are whole, halves and quarters, many are equal, and sums of them are exact."""
    numbers = [number for number in border.numbers if np.isfinite(number)]
    if array.dtype.kind in "iu":
        return _near_whole(array, numbers, generator)
    wide = array.astype(np.float64).ravel()
    own = wide[wide != 0] if wide.any() else np.ones(1)
    drawn = generator.choice(own, array.size) * generator.choice([1, 2], array.size)
    steps = 2.0 ** generator.integers(0, 4, array.size)
    result = np.rint(drawn * steps) / steps
    places = generator.permutation(array.size)[: array.size * 2 // 3]
    if numbers:
        result[places] = np.resize(generator.permutation(numbers), len(places))
    return result.reshape(array.shape).astype(array.dtype)


def _near_whole(array: np.ndarray, numbers: Sequence[float], generator: np.random.Generator) -> np.ndarray:
    """The array with whole ``numbers`` that its type holds at a third of its places, at one of each row at least."""
    limits = np.iinfo(array.dtype)
    usable = [number for number in numbers if number == int(number) and limits.min <= number <= limits.max]
    if not usable or not array.size:
        return array
    rows = np.array(array).reshape(-1, array.shape[-1] if array.ndim > 1 else array.size)
    places = -(-rows.shape[1] // 3)
    drawn = np.resize(generator.permutation(usable), (len(rows), places)).astype(array.dtype)
    for row, chosen in zip(rows, drawn, strict=True):
        row[generator.permutation(rows.shape[1])[:places]] = chosen
    return rows.reshape(array.shape)


def with_special(array: np.ndarray, border: Border, generator: np.random.Generator) -> np.ndarray:
    """The array with NaN or infinities at a fifth of its places, none in every third sample."""
    result = np.array(array)
    places = generator.random(array.shape) < 0.2
    if array.ndim > 1:
        places[::3] = False
    result[places] = generator.choice(border.special, int(places.sum()))
    return result


def drawn_anew(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """An array of its shape and type, of its numbers that are not 0."""
    own = array[array != 0]
    return generator.choice(own, array.shape) if own.size else array


def large_numbers(array: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Whole numbers of its shape and type beyond what half as many bits hold, whose squares the type still holds; some of them
    negative, and some of those small."""
    limits = np.iinfo(array.dtype)
    low = 2 ** (4 * array.dtype.itemsize - 1)
    result = generator.integers(low, low + low // 5, array.shape)
    if limits.min < 0:
        sign = generator.random(array.shape)
        result = np.where(sign < 0.3, -result, np.where(sign < 0.5, -generator.integers(1, 10, array.shape), result))
    return np.asarray(result).astype(array.dtype)
