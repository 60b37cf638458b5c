"""Sequences of modules as text writes them: equal ones, and those whose numbers grow by equal steps, once for all."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from itertools import pairwise

from converter.emitters.expressions import call, fill, literal, parse, replaced
from converter.emitters.structure.paths import with_parameters


def written_members(sequence: ast.Call) -> dict[str, ast.expr] | None:
    """The modules of an ``nn.Sequential`` by name; None where some are written by one comprehension."""
    if len(sequence.args) == 1 and ast.unparse(sequence.args[0]).startswith("OrderedDict("):
        entries = sequence.args[0].keywords
        return {entry.arg: entry.value for entry in entries} if entries and all(entry.arg for entry in entries) else None
    if any(isinstance(module, ast.Starred) or hasattr(module, "condition") for module in sequence.args):
        return None
    return {str(place): module for place, module in enumerate(sequence.args)}


def arguments(members: Mapping[str, ast.expr]) -> list[ast.expr]:
    """Arguments of ``nn.Sequential``: modules by place, or one ordered dictionary where they have names."""
    if not all(name.isdigit() for name in members) or (min(map(int, members)) == 1 and numbered(members) is not None):
        run = numbered(members)
        return [ast.Call(parse("OrderedDict"), [], _named(members)) if run is None else call("OrderedDict", [run], {})]
    return _runs(_filled(members))


def _filled(members: Mapping[str, ast.expr]) -> list[ast.expr]:
    """The modules by place; what is missing did nothing at inference."""
    places = {int(name): module for name, module in members.items()}
    return [places.get(place, parse("nn.Identity()")) for place in range(max(places) + 1)]


def _runs(modules: list[ast.expr]) -> list[ast.expr]:
    """Three and more equal modules in a row are written once, and four and more whose numbers grow by equal steps."""
    found: list[ast.expr] = []
    start = 0
    while start < len(modules):
        length = _run_length(modules[start:])
        steps = steps_between(modules[start : start + length])
        if length < (4 if any(steps) else 3):
            found.append(modules[start])
            start += 1
            continue
        module = progression(modules[start], steps)
        bind = {"module": lambda m=module: m, "count": lambda n=length: literal(n)}
        generator = fill(f"[module for {'i' if any(steps) else '_'} in range(count)]", bind)
        found.append(ast.Starred(ast.GeneratorExp(generator.elt, generator.generators), ast.Load()))
        start += length
    return found


def numbered(members: Mapping[str, ast.expr]) -> ast.expr | None:
    """The members as a dictionary, written once for all, where their names are numbered and they are one run of ``_runs``."""
    listed = _runs(list(members.values()))
    first = next(iter(members))
    stem = first.rstrip("0123456789")
    if len(listed) > 1 or not isinstance(listed[0], ast.Starred) or first == stem:  # no number
        return None
    start = int(first.removeprefix(stem))
    if list(members) != [f"{stem}{start + place}" for place in range(len(members))]:
        return None
    generator = listed[0].value
    generator.generators[0].target.id = "i"
    name = ast.JoinedStr([ast.Constant(stem), ast.FormattedValue(growing(start, 1), -1)])
    return ast.DictComp(name, generator.elt, generator.generators)


def _named(members: Mapping[str, ast.expr]) -> list[ast.keyword]:
    """The members by name; three and more equal ones whose names are numbered in a row are written once."""
    found: list[ast.keyword] = []
    names, start = list(members), 0
    while start < len(names):
        stem = names[start].rstrip("0123456789")
        number = names[start].removeprefix(stem)
        length = 1
        while number and start + length < len(names) and names[start + length] == f"{stem}{int(number) + length}":
            same = ast.unparse(members[names[start + length]]) == ast.unparse(members[names[start]])
            if not same or hasattr(members[names[start + length]], "condition"):
                break
            length += 1
        module = members[names[start]]
        if length < 3 or hasattr(module, "condition"):
            found.append(ast.keyword(names[start], module))
            start += 1
            continue
        bind = {
            "name": lambda stem=stem: ast.JoinedStr([ast.Constant(stem), ast.FormattedValue(parse("i"), -1)]),
            "module": lambda module=module: module,
            "first": lambda number=number: literal(int(number)),
            "stop": lambda number=number, length=length: literal(int(number) + length),
        }
        found.append(ast.keyword(None, fill("{name: module for i in range(first, stop)}", bind)))
        start += length
    return found


def _run_length(modules: list[ast.expr]) -> int:
    """How many modules from the first on are equal but for numbers that grow by equal steps."""
    length = 1
    steps = None
    for module, following in pairwise(modules):
        step = steps_between([module, following])
        if step is None or (steps is not None and step != steps):
            break
        steps = step
        length += 1
    return length


def steps_between(modules: list[ast.expr]) -> tuple[int, ...] | None:
    """What each number of the first module grows by to the second; None where they differ in anything else."""
    forms = [without_numbers(module) for module in modules[:2]]
    if len({form for form, _ in forms}) > 1:
        return None
    first, second = forms[0][1], forms[-1][1]
    same = all(
        type(one) is type(other) and (type(one) is int or one == other) for one, other in zip(first, second, strict=True)
    )
    return tuple(other - one if type(one) is int else 0 for one, other in zip(first, second, strict=True)) if same else None


def _is_number(node: ast.AST) -> bool:
    plain = isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)
    return plain and not hasattr(node, "parameter")


def without_numbers(module: ast.expr) -> tuple[str, list[int | float]]:
    """The module's text but for the numbers that are no parameters of the class around, and those numbers."""
    tree = copy.deepcopy(module)
    numbers = [node for node in ast.walk(tree) if _is_number(node)]
    values = [node.value for node in numbers]
    for node in numbers:
        node.value = ...
    return ast.unparse(with_parameters(tree, held=False)), values


def progression(module: ast.expr, steps: tuple[int, ...], names: Mapping[int, str] | None = None) -> ast.expr:
    """The module with numbers that grow with ``i``; ``names`` stand for numbers in their places."""
    tree = copy.deepcopy(module)
    numbers = [node for node in ast.walk(tree) if _is_number(node)]
    for place, (node, step) in enumerate(zip(numbers, steps, strict=True)):
        if names and place in names:
            tree = replaced(tree, node, parse(f"{names[place]} + {step} * i" if step else names[place]))
        elif step:
            tree = replaced(tree, node, growing(node.value, step))
    return tree


def growing(start: int, step: int) -> ast.expr:
    """``start + step * i`` as a person writes it."""
    if step == 1:
        return parse(f"i + {start}" if start else "i")
    return parse(f"{start} {'-' if step < 0 else '+'} {abs(step)} * i" if start else f"{step} * i")


def container(members: Mapping[str, ast.expr]) -> ast.expr:
    """An ``nn.ModuleList`` of numbered members, an ``nn.ModuleDict`` of others; "0.conv" is inside of the first."""
    direct = dict.fromkeys(name.partition(".")[0] for name in members)
    modules = {}
    for name in direct:
        inside = {other.partition(".")[2]: made for other, made in members.items() if other.startswith(f"{name}.")}
        modules[name] = members[name] if name in members else container(inside)
    if all(name.isdigit() for name in modules):
        listed = _runs(_filled(modules))
        if len(listed) == 1 and isinstance(listed[0], ast.Starred):
            return call("nn.ModuleList", [ast.ListComp(listed[0].value.elt, listed[0].value.generators)], {})
        return call("nn.ModuleList", [ast.List(listed, ast.Load())], {})
    return call("nn.ModuleDict", [ast.Dict([ast.Constant(name) for name in modules], list(modules.values()))], {})
