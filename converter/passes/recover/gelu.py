"""The Gaussian error linear unit, exact and approximated by tanh."""

from __future__ import annotations

from converter.graph import Graph
from converter.passes.recover.pattern import Pattern, replace

_HALVES = (
    "x * ({0} + 1) * 0.5",
    "x * 0.5 * ({0} + 1)",
    "x * (({0} + 1) * 0.5)",
    "x * ({0} * 0.5 + 0.5)",
    "x * ({0} + 1) / 2",
    "x / 2 * ({0} + 1)",
    "x * (({0} + 1) / 2)",
)
"""Half of x, and of x times a function: in any order."""

_ERRORS = ("Erf(x / 1.41421356)", "Erf(x * 0.70710678)")
_CUBICS = (
    "(x + x ** 3 * 0.044715) * {0}",
    "(x + x * x * x * 0.044715) * {0}",
    "(x + x * (x * x) * 0.044715) * {0}",
    "(x + 0.044715 * x * x * x) * {0}",
    "(x + x * x * (0.044715 * x)) * {0}",
    "(x + x * (0.044715 * x * x)) * {0}",
    "x * (x ** 2 * 0.044715 + 1) * {0}",
    "x * (x * x * 0.044715 + 1) * {0}",
    "x * (0.044715 * x * x + 1) * {0}",
    "x * {0} * (x ** 2 * 0.044715 + 1)",
    "x * {0} * (x * x * 0.044715 + 1)",
    "x * {0} * (0.044715 * x * x + 1)",
)
"""sqrt(2 / pi) * (x + 0.044715 * x ** 3), as it is written."""

_EXACT = [Pattern(half.format(error)) for half in _HALVES for error in _ERRORS]
_TANH = [Pattern(half.format(f"Tanh({cubic.format(0.79788456)})")) for half in _HALVES for cubic in _CUBICS]
_TANH += [Pattern(f"x * Sigmoid({cubic.format(1.59576912)})") for cubic in _CUBICS]  # tanh(z) = 2 * sigmoid(2 * z) - 1


def gelu(graph: Graph) -> None:
    """Its formula becomes Gelu. Source: the page of the operator, which gives both formulas."""
    for patterns, approximate in ((_EXACT, "none"), (_TANH, "tanh")):
        for pattern in patterns:
            for match in pattern.matches(graph):
                replace(graph, match, "Gelu", [match["x"]], {"approximate": approximate})
