"""Parts that are taken of one tensor at several places are those of one Split."""

from __future__ import annotations

from collections.abc import Hashable

from converter.graph import Graph, Node, shared_scope


def same_parts(graph: Graph) -> None:
    """A Split like one before it becomes that one, which belongs to the module around both.

    torch's exporter takes a tensor apart anew wherever a part is read, inside the module that reads it.
    """
    known: dict[Hashable, Node] = {}
    for node in [node for node in graph.nodes if node.op_type == "Split" and not node.domain]:
        first = known.setdefault(_key(node), node)
        if first is node or any(value in graph.outputs for value in node.outputs):
            continue
        for place, value in enumerate(node.outputs):
            have = first.outputs[place]
            if value is not None and have is None:
                first.outputs[place] = value
                value.producer = first
                node.outputs[place] = None
            elif value is not None:
                graph.replace_all_uses(value, have)
        first.scope = shared_scope([first, node])
        graph.remove(node)


def _key(node: Node) -> Hashable:
    sizes = node.input(1).array if node.input(1) is not None else None
    given = node.input(1) if sizes is None else sizes.tobytes()
    return (node.inputs[0], node["axis"] % (node.inputs[0].rank or 1), len(node.outputs), given)
