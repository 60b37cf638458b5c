"""How Keras' own attention takes its heads."""

from __future__ import annotations

from converter.emitters.layout import Layout
from converter.graph import Node


def by_steps(node: Node, have: list[Layout | None]) -> tuple[list[Layout | None], list[Layout | None]]:
    """The layout rule of attention: (batch, heads, steps, features) is stored as (batch, steps, heads, features).

    What is added to the scores, or hides them, is (batch, heads, queries, keys).
    """
    steps_first = Layout((0, 2, 1, 3))
    others = [None if value is None else Layout.logical(4) for value in node.inputs[3:]]
    return [*[steps_first] * 3, *others], [steps_first]
