"""Zeros of two signs, which are equal, and of which Keras' argmax and argmin take -0.0 for the smaller one."""

from __future__ import annotations

from converter.graph import Value

_GIVES = {"Ceil", "Div", "Mod", "Mul", "Neg", "Round"}
"""Operators that give -0.0 as a result of other numbers, where others give 0."""
_KEEPS = {"Cast", "Clip", "Concat", "Expand", "Flatten", "Floor", "Gather", "Identity", "Max", "MaxPool", "Min", "Pad"}
_KEEPS |= {"Reshape", "Slice", "Split", "Squeeze", "Tanh", "Tile", "TopK", "Transpose", "Unsqueeze", "Where"}


def has_signed_zeros(value: Value) -> bool:
    """Whether a floating tensor may hold zeros of both signs: what comes from outside may, a sum of products does not."""
    seen: set[Value] = set()
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if value in seen or value.dtype is None or value.dtype.kind in "iub" or value.weight is not None:
            continue
        seen.add(value)
        node = value.producer
        if node is None or node.op_type in _GIVES:
            return True
        if node.op_type in _KEEPS:
            waiting += [each for each in node.inputs if each is not None]
    return False
