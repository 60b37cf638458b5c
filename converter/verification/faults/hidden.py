"""Faults that no output shows: a layer gives something else for the numbers that the emitted code had in front of it."""

from __future__ import annotations

from converter.graph import Node
from converter.verification.faults import accusation
from converter.verification.layers import Blame
from converter.verification.sides import LookInto, Sides


def find(sides: Sides, look_into: LookInto) -> Blame | None:
    """The first node of which the emitted code has a result, and not the one it should have.

    A result that it has not proves nothing: what is right behind it may be computed in another way.
    """
    for node in sides.graph.nodes:
        own = [value for value in node.outputs if value in sides.matches and value in sides.visible]
        if not all(map(sides.is_near, own)):
            return accusation.accuse(sides, look_into, _unseen(sides, node) or node)
    return None


def _unseen(sides: Sides, node: Node) -> Node | None:
    """What computes an input of the node that the emitted code should have, and has not."""
    missing = (value for value in node.reads() if value in sides.visible and value not in sides.matches)
    return next((value.producer for value in missing if value.producer in sides.rows), None)
