"""The lines of a constructor that give a module its layers and weights."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from converter.emitters.expressions import fill, literal
from converter.emitters.names import is_member
from converter.emitters.structure.paths import with_parameters
from converter.emitters.structure.sequences import container
from converter.emitters.structure.stages import stages


def attributes(members: Mapping[str, ast.expr], *, loops: bool) -> list[str]:
    """The lines that give a module its layers and weights; "h.0" is an element of a list, "body.conv" of a dictionary."""
    lines, done = [], set()
    for name, tree in members.items():
        first = name.partition(".")[0]
        if first in done:
            continue
        done.add(first)
        if first != name:
            inside = {other.partition(".")[2]: made for other, made in members.items() if other.startswith(f"{first}.")}
            tree = container(inside)
        steps = (loops and _loop_of(tree)) or _steps_of(tree)
        if steps:
            lines += [*steps, f"self.{first} = nn.Sequential({'*' * (tree.args[0] not in _dictionaries(tree))}layers)"]
            continue
        tree = with_parameters(tree, held=False)
        if getattr(tree, "buffer", False):
            line = fill("self.register_buffer(name, start)", {"name": lambda n=name: literal(n), "start": lambda t=tree: t})
            lines.append(ast.unparse(line))
        elif is_member(first):
            line = fill("self.add_module(name, made)", {"name": lambda n=first: literal(n), "made": lambda t=tree: t})
            lines.append(ast.unparse(line))
        else:
            lines.append(f"self.{first} = {ast.unparse(tree)}")
    return lines


def _dictionaries(tree: ast.expr) -> list[ast.expr]:
    return [arg for arg in tree.args[:1] if isinstance(arg, ast.Call) and ast.unparse(arg.func) == "OrderedDict"]


def _loop_of(tree: ast.expr) -> list[str] | None:
    """The lines that collect the ``layers`` of a sequence of stages; they have names of their own for its widths."""
    if not isinstance(tree, ast.Call) or ast.unparse(tree.func) != "nn.Sequential" or _dictionaries(tree):
        return None
    return stages(tree.args)


def _steps_of(tree: ast.expr) -> list[str]:
    """The lines that collect the ``layers`` of a sequence of which some are there under a condition only."""
    if not isinstance(tree, ast.Call) or ast.unparse(tree.func) != "nn.Sequential":
        return []
    named = [(keyword.arg, keyword.value) for each in _dictionaries(tree) for keyword in each.keywords]
    modules = named or [("", element) for element in tree.args]
    if not any(hasattr(module, "condition") for _, module in modules):
        return []
    parts: list[tuple[str, list[tuple[str, ast.expr]]]] = []
    for name, module in modules:
        condition = getattr(module, "condition", "")
        if not parts or parts[-1][0] != condition:
            parts.append((condition, []))
        parts[-1][1].append((name, module))
    lines = []
    for condition, members in parts:
        texts = [(name, ast.unparse(with_parameters(module, held=False))) for name, module in members]
        if named:
            added = [f"layers.update({text})" if name is None else f"layers[{name!r}] = {text}" for name, text in texts]
        elif len(texts) == 1:
            added = [f"layers.append({texts[0][1]})"]
        else:
            added = [f"layers += [{', '.join(text for _, text in texts)}]"]
        if not lines:
            start = "OrderedDict()" if named else "[]" if condition else f"[{', '.join(text for _, text in texts)}]"
            lines.append(f"layers = {start}")
            added = added if named or condition else []
        lines += [f"if {condition}:", *(f"    {line}" for line in added)] if condition else added
    return lines
