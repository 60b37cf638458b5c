"""Counts of n-grams of numbers or words."""

from __future__ import annotations

import itertools

import numpy as np

from converter.emitters.vocabulary import Operand
from converter.graph import Value
from converter.operators.registry import operator


@operator("TfIdfVectorizer", strings=None)
class TfIdfVectorizer:
    """The pool holds n-grams by length, ``ngram_counts`` where each length begins; each n-gram has a column and a weight."""

    def pytorch(n):
        return _counted(n, "torch.clamp(counts, max=1)")

    def keras(n):
        if not n.pool_strings:
            n.needs_sizes(n.X, axes=(-1,))
        return _counted(n, "ops.minimum(counts, 1)")


def _counted(n, limited: str):
    pool, x = n.pool_int64s, n.X
    if n.pool_strings:  # words are counted as their places in a list of all of them
        words = sorted(set(n.pool_strings))
        pool = [words.index(word) for word in n.pool_strings]
        x = n.from_array("places_of(X, words)", words=Operand(Value.constant(np.array(words, object), "words"), -1))
    starts, places, chosen = [*n.ngram_counts, len(pool)], iter(n.ngram_indexes), []
    for length, (a, b) in enumerate(itertools.pairwise(starts), 1):
        grams = tuple(map(tuple, np.reshape(pool[a:b], (-1, length)).tolist()))
        columns = tuple(itertools.islice(places, len(grams)))
        if grams and n.min_gram_length <= length <= n.max_gram_length:
            chosen.append((grams, columns))
    counts = n.expr(
        "count_ngrams(x, grams, columns, size, skips)", x=x,
        grams=tuple(grams for grams, _ in chosen), columns=tuple(columns for _, columns in chosen),
        size=max(n.ngram_indexes) + 1, skips=n.max_skip_count,
    )  # fmt: skip
    if n.mode in ("IDF", "TFIDF") and n.weights is not None:
        weights = np.zeros(max(n.ngram_indexes) + 1, np.float32)
        weights[list(n.ngram_indexes)] = n.weights
        weights = Operand(Value.constant(weights, "weights"), -1)
        return n.expr(f"{limited if n.mode == 'IDF' else 'counts'} * weights", counts=counts, weights=weights)
    return n.expr(limited, counts=counts) if n.mode == "IDF" else counts
