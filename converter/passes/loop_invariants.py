"""What a loop hands from round to round unchanged is read from around the loop."""

from __future__ import annotations

from converter.graph import Graph, Node, Value

_FIRST = 2  # among the inputs of node and body: the number of rounds, or the round, and the condition stand before the states


def loop_invariants(graph: Graph) -> None:
    """Drop each state of a Loop that its body gives back as it got it: TensorFlow's exporters hand a loop its weights so."""
    for place, node in enumerate(graph.nodes):
        if node.op_type == "Loop" and not node.domain:
            dropped = [index for index in range(len(node.inputs) - _FIRST) if _is_dropped(graph, node, index)]
            if dropped:
                graph.nodes[place] = _without(graph, node, dropped)


def _is_dropped(graph: Graph, node: Node, index: int) -> bool:
    """Whether a state stays the same and is no output of a graph, which must be a value of its own."""
    body = node["body"]
    state, result = body.inputs[_FIRST + index], body.outputs[1 + index]
    final = node.outputs[index] if index < len(node.outputs) else None
    others = [value for position, value in enumerate(body.outputs) if position != 1 + index]
    others += [value for inner in body.nested() if inner is not body for value in inner.outputs]
    ends = node.inputs[_FIRST + index] is None or final in graph.outputs or state in others
    return not ends and _source(result) is state and (result is state or result not in others)


def _source(value: Value) -> Value:
    """The value before all the Identity nodes it went through."""
    while value.producer is not None and value.producer.op_type == "Identity" and not value.producer.domain:
        value = value.producer.inputs[0]
    return value


def _without(graph: Graph, node: Node, dropped: list[int]) -> Node:
    body, inputs, outputs = node["body"], list(node.inputs), list(node.outputs)
    for index in reversed(dropped):
        value = inputs.pop(_FIRST + index)
        body.outputs.pop(1 + index)
        body.replace_all_uses(body.inputs.pop(_FIRST + index), value)
        if index < len(outputs) and (final := outputs.pop(index)) is not None:
            graph.replace_all_uses(final, value)
    body.remove_unused()
    for index in range(len(node.inputs)):  # not ``detach``: the body goes on
        node.set_input(index, None)
    return Node("Loop", inputs, outputs, node.attributes, name=node.name, origin=node.origin, scope=node.scope)
