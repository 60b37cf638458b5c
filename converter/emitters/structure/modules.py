"""The call of a model as PyTorch modules: a class for each kind of module in the source, ``nn.Sequential`` for a chain."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from converter.emitters.blocks import Compound, Statement, assigned, function_lines, trees, variable, variables
from converter.emitters.expressions import call, literal, own, parse
from converter.emitters.lines import on_one_line
from converter.emitters.names import Namespace, identifier, is_computed, is_member, snake_case, without_number
from converter.emitters.program import Program
from converter.emitters.source import helper_names, indent
from converter.emitters.structure.alternations import alternations, depths
from converter.emitters.structure.attributes import attributes
from converter.emitters.structure.calls import Call, called, is_own, nest, own_paths
from converter.emitters.structure.classes import find_kinds, kind_of, name_class
from converter.emitters.structure.conditions import with_conditions
from converter.emitters.structure.definitions import Definition, Parameter, define
from converter.emitters.structure.lists import looped
from converter.emitters.structure.masks import name_masks, without_mask_names
from converter.emitters.structure.paths import resolve, text_of, with_parameters
from converter.emitters.structure.readings import ACTIVATION_MODULES, Reading
from converter.emitters.structure.roles import memories, roles
from converter.emitters.structure.sequences import (
    arguments,
    growing,
    numbered,
    progression,
    steps_between,
    without_numbers,
    written_members,
)
from converter.emitters.variable_names import name_body
from converter.emitters.vocabulary import Layer
from converter.graph import Module, Value, Weight

_MODULES = ACTIVATION_MODULES | {"F.softmax": "nn.Softmax", "torch.flatten": "nn.Flatten"}
"""Functions of one tensor, and the module that applies each with the same further arguments."""


class UnfitScopesError(Exception):
    """Scopes that no modules can have: a weight has a key of the source that leads to none of the layers."""


class Modules:
    """Makes the classes of a program's model.

    ``reserved`` holds names that no class may take.
    """

    def __init__(self, program: Program, reserved: Iterable[str]):
        self.program = program
        self.definitions: dict[str, Definition] = {}
        written = [*trees(program.statements), *program.layers.values()]
        read = {node.id for tree in written for node in ast.walk(tree) if isinstance(node, ast.Name)}
        self._reserved = frozenset(reserved) - (helper_names("pytorch") - read)  # any other helper is not in the file
        self._class_names = Namespace(reserved)
        name_masks(program.statements)
        program.roles = roles(program.statements, program.output_values())
        self._turns: dict[int, ast.expr] = {}
        self.root = Call(Module(""), list(program.statements))
        self._part()
        self.root = nest(program.statements, program.output_values())
        self._settle()
        self._unwrap()
        for each in self.root.walk():
            shape = each.inputs[0].shape if each.inputs and each.inputs[0].is_tensor else None
            each.given = () if shape is None else tuple(shape)
        given = {value for each in self.root.walk() for value in each.inputs[1:]} - set(program.graph.inputs)
        program.roles |= memories(program.statements, given, program.roles)
        find_kinds(self.root, program.layers)
        self._homes: dict[str, set[tuple[str, str]]] = {}
        for around in self.root.walk():
            for each in around.calls:
                self._homes.setdefault(kind_of(each), set()).add((kind_of(around), around.relative(each.module.path)))
        count = Counter(map(kind_of, self.root.walk()))
        while self.root.calls:
            ready = _ready(self.root)
            made: dict[int, ast.expr | None] = {}
            for each in ready:
                wanted = _wants_chain(each)
                single = not each.module.type and count[kind_of(each)] == 1
                each.is_chain = (wanted or single or self._is_run(each)) and self._as_chain(each)
                if wanted and not each.is_chain:
                    made[id(each)] = None
            forms = {id(each): Reading(each, program.layers, self.definitions).form for each in ready if each.is_chain}
            self._find_turns([each for each in ready if each.is_chain])
            for each in (each for each in ready if each.is_chain):
                alone = list(forms.values()).count(forms[id(each)]) == 1
                nameless = not each.module.type and (alone or self._holds_classes(each) or self._has_one_home(each))
                others = {kind_of(other) for other in ready if other.is_chain and other is not each}
                nameless |= alone and kind_of(each) in others and self._holds_classes(each)  # a stage of a depth of its own
                if nameless or _is_sequential(each) or self._is_run(each):
                    made[id(each)] = self._sequential(each)
            made |= self._classes_of_runs([each for each in ready if id(each) in made and each.is_chain])
            others = [each for each in ready if id(each) not in made]
            for _, each, construction in define(others, program.layers, self.definitions, self._class_names):
                made[id(each)] = construction
            self._put_in_place(made)
        self.root.is_chain = _wants_chain(self.root) and self._as_chain(self.root)
        if not self.root.is_chain:
            self._rename_numbers()

    def code(self, name: str, inputs: Mapping[Value, str]) -> list[str]:
        """The text of each class, the model's own last."""
        texts = [self._class(definition, self._inputs(definition.call)) for definition in self.definitions.values()]
        return [*texts, self._class(Definition(name, self.root), dict(inputs))]

    def check(self) -> None:
        """Raise UnfitScopesError for a weight whose key leads to no layer of the classes."""
        inside = {name: self._layers(definition.call) for name, definition in self.definitions.items()}
        own = self._layers(self.root)
        for key in self.program.weights:
            if not self._leads(own, key.split("."), inside):
                raise UnfitScopesError(f"no layer holds {key!r}")

    def _layers(self, call: Call) -> dict[str, ast.expr]:
        """Constructors of the layers and weights of a class, by the names that it has for them."""
        return {call.relative(path): self.program.layers[path] for path in call.paths()}

    def _leads(self, members: Mapping[str, ast.expr], parts: list[str], classes: Mapping[str, Mapping[str, ast.expr]]) -> bool:
        """Whether the rest of a key, from among these members on, ends at a weight."""
        lengths = [length for length in range(1, len(parts) + 1) if ".".join(parts[:length]) in members]
        if len(lengths) != 1:  # none, or a module that is a layer and holds others
            return False
        tree, rest = members[".".join(parts[: lengths[0]])], parts[lengths[0] :]
        tree = tree.body if isinstance(tree, ast.IfExp) else tree
        if not _is_module(tree):
            return not rest
        function = ast.unparse(tree.func)
        if function in classes:
            return self._leads(classes[function], rest, classes)
        if function != "nn.Sequential":
            return len(rest) == 1 or (function == "nn.MultiheadAttention" and rest[:-1] == ["out_proj"])
        inside = written_members(tree)
        return bool(rest) and (inside is None or self._leads(inside, rest, classes))

    # Where layers and weights live

    def _part(self) -> None:
        """Let no layer have a path inside another's: constants that it is applied to lie beside it, or else it gets a name."""
        layers = self.program.layers
        around = {other[:place] for other in layers for place, letter in enumerate(other) if letter == "."}
        for path in [path for path in layers if path in around]:
            inside = self._inside(path)
            if _is_module(layers[path]) and all(getattr(layers[other], "buffer", False) for other in inside):
                for other in inside:
                    self._rename(other, f"{path.rpartition('.')[0]}.{identifier(other[len(path) + 1 :])}".strip("."))
                continue
            kind = ast.unparse(layers[path].func).rpartition(".")[2] if _is_module(layers[path]) else "weight"
            self._rename(path, f"{path}.{snake_case(kind)}")

    def _settle(self) -> None:
        """Bring every layer and weight to a path inside the call that uses it."""
        for each in self.root.walk():
            for statement in (item for item in each.items if not isinstance(item, Call)):
                for tree in trees([statement]):
                    for path in dict.fromkeys(own_paths(tree)):
                        relative = each.relative(path)
                        layer = self.program.layers[path]
                        if relative is None:
                            self._rename(path, f"{each.module.path}.{path.rpartition('.')[2]}".strip("."))
                        elif "." in relative and not _is_module(layer):
                            self._rename(path, f"{each.module.path}.{identifier(relative)}".strip("."))

    def _unwrap(self) -> None:
        """Let a module that calls one layer without weights, and flattens at most what it gives, be that layer."""
        for around in self.root.walk():
            items: list[Statement | Compound | Call] = []
            for item in around.items:
                path = self._wrapped(item, around) if isinstance(item, Call) else None
                if path is None:
                    items.append(item)
                    continue
                if path != item.module.path:
                    self._rename(path, item.module.path)
                for statement in item.items:
                    if statement.scope and item.module in statement.scope:
                        statement.scope = statement.scope[: statement.scope.index(item.module)]
                items += item.items
            around.items = items

    def _wrapped(self, each: Call, around: Call) -> str | None:
        """The path of the only layer of a call that is one of ``around``; None where it does more."""
        if not all(isinstance(item, Statement) for item in each.items) or len(each.items) > (1 if _wants_chain(around) else 2):
            return None
        first = called(each.items[0])
        if {path for item in each.items for path in own_paths(item.tree)} != {first} or _wants_chain(each):
            return None
        if len(each.inputs) != 1 or len(each.outputs) != 1 or not (first == each.module.path or each.relative(first)):
            return None
        return None if any(key == first or key.startswith(f"{first}.") for key in self.program.weights) else first

    def _rename_numbers(self) -> None:
        """Give the model's own modules that are called "0", "1" ... names that attributes can have."""
        for path in (path for path in self.root.paths() if path[:1].isdigit()):
            self._rename(path, f"layer_{path}")

    def _inside(self, path: str) -> list[str]:
        """Paths of layers and weights that lie inside this one."""
        return [other for other in self.program.layers if other.startswith(f"{path}.")]

    def _rename(self, old: str, wanted: str) -> None:
        """Give a layer or weight another path, and the weights that it has; of a module made of others all that are inside."""
        program = self.program
        is_made = _is_module(program.layers[old]) and ast.unparse(program.layers[old].func) in (
            *self.definitions,
            "nn.Sequential",
        )
        others = [] if is_made else self._inside(old)
        new = program.layer_names.take(wanted)
        for tree in trees(self.root.statements()):
            for node in ast.walk(tree):
                if is_own(node) and node.attr == old:
                    node.attr = new
        program.layers[new] = program.layers.pop(old)
        for key in [key for key in program.weights if key == old or key.startswith(f"{old}.")]:
            if not any(key == path or key.startswith(f"{path}.") for path in others):
                program.weights[new + key[len(old) :]] = program.weights.pop(key)

    # From calls to layers

    def _as_chain(self, call: Call) -> bool:
        """Whether the call runs modules one after the other; functions among them are made modules then."""
        if len(call.inputs) != 1 or len(call.outputs) != 1:
            return False
        previous, links = call.inputs[0], []
        for item in call.items:
            if not isinstance(item, Statement) or len(item.targets) != 1:
                return False
            link = _link(item, previous, call)
            if link is None:
                return False
            links.append(link)
            previous = item.targets[0]
        if previous is not call.outputs[0]:
            return False
        names = [name for name, _ in links]
        if len(set(names)) < len(names) or not (all(n.isdigit() for n in names) or not any(n.isdigit() for n in names)):
            return False
        if all(name.isdigit() for name in names) and sorted(names, key=int) != names:
            return False
        for item, (name, module) in zip(call.items, links, strict=True):
            if module is not None:
                path = f"{call.module.path}.{name}".strip(".")
                self.program.layers[path] = module
                item.tree = ast.Call(own(path), [next(n for n in variables(item.tree))], [])
                item.tree.layer = Layer(ast.unparse(module.func))
        return True

    def _holds_classes(self, each: Call) -> bool:
        """Whether modules of the model's own classes are called, as in a sequence of blocks."""
        made = (self.program.layers[path] for path in each.paths())
        return any(isinstance(tree, ast.Call) and ast.unparse(tree.func) in self.definitions for tree in made)

    def _has_one_home(self, each: Call) -> bool:
        """Whether modules that have numbers for names are called so in one kind of module alone: a sequence of its own."""
        return _wants_chain(each) and len(self._homes[kind_of(each)]) == 1

    def _is_run(self, each: Call) -> bool:
        """Whether a call runs nothing but numbered modules, written once for all, one after the other."""
        paths = [called(item) for item in each.items]
        if None in paths or len(paths) < 3 or any(each.relative(path) is None for path in paths):
            return False
        return numbered({each.relative(path): self.program.layers[path] for path in paths}) is not None

    def _find_turns(self, chains: list[Call]) -> None:
        """Find the sequences of one name whose modules take turns, and those of one place that differ in their depth."""
        self._turns = {}
        alike: dict[tuple[str, str], list[Call]] = {}
        for each in chains:
            paths = [called(item) for item in each.items]
            if [each.relative(path) for path in paths] == [str(place) for place in range(len(paths))]:
                kind = ast.unparse(self.program.layers[paths[0]].func)
                alike.setdefault((each.module.path.rpartition(".")[2], kind), []).append(each)
        for calls in alike.values():
            sequences = [[self.program.layers[called(item)] for item in each.items] for each in calls]
            for each, tree in zip(calls, alternations(sequences, self.definitions), strict=True):
                if tree is not None:
                    self._turns[id(each)] = tree
        inside: dict[tuple[str, str | None], list[Call]] = {}
        for around in self.root.walk():
            for each in around.calls if around is not self.root else ():
                if any(each is chain for chain in chains) and id(each) not in self._turns:
                    inside.setdefault((kind_of(around), around.relative(each.module.path)), []).append(each)
        for calls in inside.values():
            sequences = [[self.program.layers[called(item)] for item in each.items] for each in calls]
            for each, tree in zip(calls, depths(sequences), strict=True):
                if tree is not None:
                    self._turns[id(each)] = tree

    def _sequential(self, each: Call) -> ast.expr:
        if id(each) in self._turns:
            return call("nn.Sequential", [ast.Starred(self._turns[id(each)], ast.Load())], {})
        paths = [own_paths(item.tree)[0] for item in each.items]
        members = {each.relative(path): self.program.layers[path] for path in paths}
        return call("nn.Sequential", arguments(members), {})

    def _classes_of_runs(self, runs: list[Call]) -> dict[int, ast.expr]:
        """Constructors of runs of numbered modules that the source has classes for, which differ in their number and width."""
        made: dict[int, ast.expr] = {}
        by_kind: dict[str, list[Call]] = {}
        for each in runs:
            if not _is_sequential(each) and self._is_run(each) and (each.module.type or not _wants_chain(each)):
                by_kind.setdefault(kind_of(each), []).append(each)
        for calls in by_kind.values():
            members = [{each.relative(path): self.program.layers[path] for path in each.paths()} for each in calls]
            first = [next(iter(each.values())) for each in members]
            starts = [without_numbers(module) for module in first]
            steps = {steps_between([*each.values()]) for each in members}
            names = {next(iter(each)) for each in members}
            if len(calls) < 2 or len({form for form, _ in starts}) > 1 or len(steps) > 1 or len(names) > 1 or None in steps:
                continue
            columns = list(zip(*(numbers for _, numbers in starts), strict=True))
            differing = [place for place, column in enumerate(columns) if len(set(column)) > 1]
            if len(differing) > 1:
                continue
            module = progression(first[0], next(iter(steps)), dict.fromkeys(differing, "in_channels"))
            readings = [Reading(each, self.program.layers, self.definitions) for each in calls]
            name = name_class(readings, self._class_names)
            longest = max(zip(calls, members, strict=True), key=lambda pair: len(pair[1]))[0]
            definition = Definition(name, longest, [Parameter("in_channels")] * len(differing) + [Parameter("depth")])
            stem = next(iter(names)).rstrip("0123456789")
            number = ast.unparse(growing(int(next(iter(names)).removeprefix(stem)), 1))
            definition.loop = ["for i in range(depth):", f"    self.add_module(f'{stem}{{{number}}}', {ast.unparse(module)})"]
            self.definitions[name] = definition
            for each, (_, numbers), inside in zip(calls, starts, members, strict=True):
                given = [literal(numbers[place]) for place in differing] + [literal(len(inside))]
                made[id(each)] = ast.Call(ast.Name(name, ast.Load()), given, [])
        return made

    def _put_in_place(self, made: Mapping[int, ast.expr | None]) -> None:
        """Let each call that has been made a constructor be a layer of the call around it, which takes up all others."""
        for around in self.root.walk():
            items: list[Statement | Compound | Call] = []
            for item in around.items:
                if not isinstance(item, Call) or id(item) not in made:
                    items.append(item)
                    continue
                if made[id(item)] is None:
                    self._lift_weights(item, around)
                    items += item.items
                    continue
                path = item.module.path
                self.program.layers[path] = made[id(item)]
                tree = ast.Call(own(path), [variable(value) for value in item.inputs], [])
                tree.layer, tree.layer_name = Layer("nn.Module"), path.rpartition(".")[2]
                items.append(Statement(item.outputs, tree, None, (item.module,)))
            around.items = items

    def _lift_weights(self, call: Call, around: Call) -> None:
        """Give weights of a call that is none any more to the one around it: what is left holds modules alone."""
        for path in call.paths():
            if not _is_module(self.program.layers[path]):
                self._rename(path, f"{around.module.path}.{path.rpartition('.')[2]}".strip("."))

    # Text

    def _ties(self) -> list[tuple[str, str]]:
        """Pairs of keys under which one trained weight of the source stands, as it does in two modules that share it.

        Vectors are left alone: torch's older exporter writes those once that are equal by chance, as in fresh layers. So does a
        matrix of no name of its own with the numbers of one that has one, which an exporter turned: an embedding's, say.
        """
        seen: dict[tuple[Weight, tuple[int, ...]], str] = {}
        ties = []
        for key, weight in self.program.weights.items():
            if not weight.trainable or not weight.has_data or len(weight.shape) < 2:
                continue
            first = seen.setdefault((weight.origin, weight.shape), key)
            if first != key and np.array_equal(self.program.weights[first].array(), weight.array()):
                ties.append((first, key))
            elif first == key and is_computed(weight.origin.name):
                ties += [(other, key) for other in self._equal(weight)][:1]
        return ties

    def _equal(self, weight: Weight) -> Iterator[str]:
        """Keys of trained weights with a name of their own that hold the same numbers, not all of them one."""
        array = None
        for key, other in self.program.weights.items():
            if other.shape == weight.shape and other.trainable and other.has_data and not is_computed(other.origin.name):
                array = weight.array() if array is None else array
                if np.array_equal(other.array(), array) and (array != array.flat[0]).any():
                    yield key

    def _inputs(self, call: Call) -> dict[Value, str]:
        namespace = Namespace((*self._reserved, "x", "out"))
        names = {}
        for place, value in enumerate(call.inputs):
            is_named = bool(place) or (value in self.program.graph.inputs and _is_integer(value))  # token ids are no "x"
            names[value] = namespace.take(self._input_name(value, call)) if is_named else "x"
        return names

    def _input_name(self, value: Value, call: Call) -> str:
        """What it is to the attention inside, "residual" where it is added to what the module computes, "skip" where it
        alone is concatenated to that, or what computes it."""
        if value in self.program.roles:
            return self.program.roles[value]
        readers = [tree for tree in trees(call.statements()) if any(name.value is value for name in variables(tree))]
        sums = [item for item in call.statements() if isinstance(item, Statement) and item.tree in readers]
        if len(sums) == len(readers) and all(_adds_whole(item, value) for item in sums):
            return "residual"
        if len(call.inputs) == 2 and len(sums) == len(readers) == 1 and sums[0].node and sums[0].node.op_type == "Concat":
            return "skip"
        name = value.name.rpartition("/")[2]
        return identifier(name if value in self.program.graph.inputs else without_number(value.name))

    def _class(self, definition: Definition, inputs: dict[Value, str]) -> str:
        each, program = definition.call, self.program
        members = self._layers(each)
        parameters = [p.name if not p.has_default else f"{p.name}={p.default!r}" for p in definition.parameters]
        start = f"def __init__({', '.join(['self', *parameters])}):"
        if definition.loop:
            lines = [start, indent(["super().__init__()", *definition.loop])]
            return "\n".join([f"class {definition.name}(nn.Sequential):", indent(lines)])
        if each.is_chain:
            built = ast.unparse(with_parameters(call("super().__init__", arguments(members), {}), held=False))
            return "\n".join([f"class {definition.name}(nn.Sequential):", indent([start, indent([built])])])
        construction = ["super().__init__()"]
        construction += [f"self.{p.name} = {p.name}{'()' * p.is_class}" for p in definition.parameters if p.held]
        construction += [f"self.{name} = {text}" for name, text in definition.conditions.items()]
        construction += attributes(members, loops=not definition.parameters)
        if each is self.root:
            construction += [
                f"{text_of(second, each, members)} = {text_of(first, each, members)}" for first, second in self._ties()
            ]

        outputs = each.outputs if each is not self.root else program.output_values()
        items = each.items
        if definition.optional:
            changed = [(piece.owner.targets[0], piece.operand) for piece, _ in definition.optional]
            items, outputs, _ = with_conditions(each, definition.optional)
            for result, held in changed:
                if result in program.roles and result not in assigned(items):
                    program.roles[held] = program.roles[result]
        items, outputs = looped(each, items, outputs, [path for path in each.paths() if _is_module(program.layers[path])])
        count = Counter(name.value for tree in trees(items) for name in variables(tree))
        count.update(outputs)
        items = without_mask_names(items, count)
        statements = on_one_line(program, items, count)
        namespace = Namespace((*self._reserved, *inputs.values(), "out"))
        held = next((value for value, name in inputs.items() if name == "x"), None)
        names = name_body(program, statements, inputs, outputs, namespace, held)
        for statement in statements:
            for head in trees([statement]):
                resolve(head, each, members)
        lines = [*definition.asked, *function_lines(statements, outputs, names)]
        return "\n".join(
            [
                f"class {definition.name}(nn.Module):",
                indent([start, indent(construction), ""]),
                indent([f"def forward(self, {', '.join(inputs.values())}):", indent(lines)]),
            ]
        )


def _is_integer(value: Value) -> bool:
    return value.dtype is not None and value.dtype.kind in "iu"


def _adds_whole(item: Statement, value: Value) -> bool:
    """Whether a statement adds a value to what has its shape."""
    is_sum = isinstance(item.tree, ast.BinOp) and isinstance(item.tree.op, ast.Add)
    return is_sum and all(target.shape == value.shape for target in item.targets)


def _ready(root: Call) -> list[Call]:
    """Calls without calls inside, all of one kind together, so that those that do the same become one definition."""
    ready = [call for call in root.walk() if call is not root and not call.calls]
    waiting = {kind_of(call) for call in root.walk() if call is not root and call.calls and not _is_sequential(call)}
    return [call for call in ready if kind_of(call) not in waiting] or ready


def _is_sequential(call: Call) -> bool:
    return call.module.type.endswith("container.Sequential")


def _wants_chain(call: Call) -> bool:
    """Whether the source says so, or its modules have numbers for names, which no attribute of a class can have."""
    names = [(call.relative(path) or "").partition(".")[0] for path in call.paths()]
    return any(name[:1].isdigit() or is_member(name) for name in names) or call.module.type.endswith("container.Sequential")


def _is_module(constructor: ast.expr) -> bool:
    function = ast.unparse(constructor.func) if isinstance(constructor, ast.Call) else ""
    return not hasattr(constructor, "buffer") and function not in ("nn.Parameter", "np.array")


def _link(item: Statement, previous: Value, call: Call) -> tuple[str, ast.expr | None] | None:
    """(the name of the module that a statement applies to the previous value, the module where it is a function so far)."""
    tree = item.tree
    if not isinstance(tree, ast.Call) or [name.value for name in variables(tree)] != [previous] or not tree.args:
        return None
    if not isinstance(tree.args[0], ast.Name) or tree.args[0].value is not previous:
        return None
    if is_own(tree.func):
        name = call.relative(tree.func.attr)
        return (name, None) if name is not None and "." not in name and len(tree.args) == 1 else None
    function = ast.unparse(tree.func)
    scope = item.scope or ()
    name = call.relative(scope[-1].path) if scope else None
    if function not in _MODULES or name is None or "." in name or any(own_paths(argument) for argument in tree.args[1:]):
        return None
    return name, ast.Call(copy.deepcopy(parse(_MODULES[function])), tree.args[1:], tree.keywords)
