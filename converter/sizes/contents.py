"""The elements of small tensors of numbers, as sizes: what an operator makes of them.

Each function takes a node and the elements of its inputs, NumPy arrays of objects, and gives the elements of its outputs. An
element is an ``int``, a ``Size`` (truth is 1), or, where the tensor holds floating-point numbers, a ``Ratio``. None stands for
what is no arithmetic of sizes.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from converter.graph import Node
from converter.sizes import expression as e
from converter.sizes.expression import Number

LARGEST = 256
"""Most elements of a tensor that is followed."""

_FACTOR, _DIVISOR = 64, 4096  # beyond them a size of some thousands would no longer be exact in float32


class NoSizeError(ArithmeticError):
    """What is computed is no arithmetic of sizes."""


@dataclass(frozen=True)
class Ratio:
    """``number / divisor`` as floating-point numbers compute it, for sizes far enough below 2**24.

    Such a number is exact in float32 while the divisor is a power of two and the numerator short. Any other quotient is
    rounded, which no rounding to an integer shows: but nothing else may be computed with it.
    """

    number: Number
    divisor: int = 1

    @property
    def is_exact(self) -> bool:
        return self.divisor & (self.divisor - 1) == 0


def ratio(value: float) -> Ratio:
    if not math.isfinite(value):
        raise NoSizeError
    fraction = Fraction(float(value))
    return Ratio(fraction.numerator, fraction.denominator)


def _short(number: Number, divisor: int) -> Ratio:
    if isinstance(number, int):
        fraction = Fraction(number, divisor)
        if abs(fraction.numerator) >= 2**24:
            raise NoSizeError
        return Ratio(fraction.numerator, fraction.denominator)
    if any(len(product) > 1 or abs(factor) > _FACTOR for product, factor in number.terms.items()) or divisor > _DIVISOR:
        raise NoSizeError
    return Ratio(number, divisor)


def _exact(*ratios: Ratio) -> None:
    if not all(r.is_exact for r in ratios):
        raise NoSizeError


def _float_multiply(a: Ratio, b: Ratio) -> Ratio:
    _exact(a, b)
    if isinstance(a.number, e.Size) and isinstance(b.number, e.Size):
        raise NoSizeError
    return _short(a.number * b.number, a.divisor * b.divisor)


def _float_divide(a: Ratio, b: Ratio) -> Ratio:
    _exact(a, b)
    if not isinstance(b.number, int) or b.number <= 0:
        raise NoSizeError
    fraction = Fraction(b.divisor, a.divisor * b.number)
    return _short(a.number * fraction.numerator, fraction.denominator)


def _float_add(a: Ratio, b: Ratio) -> Ratio:
    _exact(a, b)
    divisor = max(a.divisor, b.divisor)
    return _short(a.number * (divisor // a.divisor) + b.number * (divisor // b.divisor), divisor)


def _float_negate(a: Ratio) -> Ratio:
    return Ratio(-1 * a.number, a.divisor)


def _float_greatest(a: Ratio, b: Ratio) -> Ratio:
    _exact(a, b)
    divisor = max(a.divisor, b.divisor)
    return Ratio(e.greatest(a.number * (divisor // a.divisor), b.number * (divisor // b.divisor)), divisor)


def _float_least(a: Ratio, b: Ratio) -> Ratio:
    return _float_negate(_float_greatest(_float_negate(a), _float_negate(b)))


def _floor(a: Ratio) -> Ratio:
    return Ratio(e.floor_divide(a.number, a.divisor))


def _ceiling(a: Ratio) -> Ratio:
    return Ratio(e.ceiling_divide(a.number, a.divisor))


def _whole(a: Ratio) -> Number:
    """The number without its fraction."""
    if a.divisor == 1 or e.is_natural(a.number):
        return e.floor_divide(a.number, a.divisor)
    raise NoSizeError


def _need(result: Number | None) -> Number:
    if result is None:
        raise NoSizeError
    return result


def _divide(a, b, is_natural):
    return _float_divide(a, b) if isinstance(a, Ratio) else _need(e.divide(a, b, is_natural))


def _power(a, b):
    if not isinstance(b, int) or not 0 <= b <= 4 or isinstance(a, Ratio):
        raise NoSizeError
    return functools.reduce(lambda x, y: x * y, [a] * b, 1)


def _of_numbers(function: Callable) -> Callable:
    """The function of whole numbers; floating-point ones are no sizes there."""

    def checked(*arguments):
        if any(isinstance(argument, Ratio) for argument in arguments):
            raise NoSizeError
        return function(*arguments)

    return checked


def _either(whole: Callable, floating: Callable) -> Callable:
    return lambda *arguments: (floating if any(isinstance(a, Ratio) for a in arguments) else whole)(*arguments)


_ELEMENTWISE: dict[str, Callable] = {
    "Identity": lambda a: a,
    "Add": _either(lambda a, b: a + b, _float_add),
    "Sub": _either(lambda a, b: a - b, lambda a, b: _float_add(a, _float_negate(b))),
    "Mul": _either(lambda a, b: a * b, _float_multiply),
    "Neg": _either(lambda a: -1 * a, _float_negate),
    "Relu": _either(lambda a: e.greatest(a, 0), lambda a: _float_greatest(a, Ratio(0))),
    "Mod": _of_numbers(lambda a, b: _need(e.modulo(a, b))),
    "Pow": _power,
    "Floor": _floor,
    "Ceil": _ceiling,
    "Equal": _of_numbers(e.equal),
    "Less": _of_numbers(e.less),
    "Greater": _of_numbers(lambda a, b: e.less(b, a)),
    "LessOrEqual": _of_numbers(lambda a, b: e.negate(e.less(b, a))),
    "GreaterOrEqual": _of_numbers(lambda a, b: e.negate(e.less(a, b))),
    "Not": e.negate,
    "And": e.both,
    "Or": e.either,
    "Where": _of_numbers(e.choose),
}
_FOLDED = {
    "Max": _either(e.greatest, _float_greatest),
    "Min": _either(e.least, _float_least),
    "Sum": _either(lambda a, b: a + b, _float_add),
}
_REDUCED = {
    "ReduceProd": (lambda a, b: a * b, 1),
    "ReduceSum": (lambda a, b: a + b, 0),
    "ReduceMax": (e.greatest, None),
    "ReduceMin": (e.least, None),
}


def elements_of(
    node: Node, inputs: list[np.ndarray | None], is_natural: Callable[[Number], bool] = e.is_natural
) -> list[np.ndarray] | None:
    """The elements of each output, None where they are no arithmetic of the inputs' elements.

    ``is_natural`` tells what cannot be below zero.
    """
    if node.domain not in ("", "ai.onnx") or not inputs or inputs[0] is None:
        return None
    if node.op_type == "Mod" and node["fmod"]:
        return None
    try:
        if node.op_type == "Div":
            return [_map(functools.partial(_divide, is_natural=is_natural), inputs)]
        if node.op_type in _ELEMENTWISE:
            return [_map(_ELEMENTWISE[node.op_type], inputs)]
        if node.op_type in _FOLDED:
            function = _FOLDED[node.op_type]
            return [functools.reduce(lambda a, b: _map(function, [a, b]), inputs)]
        if node.op_type in _REDUCED:
            return [_reduced(node, *_REDUCED[node.op_type], *inputs)]
        if node.op_type in _MOVES:
            results = _MOVES[node.op_type](node, *inputs)
            return [np.asarray(result, object) for result in (results if isinstance(results, list) else [results])]
    except NoSizeError:
        pass
    return None


def _map(function: Callable, inputs: list[np.ndarray]) -> np.ndarray:
    result = np.frompyfunc(function, len(inputs), 1)(*inputs)
    return np.array(result, dtype=object)  # of rank 0 it gives the bare element


def _numbers(array: np.ndarray | None) -> list[int]:
    """Elements that must be plain numbers: axes, steps, indices."""
    flat = [] if array is None else list(array.reshape(-1))
    if not all(isinstance(item, int) for item in flat):
        raise NoSizeError
    return flat


def _reduced(node: Node, function: Callable, first: Number | None, data: np.ndarray, axes: np.ndarray | None = None):
    picked = tuple(_numbers(axes))
    if not picked and node["noop_with_empty_axes"]:
        return data
    picked = {axis % data.ndim for axis in picked} or set(range(data.ndim))
    for axis in sorted(picked, reverse=True):
        parts = list(np.moveaxis(data, axis, 0))
        parts = parts if first is None else [np.full(data.shape[:axis] + data.shape[axis + 1 :], first, object), *parts]
        if not parts:
            raise NoSizeError
        data = functools.reduce(lambda a, b: _map(_of_numbers(function), [a, b]), parts)
        if node["keepdims"]:
            data = np.expand_dims(data, axis)
    return data


def _cast(node: Node, data: np.ndarray) -> np.ndarray:
    target = node.output.dtype
    if not is_followed(target):  # where a size could wrap round, or is rounded
        raise NoSizeError
    if target.kind == "b":
        return _map(_of_numbers(lambda a: e.negate(e.equal(a, 0))), [data])
    if target.kind == "f":
        return _map(lambda a: a if isinstance(a, Ratio) else _short(a, 1), [data])
    return _map(lambda a: _whole(a) if isinstance(a, Ratio) else a, [data])


def _slice(node: Node, data, starts, ends, axes=None, steps=None):
    starts, ends, steps = _numbers(starts), _numbers(ends), _numbers(steps)
    axes = _numbers(axes) if axes is not None else list(range(len(starts)))
    parts = [slice(None)] * data.ndim
    for i, axis in enumerate(axes):
        step = steps[i] if steps else 1
        size = data.shape[axis]
        low, high = (0, size) if step > 0 else (-1, size - 1)
        first, last = (place + size if place < 0 else place for place in (starts[i], ends[i]))
        first, last = min(max(first, max(low, 0)), high), min(max(last, low), high)
        parts[axis] = slice(first, None if last < 0 else last, step)
    return data[tuple(parts)]


def _gather(node: Node, data, indices):
    if not all(isinstance(item, int) for item in indices.reshape(-1)):
        raise NoSizeError
    axis = node["axis"] % data.ndim
    places = indices.astype(np.int64)
    if places.size and not -data.shape[axis] <= places.min() <= places.max() < data.shape[axis]:
        raise NoSizeError
    return np.take(data, places, axis=axis)


def _concat(node: Node, *parts):
    return np.concatenate(parts, axis=node["axis"])


def _squeeze(node: Node, data, axes=None):
    return np.squeeze(data, tuple(_numbers(axes)) if axes is not None else None)


def _unsqueeze(node: Node, data, axes):
    return np.expand_dims(data, tuple(_numbers(axes)))


def _reshape(node: Node, data, shape):
    sizes = _numbers(shape)
    if not node["allowzero"]:
        sizes = [data.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    return data.reshape(sizes)


def _transpose(node: Node, data):
    return data.transpose(node["perm"])


def _constant_of_shape(node: Node, shape):
    sizes = _numbers(shape)
    if np.prod(sizes, dtype=np.int64) > LARGEST:
        raise NoSizeError
    value = np.zeros(1, np.float32) if node["value"] is None else node["value"]
    return np.full(sizes, exact(value).reshape(-1)[0], object)


def _expand(node: Node, data, shape):
    sizes = np.broadcast_shapes(data.shape, tuple(_numbers(shape)))
    if np.prod(sizes, dtype=np.int64) > LARGEST:
        raise NoSizeError
    return np.broadcast_to(data, sizes)


def _range(node: Node, start, limit, delta):
    places = range(*(_numbers(part)[0] for part in (start, limit, delta)))
    if len(places) > LARGEST:
        raise NoSizeError
    return np.array([*places, None], object)[:-1]


def _split(node: Node, data, sizes=None):
    axis, count = node["axis"] % data.ndim, len(node.outputs)
    each = -(-data.shape[axis] // count)
    ends = np.cumsum(_numbers(sizes))[:-1] if sizes is not None else [each * (i + 1) for i in range(count - 1)]
    return np.split(data, [int(end) for end in ends], axis=axis)


def _tile(node: Node, data, repeats):
    times = _numbers(repeats)
    if data.size * np.prod(times, dtype=np.int64) > LARGEST:
        raise NoSizeError
    return np.tile(data, times)


def _scatter_nd(node: Node, data, indices, updates):
    if node["reduction"] != "none":
        raise NoSizeError
    data, indices = data.copy(), np.array(_numbers(indices), np.int64).reshape(indices.shape)
    for place in np.ndindex(indices.shape[:-1]):
        data[tuple(indices[place])] = updates[place]
    return data


def _scatter_elements(node: Node, data, indices, updates):
    if node["reduction"] != "none":
        raise NoSizeError
    data, axis = data.copy(), node["axis"] % data.ndim
    for place in np.ndindex(indices.shape):
        if not isinstance(indices[place], int):
            raise NoSizeError
        data[(*place[:axis], indices[place], *place[axis + 1 :])] = updates[place]
    return data


_MOVES: dict[str, Callable] = {
    "Cast": _cast,
    "CastLike": lambda node, data, like=None: _cast(node, data),
    "Slice": _slice,
    "Gather": _gather,
    "Concat": _concat,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Reshape": _reshape,
    "Flatten": lambda node, data: data.reshape(int(np.prod(data.shape[: node["axis"]])), -1) if data.size else data,
    "Transpose": _transpose,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Range": _range,
    "Split": _split,
    "Tile": _tile,
    "ScatterND": _scatter_nd,
    "ScatterElements": _scatter_elements,
}


def is_followed(dtype: np.dtype | None) -> bool:
    """Whether numbers of this type are followed."""
    return dtype is not None and (dtype.kind == "b" or (dtype.kind in "if" and dtype.itemsize >= 4))


def whole(element: Number | Ratio) -> Number | Ratio:
    """A floating-point number that has no fraction as a whole one."""
    return element.number if isinstance(element, Ratio) and element.divisor == 1 else element


def exact(array: np.ndarray) -> np.ndarray:
    """The elements of a constant."""
    result = np.empty(array.shape, object)
    for place in np.ndindex(array.shape):
        item = array[place]
        result[place] = ratio(item) if array.dtype.kind == "f" else int(item)
    return result
