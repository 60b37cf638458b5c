"""A product with a matrix of weights, and the bias added to it, are one fully connected layer."""

from __future__ import annotations

from converter import functions
from converter.graph import Graph, Node, Value, Weight
from converter.passes.recover.pattern import Match, Pattern, replace

_SUM = Pattern("MatMul(x, weight) + bias")
_FOLDED = Pattern("Reshape(Gemm(Reshape(x, before), weight, bias), after)")
_FOLDED_PRODUCT = Pattern("Reshape(MatMul(Reshape(x, before), weight), after)")


def linear(graph: Graph) -> None:
    """MatMul and Add become Gemm, of more than two axes Linear.

    So does a product of rows that were made from the leading axes and become them again.
    """
    for match in _SUM.matches(graph):
        x, weight, bias = match["x"], match["weight"], match["bias"]
        if _is_matrix(weight) and bias.weight is not None and bias.shape == (weight.shape[1],) and x.rank is not None:
            own = {} if x.rank == 2 else {"domain": functions.DOMAIN}
            replace(graph, match, "Gemm" if x.rank == 2 else "Linear", [x, weight, bias], name=match.nodes[1].name, **own)
    for match in _FOLDED.matches(graph):
        gemm, weight, bias = match.nodes[1], match["weight"], match["bias"]
        plain = gemm["alpha"] == gemm["beta"] == 1 and not gemm["transA"]
        if plain and _is_matrix(weight) and bias.weight is not None and bias.rank == 1 and _keeps_rows(match, gemm):
            matrix = _turned(weight) if gemm["transB"] else weight
            if bias.shape == (matrix.shape[1],):
                replace(graph, match, "Linear", [match["x"], matrix, bias], domain=functions.DOMAIN)
    for match in _FOLDED_PRODUCT.matches(graph):
        if _is_matrix(match["weight"]) and _keeps_rows(match, match.nodes[1]):
            replace(graph, match, "MatMul", [match["x"], match["weight"]])


def _is_matrix(value: Value) -> bool:
    return value.weight is not None and value.rank == 2


def _turned(value: Value) -> Value:
    weight: Weight = value.weight
    return Value.of_weight(weight.transpose(1, 0), value.name)


def _keeps_rows(match: Match, product: Node) -> bool:
    """Whether the rows are the leading axes of ``x``, and become those axes again."""
    x, rows, result = match["x"], product.inputs[0], match.nodes[0].output
    if x.shape is None or result.shape is None or rows.rank != 2 or None in x.shape[:-1] or len(x.shape) < 2:
        return False
    return x.shape[-1] == rows.shape[-1] and isinstance(x.shape[-1], int) and x.shape[:-1] == result.shape[:-1]
