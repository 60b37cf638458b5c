"""A node as its room sees it: inputs and attributes by their ONNX names, in the order the target stores its axes."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

import numpy as np

from converter import functions
from converter.emitters.layout import Layout, Plan
from converter.emitters.names import is_computed
from converter.emitters.reshaping import merging_or_parting, parameter_of_shape, with_rest
from converter.emitters.sizes import Extents
from converter.emitters.vocabulary import Expression, Operand, Sized, Template
from converter.graph import Node, Shape, Value, Weight, onnx_schema
from converter.padding import Padding, equals_same
from converter.sizes import Number, Size
from converter.sizes.contents import whole
from converter.sizes.expression import is_condition, is_plain

_VARIADIC = "Variadic"
_PER_AXIS = {"kernel_shape", "strides", "dilations"}


class NotFunctionalError(Exception):
    """A node needs the numbers of its inputs, which a functional model does not have while it is built."""


class Site:
    """One node in one target.

    ``n.X`` is an ``Operand`` (None where left out, a list for a variadic input), ``n.alpha`` an attribute. Numbers per spatial
    axis come as short as they can be said: (3, 3) as 3. ``n.axis`` and ``n.axes`` are stored axes, the last one as -1.
    """

    def __init__(
        self,
        node: Node,
        plan: Plan,
        extents: Extents,
        *,
        framework: str = "",
        same: bool = False,
        functional: bool = False,
        number_rank: int | None = None,
        ends: Set[Value] = frozenset(),
    ):
        self.node = node
        self.plan = plan
        self.extents = extents
        self.framework = framework
        self.functional = functional
        self._number_rank = number_rank
        self._ends = ends
        self._same = same
        self.is_eager = False
        self.asks_sizes = False
        """Whether the code asks for sizes that are not known when converting, other than by ``Sized``."""
        schema = onnx_schema(node.op_type, node.domain)
        self._formal = [(i.name, i.option.name == _VARIADIC) for i in schema.inputs] if schema else []
        if node.domain == functions.DOMAIN:
            self._formal = [(name, False) for name in functions.inputs_of(node.op_type)]
        self._outputs = {o.name: index for index, o in enumerate(schema.outputs)} if schema else {}

    def formal(self, index: int) -> str:
        """What the operator calls its input ``index``; the last name is that of all further ones."""
        return self._formal[min(index, len(self._formal) - 1)][0]

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
        return Operand(value, index, self.layout(index).order, self._number_rank)

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
            and node["kernel_shape"] is not None
            and equals_same(self.padding, node["kernel_shape"], node["strides"], node["dilations"])
        )

    @property
    def output_shape(self) -> Shape:
        """The first output's shape in stored order."""
        shape = self.node.output.shape
        return tuple(shape[axis] for axis in self.plan.of(self.node.output).order)

    def axis_of(self, logical: int) -> int:
        """The stored place of the first input's logical axis, -1 for the last; the axis itself where the rank is unknown."""
        if self.node.inputs[0].rank is None:
            return logical
        return from_end(self.layout().stored_axis(logical), self.node.inputs[0].rank)

    def weight(self, name: str) -> Weight | None:
        """The weight at the input called ``name``, in the source's orientation; None where left out."""
        operand = getattr(self, name)
        return None if operand is None else operand.weight

    def constant(self, name: str) -> np.ndarray | None:
        """The numbers at the input called ``name``, None where it is left out or unknown when converting."""
        index = [formal for formal, _ in self._formal].index(name)
        return known(self.node.input(index))

    def number(self, name: str) -> Any:
        """The whole number that the input called ``name`` holds, as a literal or as what computes it."""
        known, sizes = self.constant(name), self.sizes(name)
        if known is not None:
            return int(known.reshape(-1)[0])
        if sizes is not None:
            return self._plain(sizes)[0]
        return self.eager("int(x[0])" if getattr(self, name).rank else "int(x)", x=getattr(self, name))

    def sizes(self, name: str) -> list[int | Sized] | None:
        """The elements of the input called ``name``, where they are arithmetic of sizes: numbers and expressions."""
        value = self.node.input([formal for formal, _ in self._formal].index(name))
        elements = None if value is None else self.extents.sizes.contents(value)
        return None if elements is None else self._said(map(whole, elements.reshape(-1)))

    def listed(self, name: str) -> tuple[int | Sized, ...] | Template:
        """The whole numbers at the input called ``name`` as plain numbers: known, arithmetic of sizes, or read when it runs."""
        said = self.sizes(name)
        if said is not None:
            return tuple(self._plain(said))
        operand = self.operand([formal for formal, _ in self._formal].index(name))
        return self.eager("x.tolist()" if self.framework == "pytorch" else "numbers(x)", x=operand)

    def shape_of(self, operand: Operand) -> list[int | Sized] | None:
        """The sizes of an operand in logical order, where tensors before this node tell them."""
        shape = self.extents.sizes.shape(operand.value)
        return None if shape is None else self._said(shape)

    def result_sizes(self, index: int = 0) -> list[int | Sized | None] | None:
        """The sizes of an output in stored order, None for one that can only be asked of the output itself."""
        value = self.node.outputs[index]
        shape = self.extents.sizes.shape(value)
        if shape is None:
            return None
        said = [self._said([shape[axis]]) for axis in self.plan.of(value).order]
        return [None if size is None else size[0] for size in said]

    def target(self) -> list[int | Sized] | None:
        """The result's sizes as ``reshape`` takes them: one that is not a number is -1, what the others leave.

        Best left is a size that the first input does not have, otherwise the last. None where more than one cannot be said.
        """
        sizes, data = self.result_sizes(), self.extents.sizes.shape(self.node.inputs[0]) or ()
        if sizes is None or sizes.count(None) > 1:
            return None
        open_axes = [axis for axis, size in enumerate(sizes) if not isinstance(size, int)]
        computed = [axis for axis in open_axes if sizes[axis] is None or sizes[axis].number not in data]
        unsaid = [axis for axis in open_axes if sizes[axis] is None]
        if open_axes and (unsaid or 0 not in sizes):  # beside a size of 0 anything may be left
            sizes[[*open_axes, *computed, *unsaid][-1]] = -1
        return sizes

    def reshape(self, target: list[int | Sized]) -> Template:
        """The reshape of the first input to a target as a person says it in PyTorch."""
        have, want = (self.extents.sizes.shape(value) for value in (self.node.inputs[0], self.node.output))
        merged = merging_or_parting(have, want, target)
        if merged is not None:
            return merged
        parameter = parameter_of_shape(self.node)
        if parameter is not None:
            return self.expr("data.reshape(parameter.shape)", parameter=Operand(parameter, 0))
        return self.expr("data.reshape(*target)", target=with_rest(target, self.node, have) or [()])

    def held_sizes(self) -> Template | None:
        """A tensor of the sizes that the only output holds, None where it holds anything else."""
        value = self.node.output
        elements = self.extents.sizes.contents(value)
        if elements is None or value.dtype is None or value.dtype.kind not in "ibf":
            return None
        said = self._said(map(whole, elements.reshape(-1)))
        if said is None:
            return None
        held = np.empty(elements.size, object)
        held[:] = [self._typed(item, value.dtype) for item in self._plain(said)]
        return self.tensor("x", value.dtype.name, x=_nested(held.reshape(elements.shape)))

    def _typed(self, item: int | Sized, dtype: np.dtype) -> Any:
        if isinstance(item, int):
            return {"b": bool, "f": float}.get(dtype.kind, int)(item)
        if dtype.kind == "f":
            return self.expr("float(x)", x=item)
        return self.expr("int(x)", x=item) if is_condition(item.number) and dtype.kind != "b" else item

    def _plain(self, said: list[int | Sized]) -> list[int | Sized]:
        """What is said where only plain numbers will do: compiled code of Keras has tensors in their place."""
        self.is_eager |= any(isinstance(item, Sized) for item in said) and not self.functional
        return said

    def _said(self, numbers: Iterable[Number]) -> list[int | Sized] | None:
        numbers = list(numbers)
        if not all(isinstance(number, int | Size) and self.extents.can_say(number, self.node) for number in numbers):
            return None
        self.is_eager |= not all(isinstance(number, int) or is_plain(number) for number in numbers)
        return [number if isinstance(number, int) else Sized(number) for number in numbers]

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

    def is_kept(self, weight: Weight) -> bool:
        """Whether a module of a class that is none of PyTorch's has this weight as it stands in the file.

        ``nn.Linear`` has its matrix turned: an exporter writes a Transpose, or what that gives under a name of its own. A
        matrix of the module's own name that is not turned is therefore none of it, also where the class is not told.
        """
        if not self.node.scope or weight.origin is not weight or not weight.trainable:
            return False
        module = self.node.scope[-1]
        inner = weight.name.removeprefix(f"{module.path}." if module.path else "")
        if not inner.isidentifier() or is_computed(inner) or module.type.startswith("torch.nn."):
            return False
        return bool(module.type) or inner != weight.name

    def expr(self, text: str, **bindings: Any) -> Template:
        """The template with ``bindings``; other names are this node's inputs and attributes."""
        return Template(text, bindings)

    def results(self, text: str, number: int, **bindings: Any) -> Template:
        """The template of a call that gives ``number`` values, the node's outputs first among them."""
        if len(self.node.outputs) == 1:
            return Template(f"({text})[0]", bindings)
        return Template(text, bindings, unpacks=True, parts=number)

    @property
    def library(self) -> str:
        """The module of the target's functions."""
        return "torch" if self.framework == "pytorch" else "ops"

    def tensor(self, text: str, dtype: str, **bindings: Any) -> Template:
        """A template for a tensor of a plain Python number, or of a list of them."""
        if self.framework == "keras":
            return Template(f'ops.convert_to_tensor({text}, "{dtype}")', bindings)
        more = "" if dtype in ("int64", "float32", "bool") else f", dtype=torch.{dtype}"
        return Template(f"torch.tensor({text}{more})", bindings)

    def to_array(self, x: Expression) -> Any:
        """The NumPy array with the numbers of a tensor; strings are one already, and what is known is written as tuples."""
        if isinstance(x, Operand) and x.dtype == object:
            return x
        if isinstance(x, Operand) and x.value.array is not None:
            return _nested(x.value.array)
        return self.expr("x.numpy(force=True)" if self.framework == "pytorch" else "ops.convert_to_numpy(x)", x=x)

    def from_array(self, text: str, **bindings: Any) -> Template:
        """A template for the tensor of a NumPy array, which has the number type of its array."""
        return Template(f"{'torch.as_tensor' if self.framework == 'pytorch' else 'ops.convert_to_tensor'}({text})", bindings)

    def as_tensor(self, bound: Any) -> Any:
        """A number of the network as a tensor of its own shape; anything else as it is."""
        if not isinstance(bound, Operand) or not bound.is_number:
            return bound
        return self.tensor("x", bound.dtype.name, x=_nested(bound.weight.array()))

    def eager(self, text: str, **bindings: Any) -> Template:
        """A template that needs the numbers of its tensors, not only their shapes: no functional model can say it."""
        self.is_eager = True
        if self.functional:
            raise NotFunctionalError(f"{self.node.origin} needs the numbers of its inputs")
        return Template(text, bindings)

    def sized(self, text: str, **bindings: Any) -> Template:
        """A template that asks for sizes of its inputs."""
        self.asks_sizes = not all(
            isinstance(size, int) for value in self.node.inputs if value for size in value.shape or (None,)
        )
        return Template(text, bindings)

    def needs_numbers(self) -> None:
        """Say that the code needs the numbers of its tensors, as with ``eager``."""
        self.eager("")

    def needs_sizes(self, *operands: Operand | None, axes: Iterable[int] | None = None) -> None:
        """Say that the code reads sizes of these operands as numbers: along ``axes``, which are logical ones, or along all."""
        for value in (operand.value for operand in operands if operand is not None):
            shape = (None,) if value.shape is None else value.shape
            needed = shape if axes is None else [shape[axis] for axis in axes if -len(shape) <= axis < len(shape)]
            if not all(isinstance(size, int) for size in needed):
                self.needs_numbers()

    def unpack(self, text: str, **bindings: Any) -> Template:
        """A template whose value is a tuple with a part for each output."""
        return Template(text, bindings, unpacks=True)

    def used(self, name: str) -> bool:
        """Whether anything reads the output called ``name``, or it is one of the graph."""
        index = self._outputs[name]
        value: Value | None = self.node.outputs[index] if index < len(self.node.outputs) else None
        return value is not None and (bool(value.users) or value in self._ends)

    def _axes(self, name: str) -> Any:
        value = self.node.attributes.get(name)
        if value is None and any(name == formal for formal, _ in self._formal):
            value = self.constant(name)
        if value is None:
            return None
        if name == "axis":
            return self.axis_of(int(value))
        if self.node.inputs[0].rank is None:
            return tuple(np.ravel(value).tolist())
        return tuple(sorted(self.layout().stored_axis(int(axis)) for axis in np.ravel(value)))


def known(value: Value | None) -> np.ndarray | None:
    """The numbers of a value, where they are known when converting; those of an empty tensor always are."""
    if value is not None and value.weight is None and value.shape is not None and 0 in value.shape and value.dtype is not None:
        return np.empty([size if isinstance(size, int) else 0 for size in value.shape], value.dtype)
    return None if value is None else value.array


def _nested(array: np.ndarray) -> Any:
    """The elements in tuples of tuples, as they are written."""
    return array.item() if array.ndim == 0 else tuple(_nested(part) for part in array) if array.ndim > 1 else tuple(array)


def from_end(axis: int, rank: int) -> int:
    """The axis as people write it: -1 for the last, from the front otherwise."""
    return -1 if axis == rank - 1 else axis


def short(value: Any) -> Any:
    """(3, 3) as 3."""
    if isinstance(value, tuple) and value and all(item == value[0] for item in value):
        return value[0]
    return value
