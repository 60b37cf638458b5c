"""Weights of the folder that are not the source's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converter.graph import Node, Weight
from converter.verification.sides import Sides


def wrong_weights(sides: Sides, weights: Mapping[str, Weight]) -> dict[Node, str]:
    """The nodes whose weights in the folder are not the source's, each with what is wrong."""
    found: dict[Node, str] = {}
    for row in sides.trace.weights:
        weight = weights.get(row["key"])
        if weight is None:
            continue
        for node in sides.graph.nodes:
            reads = [value.weight for value in node.reads() if value.weight is not None]
            if any(each.origin is weight.origin or (each.name and each.name == weight.name) for each in reads):
                found.setdefault(node, _said(row))
    return found


def _said(row: Mapping[str, Any]) -> str:
    key = row["key"]
    if row.get("owner") is not None:
        return f"weight {key!r} holds the numbers of {row['owner']!r}"
    if row["problem"] == "type":
        return f"weight {key!r} has the type {row['found']} instead of {row['expected']}"
    if row["problem"] == "numbers":
        count = "1 number" if row["count"] == 1 else f"{row['count']} of its {row['size']} numbers"
        return (
            f"weight {key!r} differs from the source's in {count}, "
            f"most at {row['index']}: {row['found']:.6g} instead of {row['expected']:.6g}"
        )
    if row["problem"] == "shape":
        return f"weight {key!r} has the shape {row['found']} instead of {row['expected']}"
    return f"weight {key!r} is missing" if row["problem"] == "missing" else f"the model has a weight {key!r} that nobody gave"
