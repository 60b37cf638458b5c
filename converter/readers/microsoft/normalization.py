"""Normalisation with what language models put before it."""

from __future__ import annotations

import numpy as np

from converter.readers.microsoft.lifting import lifted
from converter.readers.microsoft.quantized import to_float


@lifted("LayerNormalization")
def layer_normalization(n):
    """The standard's own, at opsets before it was there."""
    names = ("", "mean", "deviation")[: 3 if n.wants("InvStdDev") else 2 if n.wants("Mean") else 1]
    return n.split("LayerNormalization", names, n.X, n.Scale, n.B, axis=n.axis, epsilon=n.epsilon, stash_type=n.stash_type)


@lifted("SimplifiedLayerNormalization")
def simplified(n):
    y = n.add("RMSNormalization", n.X, n.scale, axis=n.axis, epsilon=n.epsilon, stash_type=n.stash_type)
    return y, _inverse_root(n, n.X, n.axis) if n.wants("inv_std_var") else None


def _inverse_root(n, x, axis):
    """1 / sqrt(mean of squares + epsilon) over the axes from ``axis`` on, in float32."""
    axes = n.constant(range(axis % n.rank(x), n.rank(x)))
    squares = n.add("ReduceMean", n.add("Pow", n.add("Cast", x, to=1), n.constant(2, np.float32)), axes, keepdims=1)
    return n.add("Reciprocal", n.add("Sqrt", n.add("Add", squares, n.constant(n.epsilon, np.float32))))


@lifted("SkipLayerNormalization")
def skip(n):
    total = _total(n)
    return n.add("LayerNormalization", total, n.gamma, n.beta, axis=-1, epsilon=n.epsilon), None, None, total


@lifted("SkipSimplifiedLayerNormalization")
def skip_simplified(n):
    total = _total(n)
    return n.add("RMSNormalization", total, n.gamma, axis=-1, epsilon=n.epsilon), None, None, total


def _total(n):
    total = n.add("Add", n.input, n.skip)
    return total if n.bias is None else n.add("Add", total, n.bias)


@lifted("EmbedLayerNormalization")
def embed(n):
    """Embeddings of words, positions and segments, summed and normalised."""
    words = n.add("Gather", n.word_embedding, n.input_ids, axis=0)
    if n.position_ids is None:
        places = _first_rows(n, n.position_embedding)
    else:
        places = n.add("Gather", n.position_embedding, n.position_ids, axis=0)
    segments = None
    if n.segment_embedding is not None and n.segment_ids is not None:
        segments = n.add("Gather", n.segment_embedding, n.segment_ids, axis=0)
    return _embedded(n, words, places, segments, n.gamma, n.beta)


@lifted("QEmbedLayerNormalization")
def embed_quantized(n):
    """The same with tables of 8 bits, which stay so: rows become float as they are read."""

    def as_float(value, name):
        return to_float(n, value, getattr(n, f"{name}_scale"), getattr(n, f"{name}_zero_point"))

    words = as_float(n.add("Gather", n.word_embedding_quant, n.input_ids, axis=0), "word_embedding")
    places = as_float(_first_rows(n, n.position_embedding_quant), "position_embedding")
    segments = None
    if n.segment_embedding is not None and n.segment_ids is not None:
        segments = as_float(n.add("Gather", n.segment_embedding, n.segment_ids, axis=0), "segment_embedding")
    return _embedded(n, words, places, segments, as_float(n.gamma_quant, "gamma"), as_float(n.beta_quant, "beta"))[:2]


def _first_rows(n, table):
    """One for each place of a word."""
    return n.add("Slice", table, n.constant([0]), n.add("Shape", n.input_ids, start=1, end=2), n.constant([0]))


def _embedded(n, words, places, segments, gamma, beta):
    total = n.add("Add", words, places)
    total = total if segments is None else n.add("Add", total, segments)
    y = n.add("LayerNormalization", total, gamma, beta, axis=-1, epsilon=n.epsilon)
    return y, _mask_index(n) if n.wants("mask_index") or n.wants("mask_index_out") else None, total


def _mask_index(n):
    """The number of words of each sample."""
    if n.mask is not None:
        return n.add("ReduceSum", n.mask, n.constant([1]), keepdims=0)
    batch = n.add("Shape", n.input_ids, start=0, end=1)
    return n.add("Expand", n.constant(0, np.int32), batch)
