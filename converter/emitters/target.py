"""What differs between targets while statements are made from a graph."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from converter.emitters.expressions import Binding
from converter.emitters.layout import Rule
from converter.emitters.site import Site
from converter.emitters.vocabulary import Branch, Layer
from converter.graph import Node, Shape, Weight

if TYPE_CHECKING:
    from converter.emitters.program import Program


class Target(Protocol):
    """What differs between targets while statements are made."""

    name: str
    layers_nest: bool
    """Whether a layer may be called on another layer's call in one expression."""

    has_modules: bool
    """Whether layers and weights live in modules inside modules, so that their names are paths."""

    names: frozenset[str]
    """Modules and helpers that templates may name."""
    widened: frozenset[str]
    """Number types that the target's functions lack: arithmetic on them is done as int64."""

    def cast(self, tree: ast.expr, dtype: str) -> ast.expr:
        """The tree's value converted to a number type."""

    def typed(self, layer: Layer, node: Node) -> Layer:
        """The layer, told the number type it computes in where that is not its default."""

    def rule(self, node: Node) -> Rule:
        """The layout rule of a node."""

    def room(self, node: Node, site: Site) -> Any:
        """What the node's room returns."""

    def activation(self, node: Node) -> str | None:
        """The name under which a layer takes this node as its ``activation`` argument; None where there is none."""

    is_functional: bool
    """Whether the code is run once on tensors that have no numbers yet."""

    def layer_call(
        self, program: Program, layer: Layer, name: str, named: bool, arguments: list[ast.expr], shape: Shape | None
    ) -> ast.expr:
        """The layer applied. ``named`` tells whether ``name`` comes from the source, ``shape`` is that of the node's first
        input in stored order."""

    def branch(self, program: Program, node: Node, condition: ast.expr, choice: Branch) -> None:
        """Append the statements of an If."""

    def size(self, tree: ast.expr, axis: int) -> ast.expr:
        """The size of a stored axis of the tree's value."""

    def whole(self, program: Program, tree: ast.expr, site: Site) -> ast.expr:
        """All that a node computes, in the form in which the target can ask for the sizes in it."""

    def placed(self, tree: ast.expr) -> ast.expr:
        """The tree with what it makes on the device of what it has."""

    def tensor(self, array: np.ndarray) -> ast.expr:
        """A tensor with the number of ``array``, written out."""

    def weight(self, program: Program, weight: Weight, name: str, start: str) -> Binding:
        """A weight that stands in expressions by itself; a fresh one starts as ``start``, "zeros" or "ones"."""
