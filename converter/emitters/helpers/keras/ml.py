"""Copied into emitted Keras code: classic machine learning: trees, labels, vectors, n-grams."""

from keras import ops


def map_labels(x, keys, values, default):
    """The value at each element's key, ``default`` where it has none."""
    x = ops.expand_dims(x, -1)
    found = ops.equal(x, keys)
    if "float" in ops.dtype(x):
        found = ops.logical_or(found, ops.logical_and(ops.isnan(x), ops.isnan(keys)))
    picked = ops.take(values, ops.argmax(ops.cast(found, "int32"), axis=-1), axis=0)
    return ops.where(ops.any(found, axis=-1), picked, ops.cast(default, values.dtype))


def leaves(x, roots, feature, split, yes, no, missing=None, depth=1):
    """The leaf that each sample reaches in each tree; a leaf is its own child."""
    node = roots + ops.zeros_like(x[:, :1], dtype=roots.dtype)
    for _ in range(depth):
        value = ops.take_along_axis(x, ops.take(feature, node, axis=0), axis=1)
        goes = value <= ops.take(split, node, axis=0)
        if missing is not None:
            goes = ops.logical_or(goes, ops.logical_and(ops.isnan(value), ops.take(missing, node, axis=0)))
        node = ops.where(goes, ops.take(yes, node, axis=0), ops.take(no, node, axis=0))
    return node


def count_ngrams(x, grams, columns, size, skips):
    """How often each n-gram stands in each row, its elements side by side or up to ``skips`` places apart."""
    counts = [ops.zeros_like(ops.sum(x, axis=-1), dtype="float32")] * size
    for same, places in zip(grams, columns):
        last = len(same[0]) - 1
        for step in range(1, skips + 2 if last else 2):
            stop = max(x.shape[-1] - last * step, 0)
            windows = ops.stack([x[..., i * step : i * step + stop] for i in range(last + 1)], axis=-1)
            for gram, place in zip(same, places):
                found = ops.all(ops.equal(windows, ops.convert_to_tensor(gram, x.dtype)), axis=-1)
                counts[place] = counts[place] + ops.sum(ops.cast(found, "float32"), axis=-1)
    return ops.stack(counts, axis=-1)
