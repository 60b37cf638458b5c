"""MatMul and Add of a bias are one fully connected layer."""

from __future__ import annotations

from converter.graph import Graph, Node, Value


def linear(graph: Graph) -> None:
    """MatMul of a rank-2 input with a weight matrix, then Add of a weight vector, become Gemm."""
    removed, own = set(), set(graph.nodes)  # a node of a sub-graph may read a product of the graph around it
    for index, add in enumerate(graph.nodes):
        if add.op_type != "Add" or add.domain:
            continue
        for product, bias in (add.inputs, add.inputs[::-1]):
            matmul = product.producer
            if matmul in own and _is_linear(graph, matmul, bias):
                inputs = [*matmul.inputs, bias]
                add.detach()
                matmul.detach()
                removed.add(matmul)
                name = matmul.name or add.name
                graph.nodes[index] = Node("Gemm", inputs, add.outputs, name=name, origin=matmul.origin)
                break
    graph.nodes = [node for node in graph.nodes if node not in removed]


def _is_linear(graph: Graph, matmul: Node, bias: Value) -> bool:
    if matmul.op_type != "MatMul" or matmul.domain or len(matmul.output.users) > 1 or matmul.output in graph.outputs:
        return False
    data, weight = matmul.inputs
    if data.rank != 2 or weight.weight is None or weight.rank != 2 or bias.weight is None:
        return False
    return bias.shape == (weight.shape[1],)
