"""From a graph to a list of statements, the same way for every target.

Each node's room says what the node is in the target; here its layers get names, its operands become variables, transposes are
put where the layout plan needs one, and what a person would write on one line is put on one line.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from converter.emitters.blocks import Compound, Statement, assigned, repeat, trees, variable, variables
from converter.emitters.expressions import Binding, call, fill, is_infix, literal, names_in, tensors_in
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
from converter.emitters.vocabulary import Applied, Branch, Expression, Layer, Local, Operand, Repeat, Sized, Template, Variable
from converter.graph import Graph, Node, Scope, Shape, Value, Weight
from converter.operators.registry import has_strings, room_of

_ORDERS = {"Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Max", "Min"}
"""Operators whose numbers of type uint64 are compared as those of int64 in the same order."""

LINE = 68
"""Longest expression put together on one line."""


class Target(Protocol):
    """What differs between targets while statements are made."""

    name: str
    layers_nest: bool
    """Whether a layer may be called on another layer's call in one expression."""

    has_modules: bool
    """Whether layers and weights live in modules inside modules, so that their names are paths."""

    names: frozenset[str]
    """Modules and helpers that templates may name."""
    widened: frozenset[str]
    """Number types that the target's functions lack: arithmetic on them is done as int64."""

    def cast(self, tree: ast.expr, dtype: str) -> ast.expr:
        """The tree's value converted to a number type."""

    def typed(self, layer: Layer, node: Node) -> Layer:
        """The layer, told the number type it computes in where that is not its default."""

    def rule(self, node: Node) -> Rule:
        """The layout rule of a node."""

    def room(self, node: Node, site: Site) -> Any:
        """What the node's room returns."""

    def activation(self, node: Node) -> str | None:
        """The name under which a layer takes this node as its ``activation`` argument; None where there is none."""

    is_functional: bool
    """Whether the code is run once on tensors that have no numbers yet."""

    def layer_call(
        self, program: Program, layer: Layer, name: str, named: bool, arguments: list[ast.expr], shape: Shape | None
    ) -> ast.expr:
        """The layer applied. ``named`` tells whether ``name`` comes from the source, ``shape`` is that of the node's first
        input in stored order."""

    def branch(self, program: Program, node: Node, condition: ast.expr, choice: Branch) -> None:
        """Append the statements of an If."""

    def size(self, tree: ast.expr, axis: int) -> ast.expr:
        """The size of a stored axis of the tree's value."""

    def placed(self, tree: ast.expr) -> ast.expr:
        """The tree with what it makes on the device of what it has."""

    def tensor(self, array: np.ndarray) -> ast.expr:
        """A tensor with the number of ``array``, written out."""

    def weight(self, program: Program, weight: Weight, name: str, start: str) -> Binding:
        """A weight that stands in expressions by itself; a fresh one starts as ``start``, "zeros" or "ones"."""


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
    runs_eagerly: bool = False
    """Whether some code needs the numbers of tensors, so that it cannot be compiled."""
    _aliases: dict[Value, Value] = field(default_factory=dict)
    _moved: dict[tuple[Value, Layout], Value] = field(default_factory=dict)
    _shared: dict[tuple[str, tuple], str] = field(default_factory=dict)
    _alone: dict[tuple[Value, tuple[int, ...] | None, tuple[int, ...], str | None], Binding] = field(default_factory=dict)
    _locals: dict[Local, Value] = field(default_factory=dict)
    _rooms: dict[Node, Said] = field(default_factory=dict)
    _scope: str = ""
    _leaves: frozenset[str] = frozenset()
    """Paths of modules that hold no others."""

    @classmethod
    def of(cls, graph: Graph, target: Target, *, same: bool = False, reserved: tuple[str, ...] = ()) -> Program:
        program = cls(graph, target, keep_same=same, layer_names=Namespace(reserved))
        program.ends = {value for each in graph.nested() for value in each.outputs}
        program.layouts = plan(graph, target.rule)
        program._scope = common_scope([value.name for value in graph.weights() if value.weight.trainable])
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
        return program

    def fuse(self) -> None:
        """Put statements together on one line where a person would."""
        self.statements = self.fused(self.statements, self.reads())

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
        tree = self._lower(result, node, site)
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
                tree = self._lower(expression.expression, node, site)
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
        if self.target.is_functional:
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
            arguments = [self._stored(tree, node) if isinstance(tree, ast.Call) else tree for tree in arguments]
        layer = self.target.typed(applied.layer, node)
        name, named = self._layer_name(layer, node)
        count = len(applied.arguments)
        tree = self.target.layer_call(self, layer, name, named, arguments[:count], site.operand(0).shape)
        tree.keywords += map(ast.keyword, applied.options, arguments[count:])
        tree.layer = layer
        return tree

    def _stored(self, tree: ast.expr, node: Node) -> ast.expr:
        """A variable that holds the tree's value."""
        value = Value("")
        self.statements.append(Statement([value], tree, node))
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
            text = name.removeprefix(self._scope)
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
        text = value.name.removeprefix(self._scope)
        wanted = identifier(text if not is_generated(text) else "weight")
        inner = None if node is None or node.scope is None else node.scope[-1].path
        if inner is not None:
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
        inner = node.scope[-1].path if node is not None and node.scope else ""
        if not self.target.has_modules or vector is weight or not inner or not vector.name.startswith(f"{inner}."):
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
                statement.tree = _Replace(tree, variable(held[tree.key])).visit(statement.tree)
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

    # What a person writes on one line

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

    def fused(self, statements: list[Statement | Compound], reads: Counter[Value]) -> list[Statement | Compound]:
        """The statements, each put into the next one where a person would."""
        fused: list[Statement | Compound] = []
        for statement in _sunk(_unbound(statements, reads), reads) if self.target.layers_nest else statements:
            if isinstance(statement, Compound):
                for clause in statement.clauses:
                    clause.body = self.fused(clause.body, reads)
                head = statement.clauses[0]
                while fused and head.tree is not None and self._fits(fused[-1], Statement([], head.tree), reads):
                    previous = fused.pop()
                    head.tree = _Substitute(previous.targets[0], previous.tree).visit(head.tree)
                fused.append(statement)
                continue
            self._gather(fused, statement, reads)
            if fused:
                self._ask_before(fused[-1], statement, reads)
            while fused and self._fits(fused[-1], statement, reads):
                previous = fused.pop()
                activation = self.target.activation(statement.node) if statement.node else None
                if is_variable(statement.tree):
                    statement = Statement(statement.targets, previous.tree, previous.node)
                elif activation is not None and takes_activation(previous.tree):
                    _add_activation(previous.tree, activation)
                    statement = Statement(statement.targets, previous.tree, previous.node, previous.scope)
                else:
                    statement.tree = _Substitute(previous.targets[0], previous.tree).visit(statement.tree)
            fused.append(statement)
        return fused

    def _ask_before(self, previous: Statement | Compound, statement: Statement, reads: Counter[Value]) -> None:
        """Ask for sizes of what ``previous`` gives at the one thing it reads, where a method can then be called right there."""
        if not self.target.layers_nest or isinstance(previous, Compound) or len(previous.targets) != 1:
            return
        (value,), sources = previous.targets, {name.value for name in variables(previous.tree)}
        asked = [node for node in ast.walk(statement.tree) if _size_of(node) is value]
        count = sum(name.value is value for name in variables(statement.tree))
        once = bool(asked) and reads[value] == count == len(asked) + 1
        if len(sources) != 1 or not once or _reads_on(statement.tree, value) is None or not _goes_on(previous.tree):
            return
        (source,) = sources
        have, want = self.extents.sizes.shape(source), self.extents.sizes.shape(value)
        axes = [node.slice.value for node in asked]
        if have is None or want is None or not all(axis < len(have) and have[axis] == want[axis] for axis in axes):
            return
        for node in asked:
            node.value.value = variable(source)
        reads[value] -= len(asked)
        reads[source] += len(asked)

    def _fits(self, previous: Statement | Compound, statement: Statement, reads: Counter[Value]) -> bool:
        if isinstance(previous, Compound) or len(previous.targets) != 1 or reads[previous.targets[0]] != 1:
            return False
        if self.target.layers_nest and _reads_on(statement.tree, previous.targets[0]) is not None:
            return _goes_on(previous.tree) and _written_length(previous.tree) + _written_length(statement.tree) <= LINE
        if not any(name.value is previous.targets[0] for name in _operands(statement.tree)):
            return False
        if (
            self.target.layers_nest
            and _is_part(previous.tree)
            and (hasattr(statement.tree, "layer") or is_infix(statement.tree))
        ):
            return _written_length(previous.tree) + _written_length(statement.tree) <= LINE
        if is_variable(statement.tree):
            return bool(statement.targets) or is_infix(previous.tree)
        activation = self.target.activation(statement.node) if statement.node is not None else None
        if activation is not None and takes_activation(previous.tree):
            return True
        if hasattr(previous.tree, "layer") and not self.target.layers_nest:
            return False
        if isinstance(statement.tree, ast.Call) and hasattr(statement.tree, "layer"):
            outer, inner = statement.tree.layer.constructor, getattr(previous.tree, "layer", None)
            nests = inner is not None and (
                outer.startswith(("nn.BatchNorm", "nn.Dropout")) or inner.constructor.startswith(("nn.LayerNorm", "nn.RMSNorm"))
            )
            nests |= self.target.layers_nest and len(statement.tree.args) == 1 and _goes_around(outer, previous.tree)
            nests &= not ("Norm" in outer and any("Norm" in layer for layer in _layers_in(previous.tree)))
        elif isinstance(statement.tree, ast.Call):
            nests = is_unary(statement.node) and (hasattr(previous.tree, "layer") or is_infix(previous.tree))
            nests |= self.target.layers_nest and hasattr(previous.tree, "layer") and _is_of_one(statement.tree)
        else:
            nests = is_infix(statement.tree) and (is_infix(previous.tree) or hasattr(previous.tree, "layer"))
            if is_infix(statement.tree) and self.target.layers_nest and is_unary(previous.node):
                nests |= any(_layers_in(previous.tree))
        return nests and _written_length(previous.tree) + _written_length(statement.tree) <= LINE

    def _gather(self, fused: list[Statement | Compound], statement: Statement, reads: Counter[Value]) -> None:
        """Put calls of modules, just before, into the list that reads what they give: ``torch.cat([self.a(x), self.b(x)])``."""
        tree = statement.tree
        parts = tree.args[0] if isinstance(tree, ast.Call) and tree.args else None
        if not self.target.layers_nest or not isinstance(parts, ast.List) or not all(map(is_variable, parts.elts)):
            return
        calls = fused[-len(parts.elts) :]
        for call_, part in zip(calls, parts.elts, strict=False):
            single = isinstance(call_, Statement) and call_.targets == [part.value] and reads[part.value] == 1
            if not single or not hasattr(call_.tree, "layer") or not all(map(is_variable, call_.tree.args)):
                return
        if len(calls) == len(parts.elts) > 1:
            parts.elts = [call_.tree for call_ in calls]
            del fused[-len(calls) :]


def _widths(value: Value) -> tuple[str, ...]:
    """What the sizes of a weight are called that is the matrix of a product, or added to one; nothing where it is another."""
    products = {index for node, index in value.users if node.op_type in ("Gemm", "Linear", "MatMul")}
    if len(products) != 1 or len(value.shape) > 2:
        return ()
    return {1: ("in_features", "out_features"), 2: ("out_features",)}.get(products.pop(), ())


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


def is_variable(tree: ast.AST) -> bool:
    return isinstance(tree, ast.Name) and hasattr(tree, "value")


def is_unary(node: Node | None) -> bool:
    """Whether a node computes one tensor element by element."""
    room = room_of(node) if node is not None else None
    return room is not None and room.layout is same and len(node.inputs) == 1


_WITH_ACTIVATION = ("layers.Conv", "layers.DepthwiseConv", "layers.Dense")


def takes_activation(tree: ast.expr) -> bool:
    layer = getattr(tree, "layer", None)
    return (
        layer is not None
        and layer.constructor.startswith(_WITH_ACTIVATION)
        and not getattr(tree.constructor, "called_again", False)
        and not any(keyword.arg == "activation" for keyword in tree.constructor.keywords)
    )


def _add_activation(tree: ast.Call, activation: str) -> None:
    keywords = tree.constructor.keywords
    place = next((index for index, keyword in enumerate(keywords) if keyword.arg == "name"), len(keywords))
    keywords.insert(place, ast.keyword("activation", ast.Constant(activation)))


def _reads_on(tree: ast.expr, value: Value) -> ast.expr | None:
    """The variable of ``value`` whose method is called or of which a part is taken; arguments may be sizes of any tensor."""
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute):
        if len(variables(ast.Tuple(tree.args, ast.Load()))) != sum(map(_is_size, _walked(tree.args))):
            return None
        tree = tree.func
    held = tree.value if isinstance(tree, ast.Attribute | ast.Subscript) else None
    return held if held is not None and is_variable(held) and held.value is value else None


def _walked(trees: Iterable[ast.AST]) -> list[ast.AST]:
    return [node for tree in trees for node in ast.walk(tree)]


def _size_of(node: ast.AST) -> Value | None:
    """The value of which a size is asked: that of ``x`` in ``x.shape[0]``."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Constant):
        return None
    shape = node.value
    is_shape = isinstance(shape, ast.Attribute) and shape.attr == "shape" and is_variable(shape.value)
    return shape.value.value if is_shape else None


def _is_size(node: ast.AST) -> bool:
    return _size_of(node) is not None


def _goes_on(tree: ast.expr) -> bool:
    """Whether a method of what an expression gives may be called right there: of a layer's call, of positions, or after
    another method or choice of a part."""
    start, chain = _start(tree)
    is_range = isinstance(start, ast.Call) and ast.unparse(start.func) == "torch.arange"
    return chain < 3 and (hasattr(start, "layer") or is_range or (chain > 0 and is_variable(start)))


def _start(tree: ast.expr) -> tuple[ast.expr, int]:
    """(what the methods of an expression are called of and its parts are taken of, how many of these there are)."""
    chain = 0
    while not hasattr(tree, "layer") and not is_variable(tree):
        if (
            isinstance(tree, ast.Call)
            and isinstance(tree.func, ast.Attribute)
            and not isinstance(tree.func.value, ast.Attribute)
        ):
            if not is_variable(tree.func.value) and isinstance(tree.func.value, ast.Name):  # a function of a module
                break
            tree = tree.func.value
        elif isinstance(tree, ast.Subscript):
            tree = tree.value
        else:
            break
        chain += 1
    return tree, chain


_VIEWS = {"Cast", "Range", "Slice", "Squeeze", "Unsqueeze"}


def _is_part(tree: ast.expr) -> bool:
    """Whether it is a part of a variable, or the variable as another type or with more axes: an operand, to a reader."""
    start, chain = _start(tree)
    names = ast.walk(tree) if 0 < chain < 3 and is_variable(start) else ()
    calls = [node.func.attr for node in names if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return 0 < chain < 3 and is_variable(start) and set(calls) <= {"to", "float"}


def _is_view(statement: Statement | Compound) -> bool:
    """Whether it gives one tensor with other axes, a part of it, of another type, or counts."""
    if isinstance(statement, Compound) or statement.node is None or len(statement.targets) != 1:
        return False
    return statement.node.op_type in _VIEWS and not any(_layers_in(statement.tree))


def _unbound(statements: list[Statement | Compound], reads: Counter[Value]) -> list[Statement | Compound]:
    """The statements, with those that take all of one axis apart, in order, as one: ``query, key, value = x.unbind(0)``."""
    found: list[Statement | Compound] = []
    place = 0
    while place < len(statements):
        whole, axis = _selected(statements[place], 0)
        shape = whole.shape if whole is not None and whole.is_tensor else None
        count = shape[axis] if shape is not None and axis < len(shape) > 1 else 0  # sizes, of one axis, may be a tuple
        run = statements[place : place + count] if isinstance(count, int) and reads[whole] == count > 1 else []
        if not run or any(_selected(each, number) != (whole, axis) for number, each in enumerate(run)) or len(run) < count:
            found.append(statements[place])
            place += 1
            continue
        tree = fill("x.unbind(axis)", {"x": lambda whole=whole: variable(whole), "axis": lambda axis=axis: literal(axis)})
        found.append(Statement([each.targets[0] for each in run], tree, None, run[0].scope))
        reads[whole] = 1
        place += count
    return found


def _selected(statement: Statement | Compound, number: int) -> tuple[Value | None, int]:
    """The tensor of which a statement takes what has this number on an axis, and the axis; None where it does anything else."""
    tree = statement.tree if isinstance(statement, Statement) and len(statement.targets) == 1 else None
    if not isinstance(tree, ast.Subscript) or not is_variable(tree.value):
        return None, 0
    *before, last = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
    taken = isinstance(last, ast.Constant) and type(last.value) is int and last.value == number
    return (tree.value.value, len(before)) if taken and all(ast.unparse(each) == ":" for each in before) else (None, 0)


def _sunk(statements: list[Statement | Compound], reads: Counter[Value]) -> list[Statement | Compound]:
    """The statements, with views that no layer but one other statement reads right before that."""
    ordered = list(statements)
    for place in range(len(ordered) - 2, -1, -1):
        statement = ordered[place]
        if not _is_view(statement) or reads[statement.targets[0]] != 1:
            continue
        for reader in range(place + 1, len(ordered)):
            if isinstance(ordered[reader], Compound):  # it may give other values to what the statement reads
                break
            if any(name.value is statement.targets[0] for name in variables(ordered[reader].tree)):
                before = reader
                while _is_view(ordered[before - 1]):
                    before -= 1
                if before > place + 1 and not hasattr(ordered[reader].tree, "layer"):
                    ordered.insert(before - 1, ordered.pop(place))
                break
    return ordered


_LIGHT = re.compile(
    r"nn\.(\w*Norm|MaxPool|AvgPool|Adaptive|Dropout|Identity|Flatten|Upsample|\w*LU\b|Hard|Sigmoid|Tanh|Softmax)"
)
"""Layers that a person writes around the convolution, or the like, that they follow."""


def _layers_in(tree: ast.expr) -> list[str]:
    """The constructors of the layers that an expression calls."""
    return [node.layer.constructor for node in ast.walk(tree) if hasattr(node, "layer")]


def _goes_around(outer: str, tree: ast.expr) -> bool:
    """Whether a layer goes around an expression: on a line is one layer of weight, or two modules that hold others."""
    layers = _layers_in(tree)
    heavy = [layer for layer in layers if not _LIGHT.match(layer)]
    if _LIGHT.match(outer):
        return bool(layers)
    if not isinstance(tree, ast.Call):
        return False
    return len(variables(tree)) == 1 and (not heavy or heavy == [outer] == ["nn.Module"])


def _is_of_one(tree: ast.Call) -> bool:
    """Whether a function is called on one variable, and on numbers."""
    return is_variable(tree.args[0]) and len(list(variables(tree))) == 1 if tree.args else False


def _written_length(tree: ast.expr) -> int:
    """How long an expression is in the class of its module, where layers are attributes and some numbers are arguments."""
    text = re.sub(r"self\.(?:\w+\.)*?(\w+(?:\.\d+)*)(?![\w.])", r"self.\1", ast.unparse(tree))
    held = (node for node in ast.walk(tree) if hasattr(node, "parameter"))
    return len(text) + sum(len(f"self.{node.parameter}") - len(ast.unparse(node)) for node in held)


def _operands(tree: ast.expr) -> list[ast.Name]:
    """The variables that stand directly in an arithmetic expression, or directly as an argument of a call."""
    if isinstance(tree, ast.Name):
        return [tree] if hasattr(tree, "value") else []
    if isinstance(tree, ast.Call):
        return [name for argument in tree.args if isinstance(argument, ast.Name) for name in _operands(argument)]
    if is_infix(tree):
        return [name for child in ast.iter_child_nodes(tree) if isinstance(child, ast.expr) for name in _operands(child)]
    return []


class _Substitute(ast.NodeTransformer):
    def __init__(self, value: Value, tree: ast.expr):
        self.value, self.tree = value, tree

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.tree if getattr(node, "value", None) is self.value else node


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.expr, new: ast.expr):
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


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


def name_variables(program: Program, namespace: Namespace, inputs: dict[Value, str]) -> dict[Value, str]:
    """Names for all variables: ``x`` along a chain, the source's name for what is read again later."""
    return name_body(program, program.statements, inputs, program.output_values(), namespace)


def name_body(
    program: Program,
    statements: list[Statement | Compound],
    inputs: Mapping[Value, str],
    results: list[Value],
    namespace: Namespace,
    held: Value | None = None,
) -> dict[Value, str]:
    """Names for the variables of one function; ``held`` is an input called ``x`` that is read again later."""
    names = dict(inputs)
    places = places_in(statements)
    for value in results:
        places.setdefault(value, set()).add(len(statements))
    _name_block(program, statements, places, set(results), namespace, names, held)
    for tree in trees(statements):
        for name in variables(tree):
            name.id = names[name.value]
    return names


_BELOW = -1
"""The place of what is read inside a nested block."""


def places_in(statements: list[Statement | Compound]) -> dict[Value, set[int]]:
    """The statements that read each value."""
    places: dict[Value, set[int]] = {}
    for place, statement in enumerate(statements):
        inner = trees(statement.bodies) if isinstance(statement, Compound) else ()
        for where, found in ((place, statement.heads), (_BELOW, inner)):
            for tree in found:
                for name in variables(tree):
                    places.setdefault(name.value, set()).add(where)
    return places


def _name_block(
    program: Program,
    statements: list[Statement | Compound],
    places: dict[Value, set[int]],
    outside: Set[Value],
    namespace: Namespace,
    names: dict[Value, str],
    held: Value | None = None,
) -> None:
    """Names for what a block assigns; ``outside`` holds what is read outside of it, ``held`` is what ``x`` stands for."""
    for place, statement in enumerate(statements):
        if held is not None and _is_over(held, place, places, outside):
            held = None
        for value in statement.targets:
            if value in names:
                continue
            if value not in places:
                names[value] = "_"
            elif value in program.roles:
                role = program.roles[value]
                before = [other for other, name in names.items() if name == role]
                over = before and all(_is_over(other, place, places, outside) for other in before)
                names[value] = role if over else namespace.take(role)
            elif len(statement.targets) == 1 and places.get(value) == {place + 1} and not isinstance(statement, Compound):
                names[value] = "x" if held is None else "out"
            elif held is None and statement.scope is not None and _carries_on(value, statement, statements[place + 1 :]):
                names[value], held = "x", value
            else:
                names[value] = namespace.take(_own_name(value, statement) or _source_name(program, value, statement))
        if isinstance(statement, Compound):
            others = places_in([other for other in statements if other is not statement]).keys() | outside
            for clause in statement.clauses:
                inside = places_in(clause.body)
                for value in others & set(assigned(clause.body)):
                    inside.setdefault(value, set()).add(_BELOW)
                kept = others if held is None else others | {held}  # a loop may come back to what reads it
                _name_block(program, clause.body, inside, kept, namespace, names, held)


def _is_over(value: Value, place: int, places: dict[Value, set[int]], outside: Set[Value]) -> bool:
    """Whether no statement after this place reads the value."""
    return value not in outside and all(0 <= other <= place for other in places.get(value, ()))


def _carries_on(value: Value, statement: Statement | Compound, following: list[Statement | Compound]) -> bool:
    """Whether a value is what goes through the function: a sum with what went before, or the state of the loop that follows."""
    if following and isinstance(following[0], Compound) and value in assigned(following[0].bodies):
        return True
    return isinstance(statement, Statement) and statement.node is not None and statement.node.op_type in ("Add", "Concat")


def _layer_said(tree: ast.expr, scope: Scope | None, kind: str) -> str | None:
    """The name that the innermost call of ``scope`` has for the layer whose output an expression goes on with."""
    while not hasattr(tree, "layer_name"):
        if isinstance(tree, ast.Subscript) or (isinstance(tree, ast.Call) and not tree.args):
            tree = tree.value if isinstance(tree, ast.Subscript) else tree.func
        elif isinstance(tree, ast.Call):
            method = isinstance(tree.func, ast.Attribute) and not isinstance(tree.func.value, ast.Name)
            tree = tree.func.value if method else tree.args[0]
        elif isinstance(tree, ast.Attribute):
            if isinstance(tree.value, ast.Name) and tree.value.id == "self":  # a part of a weight
                last = tree.attr.rpartition(".")[2]
                return None if last.isdigit() else identifier(snake_case(last), kind)
            tree = tree.value
        else:
            return None
    name = tree.layer_name
    for module in reversed(scope or ()):  # Keras has one name for the whole path
        prefix = identifier(module.path) if module.path else ""
        if name == prefix:
            name = module.path
        elif prefix and name.startswith(f"{prefix}_"):
            name = name.removeprefix(f"{prefix}_")
            break
    whole, name = (text.rpartition(".")[2] for text in (tree.layer_name, name))
    name = whole if name.isdigit() else name
    return None if name.isdigit() else identifier(snake_case(name), kind)


def _inside(name: str, scope: Scope) -> str | None:
    """What a layer is called inside the module that holds it: "fc1" of "blocks_0_mlp_fc1"."""
    for module in reversed(scope):
        start = identifier("_".join(module.path.split("."))) if module.path else ""
        if start and name == start:
            last = module.path.rpartition(".")[2]
            return None if last.isdigit() else identifier(snake_case(last))
        if start and name.startswith(f"{start}_"):
            rest = name.removeprefix(f"{start}_")
            return None if rest[0].isdigit() else rest
    return name


def _own_name(value: Value, statement: Statement | Compound) -> str | None:
    """What a module that gives several values calls this one, where it tells them apart by words."""
    if isinstance(statement, Compound) or len(statement.targets) < 2 or not hasattr(statement.tree, "layer"):
        return None
    names = [without_number(each.name) for each in statement.targets]
    if len(set(names)) < len(names) or any(not name or is_generated(name) for name in names):
        return None
    return identifier(without_number(value.name))


def _source_name(program: Program, value: Value, statement: Statement | Compound) -> str:
    text = value.name.removeprefix(program._scope)
    kind = snake_case(statement.node.op_type if statement.node else "value")
    layer = None if isinstance(statement, Compound) else _layer_said(statement.tree, statement.scope, kind)
    if statement.scope is not None:
        layer = layer if program.target.has_modules or layer is None else _inside(layer, statement.scope)
        if layer is not None:
            return layer
        text = without_number(text)
    if text and not is_generated(text):
        return identifier(text)
    return layer or kind
