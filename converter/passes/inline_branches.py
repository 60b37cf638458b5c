"""An If whose condition is known is the branch it takes."""

from __future__ import annotations

from converter.graph import Graph, Node
from converter.passes.fold_constants import fold_constants
from converter.passes.infer_shapes import infer_shapes
from converter.passes.remove_identity import remove_identity


def inline_branches(graph: Graph) -> None:
    """Put the nodes of the branch that is taken in place of each If with a known condition, until there is none."""
    while sum(_inline(each) for each in list(graph.nested())):
        infer_shapes(graph)
        for each in graph.nested():
            remove_identity(each)
        fold_constants(graph)


def _inline(graph: Graph) -> bool:
    found = False
    for node in list(graph.nodes):
        condition = node.inputs[0] if node.op_type == "If" and not node.domain else None
        if condition is None or condition.array is None:
            continue
        branch: Graph = node["then_branch" if condition.array.reshape(-1)[0] else "else_branch"]
        place = graph.nodes.index(node)
        kept = [
            Node("Identity", [value], [output], name=node.name, origin=node.origin)
            for value, output in zip(branch.outputs, node.outputs, strict=True)
            if output is not None
        ]
        node.attributes = {name: value for name, value in node.attributes.items() if value is not branch}
        node.detach()  # the other branch with it
        graph.nodes[place : place + 1] = [*branch.nodes, *kept]
        found = True
    return found
