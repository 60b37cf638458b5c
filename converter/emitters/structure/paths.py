"""Parameters of a class, and paths of its layers and weights, as its constructor and methods write them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable

from converter.emitters.expressions import call, literal, own, parse
from converter.emitters.names import is_member
from converter.emitters.structure.calls import Call, is_own
from converter.emitters.structure.given import Asked


class _Parameters(ast.NodeTransformer):
    def __init__(self, held: bool):
        self.held = held

    def visit(self, node: ast.AST) -> ast.AST:
        return _parameter(node.parameter, held=self.held) if hasattr(node, "parameter") else super().visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Names that no argument can have, as "block2-0", as keys."""
        self.generic_visit(node)
        if any(keyword.arg is not None and is_member(keyword.arg) for keyword in node.keywords):
            entries = [(keyword.arg and ast.Constant(keyword.arg), keyword.value) for keyword in node.keywords]
            node.args, node.keywords = [ast.Dict([key for key, _ in entries], [value for _, value in entries])], []
        return node


def _parameter(text: str, *, held: bool) -> ast.expr:
    """What is said of parameters, as the constructor says it, or, where it is held, as a method does."""
    tree = copy.deepcopy(parse(text))
    return _Held().visit(tree) if held else tree


class _Held(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.expr:
        return own(node.id)


def with_parameters(tree: ast.expr, *, held: bool) -> ast.expr:
    """A copy with the parameters of the class written as its constructor knows them, or, ``held``, as its methods do."""
    buffer = getattr(tree, "buffer", False)
    tree = _Parameters(held).visit(copy.deepcopy(tree))
    tree.buffer = buffer
    return tree


class _Relative(ast.NodeTransformer):
    """Paths as attributes of the class whose method this is."""

    def __init__(self, each: Call, members: Iterable[str]):
        self.each = each
        self.members = tuple(members)

    def visit(self, node: ast.AST) -> ast.AST:
        if hasattr(node, "parameter"):
            return _parameter(node.parameter, held=not isinstance(node.parameter, Asked))
        return super().visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if not is_own(node):
            return self.generic_visit(node)
        tree: ast.expr = node.value
        parts = self.each.relative(node.attr).split(".")
        for place, part in enumerate(parts):
            if is_member(part):
                tree = call("getattr", [tree, literal(part)], {})
            elif part.isdigit():
                tree = ast.Subscript(tree, ast.Constant(int(part) if self._is_list(parts[:place]) else part), ast.Load())
            else:
                tree = ast.Attribute(tree, part, ast.Load())
        return tree

    def _is_list(self, parts: list[str]) -> bool:
        """Whether what these parts lead to has numbered members only."""
        start = ".".join([*parts, ""])
        return all(name[len(start) :].partition(".")[0].isdigit() for name in self.members if name.startswith(start))


def text_of(path: str, each: Call, members: Iterable[str]) -> str:
    """A path of a layer or weight as a method of the class writes it: ``self.blocks[0].conv``."""
    return ast.unparse(_Relative(each, members).visit(own(path)))


def resolve(tree: ast.AST, each: Call, members: Iterable[str]) -> None:
    """Write the paths in a statement's tree as seen from the class, in place."""
    resolved = _Relative(each, members).visit(tree)
    if resolved is not tree:
        tree.__dict__.clear()
        tree.__class__ = resolved.__class__
        tree.__dict__.update(resolved.__dict__)
