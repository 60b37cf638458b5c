"""Attention over the steps of a sequence, or over the places of an image of one spatial axis: (batch, channels, steps).

Sources: MathWorks' pages of ``selfAttentionLayer``, ``attentionLayer`` and ``attention``. What each array multiplies, and that
the channels of one head lie after those of another, a user measured on a network with its own answers (MATLAB Answers 2068686):
rows of the projections are split in order, ``softmax(K' * Q / sqrt(d))`` is over the keys, and the heads are joined in order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import onnx

from converter.graph import Value
from converter.readers.matlab.layers import images_over_time
from converter.readers.matlab.layers.dense import ONE_STEP
from converter.readers.matlab.layers.registry import layer
from converter.readers.matlab.properties import Properties
from converter.readers.matlab.site import Site, Untranslated

_BOOL = onnx.TensorProto.BOOL
_LAST_TWO = (0, 1, 3, 2)
"""From (batch, heads, channels of one head, steps) to (batch, heads, steps, channels of one head), and back."""


def with_mask(*names: str):
    """The ports of a layer that may have a padding mask as its last input."""
    return lambda p: (*names, "mask") if p.flag("HasPaddingMaskInput", False) else names


def channels_of_steps(n: Site) -> int:
    """Channels of ``x``, which must be (batch, channels, steps)."""
    channels = n.channels(1)
    if images_over_time.holds(n.x):
        raise Untranslated("sequences of images of one spatial axis are not translated")
    return channels


def _heads(p: Properties) -> str:
    heads = p.integer("NumHeads")
    return f"{heads} head{'s' if heads != 1 else ''}"


def _query_channels(p: Properties) -> int:
    """NumKeyChannels, which is called NumQueryChannels since R2026a."""
    return p.integer("NumKeyChannels" if "NumKeyChannels" in p else "NumQueryChannels")


@layer(
    "SelfAttentionLayer",
    "Self-Attention",
    lambda p: f"Self-attention with {_heads(p)} and {_query_channels(p)} key and query channels",
    inputs=with_mask("in"),
)
def self_attention(n: Site) -> Value | dict[str, Value]:
    """Weights [channels out, channels in], queries, keys and values from one input, then a product over the joined heads."""
    p, channels = n.properties, channels_of_steps(n)
    if channels != p.opened("InputSize", channels)[0]:
        n.fail(f"reads {p.integer('InputSize')} channels, but {channels} arrive.")
    keys = _query_channels(p)
    values, outputs = p.opened("NumValueChannels", keys)[0], p.opened("OutputSize", channels)[0]
    projections = {"Query": keys, "Key": keys, "Value": values}
    sources = (_product(n, n.x, word, size, word.lower()) for word, size in projections.items())
    joined, scores = _attention(n, sources, scale=None, part="joined")
    result = _product(n, joined, "Output", outputs)
    return result if scores is None else {"out": result, "scores": scores}


def _product(n: Site, x: Value, word: str, outputs: int, part: str = "") -> Value:
    """The weights of that ``word`` times each step, which is a convolution of one step, plus their bias."""
    inputs = x.shape[1]
    weights = n.weight(f"{word}Weights", (outputs, inputs))
    bias = n.bias(weights, n.vector(f"{word}Bias", outputs))
    return n.add("Conv", [x, weights.reshape(outputs, inputs, 1), bias], ONE_STEP, part=part)


@layer(
    "AttentionLayer",
    "Attention",
    lambda p: f"Dot-product attention with {_heads(p)}",
    inputs=with_mask("query", "key", "value"),
)
def attention(n: Site) -> Value | dict[str, Value]:
    """No weights. ``Scale`` 'auto' is 1 / sqrt(channels of the keys / heads)."""
    p = n.properties
    scale = None if not p.known("Scale") else p.number("Scale")
    for value in n.inputs[:3]:
        if images_over_time.holds(value) or len(value.shape or ()) != 3 or not isinstance(value.shape[1], int):
            raise Untranslated(f"its input '{value.name}' is no sequence of known channels")
    result, scores = _attention(n, n.inputs[:3], scale, part="")
    return result if scores is None else {"out": result, "scores": scores}


def _attention(n: Site, sources: Iterable[Value], scale: float | None, part: str) -> tuple[Value, Value | None]:
    """From queries, keys and values (batch, channels, steps) to the joined heads in the same order of axes, and the scores.

    Scores are (batch, heads, keys, queries): MATLAB's [keys queries heads batch], read as an image is. The mask 'causal' lets a
    query see the keys up to its own place.
    """
    p = n.properties
    heads = p.integer("NumHeads")
    if p.known("NumQueryGroups") and p.values["NumQueryGroups"] != "num-heads" and p.integer("NumQueryGroups") != heads:
        raise Untranslated("how its NumQueryGroups divide the heads is not known well enough")
    split = [_split(n, value, heads, word) for value, word in zip(sources, ("query", "key", "value"), strict=True)]
    if split[0].shape[3] != split[1].shape[3]:
        n.fail(f"its queries have {split[0].shape[3] * heads} channels, its keys {split[1].shape[3] * heads}.")
    seen = _mask(n) if p.flag("HasPaddingMaskInput", False) else None
    causal = p.choice("AttentionMask", "none", "causal", default="none") == "causal"
    if p.flag("HasScoresOutput", False):
        scores = _scores(n, *split[:2], seen, causal, scale)
        result = n.add("MatMul", [scores, split[2]], part="heads")
        return _join(n, result, part), n.add("Transpose", [scores], {"perm": _LAST_TWO}, part="scores")
    options = {"is_causal": int(causal)} | ({} if scale is None else {"scale": scale})
    result = n.add("Attention", [*split, *([] if seen is None else [seen])], options, part="heads")
    return _join(n, result, part), None


def _scores(n: Site, q: Value, k: Value, seen: Value | None, causal: bool, scale: float | None) -> Value:
    """What an Attention node computes inside: how much each query (axis 2) takes of each key (axis 3)."""
    turned = n.add("Transpose", [k], {"perm": _LAST_TWO}, part="keys")
    factor = n.scalar(1 / math.sqrt(q.shape[3]) if scale is None else scale, "scale")
    products = n.add("Mul", [n.add("MatMul", [q, turned], part="products"), factor], part="scaled")
    if causal:
        sizes = n.add("Shape", [products], part="sizes")
        ones = n.add("ConstantOfShape", [sizes], {"value": np.ones(1, np.float32)}, part="ones", shape=products.shape)
        earlier = n.add("Cast", [n.add("Trilu", [ones], {"upper": 0}, part="triangle")], {"to": _BOOL}, part="earlier")
        seen = earlier if seen is None else n.add("And", [earlier, seen], part="visible")
    if seen is not None:
        products = n.add("Where", [seen, products, n.scalar(-math.inf, "hidden")], part="masked")
    return n.add("Softmax", [products], {"axis": 3}, part="weights")


def _split(n: Site, value: Value, heads: int, part: str) -> Value:
    """(batch, channels, steps) as (batch, heads, steps, channels of one head)."""
    if value.shape[1] % heads:
        n.fail(f"has {heads} heads, which do not divide the {value.shape[1]} {part} channels.")
    each = value.shape[1] // heads
    target, shape = n.integers([0, heads, each, -1], f"{part}_shape"), (value.shape[0], heads, each, value.shape[2])
    parts = n.add("Reshape", [value, target], part=f"{part}_parts", shape=shape)
    return n.add("Transpose", [parts], {"perm": _LAST_TWO}, part=f"{part}_heads")


def _join(n: Site, value: Value, part: str) -> Value:
    batch, heads, steps, each = value.shape
    parts = n.add("Transpose", [value], {"perm": _LAST_TWO}, part="parts")
    target, shape = n.integers([0, heads * each, -1], "joined_shape"), (batch, heads * each, steps)
    return n.add("Reshape", [parts, target], part=part, shape=shape)


def _mask(n: Site) -> Value:
    """Which keys count, (batch, 1, 1, steps), from the last input: ones where there are data, zeros where padding."""
    mask = n.inputs[-1]
    if mask.shape is None or len(mask.shape) != 3 or mask.shape[1] != 1:
        raise Untranslated("its padding mask is not translated unless it is a sequence of one channel")
    seen = n.add("Cast", [mask], {"to": _BOOL}, part="seen")
    return n.add("Unsqueeze", [seen, n.integers([1], "axis")], part="places")
