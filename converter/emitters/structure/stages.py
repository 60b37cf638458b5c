"""Long sequences of which only the widths differ, as the loop that a person writes: the convolutions of a VGG."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable

_FEWEST = 3
"""Stages, and twice as many units, that a loop pays for."""


def stages(modules: list[ast.expr]) -> list[str] | None:
    """Lines that collect the modules in ``layers``; None where they are no stages.

    Each stage is a unit of some modules, time and again, and what ends a stage: convolutions of one width, then pooling.
    """
    ends = [place for place, module in enumerate(modules) if ast.unparse(module) == ast.unparse(modules[-1])]
    if len(ends) < _FEWEST:
        return None
    pieces = [modules[start + 1 : end] for start, end in zip([-1, *ends], ends, strict=False)]
    for size in range(1, 5):
        if any(not piece or len(piece) % size for piece in pieces):
            continue
        units = [[piece[start : start + size] for start in range(0, len(piece), size)] for piece in pieces]
        found = _loop(units, modules[-1])
        if found is not None and sum(map(len, units)) >= 2 * _FEWEST:
            return found
    return None


def _loop(units: list[list[list[ast.expr]]], end: ast.expr) -> list[str] | None:
    flat = [unit for stage in units for unit in stage]
    if len({tuple(_form(module) for module in unit) for unit in flat}) > 1:
        return None
    numbers = [[number for module in unit for number in _numbers(module)] for unit in flat]
    columns = list(zip(*([node.value for node in row] for row in numbers), strict=True))
    differing = [place for place, column in enumerate(columns) if len(set(column)) > 1]
    if len(differing) < 2:
        return None
    inner, outer = columns[differing[0]], columns[differing[1]]
    if list(inner[1:]) != list(outer[:-1]) or any(columns[place] not in (inner, outer) for place in differing):
        return None
    widths = iter(outer)
    by_stage = [[next(widths) for _ in stage] for stage in units]
    if any(len(set(stage)) > 1 for stage in by_stage):
        return None
    names = {place: "in_channels" if columns[place] == inner else "channels" for place in differing}
    unit = _named(flat[0], names)
    table = ", ".join(f"({stage[0]}, {len(stage)})" for stage in by_stage)
    return [
        "layers = []",
        f"in_channels = {inner[0]}",
        f"for channels, depth in ({table}):",
        "    for _ in range(depth):",
        f"        layers += [{', '.join(unit)}]",
        "        in_channels = channels",
        f"    layers.append({ast.unparse(end)})",
    ]


def _numbers(module: ast.expr) -> list[ast.Constant]:
    return [node for node in ast.walk(module) if isinstance(node, ast.Constant) and type(node.value) is int]


def _form(module: ast.expr) -> str:
    tree = copy.deepcopy(module)
    for node in _numbers(tree):
        node.value = ...
    return ast.unparse(tree)


def _named(unit: list[ast.expr], names: dict[int, str]) -> list[str]:
    """The unit's modules with names in place of the numbers at these places."""
    copies = copy.deepcopy(unit)
    nodes = [node for module in copies for node in _numbers(module)]
    put: Callable[[ast.AST], ast.AST] = _Names({id(nodes[place]): name for place, name in names.items()}).visit
    return [ast.unparse(put(module)) for module in copies]


class _Names(ast.NodeTransformer):
    def __init__(self, names: dict[int, str]):
        self.names = names

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Name(self.names[id(node)], ast.Load()) if id(node) in self.names else node
