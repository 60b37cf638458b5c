"""Counts of n-grams of numbers."""

from __future__ import annotations

import itertools

import numpy as np

from converter.emitters.vocabulary import Operand
from converter.graph import Value
from converter.operators.registry import operator


@operator("TfIdfVectorizer")
class TfIdfVectorizer:
    """The pool holds n-grams by length, ``ngram_counts`` where each length begins; each n-gram has a column and a weight."""

    restrictions = "numbers"

    def restrict(node, target):
        if node["pool_strings"]:
            return "it counts words, which are no tensors"
        length = (node.inputs[0].shape or (None,))[-1]
        return "the length of a row is not known" if target == "keras" and not isinstance(length, int) else None

    def pytorch(n):
        return _counted(n, "torch.clamp(counts, max=1)")

    def keras(n):
        return _counted(n, "ops.minimum(counts, 1)")


def _counted(n, limited: str):
    starts, places, chosen = [*n.ngram_counts, len(n.pool_int64s)], iter(n.ngram_indexes), []
    for length, (a, b) in enumerate(itertools.pairwise(starts), 1):
        grams = tuple(map(tuple, np.reshape(n.pool_int64s[a:b], (-1, length)).tolist()))
        columns = tuple(itertools.islice(places, len(grams)))
        if grams and n.min_gram_length <= length <= n.max_gram_length:
            chosen.append((grams, columns))
    counts = n.expr(
        "count_ngrams(X, grams, columns, size, skips)",
        grams=tuple(grams for grams, _ in chosen), columns=tuple(columns for _, columns in chosen),
        size=max(n.ngram_indexes) + 1, skips=n.max_skip_count,
    )  # fmt: skip
    if n.mode in ("IDF", "TFIDF") and n.weights is not None:
        weights = np.zeros(max(n.ngram_indexes) + 1, np.float32)
        weights[list(n.ngram_indexes)] = n.weights
        weights = Operand(Value.constant(weights, "weights"), -1)
        return n.expr(f"{limited if n.mode == 'IDF' else 'counts'} * weights", counts=counts, weights=weights)
    return n.expr(limited, counts=counts) if n.mode == "IDF" else counts
