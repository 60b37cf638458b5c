"""A tensor times a function of itself: SiLU, hard swish, Mish, and the hard sigmoid among them."""

from __future__ import annotations

from converter import functions
from converter.graph import Graph, Node
from converter.passes.recover.pattern import Pattern, replace

_SIXTH = {"alpha": 1 / 6, "beta": 0.5}

_HARD_SIGMOID = [Pattern(text) for text in ("Clip(x + 3, 0, 6) / 6", "Clip(x + 3, 0, 6) * 0.16666667")]
_HARD_SWISH = [Pattern(text) for text in ("x * Clip(x + 3, 0, 6) / 6", "x * Clip(x + 3, 0, 6) * 0.16666667")]
_HARD_SWISH_OF = Pattern("x * HardSigmoid(x)")
_SWISH = Pattern("x * Sigmoid(x)")
_MISH = [Pattern(text) for text in ("x * Tanh(Softplus(x))", "x * Tanh(Log(Exp(x) + 1))")]


def gated(graph: Graph) -> None:
    """The formulas of Silu, HardSwish, HardSigmoid and Mish become one operator each.

    x * sigmoid(1.702 * x) stays: that is how people write it.
    """
    for pattern in _HARD_SWISH:
        for match in pattern.matches(graph):
            replace(graph, match, "HardSwish", [match["x"]])
    for pattern in _HARD_SIGMOID:
        for match in pattern.matches(graph):
            replace(graph, match, "HardSigmoid", [match["x"]], _SIXTH)
    for match in _HARD_SWISH_OF.matches(graph):
        if _is_sixth(match.nodes[1]):
            replace(graph, match, "HardSwish", [match["x"]])
    for match in _SWISH.matches(graph):
        replace(graph, match, "Silu", [match["x"]], domain=functions.DOMAIN)
    for pattern in _MISH:
        for match in pattern.matches(graph):
            replace(graph, match, "Mish", [match["x"]])


def _is_sixth(node: Node) -> bool:
    return abs(node["alpha"] - 1 / 6) < 1e-6 and node["beta"] == 0.5
