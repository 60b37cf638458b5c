"""Weights of the folder that are not the source's, and code that does not load them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from converter.graph import Node, Weight
from converter.verification import run
from converter.verification.layers import Blame
from converter.verification.sides import Sides

_STRUCTURE = ("shape", "missing", "unexpected")


def not_loaded(sides: Sides, weights: Mapping[str, Weight], among: Sequence[Node]) -> Blame | None:
    """The blame for the first of some layers whose weights are others than those of the folder, or have another shape, or which
    the code does not construct, where it does not load the weights."""
    raised = sides.trace.raised
    if raised is None or raised["loaded"]:
        return None
    for node in among:
        rows = [row for row in _differing(sides) if row["problem"] in _STRUCTURE and _reads(node, row["key"], weights)]
        if rows:
            return _constructed(sides, node, rows[0]["line"], _said(rows[0]))
    if not raised["constructed"] and not sides.trace.entries and raised["lines"]:
        words = re.findall(r"\w+", sides.code(raised["lines"][-1]))
        for node in among:
            names = [key for key in weights if _reads(node, key, weights)]
            if any(name in words for key in names for name in re.split(r"[./]", key)[-2:]):
                return _constructed(sides, node, None, sides.end(node))
    return None


def _constructed(sides: Sides, node: Node, line: int | None, cause: str) -> Blame:
    """The blame for a layer that is constructed in a line."""
    if line is not None:
        row = sides.layers[sides.rows[node]]
        row.line, row.code, row.constructor = line, sides.code(line), line
    return sides.blame(node, "writing", None, None, cause)


def wrong_weights(sides: Sides, weights: Mapping[str, Weight]) -> dict[Node, str]:
    """The nodes whose weights in the folder are not the source's, each with what is wrong."""
    found: dict[Node, str] = {}
    for row in _differing(sides):
        for node in sides.graph.nodes:
            if _reads(node, row["key"], weights):
                found.setdefault(node, _said(row))
    return found


def _differing(sides: Sides) -> list[dict[str, Any]]:
    """What is wrong with the weights; of a model that was not constructed as a whole not that some are missing."""
    constructed = sides.trace.raised is None or sides.trace.raised["constructed"]
    return [row for row in sides.trace.weights if constructed or row["problem"] != "missing"]


def _reads(node: Node, key: str, weights: Mapping[str, Weight]) -> bool:
    """Whether the node reads the weight of a key; where the source has none, another one of the layer that has it."""
    reads, layer = [value.weight for value in node.reads() if value.weight is not None], run.holder(key)
    siblings = [key] if key in weights else [each for each in weights if layer and run.holder(each) == layer]
    held = [weights[each] for each in siblings]
    return any(each.origin is own.origin or (each.name and each.name == own.name) for each in reads for own in held)


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
