"""The call of a model as Keras people write it: functions for the blocks that come again, before ``build_model``.

A block takes tensors, numbers, and the ``name`` that the names of its layers begin with; blocks in a row are called in a loop.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterable, Mapping

from converter.emitters.blocks import Clause, Compound, Statement, function_lines, trees, variable, variables
from converter.emitters.expressions import literal, parse
from converter.emitters.lines import on_one_line, takes_activation
from converter.emitters.names import Namespace, identifier, without_number
from converter.emitters.program import Program
from converter.emitters.source import indent
from converter.emitters.structure.calls import Call, nest, reads
from converter.emitters.structure.classes import kind_of
from converter.emitters.structure.conditions import with_conditions
from converter.emitters.structure.definitions import Definition, alike, construction, define_alike
from converter.emitters.structure.kinds import function_names
from converter.emitters.structure.loops import rolled
from converter.emitters.structure.readings import Reading
from converter.emitters.structure.roles import roles
from converter.emitters.structure.variants import joined
from converter.emitters.variable_names import name_body
from converter.emitters.vocabulary import Layer
from converter.graph import Module, Value

_SHORT = 4
"""Statements of a function that is written where it is called, if that is in one line only."""


def any_tensor() -> ast.Name:
    """A variable that holds any tensor that is at hand."""
    name = ast.Name("x", ast.Load())
    name.is_any = True
    return name


class Functions:
    """Makes the functions of a program's model; ``reserved`` holds names that no function or variable may take."""

    def __init__(self, program: Program, reserved: Iterable[str]):
        self.program = program
        self._reserved = frozenset(reserved) | {"build_model", "load_model", "name"}
        _concatenate_in_turn(program.statements)
        _align_where_made(program.statements)
        program.roles = roles(program.statements, program.output_values())
        self._layers = _hold_called_again(program)
        self._inline: set[Module] = set()
        """Modules whose calls are written where they stand."""
        while True:
            self._nest()
            once = self._called_once()
            if not once:
                break
            self._inline |= once
            _forget(program.statements)

    def _nest(self) -> None:
        self.definitions: dict[str, Definition] = {}
        self._modules: dict[str, list[Module]] = {}
        self._function_names = Namespace(self._reserved)
        self.root = nest(self.program.statements, self.program.output_values(), _owns_layer)
        for each in self.root.walk():
            each.inputs.sort(key=lambda value: value in self._layers)  # tensors first
            first = each.inputs[0] if each.inputs and each.inputs[0] not in self._layers else None
            if first is not None and first.is_tensor and first.shape is not None:
                each.given = tuple(first.shape[axis] for axis in self.program.layouts.of(first).order)
        while self.root.calls:
            self._define()

    def code(self, inputs: Mapping[Value, str]) -> tuple[list[str], list[str], dict[Value, str]]:
        """The text of each function, the lines of the model itself, and the names of its variables."""
        reserved = self._reserved | self.definitions.keys()
        functions = [self._function(definition, reserved) for definition in self.definitions.values()]
        results = self.program.output_values()
        given = {**inputs, **self._layers}
        statements, names = self._body(self.root.items, given, results, (*reserved, *given.values()), None)
        lines = _lines(rolled(statements, names, self.definitions, reserved), names)
        started = _started(statements, names, list(inputs))
        if started:
            begun = _lines(rolled(started, names, self.definitions, reserved), names)
            lines = begun if len(begun) < len(lines) else lines
        return functions, lines, names

    # Which calls become functions

    def _define(self) -> None:
        """Make functions of the innermost calls that come again; the others become part of the calls around them."""
        ready = [each for each in self.root.walk() if each is not self.root and not each.calls]
        waiting = {kind_of(each) for each in self.root.walk() if each.calls and self._may_be(each)}
        last = [each for each in ready if kind_of(each) not in waiting]  # what comes again later would be missed
        made: dict[int, ast.Call | None] = {id(each): None for each in last or ready}
        by_kind: dict[str, list[list[Reading]]] = {}
        for readings in alike([each for each in last or ready if self._may_be(each)], {}, self.definitions):
            by_kind.setdefault(kind_of(readings[0].call), []).append(readings)
        joints = [[each for each in joined(groups, runs=True) if self._pays(each.readings)] for groups in by_kind.values()]
        wanted = [name for each in joints for name in function_names([joint.readings for joint in each], self.definitions)]
        for joint, name in zip((joint for each in joints for joint in each), wanted, strict=True):
            readings = joint.readings
            modules = [reading.call.module for reading in readings]
            name = self._function_names.take(identifier(name))
            definition, keys = define_alike(name, readings, self.definitions, computes=True, present=joint.present)
            definition.tensors = len(definition.call.inputs)
            self._modules[name] = modules
            for reading in readings:
                tree = construction(definition, reading, keys)
                tree.args = [*map(variable, reading.call.inputs), *tree.args]
                tree.keywords.append(ast.keyword("name", literal(reading.call.prefix)))
                made[id(reading.call)] = tree
        self._put_in_place(made)

    def _may_be(self, each: Call) -> bool:
        return each.module not in self._inline and not each.module.type.endswith("container.Sequential")

    def _called_once(self) -> set[Module]:
        """The modules of functions that are short and stand in one line only, since what calls them became a function."""
        lines: Counter[str] = Counter()
        for each in (self.root, *(definition.call for definition in self.definitions.values())):
            for tree in trees(each.items):
                lines.update(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
        short = [n for n, d in self.definitions.items() if lines[n] == 1 and len(d.call.items) <= _SHORT]
        return {module for name in short for module in self._modules[name]}

    def _pays(self, readings: list[Reading]) -> bool:
        """Whether there is less to read where the calls are a function."""
        first = readings[0].call
        if len(readings) < 2 or not first.outputs or not any(value not in self._layers for value in first.inputs):
            return False
        lines = 0
        for place, item in enumerate(first.items):
            activation = self.program.target.activation(item.node) if item.node is not None else None
            lines += activation is None or place == 0 or not takes_activation(first.items[place - 1].tree)
        return len(readings) * (lines - 1) >= lines + 2

    def _put_in_place(self, made: Mapping[int, ast.Call | None]) -> None:
        for around in list(self.root.walk()):
            items: list[Statement | Compound | Call] = []
            for item in around.items:
                tree = made.get(id(item)) if isinstance(item, Call) else None
                if tree is not None:
                    tree.layer, tree.layer_name = Layer(tree.func.id), item.prefix
                    items.append(Statement(item.outputs, tree, None, (item.module,)))
                elif id(item) in made:
                    items += item.items
                else:
                    items.append(item)
            around.items = items

    # Text

    def _function(self, definition: Definition, reserved: Iterable[str]) -> str:
        each = definition.call
        parameters = [parameter.name for parameter in definition.parameters]
        namespace = Namespace((*reserved, *parameters, "x", "out"))
        given: dict[Value, str] = {}
        for place, value in enumerate(each.inputs):
            name = self.program.roles.get(value) or identifier(without_number(value.name.rpartition("/")[2]))
            given[value] = namespace.take(name) if place else "x"
        inputs = list(given.values())
        for statement in each.items:
            for value in (value for value in statement.targets if value in self._layers):
                given[value] = namespace.take(identifier(each.rest(self._layers[value]) or self._layers[value]))
        taken = (*reserved, *parameters, *given.values(), "out")
        items, results, within = with_conditions(definition.call, definition.optional)
        for value, held in within.items():
            if value is held:
                given[value] = namespace.take("shortcut")
            elif held in given:
                given[value] = given[held]
        last, before = items[-1], items[-2:-1]
        if isinstance(last, Compound) and before and before[0].targets == results and results[0] not in given:
            given[results[0]] = "out"
        statements, names = self._body(items, given, results, taken, each)
        lines = function_lines(rolled(statements, names, self.definitions, taken), results, names)
        required = [parameter.name for parameter in definition.parameters if not parameter.has_default]
        optional = [f"{parameter.name}={parameter.default!r}" for parameter in definition.parameters if parameter.has_default]
        head = f"def {definition.name}({', '.join([*inputs, *required, 'name', *optional])}):"
        return "\n".join([head, indent([*definition.asked, *lines])])

    def _body(
        self,
        items: list[Statement | Compound],
        given: Mapping[Value, str],
        results: list[Value],
        taken: Iterable[str],
        function: Call | None,
    ) -> tuple[list[Statement | Compound], dict[Value, str]]:
        """The statements as the function, None for that of the model, says them, and the names of its variables."""
        reads = Counter(name.value for tree in trees(items) for name in variables(tree))
        reads.update(results)
        statements = on_one_line(self.program, items, reads)
        held = next((value for value, name in given.items() if name == "x"), None)
        names = name_body(self.program, statements, given, results, Namespace(taken), held)
        written = _Written(function, next(iter(given.values())))
        written.write(statements)
        return statements, names


def _lines(statements: list[Statement | Compound], names: dict[Value, str]) -> list[str]:
    return [line for statement in statements for line in statement.lines(names)]


def _started(
    statements: list[Statement | Compound], names: dict[Value, str], inputs: list[Value]
) -> list[Statement | Compound]:
    """The statements after ``x = inputs``, so that the first is written as those that follow; [] where that cannot be."""
    first = statements[0] if statements else None
    if not isinstance(first, Statement) or len(inputs) != 1 or [names[value] for value in first.targets] != ["x"]:
        return []
    if inputs[0] in reads(statements[1:]) or reads([first]) != inputs:
        return []
    state = Value("x")
    names[state] = "x"
    tree = copy.deepcopy(ast.parse(ast.unparse(first.tree), mode="eval").body)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == names[inputs[0]]:
            node.id = "x"
    begin = variable(inputs[0])
    begin.id = names[inputs[0]]
    return [Statement([state], begin), Statement(first.targets, tree), *statements[1:]]


def _forget(statements: list[Statement | Compound]) -> None:
    """Take away what marks the parameters of definitions."""
    for tree in trees(statements):
        for node in ast.walk(tree):
            node.__dict__.pop("parameter", None)
            if isinstance(node, ast.Call):
                node.keywords = [keyword for keyword in node.keywords if not hasattr(keyword, "is_added")]


class _Written(ast.NodeTransformer):
    """Parameters in place of numbers, and names of layers that begin with the function's ``name``."""

    def __init__(self, function: Call | None, tensor: str):
        self.function, self.tensor = function, tensor

    def write(self, statements: Iterable[Statement | Compound | Clause]) -> None:
        for statement in statements:
            if isinstance(statement, Compound):
                self.write(statement.clauses)
            elif statement.tree is not None:
                statement.tree = self.visit(statement.tree)
            if isinstance(statement, Clause):
                self.write(statement.body)

    def visit(self, node: ast.AST) -> ast.AST:
        if hasattr(node, "parameter"):
            return copy.deepcopy(parse(node.parameter))
        if hasattr(node, "is_any"):
            return ast.Name(self.tensor, ast.Load())
        return super().visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        rest = None
        if self.function is not None and node.arg == "name" and isinstance(node.value, ast.Constant):
            rest = self.function.rest(node.value.value)
        if rest is None:
            return self.generic_visit(node)
        name = ast.Name("name", ast.Load())
        return ast.keyword("name", ast.JoinedStr([ast.FormattedValue(name, -1), ast.Constant(rest)]) if rest else name)


def _owns_layer(call: Call, tree: ast.AST) -> bool:
    """Whether a tree constructs a layer whose name begins with that of the call."""
    names = (node.value.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "name")
    return any(call.rest(name) for name in names)


def _concatenate_in_turn(statements: list[Statement | Compound]) -> None:
    """Let what begins with tensors that were concatenated already go on from there, and concatenate before a call, not in it.

    So the layers of a DenseNet, each of which has all before it concatenated, do the same: ``x = ops.concatenate([x, out])``.
    """
    known: dict[tuple[str, tuple[Value, ...]], Value] = {}
    for place, statement in enumerate(statements):
        tree = statement.tree
        if statement.node is None or statement.node.op_type != "Concat" or len(statement.targets) != 1:
            continue
        if not isinstance(tree, ast.Call) or not tree.args or not isinstance(tree.args[0], ast.List):
            continue
        parts = tree.args[0].elts
        if not all(hasattr(part, "value") and isinstance(part, ast.Name) for part in parts):
            continue
        scope = statement.scope
        if scope and place and (statements[place - 1].scope or ())[: len(scope)] != scope:
            statement.scope = scope[:-1] or scope
        axis = ast.unparse(ast.Tuple([keyword.value for keyword in tree.keywords], ast.Load()))
        values = tuple(part.value for part in parts)
        for count in range(len(values) - 1, 1, -1):
            if (axis, values[:count]) in known:
                tree.args[0].elts = [variable(known[axis, values[:count]]), *parts[count:]]
                break
        known[axis, values] = statement.targets[0]


def _align_where_made(statements: list[Statement | Compound]) -> None:
    """What several modules read with more axes, or others, gets these where it is made, not in the first that reads it."""
    made = {value: statement for statement in statements for value in statement.targets}
    for statement in [each for each in statements if isinstance(each, Statement) and each.node is None]:
        sources = [made.get(value) for value in reads([statement])]
        readers = [each.scope for each in statements if not set(statement.targets).isdisjoint(reads([each]))]
        if len(sources) != 1 or sources[0] is None or sources[0].scope is None or None in readers:
            continue
        around = _common(readers)
        if any(len(scope) == len(around) for scope in readers) or sources[0].scope != around:
            continue
        statements.remove(statement)
        statements.insert(statements.index(sources[0]) + 1, Statement(statement.targets, statement.tree, None, around))


def _hold_called_again(program: Program) -> dict[Value, str]:
    """Construct each layer that is called again in a statement of its own; returns the names of these variables.

    It stands where the innermost call that holds all calls of the layer begins to need it.
    """
    held: dict[Value, str] = {}
    for name, constructor in program.layers.items():
        if not getattr(constructor, "called_again", False):
            continue
        value = Value(name)
        held[value] = name
        users = []
        for place, statement in enumerate(program.statements):
            for node in ast.walk(statement.tree):
                if isinstance(node, ast.Call) and (node.func is constructor or _is_plain(node.func, name)):
                    node.func = variable(value)
                    users.append(place)
        scopes = [program.statements[place].scope for place in users]
        common = () if None in scopes else _common(scopes)
        place = users[0]
        scope = program.statements[place].scope or ()
        if len(scope) > len(common):
            inside = scope[: len(common) + 1]
            while place and (program.statements[place - 1].scope or ())[: len(inside)] == inside:
                place -= 1
        program.statements.insert(place, Statement([value], constructor, None, common or None))
    return held


def _is_plain(tree: ast.expr, name: str) -> bool:
    return isinstance(tree, ast.Name) and tree.id == name and not hasattr(tree, "value")


def _common(scopes: list[tuple]) -> tuple:
    shared = 0
    while all(shared < len(scope) and scope[shared] == scopes[0][shared] for scope in scopes):
        shared += 1
    return scopes[0][:shared]
