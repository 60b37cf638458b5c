"""Statements in the module calls of the source that they come from.

A program that runs one operation after the other runs each module's call in one stretch, so that stretches of statements with
one path are calls, and calls in calls form a tree. Where the source has no modules, there is one call with all statements.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from converter.emitters.blocks import Compound, Statement, assigned, trees, variables
from converter.emitters.names import identifier
from converter.graph import Module, Scope, Value


@dataclass
class Call:
    """One call of a module: what it runs, what it reads from outside, and what is read of it outside."""

    module: Module
    items: list[Statement | Compound | Call] = field(default_factory=list)
    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    given: tuple = ()
    """The shape of the first input as it is stored."""
    is_chain: bool = False
    """Whether it applies its modules one after the other and does nothing else."""
    kind: str = ""
    """What it has in common with calls of the same class, where the source tells no classes."""

    @property
    def calls(self) -> list[Call]:
        return [item for item in self.items if isinstance(item, Call)]

    def walk(self) -> Iterator[Call]:
        """The calls inside this one, innermost first, and then itself."""
        for call in self.calls:
            yield from call.walk()
        yield self

    def statements(self) -> Iterator[Statement | Compound]:
        for item in self.items:
            if isinstance(item, Call):
                yield from item.statements()
            else:
                yield item

    def paths(self) -> list[str]:
        """Paths of the layers and weights that its own statements name, in order of use."""
        statements = (item for item in self.items if not isinstance(item, Call))
        return list(dict.fromkeys(path for tree in trees(statements) for path in own_paths(tree)))

    def relative(self, path: str) -> str | None:
        """The path as seen from this module; None where it does not lead into it."""
        start = f"{self.module.path}." if self.module.path else ""
        return path[len(start) :] if path.startswith(start) and len(path) > len(start) else None

    @property
    def prefix(self) -> str:
        """What the names of its layers begin with where names are identifiers: "layer1_0" of "layer1_0_conv1"."""
        return identifier(f"{self.module.path}_x")[:-2] if self.module.path else ""

    def rest(self, name: str) -> str | None:
        """A layer's name without the prefix, "_conv1", "" for the prefix itself; None where it begins otherwise."""
        rest = name.removeprefix(self.prefix)
        return rest if self.prefix and len(rest) < len(name) and (not rest or rest.startswith("_")) else None


def own_paths(tree: ast.AST) -> list[str]:
    """Paths of the layers and weights that an expression names, in the order in which it is read."""
    if is_own(tree):
        return [tree.attr]
    return [path for node in ast.iter_child_nodes(tree) for path in own_paths(node)]


def is_own(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def _owns_path(call: Call, tree: ast.AST) -> bool:
    return any(call.relative(path) is not None for path in own_paths(tree))


def nest(
    statements: list[Statement | Compound], results: list[Value], owns: Callable[[Call, ast.AST], bool] = _owns_path
) -> Call:
    """The call of the whole model, with the calls of its modules inside; ``owns``: whether a tree uses what a call owns."""
    root = Call(Module(""))
    open_calls = [root]
    for statement, scope in zip(statements, _filled([statement.scope for statement in statements]), strict=True):
        if scope:
            root.module = scope[0]
        wanted = scope[1:]
        kept = 0
        while kept < min(len(wanted), len(open_calls) - 1) and open_calls[kept + 1].module == wanted[kept]:
            kept += 1
        del open_calls[kept + 1 :]
        for module in wanted[kept:]:
            call = Call(module)
            open_calls[-1].items.append(call)
            open_calls.append(call)
        open_calls[-1].items.append(statement)
    _dissolve(root, Counter(call.module.path for call in root.walk()), owns)
    _connect(root, results)
    return root


def _filled(scopes: list[Scope | None]) -> list[Scope]:
    """What is not known lies in all calls that are open before and after it."""
    following: list[Scope | None] = [None] * len(scopes)
    known: Scope | None = None
    for place in range(len(scopes) - 1, -1, -1):
        known = following[place] = scopes[place] if scopes[place] is not None else known
    filled: list[Scope] = []
    for scope, after in zip(scopes, following, strict=True):
        before = filled[-1] if filled else ()
        if scope is None:
            shared = 0
            while after is not None and shared < min(len(before), len(after)) and before[shared] == after[shared]:
                shared += 1
            scope = before[:shared]
        filled.append(scope)
    return filled


def _dissolve(call: Call, pieces: Counter[str], owns: Callable[[Call, ast.AST], bool]) -> None:
    """Take apart the calls that own nothing, and those of a module that is called in several pieces."""
    for inner in call.calls:
        _dissolve(inner, pieces, owns)
    items: list[Statement | Compound | Call] = []
    for item in call.items:
        if not isinstance(item, Call):
            items.append(item)
            continue
        if pieces[item.module.path] == 1 and any(owns(item, tree) for tree in trees(item.statements())):
            items.append(item)
        else:
            items += item.items
    call.items = items


def _connect(root: Call, results: list[Value]) -> None:
    """Find what each call reads from outside and what of it is read outside."""
    readers: dict[Value, set[int]] = {value: {-1} for value in results}
    for statement in root.statements():
        for value in reads([statement]):
            readers.setdefault(value, set()).add(id(statement))
    for call in root.walk():
        inside = list(call.statements())
        given = dict.fromkeys(assigned(inside))
        own = {id(statement) for statement in inside}
        call.inputs = [value for value in reads(inside) if value not in given]
        call.outputs = [value for value in given if readers.get(value, set()) - own]


def reads(statements: Iterable[Statement | Compound]) -> list[Value]:
    """The variables that the statements read, each once, in order."""
    return list(dict.fromkeys(name.value for tree in trees(statements) for name in variables(tree)))


def called(item: Statement | Compound | Call) -> str | None:
    """The path of the module that a statement calls and does nothing else."""
    tree = item.tree if isinstance(item, Statement) else None
    simple = isinstance(tree, ast.Call) and is_own(tree.func) and tree.args and len(item.targets) == 1
    return tree.func.attr if simple and all(hasattr(argument, "value") for argument in tree.args) else None
