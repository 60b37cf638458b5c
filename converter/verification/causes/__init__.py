"""Why a layer computes something else: what it would compute with one thing changed, until that is what was found.

Each hypothesis changes one attribute, one input or the operator of the node. onnxruntime runs the node so, on its true inputs;
where that gives the numbers that were found, the hypothesis is the cause. ``catalogue.py`` tells which are tried of which
operator; the files beside it are named after what is wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from converter.emitters.layout import Layout
from converter.graph import Node, Value
from converter.verification import reference
from converter.verification.alignment import error, in_order, numeric, orders
from converter.verification.causes.catalogue import hypotheses
from converter.verification.causes.hypothesis import Hypothesis
from converter.verification.compare import magnitude

_SECONDS = 15.0
"""After which no more hypotheses are tried."""

_EXACT = 2e-5
_SHARE = 0.02
"""How much of the error a hypothesis may leave unexplained."""


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
    for hypothesis, result in _tried(node, inputs, index, own, seconds):
        result = result if onward is None else onward(result)
        if not numeric(result):
            continue
        for which, tensor in enumerate(tensors):
            if numeric(tensor) and tensor.size == result.size and explains(result, tensor, base, layout):
                return f"as if {hypothesis.clause}", which
    return "", None


def left_out(
    node: Node, inputs: Sequence[Any], value: Value, values: Mapping[Value, Any], tensors: Sequence[np.ndarray]
) -> tuple[str, Value | None]:
    """The cause where what reads a node's result, ``value``, has read one of its inputs instead and given one of the tensors,
    and that input; empty where not."""
    for place, array in enumerate(inputs):
        given = node.inputs[place]
        if not numeric(array) or given is None or given.weight is not None:
            continue
        for user, at in value.users:
            arrays = [array if i == at else reference.numbers(each, values) for i, each in enumerate(user.inputs)]
            results = reference.of_node(user, arrays)
            for result in filter(numeric, results or ()):
                layout = Layout.channels_last(result.ndim)
                fitting = (tensor for tensor in tensors if numeric(tensor) and tensor.size == result.size)
                if any(explains(result, tensor, None, layout) for tensor in fitting):
                    return "as if it were left out", given
    return "", None


def reading(node: Node, inputs: Sequence[Any], index: int, expected: np.ndarray) -> str:
    """The cause for the source's numbers, ``expected``, being others than the node's."""
    own = _run(node, inputs, index, Hypothesis(""))
    for hypothesis, result in _tried(node, inputs, index, own, _SECONDS):
        if result.shape == expected.shape and explains(result, expected, own, Layout.logical(expected.ndim)):
            return f"the source has what this layer would compute if {hypothesis.clause}"
    return ""


def _tried(
    node: Node, inputs: Sequence[Any], index: int, own: np.ndarray | None, seconds: float
) -> Iterator[tuple[Hypothesis, np.ndarray]]:
    """The hypotheses that give another result than the node's ``own``, each with that result."""
    end = time.monotonic() + seconds
    for hypothesis in hypotheses(node, inputs, own):
        if time.monotonic() > end:
            return
        result = _run(node, inputs, index, hypothesis)
        if numeric(result) and (own is None or not _equal(result, own)):
            yield hypothesis, result


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


def explains(result: np.ndarray, found: np.ndarray, base: np.ndarray | None, layout: Layout) -> bool:
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
