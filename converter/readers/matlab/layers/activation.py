"""Activations."""

from __future__ import annotations

from converter.graph import Value
from converter.readers.matlab.layers.registry import elementwise, layer
from converter.readers.matlab.properties import sizes
from converter.readers.matlab.site import Site, without_trailing_ones

elementwise("ReLULayer", "ReLU", "ReLU", "Relu")
elementwise("SigmoidLayer", "Sigmoid", "sigmoid", "Sigmoid")
elementwise("TanhLayer", "Tanh", "Hyperbolic tangent", "Tanh")
elementwise("SoftplusLayer", "Softplus", "Softplus", "Softplus")


@layer("LeakyReLULayer", "Leaky ReLU", lambda p: f"Leaky ReLU with scale {p.number('Scale'):g}")
def leaky_relu(n: Site) -> Value:
    return n.add("LeakyRelu", None, {"alpha": n.properties.number("Scale")})


@layer("ClippedReLULayer", "Clipped ReLU", lambda p: f"Clipped ReLU with ceiling {p.number('Ceiling'):g}")
def clipped_relu(n: Site) -> Value:
    return n.add("Clip", [n.x, n.scalar(0, "floor"), n.scalar(n.properties.number("Ceiling"), "ceiling")])


@layer("ELULayer", "ELU", lambda p: f"ELU with Alpha {p.number('Alpha'):g}")
def elu(n: Site) -> Value:
    return n.add("Elu", None, {"alpha": n.properties.number("Alpha")})


@layer("GELULayer", "GELU", "GELU")
def gelu(n: Site) -> Value:
    return n.add("Gelu", None, {"approximate": n.properties.choice("Approximation", "none", "tanh", default="none")})


@layer("SwishLayer", "Swish", "Swish")
def swish(n: Site) -> Value:
    """x * sigmoid(x); onnxruntime does not run the Swish operator of opset 24."""
    return n.add("Mul", [n.x, n.add("Sigmoid", part="sigmoid")])


@layer("SoftmaxLayer", "Softmax", "softmax")
def softmax(n: Site) -> Value:
    return n.add("Softmax", None, {"axis": 1})


@layer("PReLULayer", "PReLU", "PReLU")
def prelu(n: Site) -> Value:
    """Alpha is stretched along the axes of the input on which it has size 1 (MATLAB page of preluLayer)."""
    array, channels = n.properties.array("Alpha", None), n.channels()
    if array is not None and array.size == 1:
        return n.add("PRelu", [n.x, n.vector("Alpha", 1)])
    if array is None:
        return n.add("PRelu", [n.x, n.vector("Alpha", channels).reshape(channels, *(1,) * n.rank)])
    full = (*(() if n.is_sequence else n.sizes[1:]), channels)
    shape = without_trailing_ones(array.shape)
    shape += (1,) * (len(full) - len(shape))
    if len(shape) > len(full) or any(own not in (1, size) for own, size in zip(shape, full, strict=True)):
        n.fail(f"Alpha is {sizes(array.shape)}; expected {sizes(full)}, or 1 in place of any of these sizes.")
    last = len(full) - 1
    alpha = n.weight("Alpha", shape).transpose(last, *range(last))
    return n.add("PRelu", [n.x, alpha.reshape(*alpha.shape, 1) if n.is_sequence else alpha])
