"""What only some calls of a definition run stands in it under ``if``."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping

from converter.emitters.blocks import Clause, Compound, Statement, trees, variable, variables
from converter.emitters.structure.calls import Call, reads
from converter.emitters.structure.variants import Piece
from converter.graph import Value


def with_conditions(
    call: Call, optional: list[tuple[Piece, ast.expr]]
) -> tuple[list[Statement | Compound], list[Value], dict[Value, Value]]:
    """The items of a call, those that only some of its kind have under ``if``, and its results.

    Also, for what is computed on the way under a condition, the variable that is there to hold it; a copy of the input holds
    itself.

    What stands under a condition gives its result to the variable that it begins with, or, where that is read later as well,
    to a copy of it.
    """
    items: list[Statement | Compound] = list(call.items)
    results = list(call.outputs)
    blocks: list[tuple[Compound, Piece]] = []
    within: dict[Value, Value] = {}
    renamed: dict[Value, Value] = {}
    for piece, asked in optional:
        condition = _Named({"x": call.inputs[0]}).visit(copy.deepcopy(asked))
        block = Compound([Clause("if", condition, list(piece.run))], scope=piece.owner.scope)
        items[items.index(piece.owner)] = block
        items = [item for item in items if not any(item is other for other in piece.run)]
        blocks.append((block, piece))
    for block, piece in sorted(blocks, key=lambda entry: items.index(entry[0])):
        place, result = items.index(block), piece.owner.targets[0]
        held = renamed.get(piece.operand, piece.operand)  # by an earlier block, whose result this one goes on with
        after = items[place + 1 :]
        if held in results or held in reads(after):
            items.insert(place, Statement([result], variable(held), None, piece.owner.scope))
            _rename([block], held, result)
            if held is call.inputs[0]:
                within |= dict.fromkeys((result, *(statement.targets[0] for statement in piece.run[:-1])), result)
        else:
            _rename([block, *after], result, held)
            within |= {statement.targets[0]: held for statement in piece.run[:-1]}
            results = [held if value is result else value for value in results]
            renamed[result] = held
    return items, results, within


def _rename(statements: list[Statement | Compound], old: Value, new: Value) -> None:
    for tree in trees(statements):
        for name in variables(tree):
            name.value = new if name.value is old else name.value
    for statement in statements:
        if isinstance(statement, Compound):
            _rename_targets(statement.bodies, old, new)


def _rename_targets(statements: list[Statement | Compound], old: Value, new: Value) -> None:
    for statement in statements:
        if isinstance(statement, Statement):
            statement.targets = [new if value is old else value for value in statement.targets]


class _Named(ast.NodeTransformer):
    """Variables in place of these names."""

    def __init__(self, values: Mapping[str, Value]):
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return variable(self.values[node.id]) if node.id in self.values else node
