"""Layers that scale, shift and multiply elements: of this toolbox, of Reinforcement Learning and of importers."""

from __future__ import annotations

import numpy as np

from converter.graph import Value, Weight
from converter.readers.matlab.layers.registry import elementwise, layer
from converter.readers.matlab.properties import sizes
from converter.readers.matlab.site import Site, Untranslated


@layer("ScalingLayer", "Scaling", "Scaling layer")
def scaling(n: Site) -> Value:
    """Scale .* x + Offset; releases before R2025a have no Offset."""
    return _scaled(n, "Scale", "Offset" if "Offset" in n.properties else "")


@layer("rl.layer.ScalingLayer", "Scaling", "Scaling layer")
def rl_scaling(n: Site) -> Value:
    """Scale .* x + Bias."""
    return _scaled(n, "Scale", "Bias")


@layer(
    "nnet.onnx.layer.ElementwiseAffineLayer",
    "Elementwise Affine",
    "Applies an elementwise scaling followed by an addition to the input.",
)
def elementwise_affine(n: Site) -> Value:
    """Scale .* x + Offset, unless DoScale or DoOffset says that there is no such part."""
    p = n.properties
    scale, offset = ("Scale" if p.flag("DoScale", True) else ""), ("Offset" if p.flag("DoOffset", True) else "")
    return _scaled(n, scale, offset)


@layer("nnet.inceptionresnetv2.layer.ScalingFactorLayer", "Scaling", "Scaling layer")
def scaling_factor(n: Site) -> Value:
    """The residual of Inception-ResNet-v2, times a factor, as its name says; no page describes the layer."""
    n.note("its Scale is taken as a factor of what arrives.")
    return _scaled(n, "Scale", "")


def _scaled(n: Site, scale: str, offset: str) -> Value:
    """The arrays are expanded as MATLAB expands them: an axis of size 1 along the whole of the input."""
    if not scale and not offset:
        return n.add("Identity")
    factor = _expanded(n, scale) if scale else None
    addend = _expanded(n, offset) if offset else None
    if addend is None:
        return n.add("Mul", [n.x, factor])
    return n.add("Add", [n.add("Mul", [n.x, factor], part="scaled") if factor is not None else n.x, addend])


def _expanded(n: Site, name: str) -> Weight | Value:
    """Property ``name`` in the graph's order, without the batch; a number stays one."""
    array = n.properties.array(name)
    if array.size == 1:
        return n.scalar(float(array.ravel()[0]), name.lower())
    channels, *spatial = n.known(n.x)[1:]
    own = (*spatial, channels)
    full = (*array.shape, *(1,) * (len(own) - array.ndim))
    if not spatial and array.size == channels and max(array.shape) == channels:
        full = (channels,)
    if len(full) > len(own) or any(size not in (1, whole) for size, whole in zip(full, own, strict=False)):
        n.fail(f"{name} is {sizes(array.shape)}; expected one number, or sizes that expand to {sizes(own)}.")
    last = len(full) - 1
    numbers = array.astype(np.float32).reshape(full, order="F").transpose(last, *range(last))
    return Weight.of(np.ascontiguousarray(numbers), f"{n.name}.{name}", trainable=False)


@layer("rl.layer.QuadraticLayer", "Quadratic", "Quadratic")
def rl_quadratic(n: Site) -> Value:
    """[x1 x1, x1 x2, x2 x2, x1 x3, x2 x3, x3 x3, ...] of a vector (MathWorks' page of the layer)."""
    if n.rank != 0:
        raise Untranslated("which elements of an image it multiplies is not documented")
    factors = []
    for indices, part in zip(np.tril_indices(n.channels()), ("later", "earlier"), strict=True):
        factors.append(n.add("Gather", [n.x, n.integers(indices, f"{part}_indices")], {"axis": 1}, part=part))
    return n.add("Mul", factors)


@layer("QuadraticLayer", "Quadratic", "Quadratic")
def quadratic(n: Site) -> Value:
    """The layer that took the place of Reinforcement Learning's; its page does not repeat the order."""
    n.note("its products are taken in the order of rl.layer.QuadraticLayer: x1 x1, x1 x2, x2 x2, x1 x3, ...")
    return rl_quadratic(n)


elementwise("rl.layer.SoftplusLayer", "Softplus", "Softplus", "Softplus")
elementwise("nnet.keras.layer.SigmoidLayer", "Sigmoid", "Sigmoid", "Sigmoid")
elementwise("nnet.keras.layer.TanhLayer", "Tanh", "Tanh", "Tanh")
elementwise(
    "nnet.keras.layer.GlobalAveragePooling2dLayer", "Global Average Pooling", "Global average pooling", "GlobalAveragePool"
)
elementwise("nnet.onnx.layer.IdentityLayer", "Identity", "Identity", "Identity")
elementwise("nnet.onnx.layer.SigmoidLayer", "Sigmoid", "Sigmoid", "Sigmoid")
elementwise("nnet.onnx.layer.TanhLayer", "Tanh", "Tanh", "Tanh")
