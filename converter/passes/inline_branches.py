"""An If whose condition is known is the branch it takes."""

from __future__ import annotations

import numpy as np

from converter.graph import Graph, Node, Value
from converter.passes.fold_constants import fold_constants
from converter.passes.infer_shapes import infer_shapes
from converter.passes.remove_identity import remove_identity
from converter.sizes import Sizes


def inline_branches(graph: Graph) -> None:
    """Put the nodes of the branch that is taken in place of each If with a known condition, until there is none.

    A condition is also known where it asks for sizes that are ("squeeze this axis if it is of size 1").
    """
    while sum(_inline(each) for each in list(graph.nested())):
        infer_shapes(graph)
        for each in graph.nested():
            remove_identity(each)
        fold_constants(graph)


def _inline(graph: Graph) -> bool:
    found = False
    branching = [node for node in graph.nodes if node.op_type == "If" and not node.domain and node.inputs[0] is not None]
    sizes = Sizes(graph) if any(node.inputs[0].array is None for node in branching) else None
    for node in branching:
        condition = _known(node.inputs[0], sizes)
        if condition is None:
            continue
        branch: Graph = node["then_branch" if condition else "else_branch"]
        place = graph.nodes.index(node)
        kept = [
            Node("Identity", [value], [output], name=node.name, origin=node.origin, scope=node.scope)
            for value, output in zip(branch.outputs, node.outputs, strict=True)
            if output is not None
        ]
        node.attributes = {name: value for name, value in node.attributes.items() if value is not branch}
        node.detach()  # the other branch with it
        graph.nodes[place : place + 1] = [*branch.nodes, *kept]
        found = True
    return found


def _known(condition: Value, sizes: Sizes | None) -> bool | None:
    found = condition.array
    if found is None and sizes is not None:
        found = sizes.contents(condition)
    first = None if found is None else found.reshape(-1)[0]
    return bool(first) if isinstance(first, int | np.bool_) else None
