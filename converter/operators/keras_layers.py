"""What Keras has a layer or function for: the operators of ``converter/passes/keras``."""

from __future__ import annotations

from converter.emitters.heads import by_steps
from converter.emitters.layout import as_stored
from converter.emitters.vocabulary import Layer
from converter.operators.registry import operator
from converter.passes.keras.positions import DOMAIN


@operator("DotProductAttention", DOMAIN)
class DotProductAttention:
    """Q, K, V (batch, heads, steps, features), a condition and numbers to add: (batch, heads, queries, keys) or 1."""

    layout = by_steps

    def keras(n):
        q, k, v, mask, bias = map(n.operand, range(5))
        options = {"mask": mask, "bias": bias, "scale": n.scale, "causal": n.causal}
        text = "ops.dot_product_attention(q, k, v, bias=bias, mask=mask, scale=scale, is_causal=causal)"
        return n.expr(text, q=q, k=k, v=v, **options)


@operator("Positions", DOMAIN)
class Positions:
    layout = as_stored

    def keras(n):
        return Layer("Positions", axis=n.layout().stored_axis(n.node["axis"]))(n.first)


@operator("PositionEmbedding", DOMAIN)
class PositionEmbedding:
    layout = as_stored

    def keras(n):
        table = n.operand(1).weight
        return Layer("PositionEmbedding", *table.shape, weights={"embeddings": table})(n.first)


@operator("ReversibleEmbedding", DOMAIN)
class ReversibleEmbedding:
    def keras(n):
        table = n.operand(1).weight
        layer = Layer("ReversibleEmbedding", *table.shape, weights={"embeddings": table})
        return layer(n.first, reverse=n.expr("True") if n.node["reverse"] else None)


@operator("Token", DOMAIN)
class Token:
    layout = as_stored

    def keras(n):
        weight = n.operand(1).weight
        weight = weight.map(lambda array: array, weight.shape)
        weight.name = f"{weight.name}.weight" if weight.name else ""  # the layer is named as the weight is
        return Layer("Token", weight.shape[1:], weights={"token": weight})(n.first)


@operator("FullLike", DOMAIN)
class FullLike:
    layout = as_stored

    def keras(n):
        dtype = None if n.first.dtype == n.dtype else n.dtype.name
        text = "ops.zeros_like(x, dtype=dtype)" if n.value == 0 else "ops.full_like(x, value, dtype=dtype)"
        return n.expr(text, x=n.first, dtype=dtype)


@operator("MultiHeadAttention", DOMAIN)
class MultiHeadAttention:
    """Queries (batch, steps, features), values, keys where they are made of something else, and a condition."""

    def keras(n):
        query, value, key, mask = map(n.operand, range(4))
        weights = n.node["weights"]
        features = weights["attention_output/kernel"].shape[-1]
        layer = Layer(
            "layers.MultiHeadAttention", n.heads, n.key_dim, use_bias="query/bias" in weights,
            output_shape=None if features == query.shape[-1] else features, weights=weights,
        )  # fmt: skip
        given = [query, value] if key is None else [query, value, key]
        return layer(*given, attention_mask=mask, use_causal_mask=n.causal or None)
