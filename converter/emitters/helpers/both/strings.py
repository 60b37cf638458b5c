"""Copied into emitted code of both targets: strings, which are NumPy arrays of ``str``."""

import re

import numpy as np


def cased(text, change):
    """The text in lower or upper case, character by character: none becomes two, and none depends on its neighbours."""
    characters = []
    for old in text:
        new = getattr(old, change)()
        title = old.title()
        characters.append(new if len(new) == 1 else new[0] if change == "lower" else title if len(title) == 1 else old)
    return "".join(characters)


def normalized(x, stopwords=(), change="", fold="", shape=(-1,)):
    """The words that are no stop words, compared in the case ``fold``, in the case ``change``; "" where none is left."""
    stopwords = {cased(word, fold) if fold else word for word in stopwords}
    kept = [word for word in x.flat if (cased(word, fold) if fold else word) not in stopwords]
    return np.array([cased(word, change) if change else word for word in kept] or [""], object).reshape(shape)


def split_strings(x, delimiter=None, most=None):
    """(the parts of each string on a last axis, filled up with empty strings; how many there are).

    Without a delimiter they lie between runs of spaces; other white space does not count.
    """
    pattern = re.escape(delimiter) if delimiter else " +"
    texts = list(x.flat) if delimiter else [text.strip(" ") for text in x.flat]
    parts = [([text] if most == 0 else re.split(pattern, text, maxsplit=most or 0)) if text else [] for text in texts]
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


def strings_of(x):
    """Numbers with eight significant digits, as onnxruntime writes them."""
    names = {"nan": "NaN", "inf": "INF", "-inf": "-INF"}
    texts = [f"{number:.8g}" if x.dtype.kind == "f" else str(int(number)) for number in x.flat]
    return np.array([names.get(text, text) for text in texts], object).reshape(x.shape)


def numbers_of(x, dtype):
    """The numbers that the strings say."""
    kind = {"f": float, "b": lambda text: bool(int(text))}.get(np.dtype(dtype).kind, int)
    for text in x.flat:
        if "_" in text or not text.isascii():  # which Python reads as numbers, and other programs do not
            raise ValueError(f"{text!r} is no number")
    return np.array([kind(text) for text in x.flat], dtype).reshape(x.shape)


def reshaped_strings(x, shape):
    """The strings in another shape, in which 0 stands for the size that there was."""
    return x.reshape([size or x.shape[axis] for axis, size in enumerate(shape)])


def fully_matched(x, pattern):
    """Whether each string matches a pattern as a whole."""
    return np.array([re.fullmatch(pattern, text, re.ASCII) is not None for text in x.flat], bool).reshape(x.shape)


def tokens_of(x, pattern=None, separators=(), least=1, pad="", mark=False):
    """The parts of each string that match a pattern, or lie between separators, on a last axis; with marks at both ends."""
    rows = []
    for text in x.flat:
        found = re.findall(pattern, text, re.ASCII) if pattern else [text]
        for separator in separators:
            found = [part for piece in found for part in re.split(separator, piece, flags=re.ASCII)]
        rows.append([token for token in found if len(token) >= max(least, 1)])
    if mark and any(rows):
        rows = [["\x02", *row, "\x03"] for row in rows]
    longest = max(map(len, rows), default=0)
    return np.array([row + [pad] * (longest - len(row)) for row in rows], object).reshape(*x.shape, longest)
