"""From a graph to a list of statements, the same way for every target.

Each node's room says what the node is in the target; here its layers get names, its operands become variables, and transposes
are put where the layout plan needs one. ``lines.py`` puts together what a person would write on one line.
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converter.emitters.blocks import Compound, Statement, places_in, trees, variable, variables
from converter.emitters.control import repeat
from converter.emitters.expressions import Binding, call, fill, literal, names_in, replaced, tensors_in
from converter.emitters.layout import Layout, Plan, Rule, plan, same
from converter.emitters.names import (
    Namespace,
    common_scope,
    identifier,
    is_generated,
    is_member,
    snake_case,
    weight_stem,
    without_number,
)
from converter.emitters.reading import Said, needed_nodes
from converter.emitters.signatures import defaults_of
from converter.emitters.site import NotFunctionalError, Site
from converter.emitters.sizes import Extents
from converter.emitters.target import Target
from converter.emitters.visible import Visible, targets
from converter.emitters.vocabulary import Applied, Branch, Expression, Layer, Local, Operand, Repeat, Sized, Template, Variable
from converter.graph import Graph, Node, Scope, Value, Weight
from converter.operators.registry import has_strings, room_of
from converter.sizes.expression import is_plain

_ORDERS = {"Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Max", "Min"}
"""Operators whose numbers of type uint64 are compared as those of int64 in the same order."""


@dataclass
class Program:
    """The statements of one model in one target, with the layers and weights they use."""

    graph: Graph
    target: Target
    keep_same: bool = False
    ends: set[Value] = field(default_factory=set)
    """Outputs of the graph and of its sub-graphs."""
    layouts: Plan = field(default_factory=Plan)
    extents: Extents | None = None
    statements: list[Statement | Compound] = field(default_factory=list)
    weights: dict[str, Weight] = field(default_factory=dict)
    """By the target's own key."""
    layers: dict[str, ast.expr] = field(default_factory=dict)
    """Constructor calls by layer name, in order of first use."""
    layer_names: Namespace = field(default_factory=Namespace)
    roles: dict[Value, str] = field(default_factory=dict)
    """What values are to those that read them, where that is a better name than what computes them."""
    transposes: int = 0
    prefix: str = ""
    """The scope that the names of all trained weights share, with its slash: "gpu_0/"."""
    visible: Visible = field(default_factory=lambda: Visible(frozenset()))
    runs_eagerly: bool = False
    """Whether some code needs the numbers of tensors, so that it cannot be compiled."""
    _aliases: dict[Value, Value] = field(default_factory=dict)
    _moved: dict[tuple[Value, Layout], Value] = field(default_factory=dict)
    _shared: dict[tuple[str, tuple], str] = field(default_factory=dict)
    _alone: dict[tuple[Value, tuple[int, ...] | None, tuple[int, ...], str | None], Binding] = field(default_factory=dict)
    _locals: dict[Local, Value] = field(default_factory=dict)
    _rooms: dict[Node, Said] = field(default_factory=dict)
    _leaves: frozenset[str] = frozenset()
    """Paths of modules that hold no others."""

    @classmethod
    def of(cls, graph: Graph, target: Target, *, same: bool = False, reserved: tuple[str, ...] = ()) -> Program:
        program = cls(graph, target, keep_same=same, layer_names=Namespace(reserved))
        program.ends = {value for each in graph.nested() for value in each.outputs}
        program.layouts = plan(graph, target.rule)
        program.prefix = common_scope([value.name for value in graph.weights() if value.weight.trainable])
        program._leaves = leaves(node.scope for node in graph.nodes if node.scope is not None)
        program.extents = Extents(graph, reads_numbers=not target.is_functional)
        needed = needed_nodes(graph, program.extents, program._said)
        for node in graph.nodes:
            if node in needed:
                first = len(program.statements)
                program._add(node)
                for statement in program.statements[first:]:
                    statement.scope = node.scope
        program._add_constant_outputs()
        if target.is_functional:  # where a weight is a layer that is called
            program._hold_repeated()
        program.visible = Visible(frozenset(targets(program.statements)), program.layouts)
        return program

    # Statements from nodes

    def _said(self, node: Node) -> Said:
        """What the node's room says, or, of a small tensor of sizes, how the target makes one."""
        if node not in self._rooms:
            self._rooms[node] = self._ask(node)
        return self._rooms[node]

    def _ask(self, node: Node) -> Said:
        site = Site(
            node,
            self.layouts,
            self.extents,
            framework=self.target.name,
            same=self.keep_same,
            functional=self.target.is_functional,
            number_rank=_number_rank(node, self.target.rule(node)),
            ends=self.ends,
        )
        site.is_eager = has_strings(node)
        if site.functional and site.is_eager:
            raise NotFunctionalError(f"{node.origin} works on strings")
        held = None
        if not self.target.is_functional and node.op_type not in ("Shape", "Size") and len(node.outputs) == 1:
            held = site.held_sizes()
        result = self.target.room(node, site) if held is None else held
        result = Template(result, {}) if isinstance(result, str) else result
        return site, result(site.first) if isinstance(result, Layer) else result

    def _add(self, node: Node) -> None:
        site, result = self._said(node)
        if isinstance(result, Branch | Repeat) and site.functional:
            raise NotFunctionalError(f"{node.origin} is control flow")
        self.runs_eagerly |= site.is_eager
        if isinstance(result, Branch):
            self.target.branch(self, node, self._lower(result.condition, node, site), result)
            return
        if isinstance(result, Repeat):
            repeat(self, node, lambda expression: self._lower(expression, node, site), result)
            return
        outputs = [value for value in node.outputs if value is not None]
        if isinstance(result, Template) and result.unpacks:
            targets = [Value("") if value is None else value for value in node.outputs]
            targets += [Value("") for _ in range(result.parts - len(targets))]
            self._assign(targets, result, node, site)
        elif isinstance(result, list):
            for value, expression in zip(outputs, result, strict=False):
                self._assign([value], expression, node, site)
        else:
            used = [value for value in outputs if value.users or value in self.ends]
            targets = outputs[: outputs.index(used[-1]) + 1] if used else outputs[:1]
            self._assign(targets, result, node, site)

    def body(self, graph: Graph, start: Callable[[], None] | None, end: Callable[[], None]) -> list[Statement | Compound]:
        """The statements of a sub-graph, between those that ``start`` and ``end`` append."""
        outer, self.statements = self.statements, []
        moved = dict(self._moved)  # what is put into another order inside is unknown outside
        if start is not None:
            start()
        for node in graph.nodes:
            self._add(node)
        end()
        inner, self.statements, self._moved = self.statements, outer, moved
        return inner

    def alias(self, value: Value, held: Value) -> None:
        """From now on ``value`` is what the variable ``held`` holds."""
        self._aliases[value] = held

    def result(self, value: Value) -> ast.expr:
        """A value that leaves a sub-graph, or enters a loop, in logical order."""
        if value.weight is not None:
            return self._constant(value, value.weight)
        have = self.layouts.of(value)
        resolved = self._resolved(value)
        if have.is_logical:
            return variable(resolved)
        return variable(self._move(resolved, value, have, Layout.logical(len(have.order))))

    def _constant(self, value: Value, weight: Weight) -> ast.expr:
        if weight.size == 1 and not weight.trainable and weight.has_data and weight.dtype.kind in "fiub":
            return self.target.tensor(weight.array())
        return self._weight(value, weight)

    def _add_constant_outputs(self) -> None:
        """A variable for each output that is a weight, so that every output is a variable."""
        for value in self.graph.outputs:
            if value.weight is not None and value not in self._aliases:
                held = Value(value.name, value.dtype, value.shape)
                self.statements.append(Statement([held], self._weight(value, value.weight)))
                self._aliases[value] = held

    def _assign(self, targets: list[Value], result: str | Layer | Expression, node: Node, site: Site) -> None:
        if isinstance(result, str):
            result = Template(result, {})
        if isinstance(result, Layer):
            result = result(site.first)
        if isinstance(result, Template) and site.has(result.text):
            result = site.named(result.text)
        if isinstance(result, Operand) and result.weight is None:
            self._aliases[targets[0]] = self._read(node, result)
            return
        tree = self.target.whole(self, self._lower(result, node, site), site)
        if isinstance(result, Local) and len(targets) == 1:
            self._aliases[targets[0]] = tree.value
            return
        if node.op_type in _ORDERS and targets[0].dtype == "uint64":
            tree = fill("unordered(x)", {"x": lambda: tree})
        elif self._is_widened(targets[0].dtype, node):
            self._note_unsigned(node)
            tree = self.target.cast(tree, targets[0].dtype.name)
        self.statements.append(Statement(targets, tree, node))

    def _note_unsigned(self, node: Node) -> None:
        """Say where numbers of type uint64 that int64 does not hold come out wrong; sums wrap round to the right ones."""
        if node.op_type not in _WRAPPING and any(value is not None and value.dtype == np.uint64 for value in node.inputs):
            note = f"{node.origin} computes numbers of type uint64 as int64: those from 2**63 on come out wrong."
            if note not in self.graph.notes:
                self.graph.notes.append(note)

    def _is_widened(self, dtype: Any, node: Node) -> bool:
        """Whether the node computes with numbers of this type as int64, because the target's functions lack the type."""
        room = room_of(node)
        return dtype is not None and dtype.name in self.target.widened and room.layout is same and not room.any_type

    def _lower(self, expression: Any, node: Node, site: Site) -> ast.expr:
        if isinstance(expression, Operand):
            return self._operand(expression, node)
        if isinstance(expression, Applied):
            return self._applied(expression, node, site)
        if isinstance(expression, Local):
            if expression not in self._locals:
                self._locals[expression] = Value(expression.name)
                tree = self.target.whole(self, self._lower(expression.expression, node, site), site)
                self.statements.append(Statement([self._locals[expression]], tree, node))
            return variable(self._locals[expression])
        if isinstance(expression, Template):
            return self._template(expression, node, site)
        if isinstance(expression, Variable):
            return variable(expression.value)
        if isinstance(expression, Sized):
            return self._size(expression, node)
        if isinstance(expression, tuple):
            return ast.Tuple([self._lower(item, node, site) for item in expression], ast.Load())
        return literal(expression)

    def _size(self, sized: Sized, node: Node) -> ast.expr:
        """Arithmetic of sizes, each asked of the variable that holds a tensor."""
        if self.target.is_functional and not is_plain(sized.number):
            raise NotFunctionalError(f"{node.origin} needs a size of its inputs as a number")

        def extent(value: Value, axis: int) -> ast.expr:
            return self.target.size(variable(self._resolved(value)), self.layouts.of(value).stored_axis(axis))

        return self.extents.tree(sized.number, node, extent)

    def _template(self, template: Template, node: Node, site: Site) -> ast.expr:
        tensors = tensors_in(template.text)

        def bind(name: str, bound: Any) -> Binding:
            if isinstance(bound, list):
                items = [site.as_tensor(item) for item in bound] if name in tensors else bound
                return lambda: [self._lower(item, node, site) for item in items]
            whole = site.as_tensor(bound) if name in tensors else bound
            return lambda: self._lower(whole, node, site)

        names = [name for name in names_in(template.text) if name not in template.bindings and site.has(name)]
        bound = {name: site.named(name) for name in names} | template.bindings
        unbound = set(names_in(template.text)) - bound.keys() - self.target.names - vars(builtins).keys()
        if unbound:  # it could be a variable of the emitted code by chance
            raise NameError(f"the room of {node.op_type} writes {template.text!r}, where nothing is bound to {unbound}")
        tree = fill(template.text, {name: bind(name, value) for name, value in bound.items()})
        return self.target.placed(_without_defaults(tree))

    def _applied(self, applied: Applied, node: Node, site: Site) -> ast.expr:
        arguments = [self._lower(argument, node, site) for argument in (*applied.arguments, *applied.options.values())]
        if not self.target.layers_nest:
            arguments = [self._stored(tree, node, site) if isinstance(tree, ast.Call) else tree for tree in arguments]
        layer = self.target.typed(applied.layer, node)
        name, named = self._layer_name(layer, node)
        count = len(applied.arguments)
        tree = self.target.layer_call(self, layer, name, named, arguments[:count], site.operand(0).shape)
        tree.keywords += map(ast.keyword, applied.options, arguments[count:])
        tree.layer = layer
        return tree

    def _stored(self, tree: ast.expr, node: Node, site: Site) -> ast.expr:
        """A variable that holds the tree's value."""
        value = Value("")
        self.statements.append(Statement([value], self.target.whole(self, tree, site), node))
        return variable(value)

    def constructor(self, layer: Layer, **more: Any) -> ast.Call:
        """The constructor's call, without arguments that equal its defaults."""
        kwargs = {**layer.kwargs, **more}
        tree = call(layer.constructor, map(literal, layer.args), {name: literal(value) for name, value in kwargs.items()})
        return _without_defaults(tree)

    def _layer_name(self, layer: Layer, node: Node) -> tuple[str, bool]:
        """(identifier or path, whether the source has such a name)."""
        stem = _stem(layer)
        if node.scope is not None:
            inner = node.scope[-1].path
            fallback = inner if inner and inner in self._leaves else f"{inner}.{snake_case(node.op_type)}"
            return self._path(stem, inner, fallback, snake_case(node.op_type)), True
        candidates = [node.name, stem] if self.graph.layers else [stem, node.name]
        if not layer.weights and node.name == "":
            candidates = []
        for name in candidates:
            text = name.removeprefix(self.prefix)
            if text and not is_generated(text):
                return identifier(text, snake_case(node.op_type)), True
        return snake_case(node.op_type), bool(layer.weights)

    def _path(self, name: str, inner: str, fallback: str, kind: str = "") -> str:
        """The path of a layer or weight used inside the module ``inner``: the source's name for it if that lies there.

        ``kind`` goes before a part that is no identifier: "conv_1x1".
        """
        lies_there = name and (name == inner or name.startswith(f"{inner}." if inner else ""))
        path = name if lies_there else fallback
        parts = path.strip(".").split(".")
        if not self.target.has_modules:
            return identifier("_".join(parts))
        return ".".join(part if part.isdigit() or is_member(part) else identifier(part, kind) for part in parts)

    def share(self, layer: Layer, name: str, named: bool) -> tuple[str, bool]:
        """(the layer's name, whether it is new): layers of one module that read the same weights are one, as are layers without
        weights and a name of their own."""
        weights = tuple((variable, weight.name, weight.shape) for variable, weight in layer.weights.items())
        if (weights and not all(weight.name for weight in layer.weights.values())) or (named and not weights):
            return self.layer_names.take(name), True
        key = (ast.unparse(self.constructor(layer)), weights, name.rpartition(".")[0])
        new = key not in self._shared
        if new:
            self._shared[key] = self.layer_names.take(name)
        return self._shared[key], new

    # Operands

    def _operand(self, operand: Operand, node: Node) -> ast.expr:
        weight, number = operand.weight, self.extents.as_number(operand, node)
        if number is not None:
            self.runs_eagerly = True  # compiled code of Keras has a tensor of another type in its place
            return self._size(number, node)
        ordered = node.op_type in _ORDERS and operand.dtype == "uint64"
        if weight is not None and operand.is_number:
            held = weight.array().reshape(-1)[0]
            if ordered:
                return literal(int(held) - 2**63)
            wraps = held.dtype == np.uint64 and held >= 2**63 and self._is_widened(operand.dtype, node)
            return literal(int(held) - 2**64 if wraps else held)
        if weight is None:
            tree = variable(self._read(node, operand))
        else:
            need = self.layouts.needs.get((node, operand.index))
            tree = self._weight(operand.value, self._stored_weight(operand, node), need and need.order, node)
        if ordered:
            return fill("ordered(x)", {"x": lambda: tree})
        return self.target.cast(tree, "int64") if self._is_widened(operand.dtype, node) else tree

    def _stored_weight(self, operand: Operand, node: Node) -> Weight:
        """The weight in the axis order in which the node reads it."""
        weight = operand.weight
        need = self.layouts.needs.get((node, operand.index))
        if need is None or need.is_logical:
            return weight
        missing = len(need.order) - len(weight.shape)
        weight = weight.reshape(*(1,) * missing, *weight.shape).transpose(*need.order)
        if self.target.rule(node) is same:  # broadcasting supplies leading axes of size 1
            shape = list(weight.shape)
            while shape and shape[0] == 1:
                shape.pop(0)
            weight = weight.reshape(*shape)
        return weight

    def _weight(self, value: Value, weight: Weight, order: tuple[int, ...] | None = None, node: Node | None = None) -> ast.expr:
        """The weight of ``value`` as it stands in an expression; ``weight`` has its axes in ``order``."""
        vector = self._vector(weight, node)
        if vector is not None:
            tree = self._weight(Value(vector.name, vector.dtype, vector.shape, vector), vector, None, node)
            shape = tuple(1 if size == 1 else -1 for size in weight.shape)
            return fill("x.reshape(shape)", {"x": lambda: tree, "shape": lambda: literal(shape)})
        text = value.name.removeprefix(self.prefix)
        wanted = identifier(text if not is_generated(text) else "weight")
        inner = None if node is None or node.scope is None else node.scope[-1].path
        if inner is not None:
            inner = _holder(value, node) or inner
            wanted = self._path(
                text, inner, f"{inner}.{wanted if is_generated(text) else without_number(text.rpartition('.')[2])}"
            )
        if order is not None and order == tuple(range(len(order))):
            order = None  # however many axes: the weight is as the source has it
        key = (weight if weight.origin is weight else value, order, weight.shape, inner)
        if key not in self._alone:
            users = [user for user, _ in value.users] or [node]
            scales = any(user is not None and user.op_type in ("Mul", "Div", "PRelu") for user in users)
            name = self.layer_names.take(wanted)
            self._alone[key] = self.target.weight(self, weight, name, "ones" if scales else "zeros")
            if name in self.layers:
                self.layers[name].widths = _widths(value)
        tree = self._alone[key]()
        if not self.target.layers_nest:
            tree.holds = Value(value.name, value.dtype, weight.shape)
            tree.key = key
        return tree

    def _vector(self, weight: Weight, node: Node | None) -> Weight | None:
        """The vector of the source that a weight is, but for axes of size 1: a module has it as it stands in the source."""
        vector = weight.origin
        if not self.target.has_modules or vector is weight or node is None or not node.scope:
            return None
        inner = node.scope[-1].path
        if not vector.name.startswith(f"{inner}.") and (inner or not vector.name.isidentifier()):
            return None
        if not weight.trainable or not weight.has_data or len(vector.shape) != 1 or vector.size < 2:
            return None
        is_same = len(weight.shape) > 1 and max(weight.shape) == weight.size == vector.size
        return vector if is_same and np.array_equal(weight.array().reshape(-1), vector.array()) else None

    def _hold_repeated(self) -> None:
        """Let a weight that is read in several places be constructed once, where it is read first."""
        count = Counter(tree.key for statement in self.statements for tree in ast.walk(statement.tree) if hasattr(tree, "key"))
        held: dict[Any, Value] = {}
        statements: list[Statement] = []
        for statement in self.statements:
            for tree in [tree for tree in ast.walk(statement.tree) if count[getattr(tree, "key", None)] > 1]:
                if tree.key not in held:
                    held[tree.key] = tree.holds
                    statements.append(Statement([tree.holds], tree))
                statement.tree = replaced(statement.tree, tree, variable(held[tree.key]))
            statements.append(statement)
        self.statements = statements

    def _read(self, node: Node, operand: Operand) -> Value:
        """The variable that holds the operand in the layout the node needs."""
        have, need = self.layouts.of(operand.value), self.layouts.needs.get((node, operand.index))
        variable_value = self._resolved(operand.value)
        broadcast = need is not None and have.is_logical and need.is_logical  # aligns the last axes by itself
        if need is None or have == need or broadcast:
            return variable_value
        return self._move(variable_value, operand.value, have, need)

    def _resolved(self, value: Value) -> Value:
        while value in self._aliases:
            value = self._aliases[value]
        return value

    def _move(self, value: Value, read: Value, have: Layout, need: Layout) -> Value:
        """A new variable with the value's axes in the order ``need``."""
        if (read, need) in self._moved:
            return self._moved[read, need]
        moved = Value(read.name, read.dtype, read.shape)
        tree: ast.expr = variable(value)
        if have.flat is not None:
            sizes, axes = have.flat
            inner = [sizes[axis] for axis in axes]
            back = (0, *(axes.index(axis) + 1 for axis in range(len(axes))))
            tree = fill("ops.reshape(x, shape)", {"x": lambda t=tree: t, "shape": lambda: literal((-1, *inner))})
            tree = self._transpose(tree, back)
            flat_shape = (-1, int(np.prod(sizes)))
            tree = fill("ops.reshape(x, shape)", {"x": lambda t=tree: t, "shape": lambda: literal(flat_shape)})
            have = Layout(have.order)
        missing = len(need.order) - len(have.order)
        wanted = [axis - missing for axis in need.order if axis >= missing]
        order = tuple(have.order.index(axis) for axis in wanted)
        if order != tuple(range(len(order))):
            tree = self._transpose(tree, order)
        absent = tuple(place for place, axis in enumerate(need.order) if axis < missing)
        if absent and absent != tuple(range(missing)):
            tree = fill("ops.expand_dims(x, axes)", {"x": lambda t=tree: t, "axes": lambda: literal(absent)})
        self.statements.append(Statement([moved], tree))
        self._moved[read, need] = moved
        return moved

    def _transpose(self, tree: ast.expr, order: tuple[int, ...]) -> ast.expr:
        self.transposes += 1
        return fill("ops.transpose(x, order)", {"x": lambda: tree, "order": lambda: literal(order)})

    # What is read where

    def reads(self) -> Counter[Value]:
        """How often each value is read by statements and outputs."""
        count = Counter(name.value for tree in trees(self.statements) for name in variables(tree))
        count.update(self.output_values())
        return count

    def places(self) -> dict[Value, set[int]]:
        """The statements that read each value; the place after the last one stands for the model's outputs."""
        places = places_in(self.statements)
        for value in self.output_values():
            places.setdefault(value, set()).add(len(self.statements))
        return places

    def output_values(self) -> list[Value]:
        return [self._resolved(value) for value in self.graph.outputs]


def _widths(value: Value) -> tuple[str, ...]:
    """What the sizes of a weight are called that is the matrix of a product, or added to one, from which the kernel of a
    convolution is computed, or by which each channel is scaled or moved; nothing where it is another."""
    products = {index for node, index in value.users if node.op_type in ("Gemm", "Linear", "MatMul")}
    if len(products) == 1 and len(value.shape) <= 2:
        return {1: ("in_features", "out_features"), 2: ("out_features",)}.get(products.pop(), ())
    if len(value.shape) > 2 and _makes_kernel(value):
        return ("out_channels", "in_channels", *["kernel_size"] * (len(value.shape) - 2))
    wide = [axis for axis, size in enumerate(value.shape) if size != 1]
    scales = bool(value.users) and all(node.op_type in _BY_CHANNEL for node, _ in value.users)
    return ("",) * wide[0] + ("num_features",) if scales and len(wide) == 1 else ()


def _makes_kernel(value: Value) -> bool:
    """Whether the kernel of a convolution, of the same shape, is computed from a weight."""
    waiting, seen = [value], {value}
    while waiting:
        each = waiting.pop()
        for node, index in each.users:
            if node.op_type == "Conv" and index == 1 and each.shape == value.shape:
                return True
            if node.op_type != "Conv" and len(seen) < _STEPS:
                fresh = {output for output in node.outputs if output is not None} - seen
                seen |= fresh
                waiting += fresh
    return False


_BY_CHANNEL = ("Add", "Div", "Mul", "Reshape", "Sub", "Unsqueeze")
_STEPS = 20
"""Values followed from a weight to the kernel that is computed from it."""


def _holder(value: Value, node: Node) -> str | None:
    """The module around a node that has this weight as an attribute, where only what is in the innermost one reads it."""
    path, _, name = value.name.rpartition(".")
    around = [module.path for module in node.scope]
    is_read_once = all(user.scope == node.scope for user, _ in value.users)
    return path if name and path and path in around and is_read_once else None


def leaves(scopes: Iterable[Scope]) -> frozenset[str]:
    """Paths of the modules inside which no other is called."""
    outer, inner = set(), set()
    for scope in scopes:
        outer.update(module.path for module in scope[:-1])
        inner.update(module.path for module in scope[-1:])
    return frozenset(inner - outer)


def _number_rank(node: Node, rule: Rule) -> int | None:
    """Up to which rank a single number is printed as such: any where it is broadcast, none where it must be a tensor."""
    if rule is same:
        return None
    return 0 if all(value is None or value.is_tensor for value in (*node.inputs, *node.outputs)) else -1


_WRAPPING = {"Add", "Sub", "Mul", "Sum", "Max", "Min", "Where", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot"}
"""Operators that are right on the bits of unsigned numbers, or compare them as such."""


def _without_defaults(tree: ast.expr) -> ast.expr:
    """Calls in the tree without keyword arguments that equal the function's own defaults."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.keywords:
            defaults: Mapping[str, Any] = defaults_of(ast.unparse(node.func))
            node.keywords = [k for k in node.keywords if not _equals_default(k, defaults)]
    return tree


def _equals_default(keyword: ast.keyword, defaults: Mapping[str, Any]) -> bool:
    if keyword.arg not in defaults or variables(keyword.value):
        return False
    try:
        value = ast.literal_eval(keyword.value)
    except ValueError:
        return False
    default = defaults[keyword.arg]
    return value == default and isinstance(value, bool) == isinstance(default, bool)


def _stem(layer: Layer) -> str:
    """What the names of its weights have in common before the names that the layer has for them; "" where nothing."""
    names = {variable: weight.name for variable, weight in layer.weights.items()}
    stems = {name.removesuffix(f".{variable}") if name.endswith(f".{variable}") else "" for variable, name in names.items()}
    return stems.pop() if len(stems) == 1 and "" not in stems else weight_stem(names.values())
