"""Why a layer computes something else: what it would compute with one thing changed, until that is what was found.

Each hypothesis changes one attribute, one input or the operator of the node. onnxruntime runs the node so, on its true inputs;
where that gives the numbers that were found, the hypothesis is the cause.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converter.emitters.layout import Layout
from converter.graph import Node, Value
from converter.padding import Padding
from converter.verification import reference
from converter.verification.alignment import error, in_order, magnitude, numeric, orders

_SECONDS = 15.0
"""After which no more hypotheses are tried."""

_EXACT = 2e-5
_SHARE = 0.02
"""How much of the error a hypothesis may leave unexplained."""


@dataclass
class Hypothesis:
    """``clause`` says it: "as if ..."; ``inputs`` replaces some of the node's inputs, ``before`` computes others from them."""

    clause: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[int, Any] = field(default_factory=dict)
    op_type: str = ""
    after: Callable[[np.ndarray], np.ndarray] | None = None


def writing(
    node: Node,
    inputs: Sequence[Any],
    index: int,
    tensors: Sequence[np.ndarray],
    layout: Layout,
    onward: Callable[[np.ndarray], Any] | None = None,
    seconds: float = _SECONDS,
) -> tuple[str, int | None]:
    """The cause for output ``index`` of a node being what one of ``tensors`` holds (in stored axis order), and which; empty
    where none was recognised.

    ``onward``: what one of the tensors holds is not that output but what this computes from it.
    """
    base = own = _run(node, inputs, index, Hypothesis(""))
    if onward is not None and own is not None:
        base = onward(own)
    end = time.monotonic() + seconds
    for hypothesis in _hypotheses(node, inputs, own):
        if time.monotonic() > end:
            break
        result = _run(node, inputs, index, hypothesis)
        if not numeric(result) or (own is not None and _equal(result, own)):
            continue
        result = result if onward is None else onward(result)
        if not numeric(result):
            continue
        for which, tensor in enumerate(tensors):
            if numeric(tensor) and tensor.size == result.size and _explains(result, tensor, base, layout):
                return f"as if {hypothesis.clause}", which
    return "", None


def left_out(
    node: Node, inputs: Sequence[Any], value: Value, values: Mapping[Value, Any], tensors: Sequence[np.ndarray]
) -> str:
    """The cause where what reads a node's result, ``value``, has read one of its inputs instead."""
    for place, array in enumerate(inputs):
        given = node.inputs[place]
        if not numeric(array) or given is None or given.weight is not None:
            continue
        for user, at in value.users:
            arrays = [array if i == at else reference.numbers(each, values) for i, each in enumerate(user.inputs)]
            results = reference.of_node(user, arrays)
            for result in filter(numeric, results or ()):
                for tensor in tensors:
                    layout = Layout.channels_last(result.ndim)
                    if numeric(tensor) and tensor.size == result.size and _explains(result, tensor, None, layout):
                        return "as if it were left out"
    return ""


def reading(node: Node, inputs: Sequence[Any], index: int, expected: np.ndarray) -> str:
    """The cause for the source's numbers, ``expected``, being others than the node's."""
    base = _run(node, inputs, index, Hypothesis(""))
    end = time.monotonic() + _SECONDS
    for hypothesis in _hypotheses(node, inputs, base):
        if time.monotonic() > end:
            break
        result = _run(node, inputs, index, hypothesis)
        if not numeric(result) or result.shape != expected.shape or (base is not None and _equal(result, base)):
            continue
        if _explains(result, expected, base, Layout.logical(expected.ndim)):
            return f"the source has what this layer would compute if {hypothesis.clause}"
    return ""


def _run(node: Node, inputs: Sequence[Any], index: int, hypothesis: Hypothesis) -> np.ndarray | None:
    if hypothesis.op_type == "Identity":
        result = inputs[0]
    else:
        arrays = [hypothesis.inputs.get(place, array) for place, array in enumerate(inputs)]
        results = reference.of_node(node, arrays, hypothesis.attributes, hypothesis.op_type)
        result = None if results is None else results[index]
    if result is None or hypothesis.after is None:
        return result
    return hypothesis.after(result)


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    return a.size == b.size and error(a.reshape(-1), b.reshape(-1), magnitude(b)) <= 1e-9


def _explains(result: np.ndarray, found: np.ndarray, base: np.ndarray | None, layout: Layout) -> bool:
    """Whether the hypothesis gives what was found: nearly all of the error is gone."""
    scale = magnitude(result)
    for order in orders(result.shape, layout if len(layout.order) == result.ndim else Layout.logical(result.ndim)):
        actual = in_order(found, order, result.shape)
        left = error(actual, result, scale)
        if base is None or base.shape != result.shape:
            if left <= _EXACT:
                return True
            continue
        whole = error(actual, base, scale)
        if left <= 1e-4 and left <= _SHARE * whole:
            return True
    return False


# Hypotheses, by operator, then those that any operator may have ------------------------------------------------------------


def _hypotheses(node: Node, inputs: Sequence[Any], base: np.ndarray | None) -> Iterator[Hypothesis]:
    for make in (*_OWN.get(node.op_type, ()), _attributes, _operator, _weights, _order, _left_out):
        yield from make(node, inputs)
    if base is not None:
        yield from _results(base)


def _were(what: str, own: Any, changed: Any) -> str:
    return f"{what} were {_said(changed)} instead of {_said(own)}"


def _said(value: Any) -> str:
    if isinstance(value, Padding):
        ceil = f" and {_said(value.ceil)} more at the end" if value.has_ceil else ""
        return f"{_said(value.matlab)}{ceil}"
    if isinstance(value, tuple | list):
        return f"[{' '.join(map(str, value))}]"
    return "missing" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


_WORDS = {
    "pads": "the padding (begin and end of each axis)",
    "strides": "the stride",
    "dilations": "the dilation",
    "kernel_shape": "the size of the window",
    "epsilon": "epsilon",
    "axis": "the axis",
    "alpha": "alpha",
    "beta": "beta",
    "bias": "the bias (k)",
    "size": "the number of channels",
    "mode": "the mode",
    "perm": "the order of axes",
    "num_groups": "the number of groups",
    "scale": "the scale",
    "approximate": "the approximation",
    "linear_before_reset": "linear_before_reset",
    "direction": "the direction",
}

_CHOICES = {
    "mode": ("nearest", "linear", "cubic", "constant", "reflect", "edge", "wrap", "DCR", "CRD"),
    "coordinate_transformation_mode": (
        "half_pixel",
        "pytorch_half_pixel",
        "align_corners",
        "asymmetric",
        "half_pixel_symmetric",
    ),
    "nearest_mode": ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
    "approximate": ("none", "tanh"),
    "direction": ("forward", "reverse"),
    "reduction": ("none", "add", "mul", "max", "min", "mean", "sum"),
    "padding_mode": ("zeros", "border", "reflection"),
}
_FLAGS = {
    "count_include_pad",
    "ceil_mode",
    "keepdims",
    "align_corners",
    "exclusive",
    "reverse",
    "linear_before_reset",
    "is_causal",
    "transA",
    "transB",
    "select_last_index",
    "largest",
    "sorted",
    "fmod",
    "exclude_outside",
    "antialias",
    "input_forget",
    "training_mode",
    "upper",
    "normalize_variance",
    "noop_with_empty_axes",
    "unidirectional",
    "rotary_embedding_dim",
    "interleaved",
}
_SMALL = (1e-3, 1e-5, 1e-6, 1e-12, 1e-8, 1e-2, 1e-4, 1e-7, 1e-1, 0.0)
_USUAL = (0.0, 0.01, 0.1, 0.2, 0.25, 0.3, 0.5, 0.75, 1.0, 2.0, -1.0)


def _attributes(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """One attribute changed, as it is often mistaken."""
    for name, own in node.attributes.items():
        if name == "num_outputs":  # the node has as many; onnx ends the whole process where the two differ
            continue
        what = _WORDS.get(name, name)
        for changed in dict.fromkeys(_changed(node, name, own, inputs)):
            if changed != own or type(changed) is not type(own):
                yield Hypothesis(_were(what, own, changed), {name: changed})


def _changed(node: Node, name: str, own: Any, inputs: Sequence[Any]) -> Iterator[Any]:
    rank = getattr(inputs[0], "ndim", 0) if inputs else 0
    if isinstance(own, Padding):
        yield from _paddings(own)
    elif name in _CHOICES:
        yield from _CHOICES[name]
    elif name in _FLAGS:
        yield 1 - int(own or 0)
    elif name == "axis" and isinstance(own, int):
        yield from (axis for axis in range(rank) if axis != own % max(rank, 1))
    elif name == "perm":
        yield from itertools.permutations(range(rank)) if rank <= 4 else _swapped(tuple(own or range(rank)[::-1]))
    elif name in ("epsilon", "eps"):
        yield from (*_SMALL, own * 10, own / 10, own * 100, own * 2, own / 2)
    elif isinstance(own, float):
        count = inputs[0].shape[1] if rank > 1 else 1
        size = node.attributes.get("size") or count
        yield from (*_USUAL, own * 10, own / 10, own * 2, own / 2, own * size, own / size, -own)
    elif name in ("strides", "dilations", "kernel_shape", "output_padding") or name == "axes":
        length = rank - 2
        given = tuple(own) if own else (1,) * length
        yield given[::-1]
        yield (1,) * len(given)
        yield from _nudged(given)
        yield tuple(value + 1 for value in given)
        yield tuple(max(value - 1, 1) for value in given)
    elif isinstance(own, tuple) and own and all(isinstance(value, int) for value in own) and len(own) <= 8:
        yield own[::-1]
        yield from _nudged(own)
    elif isinstance(own, tuple) and own and all(isinstance(value, str) for value in own):
        yield own[::-1]
        for place, activation in itertools.product(range(len(own)), ("Relu", "Tanh", "Sigmoid", "HardSigmoid", "Softsign")):
            yield (*own[:place], activation, *own[place + 1 :])
    elif isinstance(own, int):
        yield from (own + 1, own - 1, own * 2, own // 2, 0, 1, -own)


def _nudged(values: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for place, step in itertools.product(range(len(values)), (1, -1)):
        yield (*values[:place], values[place] + step, *values[place + 1 :])


def _swapped(values: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for a, b in itertools.combinations(range(len(values)), 2):
        changed = list(values)
        changed[a], changed[b] = changed[b], changed[a]
        yield tuple(changed)


def _paddings(own: Padding) -> Iterator[Padding]:
    begin, end, ceil = own.begin, own.end, own.ceil
    total = tuple(b + e for b, e in zip(begin, end, strict=True))
    yield Padding(end, begin, ceil)
    yield Padding(tuple(t // 2 for t in total), tuple(t - t // 2 for t in total), ceil)
    yield Padding(tuple(t - t // 2 for t in total), tuple(t // 2 for t in total), ceil)
    yield Padding(begin[::-1], end[::-1], ceil[::-1])
    yield Padding(end[::-1], begin[::-1], ceil[::-1])
    yield Padding(begin, begin, ceil)
    yield Padding(end, end, ceil)
    yield Padding.zero(own.rank)
    yield Padding(begin, end)
    both = begin + end
    for sides in itertools.permutations(both) if len(both) <= 4 else ():
        yield Padding(sides[: own.rank], sides[own.rank :], ceil)
    for changed in (*_nudged(both), tuple(side + 1 for side in both), tuple(side - 1 for side in both)):
        yield Padding(changed[: own.rank], changed[own.rank :], ceil)
    yield Padding(begin, end, (1,) * own.rank)


_ALTERNATIVES = [
    {
        "Relu",
        "Sigmoid",
        "Tanh",
        "Gelu",
        "Elu",
        "LeakyRelu",
        "Selu",
        "Softplus",
        "Softsign",
        "HardSigmoid",
        "HardSwish",
        "Mish",
        "ThresholdedRelu",
        "Erf",
        "Exp",
        "Softmax",
        "LogSoftmax",
        "Abs",
        "Neg",
        "Sqrt",
        "Reciprocal",
        "Log",
        "Sin",
        "Cos",
        "Floor",
        "Ceil",
        "Round",
        "Sign",
        "Silu",
        "Swish",
        "Clip",
    },
    {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean"},
    {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceProd", "ReduceSumSquare"},
    {"GlobalAveragePool", "GlobalMaxPool"},
    {"Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"},
    {"And", "Or", "Xor"},
    {"ArgMax", "ArgMin"},
    {"BatchNormalization", "InstanceNormalization"},
]


def _operator(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """Another operator of the same kind on the same inputs."""
    own = [group for group in _ALTERNATIVES if node.op_type in group]
    for name in sorted(set().union(*own) - {node.op_type}):
        kept = {key: node.attributes[key] for key in _KEPT if key in node.attributes and name not in _UNARY}
        if name in ("Silu", "Swish"):
            yield Hypothesis(f"{name} stood in place of {node.op_type}", op_type="Sigmoid", after=_times(inputs[0]))
        else:
            yield Hypothesis(f"{name} stood in place of {node.op_type}", kept, op_type=name)
    if len(own) and "Relu" in own[0]:
        for name, attribute, values in (("LeakyRelu", "alpha", (0.1, 0.2, 0.3)), ("Gelu", "approximate", ("tanh",))):
            for value in values:
                yield Hypothesis(
                    f"{name} ({attribute} {value}) stood in place of {node.op_type}", {attribute: value}, op_type=name
                )


_KEPT = ("keepdims", "axis")
_UNARY = _ALTERNATIVES[0] - {"Softmax", "LogSoftmax"}


def _times(factor: Any) -> Callable[[np.ndarray], np.ndarray]:
    return lambda result: result * factor


_INPUT_WORDS = {
    "Conv": ("its input", "the weight", "the bias"),
    "ConvTranspose": ("its input", "the weight", "the bias"),
    "Gemm": ("A", "the weight", "the bias"),
    "Linear": ("its input", "the weight", "the bias"),
    "BatchNormalization": ("its input", "the scale", "the bias", "the mean", "the variance"),
    "InstanceNormalization": ("its input", "the scale", "the bias"),
    "LayerNormalization": ("its input", "the scale", "the bias"),
    "GroupNormalization": ("its input", "the scale", "the bias"),
    "RMSNormalization": ("its input", "the scale"),
    "PRelu": ("its input", "the slope"),
    "Clip": ("its input", "the lower bound", "the upper bound"),
}


def _input_word(node: Node, place: int) -> str:
    words = _INPUT_WORDS.get(node.op_type, ())
    return words[place] if place < len(words) else f"input {place}"


def _weights(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """One of the inputs missing, transposed, reversed, or changed with another."""
    for place, array in enumerate(inputs):
        if not numeric(array) or (place == 0 and node.inputs[0] is not None and node.inputs[0].weight is None):
            continue
        what = _input_word(node, place)
        if array.dtype.kind == "f":
            yield Hypothesis(f"{what} were missing", inputs={place: np.zeros_like(array)})
            yield Hypothesis(f"{what} were 1", inputs={place: np.ones_like(array)})
            yield Hypothesis(f"{what} were negated", inputs={place: -array})
            if (array > 0).all():
                yield Hypothesis(f"{what} were its square", inputs={place: array * array})
                yield Hypothesis(f"{what} were its square root", inputs={place: np.sqrt(array)})
        if array.ndim == 0 or array.size == 1:
            for factor in (10, 0.1, 2, 0.5, -1):
                if array.dtype.kind == "f":
                    yield Hypothesis(f"{what} were {factor:g} times as large", inputs={place: array * array.dtype.type(factor)})
        if array.dtype.kind in "iu" and array.size <= 8:
            for step, at in itertools.product((1, -1), range(array.size)):
                changed = array.astype(np.int64).reshape(-1)
                changed[at] += step
                own, said = array.reshape(-1).tolist(), changed.tolist()
                yield Hypothesis(_were(what, own, said), inputs={place: changed.reshape(array.shape).astype(array.dtype)})
            yield Hypothesis(f"{what} were 0", inputs={place: np.zeros_like(array)})
            yield Hypothesis(f"{what} were reversed", inputs={place: array.reshape(-1)[::-1].reshape(array.shape).copy()})
        for a, b in itertools.combinations(range(array.ndim), 2):
            if array.shape[a] == array.shape[b] > 1:
                turned = np.ascontiguousarray(array.swapaxes(a, b))
                yield Hypothesis(f"axes {a} and {b} of {what} were transposed", inputs={place: turned})
        for axis in range(array.ndim):
            if array.shape[axis] > 1 and array.dtype.kind == "f":
                yield Hypothesis(
                    f"{what} were reversed along axis {axis}", inputs={place: np.ascontiguousarray(np.flip(array, axis))}
                )
        if array.ndim > 1 and array.size > 1:
            rest = array.shape[::-1]
            if rest != array.shape:
                yield Hypothesis(
                    f"{what} had its numbers in the order of its transpose",
                    inputs={place: np.ascontiguousarray(array.T).reshape(array.shape)},
                )


def _order(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """Two inputs changed with each other, or what is flattened with its axes in another order."""
    places = [place for place, array in enumerate(inputs) if numeric(array)]
    for a, b in itertools.combinations(places, 2):
        first, second = inputs[a], inputs[b]
        if first.shape == second.shape or node.op_type in ("Sub", "Div", "Pow", "Concat"):
            names = f"{_input_word(node, a)} and {_input_word(node, b)}"
            yield Hypothesis(f"{names} were changed with each other", inputs={a: second, b: first})
    if node.op_type in ("Reshape", "Flatten", "Squeeze") and numeric(inputs[0]):
        array = inputs[0]
        for perm in itertools.permutations(range(array.ndim)) if array.ndim <= 4 else [Layout.channels_last(array.ndim).order]:
            if perm != tuple(range(array.ndim)):
                turned = np.ascontiguousarray(array.transpose(perm))
                if node.op_type == "Reshape":
                    yield Hypothesis(
                        f"the axes were in the order {_said(perm)} before", inputs={0: turned.reshape(array.shape)}
                    )
                else:
                    yield Hypothesis(f"the axes were in the order {_said(perm)} before", inputs={0: turned})


def _left_out(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    yield Hypothesis("it were left out", op_type="Identity")
    for place, array in enumerate(inputs[1:], 1):
        if numeric(array) and node.inputs[place] is not None and node.inputs[place].weight is None:
            yield Hypothesis(f"it gave back {_input_word(node, place)}", inputs={0: array}, op_type="Identity")


def _results(base: np.ndarray) -> Iterator[Hypothesis]:
    """The result itself changed."""
    for a, b in itertools.combinations(range(base.ndim), 2):
        yield Hypothesis(f"axes {a} and {b} of the result were transposed", after=lambda x, a=a, b=b: x.swapaxes(a, b))
    for axis in range(base.ndim):
        if base.shape[axis] > 1:
            yield Hypothesis(f"the result were reversed along axis {axis}", after=lambda x, axis=axis: np.flip(x, axis))
    if base.dtype.kind == "f":
        for factor in (2.0, 0.5, -1.0, 10.0, 0.1):
            yield Hypothesis(f"the result were {factor:g} times as large", after=lambda x, f=factor: x * x.dtype.type(f))


# By operator ---------------------------------------------------------------------------------------------------------------


def _padded_otherwise(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """A window over an input that is padded with other numbers."""
    own = node.attributes.get("pads")
    if not isinstance(own, Padding) or own.is_zero or min(own.begin + own.end) < 0 or not numeric(inputs[0]):
        return
    total = own.total
    sides = [(0, 0), (0, 0), *zip(total.begin, total.end, strict=True)]
    none = {"pads": Padding.zero(own.rank)}
    for value in (0.0, -np.inf, 1.0):
        padded = np.pad(inputs[0], sides, constant_values=value)
        yield Hypothesis(f"it were padded with {value:g}", none, {0: padded})
    for mode, said in (("edge", "the numbers at the edge"), ("reflect", "a reflection"), ("wrap", "the other side")):
        try:
            yield Hypothesis(f"it were padded with {said}", none, {0: np.pad(inputs[0], sides, mode=mode)})
        except ValueError:
            continue


def _pooling(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """Window and stride changed together, as where the stride is left to be that of the window; the other kind of pooling."""
    own = tuple(node.attributes["kernel_shape"])
    for kernel in ((size + step for size in own) for step in (1, -1, 2, -2)):
        changed = tuple(kernel)
        if min(changed) > 0:
            clause = f"the window and the stride were {_said(changed)}"
            yield Hypothesis(clause, {"kernel_shape": changed, "strides": changed})
    yield Hypothesis(f"the stride were {_said(own)}, that of the window", {"strides": own})
    other = {"MaxPool": "AveragePool", "AveragePool": "MaxPool"}.get(node.op_type)
    if other is not None:
        kept = {name: node.attributes[name] for name in ("kernel_shape", "strides", "pads", "dilations")}
        yield Hypothesis(f"{other} stood in place of {node.op_type}", kept, op_type=other)
        if other == "AveragePool":
            clause = f"{other} that counts its padding stood in place of {node.op_type}"
            yield Hypothesis(clause, {**kept, "count_include_pad": 1}, op_type=other)


def _without_optional(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    for place in range(1, len(inputs)):
        if inputs[place] is not None and place > 1:
            yield Hypothesis(f"{_input_word(node, place)} were missing", inputs={place: None})


def _deviation(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """The variance taken for a standard deviation, and sample statistics in place of those of the population."""
    if node.op_type == "BatchNormalization":
        yield Hypothesis("the mean and the variance were changed with each other", inputs={3: inputs[4], 4: inputs[3]})
        x = inputs[0]
        axes = (0, *range(2, x.ndim))
        statistics = {3: x.mean(axes).astype(x.dtype), 4: x.var(axes).astype(x.dtype)}
        yield Hypothesis("the mean and the variance were those of the batch, as in training", inputs=statistics)


_GATES = {"LSTM": "iofc", "GRU": "zrh"}


def _gates(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """The gates of a recurrent layer in another order."""
    kind = next((kind for kind in _GATES if node.op_type.endswith(kind)), None)
    if kind is None or not all(numeric(array) for array in inputs[1:3]):
        return
    names = _GATES[kind]
    w, r, b = inputs[1], inputs[2], inputs[3] if len(inputs) > 3 else None
    for order in itertools.permutations(range(len(names))):
        if order == tuple(range(len(names))):
            continue
        said = " ".join(names[place] for place in order)
        clause = f"the gates were in the order {said} instead of {' '.join(names)}"
        turned = {1: _permuted(w, order), 2: _permuted(r, order)}
        if numeric(b):
            turned[3] = np.concatenate([_permuted(half, order) for half in np.split(b, 2, axis=1)], axis=1)
        yield Hypothesis(clause, inputs=turned)
    if numeric(b):
        first, second = np.split(b, 2, axis=1)
        yield Hypothesis("the bias of the input were missing", inputs={3: np.concatenate([first * 0, second], axis=1)})
        yield Hypothesis("the bias of the state were missing", inputs={3: np.concatenate([first, second * 0], axis=1)})
        yield Hypothesis(
            "both biases stood in front of the reset gate", inputs={3: np.concatenate([first + second, second * 0], axis=1)}
        )
    if numeric(inputs[0]):
        for axis in range(2):
            yield Hypothesis(
                f"its input ran backwards along axis {axis}", inputs={0: np.ascontiguousarray(np.flip(inputs[0], axis))}
            )


def _permuted(array: np.ndarray, order: Sequence[int]) -> np.ndarray:
    parts = np.split(array, len(order), axis=1)
    return np.concatenate([parts[place] for place in order], axis=1)


def _flattened(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """A matrix product of what was flattened in another order."""
    before = node.inputs[0].producer if node.inputs[0] is not None else None
    while before is not None and before.op_type in ("Relu", "Dropout", "Identity") and before.inputs[0] is not None:
        before = before.inputs[0].producer
    if before is None or before.op_type not in ("Flatten", "Reshape") or not numeric(inputs[0]):
        return
    shape = before.inputs[0].shape
    if shape is None or not all(isinstance(size, int) for size in shape[1:]) or len(shape) < 3:
        return
    if int(np.prod(shape[1:])) != inputs[0].shape[-1]:
        return
    for perm in itertools.permutations(range(1, len(shape))):
        if perm != tuple(range(1, len(shape))):
            turned = inputs[0].reshape(-1, *shape[1:]).transpose(0, *perm).reshape(inputs[0].shape)
            clause = f"what it multiplies had been flattened in the order of axes {_said(perm)}"
            yield Hypothesis(clause, inputs={0: np.ascontiguousarray(turned)})
            back = inputs[0].reshape(-1, *(shape[axis] for axis in perm)).transpose(0, *np.argsort([0, *perm])[1:])
            yield Hypothesis(
                f"the rows of its weight were in the order of axes {_said(perm)}",
                inputs={0: np.ascontiguousarray(back).reshape(inputs[0].shape)},
            )


def _parts(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """The parts of a concatenation in another order."""
    if len(inputs) <= 5:
        for order in itertools.permutations(range(len(inputs))):
            if order != tuple(range(len(inputs))):
                clause = f"its inputs were in the order {_said(order)}"
                yield Hypothesis(clause, inputs={place: inputs[other] for place, other in enumerate(order)})


def _bounds(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    for place in range(1, len(inputs)):
        if numeric(inputs[place]):
            yield Hypothesis(f"{_input_word(node, place)} were missing", inputs={place: None})
            for value in (0, 1, 6, -1):
                yield Hypothesis(f"{_input_word(node, place)} were {value}", inputs={place: inputs[place] * 0 + value})


def _pad_sides(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    if len(inputs) > 1 and numeric(inputs[1]):
        own = inputs[1].reshape(-1)
        half = len(own) // 2
        for changed in (
            np.concatenate([own[half:], own[:half]]),
            np.concatenate([own[:half][::-1], own[half:][::-1]]),
            own * 0,
        ):
            yield Hypothesis(_were("the padding", own.tolist(), changed.tolist()), inputs={1: changed})
        for changed in itertools.permutations(own.tolist()) if len(set(own.tolist())) > 1 and len(own) <= 6 else ():
            yield Hypothesis(_were("the padding", own.tolist(), list(changed)), inputs={1: np.array(changed, own.dtype)})
    for value in (0.0, 1.0, -1.0):
        if numeric(inputs[0]) and inputs[0].dtype.kind == "f":
            given = np.asarray(value, inputs[0].dtype)
            if len(inputs) > 2:
                yield Hypothesis(f"it were padded with {value:g}", inputs={2: given})


_WINDOWS = (_padded_otherwise, _without_optional)
_NORMALISATIONS = (_without_optional, _deviation)
_OWN: dict[str, tuple[Callable[[Node, Sequence[Any]], Iterator[Hypothesis]], ...]] = {
    "Conv": (_without_optional, _attributes, _padded_otherwise),
    "ConvTranspose": (_without_optional,),
    "MaxPool": (_attributes, _padded_otherwise, _pooling),
    "AveragePool": (_attributes, _padded_otherwise, _pooling),
    "LpPool": (_attributes, _padded_otherwise),
    "BatchNormalization": (_deviation,),
    "Gemm": (_without_optional, _flattened),
    "Linear": (_flattened,),
    "MatMul": (_flattened,),
    "LayerNormalization": (_without_optional,),
    "Concat": (_parts,),
    "Clip": (_bounds,),
    "Pad": (_pad_sides,),
    **{f"{prefix}{kind}": (_gates,) for kind in _GATES for prefix in ("", "Sequence", "Last", "DynamicQuantize")},
}
