"""The parts that a Split gives, as expressions of a target."""

from __future__ import annotations

from typing import Any

from converter.emitters.site import Site, known
from converter.emitters.vocabulary import Expression
from converter.graph import Node


def split_sizes(node: Node) -> list[int] | None:
    """The sizes of the parts, None where they are not known when converting."""
    given = known(node.input(1))
    shapes = [None if value is None else value.shape for value in node.outputs]
    sizes = given.tolist() if given is not None else [shape and shape[node["axis"]] for shape in shapes]
    return sizes if all(isinstance(size, int) for size in sizes) else None


def split(n: Site, statement: str, part: str, equal: str) -> Expression | list[Expression]:
    """All parts at once, or only those that are read; ``equal`` says as many as there are outputs."""
    sizes = split_sizes(n.node)
    if sizes is None:
        n.sized(equal)
        return n.results(equal, n.num_outputs)
    if len(sizes) > 1 and all(value is not None for value in n.node.outputs):
        return n.unpack(statement, **sections(n, sizes))
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    prefix = ":, " * (n.axis % n.input.rank) or "..., " * (n.input.rank == 1)
    after = "" if prefix or not n.functional else ", :"  # a KerasTensor takes no slice by itself
    parts = zip(starts, sizes, n.node.outputs, strict=True)
    return [n.expr(part.format(prefix, start, f"{start + size}{after}")) for start, size, value in parts if value is not None]


def sections(n: Site, sizes: list[int]) -> dict[str, Any]:
    """How a function is told the parts: by their sizes, and by how many they are or where they begin."""
    starts = tuple(sum(sizes[: i + 1]) for i in range(len(sizes) - 1))
    equal = len(set(sizes)) == 1 and sizes[0] > 0
    return {"size": sizes[0] if equal else tuple(sizes), "places": len(sizes) if equal else starts}
