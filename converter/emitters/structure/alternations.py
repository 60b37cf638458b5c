"""Sequences whose modules take turns, every other one with other numbers, as a comprehension: ``shift=3 if i % 2 else 0``.

Sequences of other depths beside one that is long enough are written the same way, so that their depth is a number like others.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING

from converter.emitters.expressions import fill, literal, parse
from converter.emitters.structure.readings import written

if TYPE_CHECKING:
    from converter.emitters.structure.definitions import Definition

_TURNS = 4
"""Modules of a sequence that show that they take turns."""


def alternations(sequences: list[list[ast.expr]], definitions: Mapping[str, Definition]) -> list[ast.expr | None]:
    """For each of some sequences that are alike its modules as a generator; None where they take no turns."""
    kinds = {ast.unparse(module.func) if isinstance(module, ast.Call) else "" for modules in sequences for module in modules}
    if len(kinds) != 1 or not kinds <= definitions.keys():
        return [None] * len(sequences)
    definition = definitions[kinds.pop()]
    defaults = {parameter.name: written(parameter.default) for parameter in definition.parameters if parameter.has_default}
    fit = [_takes_turns(modules) for modules in sequences]
    turning = [modules[:2] for modules, fits in zip(sequences, fit, strict=True) if fits]
    long = any(len(m) >= _TURNS and ast.unparse(m[0]) != ast.unparse(m[1]) for m, f in zip(sequences, fit, strict=True) if f)
    if not long or any(len(module.args) != len(turning[0][0].args) for pair in turning for module in pair):
        return [None] * len(sequences)
    places = [*range(len(turning[0][0].args)), *defaults]
    pairs = [[[_argument(module, place, defaults) for module in pair] for place in places] for pair in turning]
    texts = [(place, *map(ast.unparse, pair)) for each in pairs for place, pair in zip(places, each, strict=True)]
    differ = {place for place, even, odd in texts if even != odd}
    return [_generator(modules, differ, defaults) if fits else None for modules, fits in zip(sequences, fit, strict=True)]


def depths(sequences: list[list[ast.expr]]) -> list[ast.expr | None]:
    """For each of some sequences in the same place of modules of one class its modules as a generator, where all differ in
    how many equal modules they have and the module around them could be written once for all; else None."""
    texts = [[ast.unparse(module) for module in modules] for modules in sequences]
    kinds = {ast.unparse(module.func) if isinstance(module, ast.Call) else "" for modules in sequences for module in modules}
    if len(kinds) != 1 or len({len(each) for each in texts}) < 2 or any(len(set(each)) > 1 for each in texts):
        return [None] * len(sequences)
    return [_generator(modules, set(), {}) for modules in sequences]


def _takes_turns(modules: list[ast.expr]) -> bool:
    texts = [ast.unparse(module) for module in modules]
    return len(texts) > 1 and all(text == texts[place % 2] for place, text in enumerate(texts))


def _argument(module: ast.Call, place: int | str, defaults: Mapping[str, ast.expr]) -> ast.expr:
    if isinstance(place, int):
        return module.args[place]
    return next((keyword.value for keyword in module.keywords if keyword.arg == place), defaults[place])


def _generator(modules: list[ast.expr], differ: set[int | str], defaults: Mapping[str, ast.expr]) -> ast.expr:
    module = copy.deepcopy(modules[0])
    given = {keyword.arg: keyword.value for keyword in module.keywords}
    for place in differ:
        even, odd = (copy.deepcopy(_argument(each, place, defaults)) for each in modules[:2])
        even.may_be_none = odd.may_be_none = True
        choice = ast.IfExp(parse("i % 2"), odd, even)
        if isinstance(place, int):
            module.args[place] = choice
        else:
            given[place] = choice
    if differ:
        module.keywords = [ast.keyword(name, given[name]) for name in defaults if name in given]
    bind = {"module": lambda: module, "depth": lambda: literal(len(modules))}
    generator = fill(f"[module for {'i' if differ else '_'} in range(depth)]", bind)
    return ast.GeneratorExp(generator.elt, generator.generators)
