"""Sequences of images: the images of all steps lie along the batch, so that each layer does with each what it does with one.

An input of images (batch, time, channels, height, width) becomes (batch * time, channels, height, width) at once. The first
size tells where a value stands: ``IMAGES`` where time is still an axis to MATLAB, ``FOLDED`` between a folding and an unfolding
layer, where it is none. What comes out as vectors is a sequence (batch, channels, time) again.

Folding and unfolding layers, and that most layers do the same without them: MATLAB page of sequenceFoldingLayer. Over which
axes a layer works: the layer's own page.
"""

from __future__ import annotations

import numpy as np

from converter.graph import Shape, Value
from converter.readers.matlab.layers.registry import layer
from converter.readers.matlab.site import BATCH, FOLDED, IMAGES, TIME, Site, Untranslated
from converter.readers.matlab.table import BUILT_IN

_STEP_BY_STEP = {
    "AdditionLayer", "AveragePooling1DLayer", "AveragePooling2DLayer", "AveragePooling3DLayer", "BatchNormalizationLayer",
    "ClassificationOutputLayer", "ClippedReLULayer", "ConcatenationLayer", "Convolution1DLayer", "Convolution2DLayer",
    "Convolution3DLayer", "Crop2DLayer", "CrossChannelNormalizationLayer", "DepthConcatenationLayer", "DepthToSpace2DLayer",
    "DropoutLayer", "ELULayer", "FlattenLayer", "FullyConnectedLayer", "GELULayer", "GlobalAveragePooling1DLayer",
    "GlobalAveragePooling2DLayer", "GlobalAveragePooling3DLayer", "GlobalMaxPooling1DLayer", "GlobalMaxPooling2DLayer",
    "GlobalMaxPooling3DLayer", "GroupedConvolution1DLayer", "GroupedConvolution2DLayer", "IdentityLayer",
    "Image3DInputLayer", "ImageInputLayer", "SequenceInputLayer",
    "LayerNormalizationLayer", "LeakyReLULayer", "MaxPooling1DLayer", "MaxPooling2DLayer", "MaxPooling3DLayer",
    "MaxUnpooling2DLayer", "MultiplicationLayer", "PReLULayer", "PixelClassificationLayer", "ReLULayer",
    "RegressionOutputLayer", "Resize2DLayer", "Resize3DLayer", "SequenceFoldingLayer", "SequenceUnfoldingLayer",
    "SigmoidLayer", "SoftmaxLayer", "SoftplusLayer", "SpatialDropoutLayer", "SwishLayer", "TanhLayer",
    "TransposedConvolution1DLayer", "TransposedConvolution2DLayer", "TransposedConvolution3DLayer",
}  # fmt: skip
"""What does with each image of a sequence what it does with an image; groups, for one, are normalised over time too."""


def check(n: Site) -> None:
    """Raise Untranslated where the layer does not work step by step, or reads values with steps and values without."""
    firsts = {value.shape[0] for value in n.inputs if value.shape}
    if IMAGES in firsts and n.record.class_name.removeprefix(BUILT_IN) not in _STEP_BY_STEP:
        raise Untranslated("it is not translated for sequences of images")
    if len(firsts & {BATCH, IMAGES, FOLDED}) > 1 and n.record.class_name != f"{BUILT_IN}SequenceUnfoldingLayer":
        raise Untranslated("of what arrives, some are sequences of images and some are not")


def entering(n: Site, shape: tuple[int, ...]) -> Value:
    """The images (channels, spatial axes) of all steps of a new input; inside a network layer, what arrives there."""
    if n.inputs:
        return n.input(shape)
    target = Value.constant(np.array([-1, *shape], np.int64), f"{n.name}_shape")
    return _reshape(n, n.input((TIME, *shape)), target, (IMAGES, *shape), "images")


def holds(value: Value) -> bool:
    """Whether ``value`` has the steps of sequences along its batch."""
    return bool(value.shape) and value.shape[0] in (IMAGES, FOLDED)


def vectors(n: Site, value: Value) -> Value:
    """(batch * time, channels) as the sequence (batch, channels, time) that every other layer knows; images as they are."""
    if not value.shape or len(value.shape) != 2 or value.shape[0] != IMAGES:
        return value
    return n.add("Transpose", [steps(n, value, "steps")], {"perm": (0, 2, 1)})


def steps(n: Site, value: Value, part: str = "") -> Value:
    """(batch * time, ...) as (batch, time, ...); the network's input tells how large the batch is."""
    shape, value.name = value.shape[1:], f"{value.name}_images"
    rest = Value.constant(np.array([-1, *shape], np.int64), f"{n.name}_rest")
    target = n.add("Concat", [_batch_size(n), rest], {"axis": 0}, part="shape")
    return _reshape(n, value, target, (BATCH, TIME, *shape), part)


def _reshape(n: Site, value: Value, target: Value, shape: Shape, part: str) -> Value:
    result = n.add("Reshape", [value, target], part=part)
    result.shape = shape  # one node by itself does not tell that one size is the product of two others
    return result


def _batch_size(n: Site) -> Value:
    source = next(value for value in n.graph.inputs if len(value.shape) > 3 and value.shape[1] == TIME)
    return n.add("Shape", [source], {"start": 0, "end": 1}, part="batch")


@layer("SequenceFoldingLayer", "Sequence Folding", "Sequence folding")
def fold(n: Site) -> dict[str, Value]:
    if n.x.shape is None or n.x.shape[0] != IMAGES:
        raise Untranslated("what arrives is no sequence of images")
    return {"out": _named(n, FOLDED), "miniBatchSize": _batch_size(n)}


@layer("SequenceUnfoldingLayer", "Sequence Unfolding", "Sequence unfolding", inputs=("in", "miniBatchSize"))
def unfold(n: Site) -> Value:
    if n.x.shape is None or n.x.shape[0] != FOLDED:
        raise Untranslated("what arrives was not folded by a folding layer")
    return _named(n, IMAGES)


def _named(n: Site, first: str) -> Value:
    result = n.add("Identity", [n.x])
    result.shape = (first, *result.shape[1:])
    return result
