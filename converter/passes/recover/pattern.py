"""Patterns of operators, written as the formula they compute.

``Pattern("x * Sigmoid(x)")`` matches a Mul of a value and of its own Sigmoid. In a formula ``+ - * / **`` are Add, Sub, Mul,
Div and Pow, a call is the operator of that name, other names stand for any value (the same name for the same value), numbers
for constants that hold that one number. ``Softmax(x, axis=-1)`` asks for an attribute, an axis counted from either end.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converter.graph import Graph, Node, Value, shared_scope

_OPERATORS = {ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul", ast.Div: "Div", ast.Pow: "Pow"}
_SWAPS = {"Add", "Mul"}
_PRECISION = 1e-4
"""How near to a pattern's number a constant lies that was written with few digits, or held as float16."""


@dataclass
class Match:
    """What a pattern's names stand for, and the nodes that it covers, the last one first."""

    values: dict[str, Value] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)

    def __getitem__(self, name: str) -> Value:
        return self.values[name]


class Pattern:
    """A formula that is looked for in a graph."""

    def __init__(self, formula: str):
        self.formula = formula
        self.tree = ast.parse(formula, mode="eval").body

    def matches(self, graph: Graph) -> Iterator[Match]:
        """Each place in the graph, from its end, that computes the formula and whose inner results nothing else reads."""
        own = set(graph.nodes)
        op_type = _op_type(self.tree)
        for node in reversed(graph.nodes):
            if node.op_type == op_type and not node.domain and node in own:
                match = self.at(graph, node)
                if match is not None:
                    yield match

    def at(self, graph: Graph, node: Node) -> Match | None:
        """The match whose last node is ``node``."""
        for found in _node(self.tree, node, Match()):
            if is_closed(graph, found):
                return found
        return None


def _op_type(tree: ast.expr) -> str:
    if isinstance(tree, ast.BinOp):
        return _OPERATORS[type(tree.op)]
    if isinstance(tree, ast.UnaryOp):
        return "Neg"
    return tree.func.id


def _value(tree: ast.expr, value: Value | None, match: Match) -> Iterator[Match]:
    if value is None:
        return
    number = _number(tree)
    if number is not None:
        constant = held(value)
        if constant is not None and abs(constant - number) <= _PRECISION * max(abs(number), 1e-3):
            yield match
    elif isinstance(tree, ast.Name):
        if match.values.get(tree.id, value) is value:
            yield Match(match.values | {tree.id: value}, match.nodes)
    elif value.producer is not None and not value.producer.domain and value.producer.op_type == _op_type(tree):
        yield from _node(tree, value.producer, match)


def _node(tree: ast.expr, node: Node, match: Match) -> Iterator[Match]:
    match = Match(match.values, [*match.nodes, node])
    if isinstance(tree, ast.BinOp):
        parts = [tree.left, tree.right]
    elif isinstance(tree, ast.UnaryOp):
        parts = [tree.operand]
    else:
        parts = tree.args
        if not all(_agrees(node, keyword) for keyword in tree.keywords):
            return
    yield from _inputs(parts, list(node.inputs[: len(parts)]), match)
    if node.op_type in _SWAPS:
        yield from _inputs(parts, [node.inputs[1], node.inputs[0]], match)


def _inputs(parts: list[ast.expr], values: list[Value | None], match: Match) -> Iterator[Match]:
    if len(values) < len(parts):
        return
    if not parts:
        yield match
        return
    for found in _value(parts[0], values[0], match):
        yield from _inputs(parts[1:], values[1:], found)


def _agrees(node: Node, keyword: ast.keyword) -> bool:
    wanted = ast.literal_eval(keyword.value)
    if keyword.arg == "axes":
        axes = node.input(1).array if node.input(1) is not None else None
        rank = node.inputs[0].rank
        return (
            axes is not None
            and rank is not None
            and [a % rank for a in axes.reshape(-1).tolist()] == [a % rank for a in wanted]
        )
    have = node.attributes.get(keyword.arg)
    if keyword.arg == "axis" and have is not None and node.inputs[0].rank is not None:
        return have % node.inputs[0].rank == wanted % node.inputs[0].rank
    return have == wanted


def _number(tree: ast.expr) -> float | None:
    if isinstance(tree, ast.Constant):
        return float(tree.value)
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.operand, ast.Constant):
        return -float(tree.operand.value)
    return None


def held(value: Value) -> float | None:
    """The one number of a constant that is no trained weight."""
    weight = value.weight
    if weight is None or weight.size != 1 or not weight.has_data or (weight.trainable and weight.shape not in ((), (1,))):
        return None
    return float(np.asarray(weight.array(), np.float64).reshape(-1)[0]) if weight.dtype.kind in "fiu" else None


def is_closed(graph: Graph, match: Match) -> bool:
    """Whether nothing outside the match reads what it computes on the way."""
    inside = set(match.nodes)
    for node in match.nodes[1:]:
        for value in node.outputs:
            if value is not None and (value in graph.outputs or any(user not in inside for user, _ in value.users)):
                return False
    return True


def around(graph: Graph, turn: Node) -> Match | None:
    """The Reshape after a Transpose and the one before it, where nothing else reads what lies between."""
    first, users = turn.inputs[0].producer, turn.output.users
    if first is None or len(users) != 1 or turn.inputs[0] in graph.outputs or turn.output in graph.outputs:
        return None
    last = users[0][0]
    plain = all(node.op_type == "Reshape" and not node.domain and node in graph.nodes for node in (first, last))
    return Match(nodes=[last, turn, first]) if plain and len(first.output.users) == 1 else None


def replace(
    graph: Graph,
    match: Match,
    op_type: str,
    inputs: list[Value | None],
    attributes: dict[str, Any] | None = None,
    *,
    domain: str = "",
    name: str = "",
) -> Node:
    """Let one node compute what the match computes, where the match's last node stood; by default it has the name of that."""
    last = match.nodes[0]
    place = graph.nodes.index(last)
    scope = shared_scope(match.nodes)
    for node in match.nodes:
        node.detach()
    node = Node(
        op_type, inputs, last.outputs, attributes, name=name or last.name, domain=domain, origin=last.origin, scope=scope
    )
    graph.nodes[place] = node
    gone = set(match.nodes)
    graph.nodes = [node for node in graph.nodes if node not in gone]
    return node
