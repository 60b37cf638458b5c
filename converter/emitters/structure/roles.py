"""What values are to the attention that reads them: its query, key, value and mask, the cosines and sines that turn them; and
the positions and angles that these are made from."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from converter.emitters.blocks import Compound, Statement, is_variable, trees, variables
from converter.graph import Value

_ATTENTION = ("F.scaled_dot_product_attention", "ops.dot_product_attention")
_PLACES = ("query", "key", "value")
_KEPT = ("torch.unsqueeze", "torch.where", "ops.expand_dims", "ops.reshape", "ops.transpose", "layers.Reshape")
"""Functions whose result is called what their first argument is; nothing else that they read may be a tensor."""


def roles(statements: list[Statement | Compound], results: Iterable[Value]) -> dict[Value, str]:
    """The role of each value that has the same one wherever it is read, through changes of its shape too."""
    votes: dict[Value, set[str]] = {value: {""} for value in results}
    found: dict[Value, str] = {}
    turned = {item.targets[0]: item.tree.args[0].value for item in statements if _turns_half(item)}
    halves = set(turned.values())
    rotated = {item.targets[0] for item in statements if _is_product(item, turned)}
    angles = _arguments(statements, "cos") & _arguments(statements, "sin")
    found |= dict.fromkeys(angles, "angles")
    found |= {item.targets[0]: "positions" for item in statements if _counts(item)}
    for statement in reversed(statements):
        for value in statement.targets:
            if len(votes.get(value, ())) == 1 and votes[value] != {""} and value not in found:
                (found[value],) = votes[value]
        for name, role in _said(statement, found, turned, halves, rotated):
            votes.setdefault(name, set()).add(role)
    for value in votes.keys() - found.keys():  # what is no statement's: an input
        if len(votes[value]) == 1 and votes[value] != {""} and value.producer is None:
            (found[value],) = votes[value]
    for statement in statements:  # of another type or shape they stay positions
        start = _start(statement.tree) if isinstance(statement, Statement) and len(statement.targets) == 1 else None
        if start is not None and found.get(start.value) == "positions":
            found.setdefault(statement.targets[0], "positions")
    parts = {name.value for item in statements if _is_sum(item, rotated) for name in variables(item.tree)}
    return {value: role for value, role in found.items() if value not in parts and value not in turned}


def memories(statements: list[Statement | Compound], given: Iterable[Value], found: dict[Value, str]) -> dict[Value, str]:
    """The values given to modules of which attention makes keys and values, and nothing else reads: "memory"."""
    votes: dict[Value, set[str]] = {}
    for statement in statements:
        role = found.get(statement.targets[0], "") if isinstance(statement, Statement) and len(statement.targets) == 1 else ""
        attention = [node for tree in trees([statement]) for node in ast.walk(tree) if _is_layer(node)]
        keys = {id(argument) for node in attention for argument in node.args[1:3]}
        for name in (name for tree in trees([statement]) for name in variables(tree)):
            is_projected = role in _PLACES[1:] and len(variables(statement.tree)) == 1
            votes.setdefault(name.value, set()).update(_PLACES[1:] if id(name) in keys else [role if is_projected else ""])
    return {value: "memory" for value in given if votes.get(value) == set(_PLACES[1:]) and value not in found}


def _is_layer(node: ast.AST) -> bool:
    return hasattr(node, "layer") and node.layer.constructor == "nn.MultiheadAttention"


def _said(
    statement: Statement | Compound,
    found: dict[Value, str],
    turned: dict[Value, Value],
    halves: set[Value],
    rotated: set[Value],
) -> list[tuple[Value, str]]:
    """Each value that a statement reads, with the role that it has there, "" for any other."""
    if isinstance(statement, Compound):
        return [(name.value, "") for tree in trees([statement]) for name in variables(tree)]
    tree = statement.tree
    known: dict[int, str] = {}
    if isinstance(tree, ast.Call) and ast.unparse(tree.func) in _ATTENTION:
        known = {id(argument): role for argument, role in zip(tree.args, _PLACES, strict=False)}
        known |= {id(keyword.value): "mask" for keyword in tree.keywords if keyword.arg in ("attn_mask", "mask")}
    elif isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult):
        for one, other in ((tree.left, tree.right), (tree.right, tree.left)):
            value = getattr(one, "value", None)
            if value in turned or value in halves:
                known = {id(other): "sin" if value in turned else "cos", id(one): found.get(statement.targets[0], "")}
    elif _is_sum(statement, rotated):
        known = dict.fromkeys((id(tree.left), id(tree.right)), found.get(statement.targets[0], ""))
    elif _turns_half(statement):
        known = {id(tree.args[0]): found.get(statement.targets[0], "")}
    elif len(statement.targets) == 1 and found.get(statement.targets[0]) == "angles":
        known = {id(name): "angles" for name in variables(tree)}
    elif len(statement.targets) == 1 and statement.targets[0] in found:
        start = _start(tree)
        known = {} if start is None else {id(start): found[statement.targets[0]]}
    sizes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in ("shape", "device")}
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Call) and ast.unparse(tree.func.func) == "RepeatLike":
        sizes.add(id(tree.args[0]))
    return [(name.value, known.get(id(name), "")) for name in variables(tree) if id(name) not in sizes]


def _arguments(statements: list[Statement | Compound], function: str) -> set[Value]:
    """The variables that a function of one tensor is called on."""
    calls = (item.tree for item in statements if isinstance(item, Statement) and isinstance(item.tree, ast.Call))
    return {
        tree.args[0].value
        for tree in calls
        if ast.unparse(tree.func) in (f"torch.{function}", f"ops.{function}") and is_variable(tree.args[0])
    }


def _counts(item: Statement | Compound) -> bool:
    """Whether it counts 0, 1, 2 and so on."""
    if not isinstance(item, Statement) or item.node is None or item.node.op_type != "Range":
        return False
    start, _, step = (value.weight for value in item.node.inputs)
    return all(weight is not None and weight.has_data and weight.size == 1 for weight in (start, step)) and (
        start.array().item(),
        step.array().item(),
    ) == (0, 1)


def _turns_half(item: Statement | Compound) -> bool:
    tree = item.tree if isinstance(item, Statement) else None
    return isinstance(tree, ast.Call) and ast.unparse(tree.func) == "rotate_half" and hasattr(tree.args[0], "value")


def _is_product(item: Statement | Compound, turned: dict[Value, Value]) -> bool:
    """Whether it is what is turned by half times its sines."""
    tree = item.tree if isinstance(item, Statement) else None
    is_product = isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult)
    return is_product and any(getattr(each, "value", None) in turned for each in (tree.left, tree.right))


def _is_sum(item: Statement | Compound, rotated: set[Value]) -> bool:
    """Whether it adds what is turned by half times its sines to anything."""
    tree = item.tree if isinstance(item, Statement) else None
    is_sum = isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Add)
    return is_sum and any(getattr(each, "value", None) in rotated for each in (tree.left, tree.right))


def _start(tree: ast.expr) -> ast.expr | None:
    """The variable whose methods are called one after the other, or that a function keeps; None where it is no variable."""
    if isinstance(tree, ast.Call) and tree.args and not variables(tree.func):
        function = (
            tree.func.func if isinstance(tree.func, ast.Call) else tree.func
        )  # a layer of Keras is constructed and called
        return tree.args[0] if ast.unparse(function) in _KEPT and isinstance(tree.args[0], ast.Name) else None
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.BitAnd | ast.BitOr):
        return tree.left if is_variable(tree.left) and is_variable(tree.right) else None
    while isinstance(tree, ast.Call | ast.Attribute | ast.Subscript):
        if isinstance(tree, ast.Call) and (hasattr(tree, "layer") or not isinstance(tree.func, ast.Attribute)):
            return None
        tree = tree.func if isinstance(tree, ast.Call) else tree.value
    return tree if isinstance(tree, ast.Name) and hasattr(tree, "value") else None
