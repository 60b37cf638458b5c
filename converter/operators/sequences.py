"""Sequences are Python lists, optionals a value or None.

A Keras model with them is a subclassed one, since no ``KerasTensor`` stands for a list.
"""

from __future__ import annotations

from converter.operators.registry import operator


def _room(op_type: str, pytorch, keras=None) -> None:
    """Enter a room whose functions return the same in both targets, or one for each."""

    def room(n, say):
        return n.eager(say) if isinstance(say, str) else say(n)

    members = {"pytorch": lambda n: room(n, pytorch), "keras": lambda n: room(n, keras or pytorch), "any_type": True}
    operator(op_type)(type(op_type, (), members))


def _insert(n):
    if n.position is None:
        return n.eager("input_sequence + [tensor]")
    return n.eager("inserted(input_sequence, tensor, place)", place=n.number("position"))


def _erase(n):
    if n.position is None:
        return n.eager("input_sequence[:-1]")
    return n.eager("erased(input_sequence, place)", place=n.number("position"))


def _joined(n):
    axis = n.node["axis"]
    return n.eager(f"{n.library}.{'stack' if n.new_axis else _CAT[n.framework]}(input_sequence, axis)", axis=axis)


_CAT = {"pytorch": "cat", "keras": "concatenate"}


def _parts(n):
    """Parts of given sizes, the last one smaller; single elements, on request without the axis, where no size is given."""
    axis, split = n.node["axis"], n.split
    if split is None:
        return n.eager("parts_of(input, 1, axis, keep)", axis=axis, keep=bool(n.keepdims))
    known = n.constant("split")
    text = "int(split)" if split.rank == 0 else "split.tolist()" if n.framework == "pytorch" else "numbers(split)"
    sizes = n.eager(text) if known is None else tuple(known.tolist()) if known.ndim else known.item()
    return n.eager("parts_of(input, sizes, axis)", sizes=sizes, axis=axis)


_room("SequenceEmpty", "[]")
_room("SequenceConstruct", "[*inputs]")
_room("SequenceInsert", _insert)
_room("SequenceErase", _erase)
_room("SequenceAt", lambda n: n.eager("input_sequence[place]", place=n.number("position")))
_room("SequenceLength", lambda n: n.tensor("len(x)", "int64", x=n.eager("input_sequence")))
_room("ConcatFromSequence", _joined)
_room("SplitToSequence", _parts)
_room("Optional", lambda n: None if n.input is None else n.input)
_room("OptionalHasElement", lambda n: n.tensor("x is not None", "bool", x=n.eager("None") if n.input is None else n.input))
_room("OptionalGetElement", "input")
