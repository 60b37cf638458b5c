"""Functions that emitted code of both targets copies: on strings, which are NumPy arrays of ``str`` there, and on files."""

import re

import numpy as np


def places_of(x, keys):
    """The place of each string among the keys, their number where it is none of them."""
    places = {key: place for place, key in enumerate(keys)}
    return np.array([places.get(text, len(keys)) for text in x.flat], np.int64).reshape(x.shape)


def cased(text, change):
    """The text in lower or upper case, character by character: none becomes two, and none depends on its neighbours."""
    changed = [getattr(character, change)() for character in text]
    return "".join(new if len(new) == 1 else old for old, new in zip(text, changed))


def normalized(x, stopwords=(), change="", fold="", shape=(-1,)):
    """The words that are no stop words, compared in the case ``fold``, in the case ``change``; one empty word if none is left."""
    stopwords = {cased(word, fold) if fold else word for word in stopwords}
    kept = [word for word in x.flat if (cased(word, fold) if fold else word) not in stopwords]
    return np.array([cased(word, change) if change else word for word in kept] or [""], object).reshape(shape)


def split_strings(x, delimiter=None, most=-1):
    """(the parts of each string on a last axis, filled up with empty strings; how many there are)."""
    parts = [text.split(delimiter, most) if text else [] for text in x.flat]
    lengths = np.array([len(row) for row in parts], np.int64).reshape(x.shape)
    longest = max(map(len, parts), default=0)
    rows = [row + [""] * (longest - len(row)) for row in parts]
    return np.array(rows, object).reshape(*x.shape, longest), lengths


def sliced_strings(x, starts, ends, axes=None, steps=None):
    """Slices of the axes, of which all are meant where none is named."""
    slices = [slice(None)] * x.ndim
    axes = range(len(starts)) if axes is None else axes
    for axis, start, end, step in zip(axes, starts, ends, steps or [1] * len(starts)):
        slices[axis] = slice(start, end, step)
    return x[tuple(slices)]


def unique_strings(x, ordered=True):
    """The different strings of an array, the first place and the number of each, and the place of each among them."""
    values, first, inverse, counts = np.unique(x, return_index=True, return_inverse=True, return_counts=True)
    order = np.arange(len(first)) if ordered else np.argsort(first)
    return values[order], first[order], np.argsort(order)[inverse.reshape(-1)], counts[order]


def strings_of(x, digits):
    """Numbers as C++ writes them with a number of digits; infinity and NaN as ONNX does."""
    names = {"nan": "NaN", "inf": "INF", "-inf": "-INF"}
    texts = [f"{number:.{digits}g}" if x.dtype.kind == "f" else str(int(number)) for number in x.flat]
    return np.array([names.get(text, text) for text in texts], object).reshape(x.shape)


def numbers_of(x, dtype):
    """The numbers that the strings say."""
    kind = {"f": float, "b": lambda text: bool(int(text))}.get(np.dtype(dtype).kind, int)
    return np.array([kind(text) for text in x.flat], dtype).reshape(x.shape)


def reshaped_strings(x, shape):
    """The strings in another shape, in which 0 stands for the size that there was."""
    return x.reshape([size or x.shape[axis] for axis, size in enumerate(shape)])


def fully_matched(x, pattern):
    """Whether each string matches a pattern as a whole."""
    return np.array([re.fullmatch(pattern, text, re.ASCII) is not None for text in x.flat], bool).reshape(x.shape)
