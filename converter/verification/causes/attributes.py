"""An attribute is another, as it is often mistaken: stride, epsilon, axis, mode."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from converter.graph import Node
from converter.padding import Padding
from converter.verification.causes import padding
from converter.verification.causes.hypothesis import Hypothesis, were
from converter.verification.causes.neighbours import nudged, swapped

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


def attributes(node: Node, inputs: Sequence[Any]) -> Iterator[Hypothesis]:
    """One attribute changed, as it is often mistaken."""
    for name, own in node.attributes.items():
        if name == "num_outputs":  # the node has as many; onnx ends the whole process where the two differ
            continue
        what = _WORDS.get(name, name)
        for changed in dict.fromkeys(_changed(node, name, own, inputs)):
            if name == "size" and changed < 1:
                continue
            if changed != own or type(changed) is not type(own):
                yield Hypothesis(were(what, own, changed), {name: changed})


def _changed(node: Node, name: str, own: Any, inputs: Sequence[Any]) -> Iterator[Any]:
    rank = getattr(inputs[0], "ndim", 0) if inputs else 0
    if isinstance(own, Padding):
        yield from padding.changed(own)
    elif name in _CHOICES:
        yield from _CHOICES[name]
    elif name in _FLAGS:
        yield 1 - int(own or 0)
    elif name == "axis" and isinstance(own, int):
        yield from (axis for axis in range(rank) if axis != own % max(rank, 1))
    elif name == "perm":
        yield from itertools.permutations(range(rank)) if rank <= 4 else swapped(tuple(own or range(rank)[::-1]))
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
        yield from nudged(given)
        yield tuple(value + 1 for value in given)
        yield tuple(max(value - 1, 1) for value in given)
    elif isinstance(own, tuple) and own and all(isinstance(value, int) for value in own) and len(own) <= 8:
        yield own[::-1]
        yield from nudged(own)
    elif isinstance(own, tuple) and own and all(isinstance(value, str) for value in own):
        yield own[::-1]
        for place, activation in itertools.product(range(len(own)), ("Relu", "Tanh", "Sigmoid", "HardSigmoid", "Softsign")):
            yield (*own[:place], activation, *own[place + 1 :])
    elif isinstance(own, int):
        yield from (own + 1, own - 1, own * 2, own // 2, 0, 1, -own)
