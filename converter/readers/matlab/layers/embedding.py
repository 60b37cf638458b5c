"""What turns images, places and words into vectors for a transformer, and takes one of them out again."""

from __future__ import annotations

import numpy as np
import onnx

from converter.graph import Value
from converter.padding import Padding
from converter.readers.matlab.layers import images_over_time
from converter.readers.matlab.layers.attention import channels_of_steps, with_mask
from converter.readers.matlab.layers.registry import layer
from converter.readers.matlab.properties import sizes
from converter.readers.matlab.site import Site, Untranslated


@layer(
    "PatchEmbeddingLayer",
    "Patch Embedding",
    lambda p: f"Patch embedding with patch size {sizes(p.integers('PatchSize'))} and output size {p.integer('OutputSize')}",
)
def patch_embedding(n: Site) -> Value:
    """A convolution whose windows lie side by side, then all spatial axes as one: (batch, channels, patches).

    Column-major counts down the height first, row-major along the width. Source: the page of ``patchEmbeddingLayer``, with
    examples of both orders. Weights are those of a convolution, [h w c n].
    """
    p, rank, channels = n.properties, n.rank, n.channels()
    if not 1 <= rank <= 3 or n.is_sequence or images_over_time.holds(n.x):
        raise Untranslated("it is translated for images only, and not for sequences of them")
    if channels != p.opened("InputSize", channels)[0]:
        n.fail(f"reads {p.integer('InputSize')} channels, but {channels} arrive.")
    patch, outputs, spatial = p.integers("PatchSize", rank), p.integer("OutputSize"), n.sizes[1:]
    if any(size % side for size, side in zip(spatial, patch, strict=True)):
        n.fail(f"its patches of {sizes(patch)} do not cover the image of {sizes(spatial)} evenly.")
    weights = n.weight("Weights", (*patch, channels, outputs))
    bias = n.bias(weights, n.vector("Bias", outputs))
    window = {"kernel_shape": patch, "strides": patch, "dilations": (1,) * rank, "pads": Padding((0,) * rank, (0,) * rank)}
    weights = weights.transpose(rank + 1, rank, *range(rank))
    if rank == 1:
        return n.add("Conv", [n.x, weights, bias], window)
    x = n.add("Conv", [n.x, weights, bias], window, part="patches", is_core=True)
    if p.choice("SpatialFlattenMode", "column-major", "row-major", default="column-major") == "column-major":
        x = n.add("Transpose", [x], {"perm": (0, 1, *reversed(range(2, rank + 2)))}, part="column_major")
    return n.add("Reshape", [x, n.integers([0, outputs, -1], "shape")])


@layer("EmbeddingConcatenationLayer", "Embedding Concatenation", "Embedding concatenation")
def embedding_concatenation(n: Site) -> Value:
    """One learned vector in front of the steps, or of the places of an image of one spatial axis.

    In front: networks of public repositories take their class token out again with ``indexing1dLayer("first")``.
    """
    channels = channels_of_steps(n)
    vector = Value.of_weight(n.vector("Weights", channels).reshape(1, channels, 1))
    length = n.x.shape[2]
    shape = (n.x.shape[0], channels, length + 1 if isinstance(length, int) else f"{length} + 1")
    return n.add("Concat", [_for_each_sample(n, vector, part="vectors"), n.x], {"axis": 2}, shape=shape)


@layer(
    "PositionEmbeddingLayer",
    "Position Embedding",
    lambda p: f"Position embedding with output size {p.integer('OutputSize')} and maximum position {p.integer('MaxPosition')}",
)
def position_embedding(n: Site) -> Value:
    """The learned vector of each place, whatever is there: Weights [OutputSize MaxPosition]; an AdditionLayer adds it."""
    p = n.properties
    channels_of_steps(n)
    dimension = p.choice("PositionDimension", "auto", "temporal", "spatial", default="auto")
    if dimension != "auto" and (dimension == "temporal") != n.is_sequence:
        raise Untranslated(f"its PositionDimension is '{dimension}', which what arrives has not")
    outputs, most, length = p.integer("OutputSize"), p.integer("MaxPosition"), n.x.shape[2]
    if isinstance(length, int) and length > most:
        n.fail(f"has vectors for {most} positions, but {length} arrive.")
    vectors = Value.of_weight(n.weight("Weights", (outputs, most)).reshape(1, outputs, most))
    if length != most:
        end = n.integers([length], "end") if isinstance(length, int) else _size(n, 2, "length")
        places = [vectors, n.integers([0], "start"), end, n.integers([2], "axis")]
        vectors = n.add("Slice", places, part="positions", shape=(1, outputs, length))
    return _for_each_sample(n, vectors)


def _for_each_sample(n: Site, vectors: Value, part: str = "") -> Value:
    """``vectors`` (1, channels, steps) for the batch of ``x``."""
    ones = n.integers([1, 1], "ones")
    target = n.add("Concat", [_size(n, 0, "samples"), ones], {"axis": 0}, part="target")
    return n.add("Expand", [vectors, target], part=part, shape=(n.x.shape[0], *vectors.shape[1:]))


def _size(n: Site, axis: int, part: str) -> Value:
    return n.add("Shape", None, {"start": axis, "end": axis + 1}, part=part)


@layer(
    "Indexing1DLayer", "1-D Indexing", lambda p: f"1-D indexing of the {p.text('Index', 'first')} step", inputs=with_mask("in")
)
def indexing_1d(n: Site) -> Value:
    """The first or the last step, or place of an image of one spatial axis, as a vector."""
    channels_of_steps(n)
    if len(n.inputs) > 1:
        raise Untranslated("its padding mask is not translated")
    place = {"first": 0, "last": -1}[n.properties.choice("Index", "first", "last", default="first")]
    return n.add("Gather", [n.x, Value.constant(np.array(place), f"{n.name}_index")], {"axis": 2})


@layer(
    "WordEmbeddingLayer",
    "Word Embedding Layer",
    lambda p: f"Word embedding layer with {p.integer('Dimension')} dimensions and {p.integer('NumWords')} unique words",
)
def word_embedding(n: Site) -> Value:
    """The vector of each word, whose numbers begin at 1: (batch, 1, steps) gives (batch, Dimension, steps).

    Weights [Dimension NumWords + 1]; the last column stands for every other number, 0 of the padding among them, unless
    OOVMode is 'error'. Sources: the pages of ``wordEmbeddingLayer`` and ``embed``.
    """
    p = n.properties
    if channels_of_steps(n) != 1:
        n.fail(f"takes sequences of one number, but {n.channels()} channels arrive.")
    dimension, words = p.integer("Dimension"), p.integer("NumWords")
    strict = p.choice("OOVMode", "map-to-last", "error", default="map-to-last") == "error"
    columns = n.properties.array("Weights", np.zeros((dimension, words + (not strict)))).shape[-1]
    if columns == words and not strict:
        raise Untranslated(
            "its Weights have no vector for unknown words, which MATLAB draws at random when it initialises them"
        )
    vectors = n.weight("Weights", (dimension, words if strict else words + 1)).transpose(1, 0)
    numbers = n.add("Squeeze", [n.x, n.integers([1], "channel")], part="numbers")
    if strict:
        n.note(f"it gives an error for numbers that are none of 1 to {words}; what the converted model does with them is open.")
    else:
        low, high = (n.add(op, [numbers, n.scalar(limit, word)], part=f"{word}_known") for op, limit, word in
                     (("GreaterOrEqual", 1, "lowest"), ("LessOrEqual", words, "highest")))  # fmt: skip
        known = n.add("And", [low, high], part="known")
        numbers = n.add("Where", [known, numbers, n.scalar(words + 1, "unknown")], part="words")
    places = n.add("Sub", [numbers, n.scalar(1, "one")], part="places")
    places = n.add("Cast", [places], {"to": onnx.TensorProto.INT64}, part="indices")
    found = n.add("Gather", [vectors, places], {"axis": 0}, part="vectors")
    return n.add("Transpose", [found], {"perm": (0, 2, 1)})
