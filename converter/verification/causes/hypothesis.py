"""What is tried of a node, and the words for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converter.graph import Node
from converter.padding import Padding


@dataclass
class Hypothesis:
    """The node with one thing changed, which ``clause`` says: "as if ...".

    ``attributes`` and ``inputs`` (by place) replace the node's, ``op_type`` its operator; "Identity" gives its first input.
    ``after`` is done to the result.
    """

    clause: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[int, Any] = field(default_factory=dict)
    op_type: str = ""
    after: Callable[[np.ndarray], np.ndarray] | None = None


Make = Callable[[Node, Sequence[Any]], Iterator[Hypothesis]]
"""From a node and its true inputs, None where one is left out, to what is tried of it."""


def were(what: str, own: Any, changed: Any) -> str:
    """The clause for what is another value than the node's own."""
    return f"{what} were {said(changed)} instead of {said(own)}"


def said(value: Any) -> str:
    """A value of an attribute in words; padding as MATLAB writes it."""
    if isinstance(value, Padding):
        ceil = f" and {said(value.ceil)} more at the end" if value.has_ceil else ""
        return f"{said(value.matlab)}{ceil}"
    if isinstance(value, tuple | list):
        return f"[{' '.join(map(str, value))}]"
    return "missing" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


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


def input_word(node: Node, place: int) -> str:
    """What the input at a place is to the operator."""
    words = _INPUT_WORDS.get(node.op_type, ())
    return words[place] if place < len(words) else f"input {place}"
