"""The normalisation of a MATLAB input layer, which is no part of what is trained."""

from __future__ import annotations

from converter.graph import Graph

_ARITHMETIC = {"Sub", "Div", "Mul", "Add"}


def hold_normalization(graph: Graph) -> None:
    """Make the constants that an input meets before anything else buffers.

    MATLAB keeps mean, deviation and range of the training images in its input layer and writes them as initializers
    (``imageinput_Mean``, ``imageinput_AvgImg``) of Sub and Div on the input [files]; they are not learnable.
    """
    normalized = set(graph.inputs)
    for node in graph.nodes:
        constants = [value for value in node.inputs if value is not None and value.weight is not None]
        others = [value for value in node.inputs if value is not None and value.weight is None]
        if node.op_type in _ARITHMETIC and not node.domain and normalized.issuperset(others):
            normalized.add(node.output)
            for value in constants:
                value.weight.trainable = False
