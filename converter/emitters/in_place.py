"""PyTorch activations write over what they read, where it is the fresh result of a layer that nothing else reads.

It saves the memory of one more tensor, as in the networks of torchvision and timm. Derivatives stay right: the layers
and sums in ``_FRESH`` need their inputs for them, never their results.
"""

from __future__ import annotations

import ast
import itertools
import re

_ACTIVATIONS = {"ReLU": "relu", "ReLU6": "relu6", "Hardswish": "hardswish", "SiLU": "silu"}
_MODULES = {f"nn.{name}" for name in _ACTIVATIONS}
_FUNCTIONS = {f"F.{name}" for name in _ACTIVATIONS.values()}
_FRESH = {f"nn.{kind}{axes}d" for kind in ("Conv", "ConvTranspose", "BatchNorm", "InstanceNorm") for axes in (1, 2, 3)}
"""Layers whose result is a tensor of its own, never their input itself, and large enough to matter."""


def in_place(code: str) -> str:
    """The text of classes, with ``inplace=True`` for every activation that may have it."""
    tree = ast.parse(code)
    handed_on = _handed_on(tree) <= _MODULES | {"nn.Identity"}  # which takes any arguments
    for definition in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        classes = _MODULES | (_parameters(definition) if handed_on else set())
        _in_sequences(definition, classes)
        _in_forward(definition, classes)
    return _marked(code, tree)


def _handed_on(tree: ast.Module) -> set[str]:
    """The classes of torch and of the file that stand as values, not called: ``activation=nn.ReLU``."""
    own = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    bases = {id(base) for node in tree.body if isinstance(node, ast.ClassDef) for base in node.bases}
    passed = (node for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute) and id(node) not in called | bases)
    found = {ast.unparse(node) for node in passed}
    return {name for name in found if name in own or re.fullmatch(r"nn\.\w+", name)}


def _parameters(definition: ast.ClassDef) -> set[str]:
    """What the constructor of a class takes."""
    methods = (node for node in definition.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    return {argument.arg for method in methods for argument in method.args.args}


def _in_sequences(definition: ast.ClassDef, classes: set[str]) -> None:
    """Activations, of one of these classes or parameters that hold one, right behind a layer in a sequence of modules."""
    for node in ast.walk(definition):
        arguments = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.List) else []
        for before, member in itertools.pairwise(_constructed(argument) for argument in arguments):
            if _called(before) in _FRESH and _called(member) in classes:
                _mark(member)


def _constructed(argument: ast.expr) -> ast.expr:
    """The constructor in an argument of a sequence: itself, or the second of a pair with its name."""
    return argument.elts[1] if isinstance(argument, ast.Tuple) and len(argument.elts) == 2 else argument


def _in_forward(definition: ast.ClassDef, classes: set[str]) -> None:
    """Activations of an expression that is a layer's call or a sum, by functions, and by members that have no other calls."""
    members = _members(definition)
    fresh = {name for name, values in members.items() if all(_called(value) in _FRESH for value in values)}
    calls: dict[str, list[ast.Call]] = {}
    for call in (node for node in ast.walk(definition) if isinstance(node, ast.Call)):
        name = _called(call)
        if name in _FUNCTIONS and call.args and _is_fresh(call.args[0], fresh):
            _mark(call)
        elif name is not None and name.startswith("self.") and name in members:
            calls.setdefault(name, []).append(call)
    reads = [ast.unparse(node) for node in ast.walk(definition) if isinstance(node, ast.Attribute)]
    for name, values in members.items():
        used = calls.get(name, [])
        only_called = bool(used) and len(used) == reads.count(name) - len(values)
        allowed = only_called and all(len(call.args) == 1 and _is_fresh(call.args[0], fresh) for call in used)
        if allowed and all(_called(value) in classes for value in values):
            for value in values:
                _mark(value)


def _members(definition: ast.ClassDef) -> dict[str, list[ast.expr]]:
    """All that is assigned to each attribute ``self.name``."""
    members: dict[str, list[ast.expr]] = {}
    for node in ast.walk(definition):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute):
                    members.setdefault(ast.unparse(target), []).append(node.value)
    return members


def _is_fresh(tree: ast.expr, layers: set[str]) -> bool:
    return _called(tree) in layers or (isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add))


def _called(tree: ast.expr) -> str | None:
    return ast.unparse(tree.func) if isinstance(tree, ast.Call) else None


def _mark(call: ast.Call) -> None:
    call.is_in_place = True


def _marked(code: str, tree: ast.Module) -> str:
    """The text, with one more argument in each call that is marked."""
    lines = [line.encode() for line in code.split("\n")]  # offsets count bytes
    calls = [node for node in ast.walk(tree) if hasattr(node, "is_in_place")]
    for call in sorted(calls, key=lambda call: (call.end_lineno, call.end_col_offset), reverse=True):
        if any(keyword.arg == "inplace" for keyword in call.keywords):
            continue
        line, end = lines[call.end_lineno - 1], call.end_col_offset - 1
        more = b", inplace=True" if call.args or call.keywords else b"inplace=True"
        lines[call.end_lineno - 1] = line[:end] + more + line[end:]
    return b"\n".join(lines).decode()
