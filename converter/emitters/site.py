"""A node as its room sees it: inputs and attributes by their ONNX names, in the order the target stores its axes."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from converter.emitters.expressions import names_in
from converter.emitters.layout import Layout, Plan
from converter.emitters.vocabulary import Operand, Template
from converter.graph import Node, Shape, Value, Weight, onnx_schema
from converter.padding import Padding, equals_same

_VARIADIC = "Variadic"
_PER_AXIS = {"kernel_shape", "strides", "dilations"}


class Site:
    """One node in one target.

    ``n.X`` is an ``Operand`` (None where left out, a list for a variadic input), ``n.alpha`` an attribute. Numbers per spatial
    axis come as short as they can be said: (3, 3) as 3. ``n.axis`` and ``n.axes`` are stored axes, the last one as -1.
    """

    def __init__(self, node: Node, plan: Plan, *, framework: str = "", same: bool = False):
        self.node = node
        self.plan = plan
        self.framework = framework
        self._same = same
        schema = onnx_schema(node.op_type, node.domain)
        self._formal = [(i.name, i.option.name == _VARIADIC) for i in schema.inputs] if schema else []
        self._outputs = {o.name: index for index, o in enumerate(schema.outputs)} if schema else {}

    def has(self, name: str) -> bool:
        """Whether ``name`` is an input or an attribute of this operator."""
        return name in self.node.attributes or any(name == formal for formal, _ in self._formal)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.named(name)

    def named(self, name: str) -> Any:
        """The input or attribute called ``name``, also where this class has a member of that name."""
        for index, (formal, variadic) in enumerate(self._formal):
            if formal == name and variadic:
                return [self.operand(i) for i in range(index, len(self.node.inputs))]
            if formal == name and not (name == "axes" and self.node.input(index) is not None):
                return self.operand(index)
        if name in ("axis", "axes"):
            return self._axes(name)
        if name in self.node.attributes:
            value = self.node.attributes[name]
            return short(value) if name in _PER_AXIS else value
        raise AttributeError(f"{self.node.op_type} has neither an input nor an attribute called {name}")

    def operand(self, index: int) -> Operand | None:
        value = self.node.input(index)
        if value is None:
            return None
        return Operand(value, index, self.layout(index).order)

    @property
    def first(self) -> Operand:
        """The first input."""
        return self.operand(0)

    def layout(self, index: int = 0) -> Layout:
        """The layout in which this node gets its input ``index``."""
        value = self.node.inputs[index]
        return self.plan.needs.get((self.node, index)) or self.plan.of(value)

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return self.node.inputs[0].rank - 2

    @property
    def channels(self) -> int | None:
        """Size of the first input's channel axis, None while unknown."""
        size = self.node.inputs[0].shape[1]
        return size if isinstance(size, int) else None

    @property
    def padding(self) -> Padding:
        return self.node["pads"]

    @property
    def is_same(self) -> bool:
        """Whether ``padding="same"`` is asked for and equal for every input size."""
        node = self.node
        return (
            self._same
            and not self.padding.is_zero
            and equals_same(self.padding, node["kernel_shape"], node["strides"], node["dilations"])
        )

    @property
    def output_shape(self) -> Shape:
        """The first output's shape in stored order."""
        shape = self.node.output.shape
        return tuple(shape[axis] for axis in self.plan.of(self.node.output).order)

    def axis_of(self, logical: int) -> int:
        """The stored place of the first input's logical axis, -1 for the last."""
        return from_end(self.layout().stored_axis(logical), self.node.inputs[0].rank)

    def weight(self, name: str) -> Weight | None:
        """The weight at the input called ``name``, in the source's orientation; None where left out."""
        operand = getattr(self, name)
        return None if operand is None else operand.weight

    def constant(self, name: str) -> np.ndarray | None:
        """The numbers at the input called ``name``, None where it is left out or unknown when converting."""
        index = [formal for formal, _ in self._formal].index(name)
        return known(self.node.input(index))

    def is_known(self, name: str) -> bool:
        """Whether the input called ``name`` is left out or its numbers are known when converting."""
        index = [formal for formal, _ in self._formal].index(name)
        return self.node.input(index) is None or self.constant(name) is not None

    def rows(self, weight: Weight) -> Weight:
        """A (rows, columns) weight whose rows follow the first input's elements as they are stored."""
        flat = self.layout().flat
        if flat is None:
            return weight
        sizes, axes = flat
        order = np.arange(weight.shape[0]).reshape(sizes).transpose(axes).reshape(-1)
        return weight.map(lambda array: array[order], weight.shape)

    def expr(self, text: str, **bindings: Any) -> Template:
        """The template with ``bindings``; other names are this node's inputs and attributes."""
        return Template(text, bindings)

    def results(self, text: str, number: int, **bindings: Any) -> Template:
        """The template of a call that gives ``number`` values, the node's outputs first among them."""
        if len(self.node.outputs) == 1:
            return Template(f"({text})[0]", bindings)
        return Template(text, bindings, unpacks=True, parts=number)

    def eager(self, text: str, **bindings: Any) -> Template:
        """A template of the Keras layer ``Eager``, in which ``shape`` and ``dtype`` are those of each output."""
        tensors = {name: getattr(self, name) for name in names_in(text) if self.has(name)} | bindings
        bindings = {name: self._tensor(bound) for name, bound in tensors.items()}
        values = [value for value in self.node.outputs if value is not None]
        shapes = [tuple(s if isinstance(s, int) else None for s in value.shape or ()) for value in values]
        dtypes = [value.dtype.name for value in values]
        if len(values) == 1:
            return Template(text, {"shape": shapes[0], "size": shapes[0], "dtype": dtypes[0], **bindings})
        return Template(text, {"shape": tuple(shapes), "dtype": tuple(dtypes), **bindings}, unpacks=True)

    def _tensor(self, bound: Any) -> Any:
        """What is bound to a name, a number of the network as a tensor: a Keras layer takes no other positional argument."""
        if isinstance(bound, list):
            return [self._tensor(item) for item in bound]
        if isinstance(bound, Operand) and bound.is_number:
            return self.expr("ops.convert_to_tensor(x, dtype)", x=bound, dtype=bound.dtype.name)
        return bound

    def sized(self, text: str, **bindings: Any) -> Template:
        """A call of a Keras helper that needs the sizes of its inputs: through ``Eager`` where one is not known yet."""
        if all(
            value is None or (value.shape is not None and all(isinstance(s, int) for s in value.shape))
            for value in self.node.inputs
        ):
            return self.expr(text, **bindings)
        call = ast.parse(text, mode="eval").body
        options = "".join(f", {ast.unparse(keyword)}" for keyword in call.keywords)
        tensors = ", ".join(ast.unparse(argument) for argument in call.args)
        return self.eager(f"Eager({ast.unparse(call.func)}, shape, dtype{options})({tensors})", **bindings)

    def unpack(self, text: str, **bindings: Any) -> Template:
        """A template whose value is a tuple with a part for each output."""
        return Template(text, bindings, unpacks=True)

    def used(self, name: str) -> bool:
        """Whether anything reads the output called ``name``."""
        index = self._outputs[name]
        value: Value | None = self.node.outputs[index] if index < len(self.node.outputs) else None
        return value is not None and bool(value.users)

    def _axes(self, name: str) -> Any:
        value = self.node.attributes.get(name)
        if value is None and any(name == formal for formal, _ in self._formal):
            value = self.constant(name)
        if value is None:
            return None
        if name == "axis":
            return self.axis_of(int(value))
        return tuple(sorted(self.layout().stored_axis(int(axis)) for axis in np.ravel(value)))


def known(value: Value | None) -> np.ndarray | None:
    """The numbers of a value, where they are known when converting; those of an empty tensor always are."""
    if value is not None and value.weight is None and value.shape is not None and 0 in value.shape and value.dtype is not None:
        return np.empty([size if isinstance(size, int) else 0 for size in value.shape], value.dtype)
    return None if value is None else value.array


def from_end(axis: int, rank: int) -> int:
    """The axis as people write it: -1 for the last, from the front otherwise."""
    return -1 if axis == rank - 1 else axis


def short(value: Any) -> Any:
    """(3, 3) as 3."""
    if isinstance(value, tuple) and value and all(item == value[0] for item in value):
        return value[0]
    return value
