"""Python expressions as syntax trees, built from templates.

Emitted code is never pasted together as text: a template such as ``"F.elu(X, alpha=alpha)"`` is parsed once and its names are
replaced by trees, so that parentheses are right by construction and nothing from a file can reach the code except as a
sanitised identifier or a quoted literal.
"""

from __future__ import annotations

import ast
import copy
import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from converter.graph import shortest

Binding = Callable[[], ast.expr | list[ast.expr]]
"""Makes a new tree at every call, because a tree has one place; a list for a variadic input written ``*name``."""


@functools.cache
def parse(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def names_in(text: str) -> list[str]:
    """The free names of a template, in order of appearance, each once."""
    found = sorted((n for n in ast.walk(parse(text)) if isinstance(n, ast.Name)), key=lambda n: (n.lineno, n.col_offset))
    return list(dict.fromkeys(name.id for name in found))


def fill(text: str, bindings: Mapping[str, Binding]) -> ast.expr:
    """The template with each bound name replaced."""
    return _Fill(bindings).visit(copy.deepcopy(parse(text)))


class _Fill(ast.NodeTransformer):
    def __init__(self, bindings: Mapping[str, Binding]):
        self.bindings = bindings

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.bindings[node.id]() if node.id in self.bindings else node

    def visit_Starred(self, node: ast.Starred) -> Any:
        if isinstance(node.value, ast.Name) and node.value.id in self.bindings:
            return self.bindings[node.value.id]()
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """``x - 1`` rather than ``x + -1``, which is the same number; -2**63 has no opposite among whole numbers of 64 bits."""
        self.generic_visit(node)
        negative = isinstance(node.right, ast.UnaryOp) and isinstance(node.right.op, ast.USub)
        number = node.right.operand if negative and isinstance(node.right.operand, ast.Constant) else None
        if number is not None and number.value != 2**63 and isinstance(node.op, ast.Add | ast.Sub):
            node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            node.right = node.right.operand
        return node


def replaced(tree: ast.AST, old: ast.AST, new: ast.expr) -> ast.AST:
    """The tree, changed in place, with another in the place of the one inside that is ``old``."""
    return _Replace(old, new).visit(tree)


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.expr):
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


_MOVES = {"broadcast_to", "tile", "expanded", "reshape", "reshaped", "take", "gather"}


@functools.cache
def tensors_in(text: str) -> frozenset[str]:
    """The names of a template in whose place no plain number can stand: their methods, elements or axes are asked for."""
    found = []
    for node in ast.walk(parse(text)):
        if isinstance(node, ast.Attribute | ast.Subscript):
            found.append(node.value)
        elif isinstance(node, ast.List):
            found += [item.value for item in node.elts if isinstance(item, ast.Starred)]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _MOVES:
            found += node.args[:1]
    return frozenset(node.id for node in found if isinstance(node, ast.Name))


def literal(value: Any) -> ast.expr:
    """A Python literal: numbers, text, None, tuples, lists; float32 numbers at their shortest. A tree stays what it is."""
    if isinstance(value, ast.expr):
        return copy.deepcopy(value)
    if isinstance(value, np.generic):
        value = shortest(value) if value.dtype == np.float32 else value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return fill("float(text)", {"text": lambda: ast.Constant(str(value))})
    if isinstance(value, bool | str | None):
        return ast.Constant(value)
    if isinstance(value, int | float):
        return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)
    if isinstance(value, tuple):
        return ast.Tuple([literal(item) for item in value], ast.Load())
    if isinstance(value, list):
        return ast.List([literal(item) for item in value], ast.Load())
    raise TypeError(f"no literal for {type(value).__name__}")


def strings(array: np.ndarray) -> ast.expr:
    """An array of strings, written out."""
    return fill("np.array(values, dtype=object)", {"values": lambda: literal(array.tolist())})


def call(function: str, args: Iterable[ast.expr], kwargs: Mapping[str, ast.expr]) -> ast.Call:
    keywords = [ast.keyword(name, value) for name, value in kwargs.items()]
    return ast.Call(copy.deepcopy(parse(function)), list(args), keywords)


def own(name: str) -> ast.Attribute:
    """An attribute of the module or model whose method this is: ``self.name``."""
    return ast.Attribute(ast.Name("self", ast.Load()), name, ast.Load())


def is_infix(tree: ast.expr) -> bool:
    return isinstance(tree, ast.BinOp | ast.UnaryOp | ast.Compare | ast.BoolOp)
