"""What a room of ``converter.operators`` can say: a layer applied to something, or an expression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converter.graph import Value, Weight


class Expression:
    """An expression of the target: an ``Operand``, a ``Template``, or a ``Layer`` applied to expressions."""


class Operand(Expression):
    """A value as the emitted code holds it.

    ``index`` is the node's input it stands for. ``shape`` is in stored axis order (channels last in Keras where the layout
    says so), with leading axes of size 1 where the layout has more axes than the value.
    """

    def __init__(self, value: Value, index: int, order: tuple[int, ...] | None = None):
        self.value = value
        self.index = index
        self.shape = None
        if value.shape is not None:
            order = tuple(range(len(value.shape))) if order is None else order
            full = (1,) * (len(order) - len(value.shape)) + value.shape
            self.shape = tuple(full[axis] for axis in order)

    @property
    def weight(self) -> Weight | None:
        return self.value.weight

    @property
    def is_number(self) -> bool:
        """Whether it is printed as a plain number."""
        weight = self.weight
        if weight is None or weight.size != 1 or not weight.has_data or weight.dtype == object:
            return False
        return not weight.trainable or not weight.shape

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def rank(self) -> int | None:
        return self.value.rank


class Template(Expression):
    """``text`` with some of its names bound to expressions or to plain Python values, printed as literals.

    ``unpacks`` tells that its value is a tuple with a part for each output of the node, ``parts`` how many it has where they
    may be more than the outputs that are left.
    """

    def __init__(self, text: str, bindings: Mapping[str, Any], *, unpacks: bool = False, parts: int = 0):
        self.text = text
        self.bindings = dict(bindings)
        self.unpacks = unpacks
        self.parts = parts


class Local(Expression):
    """An expression that is computed once, into a variable, however often it is used."""

    def __init__(self, expression: Expression, name: str):
        self.expression = expression
        self.name = name


class Applied(Expression):
    """A layer called on expressions."""

    def __init__(self, layer: Layer, arguments: tuple[Expression, ...]):
        self.layer = layer
        self.arguments = arguments


class Layer:
    """A layer of the target with its constructor's arguments, in the order a person writes them.

    Arguments equal to the constructor's defaults are not printed. ``weights`` maps the target's own variable names ("weight",
    "kernel") to weights already in the target's orientation; a None is left out.
    """

    def __init__(self, constructor: str, *args: Any, weights: Mapping[str, Weight | None] | None = None, **kwargs: Any):
        self.constructor = constructor
        self.args = args
        self.kwargs = kwargs
        self.weights = {name: weight for name, weight in (weights or {}).items() if weight is not None}

    def __call__(self, *arguments: Expression) -> Applied:
        return Applied(self, arguments)
