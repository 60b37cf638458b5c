"""Variables for masks that are weights of a module."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from converter.emitters.blocks import Compound, Statement, variable, variables
from converter.emitters.expressions import replaced
from converter.emitters.structure.calls import is_own
from converter.graph import Value


def name_masks(statements: list[Statement | Compound]) -> None:
    """Give a weight that is the mask of an attention, or is added to one, a variable: so do masks that add weights to it."""
    masks: set[Value] = set()
    for statement in [item for item in reversed(statements) if isinstance(item, Statement)]:
        tree = statement.tree
        places: list[tuple[ast.AST, str]] = []
        if isinstance(tree, ast.Call) and ast.unparse(tree.func) == "F.scaled_dot_product_attention":
            places = [(keyword, "value") for keyword in tree.keywords if keyword.arg == "attn_mask"]
        elif isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add) and masks.intersection(statement.targets):
            places = [(tree, "left"), (tree, "right")]
        for holder, name in places:
            held = getattr(holder, name)
            if is_own(held):
                mask = Value("mask")
                setattr(holder, name, variable(mask))
                statements.insert(statements.index(statement), Statement([mask], held, None, statement.scope))
            elif hasattr(held, "value"):
                masks.add(held.value)


def without_mask_names(items: list[Statement | Compound], count: Mapping[Value, int]) -> list[Statement | Compound]:
    """The items without the variables of masks that ``name_masks`` gave and one statement alone reads."""
    found: list[Statement | Compound] = []
    for item in items:
        before = found[-1] if found else None
        if isinstance(item, Statement) and isinstance(before, Statement) and is_own(before.tree):
            names = [name for name in variables(item.tree) if name.value is before.targets[0]]
            if count[before.targets[0]] == len(names) == 1:
                item.tree = replaced(item.tree, names[0], before.tree)
                found.pop()
        found.append(item)
    return found
