"""Layers of several inputs."""

from __future__ import annotations

from converter.graph import Value
from converter.readers.matlab import description as words
from converter.readers.matlab.layers.registry import layer
from converter.readers.matlab.site import Site


@layer("AdditionLayer", "Addition", words.inputs("Element-wise addition"), inputs=None)
def addition(n: Site) -> Value:
    return _chain(n, "Add")


@layer("MultiplicationLayer", "Multiplication", words.inputs("Element-wise multiplication"), inputs=None)
def multiplication(n: Site) -> Value:
    return _chain(n, "Mul")


def _chain(n: Site, op_type: str) -> Value:
    """((in1 + in2) + in3) ..."""
    result, last = n.x, len(n.inputs) - 1
    for index, value in enumerate(n.inputs[1:], 1):
        result = n.add(op_type, [result, value], part="" if index == last else f"in{index + 1}")
    return result


@layer("DepthConcatenationLayer", "Depth concatenation", words.inputs("Depth concatenation"), inputs=None)
def depth_concatenation(n: Site) -> Value:
    return n.add("Concat", n.inputs, {"axis": 1})


@layer("ConcatenationLayer", "Concatenation", words.concatenation, inputs=None)
def concatenation(n: Site) -> Value:
    """Dim counts MATLAB's axes: (height, width, channels, batch) of an image, (channels, batch) of a vector, (channels,
    batch, time) of a sequence.

    A vector that comes from an image is a 1-by-1 image to a DAGNetwork, so that its channels may also be Dim 3.
    """
    rank = n.rank
    axes = (1, 0, 2) if n.is_sequence else (*range(2, rank + 2), 1, 0) if rank else (1, 0, 1)
    dimension = n.properties.integer("Dim")
    if dimension > len(axes):
        n.properties.fail("Dim", f"at most {len(axes)}, for what arrives has {rank} spatial axes")
    return n.add("Concat", n.inputs, {"axis": axes[dimension - 1]})
