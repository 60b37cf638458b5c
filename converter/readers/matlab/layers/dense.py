"""Dense layers, and layers that change the shape only."""

from __future__ import annotations

from converter.graph import Value
from converter.padding import Padding
from converter.readers.matlab.layers.registry import layer
from converter.readers.matlab.properties import sizes
from converter.readers.matlab.site import Site, matlab_order, product, without_trailing_ones

ONE_STEP = {"kernel_shape": (1,), "strides": (1,), "dilations": (1,), "pads": Padding((0,), (0,))}
"""The window of a convolution over (batch, channels, steps) that is a dense layer at each step."""


@layer("FullyConnectedLayer", "Fully Connected", lambda p: f"{p.integer('OutputSize')} fully connected layer")
def fully_connected(n: Site) -> Value:
    """Flattens what arrives. Weights [out h*w*c], column-major as the property has them, or [h w c out] as files hold them."""
    p = n.properties
    if n.is_sequence:
        return _at_each_step(n)
    size = matlab_order(n.sizes)
    count, outputs = product(size), p.integer("OutputSize")
    expected = product(p.opened("InputSize", count))
    if expected != count:
        n.fail(f"reads {expected} numbers, but {count} arrive ({sizes(size)}).")
    array = p.array("Weights", None)
    if array is not None and len(size) == 1 and array.ndim == 4 and array.shape[:2] == (1, 1):
        size = (1, 1, count)  # a vector is a 1-by-1 image to the objects that are saved
    stored_by_output = array is None or array.shape == (outputs, count)
    if stored_by_output:
        weights = n.weight("Weights", (outputs, count))
        weights = weights.map(lambda a: a.reshape(outputs, *size, order="F"), (outputs, *size))
    elif without_trailing_ones(array.shape) == without_trailing_ones((*size, outputs)):
        weights = n.weight("Weights", (*size, outputs)).transpose(len(size), *range(len(size)))
    else:
        n.fail(f"Weights is {sizes(array.shape)}; expected {outputs}×{count} or {sizes((*size, outputs))}.")
    bias = n.bias(weights, n.vector("Bias", outputs))
    channels_first = weights.transpose(0, len(size), *range(1, len(size))).reshape(outputs, count)
    x = n.add("Flatten", None, {"axis": 1}, part="flatten") if len(n.sizes) > 1 else n.x
    return n.add("Gemm", [x, channels_first, bias], {"transB": 1})


def _at_each_step(n: Site) -> Value:
    """A dense layer on a sequence is a convolution of one step."""
    p, channels, outputs = n.properties, n.channels(), n.properties.integer("OutputSize")
    if channels != product(p.opened("InputSize", channels)):
        n.fail(f"reads {product(p.integers('InputSize'))} numbers, but {channels} channels arrive.")
    weights = n.weight("Weights", (outputs, channels))
    bias = n.bias(weights, n.vector("Bias", outputs))
    return n.add("Conv", [n.x, weights.reshape(outputs, channels, 1), bias], ONE_STEP)


@layer("FlattenLayer", "Flatten", "Flatten")
def flatten(n: Site) -> Value:
    """Column-major: height runs fastest, then width, then channels."""
    if n.is_sequence:
        return n.add("Identity")  # each step is a vector already
    x, (_, *spatial) = n.x, n.sizes
    if sum(size > 1 for size in spatial) > 1:
        x = n.add("Transpose", None, {"perm": (0, 1, *reversed(range(2, len(spatial) + 2)))}, part="column_major")
    return n.add("Flatten", [x], {"axis": 1})


@layer(
    "nnet.keras.layer.FlattenCStyleLayer", "Keras Flatten", "Flatten activations into 1-D assuming C-style (row-major) order"
)
def flatten_c_style(n: Site) -> Value:
    """Row-major over (height, width, channels), as Keras flattens."""
    last = len(n.sizes)
    channels_last = n.add("Transpose", None, {"perm": (0, *range(2, last + 1), 1)}, part="channels_last")
    return n.add("Flatten", [channels_last], {"axis": 1})


@layer("DropoutLayer", "Dropout", lambda p: f"{p.number('Probability', 0.5) * 100:g}% dropout")
def dropout(n: Site) -> Value:
    return n.add("Dropout", [n.x, n.scalar(n.properties.number("Probability", 0.5), "ratio")])


@layer("SpatialDropoutLayer", "Spatial Dropout", lambda p: f"{p.number('Probability', 0.5) * 100:g}% spatial dropout")
def spatial_dropout(n: Site) -> Value:
    return dropout(n)


@layer("IdentityLayer", "Identity", "Identity")
def identity(n: Site) -> Value:
    return n.add("Identity")
