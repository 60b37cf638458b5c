"""What a room of ``converter.operators`` can say: a layer applied to something, or an expression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from converter.graph import Graph, Value, Weight
from converter.sizes.expression import Size


class Expression:
    """An expression of the target: an ``Operand``, a ``Template``, or a ``Layer`` applied to expressions."""


class Operand(Expression):
    """A value as the emitted code holds it.

    ``index`` is the node's input it stands for. ``shape`` is in stored axis order (channels last in Keras where the layout
    says so), with leading axes of size 1 where the layout has more axes than the value. ``number_rank`` is the largest rank
    of a single number that is printed as such, None for any: an operator that broadcasts takes 5 for [[5]], others do not.
    """

    def __init__(self, value: Value, index: int, order: tuple[int, ...] | None = None, number_rank: int | None = None):
        self.value = value
        self.index = index
        self.number_rank = number_rank
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
        if self.number_rank is not None and len(weight.shape) > self.number_rank:
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


class Sized(Expression):
    """A whole number that depends on the sizes of tensors, printed as arithmetic of them: ``x.shape[0] * 4``."""

    def __init__(self, number: Size):
        self.number = number


class Applied(Expression):
    """A layer called on expressions; ``options`` are given by name, and left out where they are None."""

    def __init__(self, layer: Layer, arguments: tuple[Expression, ...], options: Mapping[str, Any] | None = None):
        self.layer = layer
        self.arguments = arguments
        self.options = {name: value for name, value in (options or {}).items() if value is not None}


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

    def __call__(self, *arguments: Expression, **options: Any) -> Applied:
        return Applied(self, arguments, options)


class Variable(Expression):
    """A variable of the emitted code."""

    def __init__(self, value: Value):
        self.value = value


@dataclass
class Branch:
    """``if condition`` the sub-graph ``then``, else the sub-graph ``otherwise``; both give the node's outputs."""

    condition: Expression
    then: Graph
    otherwise: Graph


@dataclass
class State:
    """What goes from one round of a loop to the next: an input of its body, with the first value, the body's output that is
    the next value, and the node's output that is the last (None: nobody asks)."""

    value: Value
    first: Expression
    next: Value
    output: Value | None


@dataclass
class Part:
    """A list, the variable ``value``, of what each round gives, and the node's output made from it."""

    value: Value
    output: Value | None


@dataclass
class Repeat:
    """``for variables in iterable:`` the body.

    ``counters`` are inputs of the body computed from the loop's variables, ``keep`` is the state that must hold for a round to
    begin, ``collected`` holds for each collected output of the body its list and the expression that joins it.
    """

    body: Graph
    variables: list[Value]
    iterable: Expression
    states: list[State]
    collected: list[tuple[Value, Part, Expression]]
    counters: list[tuple[Value, Expression]] = field(default_factory=list)
    keep: Value | None = None
