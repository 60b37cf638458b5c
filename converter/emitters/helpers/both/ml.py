"""Copied into emitted code of both targets: classic machine learning: trees, labels, vectors, n-grams."""

import numpy as np


def places_of(x, keys):
    """The place of each string among the keys, their number where it is none of them."""
    places = {key: place for place, key in enumerate(keys)}
    return np.array([places.get(text, len(keys)) for text in x.flat], np.int64).reshape(x.shape)


def zip_map(x, labels):
    """A dictionary for each row of numbers."""
    return [dict(zip(labels, row)) for row in x.reshape(-1, len(labels)).tolist()]


def vectorized(x, keys, dtype):
    """A row with the number that the dictionary has for each key, 0 where it has none."""
    return np.array([[x.get(key, 0) for key in keys]], dtype)


def numbers_of_map(x, dtype, size=None):
    """A row with the numbers in the order of their keys, or each at the place that its key says."""
    keys = sorted(x) if size is None else range(size)
    return np.array([[x.get(key, 0) for key in keys]]).astype(dtype)


def strings_of_map(x, size=None):
    """A row with the numbers as C++ prints them, in the order of their keys or each at the place that its key says."""
    keys = sorted(x) if size is None else range(size)
    return np.array([[f"{x[key]:f}" if key in x else "0.f" for key in keys]], object)


def couple(scores, a, b, classes):
    """The probability of each class from the scores of all pairs of classes.

    Source: Wu, Lin, Weng: Probability Estimates for Multi-class Classification by Pairwise Coupling, algorithm 2.
    """
    r = np.zeros((len(scores), classes, classes), np.float32)
    first, second = np.triu_indices(classes, 1)
    r[:, first, second] = np.clip(1 / (1 + np.exp(scores * np.float32(a) + np.float32(b))), 1e-7, 1 - 1e-7)
    r[:, second, first] = 1 - r[:, first, second]
    q = -np.swapaxes(r, 1, 2) * r
    places = np.arange(classes)
    q[:, places, places] = (r**2).sum(1)
    p = np.full((len(scores), classes), 1 / classes, np.float32)
    for _ in range(100):
        qp = (q @ p[..., None])[..., 0]
        pqp = (p * qp).sum(1, keepdims=True)
        active = np.abs(qp - pqp).max(1) >= np.float32(0.005 / classes)
        if not active.any():
            break
        new = p.copy()
        for i in places:
            diagonal = q[:, i, i, None]
            step = (pqp - qp[:, i, None]) / diagonal
            new[:, i, None] += step
            pqp = (pqp + step * (step * diagonal + 2 * qp[:, i, None])) / (1 + step) ** 2
            qp = (qp + step * q[:, i]) / (1 + step)
            new /= 1 + step
        p = np.where(active[:, None], new, p)
    return p
