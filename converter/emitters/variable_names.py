"""Names of variables: ``x`` along a chain, the source's name for what is read again later."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Set

from converter.emitters.blocks import BELOW, Compound, Statement, assigned, is_variable, places_in, trees, variables
from converter.emitters.names import Namespace, identifier, is_generated, snake_case, without_number
from converter.emitters.program import Program
from converter.graph import Scope, Value


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
    own: dict[str, list[Value]] = {}

    def give(value: Value, name: str, place: int) -> None:
        """The name, also where what it stood for in this block is no longer read, with a number where it is."""
        before = own.setdefault(name, [])
        is_free = bool(before) and all(_is_over(other, place, places, outside) for other in before)
        names[value] = name if is_free else namespace.take(name)
        if names[value] == name:
            before.append(value)

    for place, statement in enumerate(statements):
        if held is not None and _is_over(held, place, places, outside):
            held = None
        for value in statement.targets:
            if value in names:
                continue
            if value not in places:
                names[value] = "_"
            elif value in program.roles:
                give(value, program.roles[value], place)
            elif len(statement.targets) == 1 and places.get(value) == {place + 1} and not isinstance(statement, Compound):
                names[value] = "x" if held is None else "out"
            elif held is None and _goes_through(program, value, statement, statements[place + 1 :]):
                names[value], held = "x", value
            else:
                part = _part_name(value, statement, statements[place - 1] if place else None, program.roles)
                give(value, part or _own_name(value, statement) or _source_name(program, value, statement), place)
        if isinstance(statement, Compound):
            others = places_in([other for other in statements if other is not statement]).keys() | outside
            for clause in statement.clauses:
                inside = places_in(clause.body)
                for value in others & set(assigned(clause.body)):
                    inside.setdefault(value, set()).add(BELOW)
                kept = others if held is None else others | {held}  # a loop may come back to what reads it
                _name_block(program, clause.body, inside, kept, namespace, names, held)


def _is_over(value: Value, place: int, places: dict[Value, set[int]], outside: Set[Value]) -> bool:
    """Whether no statement after this place reads the value."""
    return value not in outside and all(0 <= other <= place for other in places.get(value, ()))


def _goes_through(
    program: Program, value: Value, statement: Statement | Compound, following: list[Statement | Compound]
) -> bool:
    """Whether a value is ``x`` though it is read again."""
    if statement.scope is not None and _carries_on(value, statement, following):
        return True
    return not program.target.has_modules and _goes_around(value, following)


def _carries_on(value: Value, statement: Statement | Compound, following: list[Statement | Compound]) -> bool:
    """Whether a value is what goes through the function: a sum with what went before, or the state of a loop that follows."""
    if any(isinstance(other, Compound) and value in assigned(other.bodies) for other in following):
        return True
    return _is_of(statement, ("Add", "Concat"))


def _goes_around(value: Value, following: list[Statement | Compound]) -> bool:
    """Whether the next statement reads a value, and after that a sum alone: what goes through a function and around a part."""
    readers = [each for each in following if any(name.value is value for tree in trees([each]) for name in variables(tree))]
    return len(readers) == 2 and readers[0] is following[0] and _is_of(readers[1], ("Add",))


def _is_of(statement: Statement | Compound, operators: tuple[str, ...]) -> bool:
    return isinstance(statement, Statement) and statement.node is not None and statement.node.op_type in operators


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
    if is_variable(tree.func):  # a layer that is called again has the name itself
        return None
    name = tree.layer_name
    for module in reversed(scope or ()):  # Keras has one name for the whole path
        prefix = identifier(module.path) if module.path else ""
        if name == prefix:
            name = _numbered(module.path)
            break
        elif prefix and name.startswith(f"{prefix}_"):
            name = name.removeprefix(f"{prefix}_")
            break
    whole, name = (text.rpartition(".")[2] for text in (tree.layer_name, name))
    name = whole if name.isdigit() else name
    return None if name.isdigit() else identifier(snake_case(name), kind)


def _numbered(path: str) -> str:
    """A path without its number, "inception.branch2" for "inception.branch2.1", and without what only says that it has one."""
    words = path.split(".")
    while words[-1].isdigit() and len(words) > 1:
        words.pop()
        if words[-1] in _RUNS:
            words = words[:-1] or ["hidden"]
    return ".".join(words)


_RUNS = ("layer", "layers", "block", "blocks", "h", "stages")
"""What numbered modules are in that come one after the other."""


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


_ORDINALS = ("first", "second", "third", "fourth")
"""Names for parts of a tensor, where there are few."""

_HEADS = ("query", "key", "value")
_JOINT = {"qkv": _HEADS, "query_key_value": _HEADS, "kv": _HEADS[1:]}
"""Names of layers that say what the parts of what they give are, in order."""


def _part_name(
    value: Value, statement: Statement | Compound, before: Statement | Compound | None, roles: Mapping[Value, str]
) -> str | None:
    """What a part is called by the layer that made the whole, in the statement itself or the one before, or beside others of
    attention, or by its place where the source has one name for all."""
    if isinstance(statement, Compound) or len(statement.targets) < 2:
        return None
    made = [statement]
    if isinstance(before, Statement) and before.targets == [name.value for name in variables(statement.tree)]:
        made.append(before)
    for each in made:
        layer = _layer_said(each.tree, each.scope, "") or ""
        names = _JOINT.get(layer.removeprefix("to_"), ())
        if len(names) == len(statement.targets):
            return names[statement.targets.index(value)]
    if len(statement.targets) == len(_HEADS) and roles.get(statement.targets[-1]) == _HEADS[-1]:
        return _HEADS[statement.targets.index(value)]
    tree = statement.tree
    is_unbound = statement.node is None and isinstance(tree, ast.Call) and ast.unparse(tree.func).endswith("unbind")
    is_taken_apart = is_unbound or (statement.node is not None and statement.node.op_type == "Split")
    said = [without_number(each.name) for each in statement.targets]
    says_nothing = len(set(said)) == 1 or is_generated(value.name) or without_number(value.name).startswith(_PARTS)
    if is_taken_apart and len(statement.targets) <= len(_ORDINALS) and says_nothing:
        return _ORDINALS[statement.targets.index(value)]
    return identifier(without_number(value.name)) if is_taken_apart and not says_nothing else None


_PARTS = ("chunk", "gather", "getitem", "select", "split", "unbind")
"""What exporters call parts."""


def _source_name(program: Program, value: Value, statement: Statement | Compound) -> str:
    text = value.name.removeprefix(program.prefix)
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
