"""Functions that emitted code of both targets copies: on strings, which are NumPy arrays of ``str`` there, on files, on lists,
and on places in an axis."""

import io
import re

import numpy as np
from PIL import Image


def places_of(x, keys):
    """The place of each string among the keys, their number where it is none of them."""
    places = {key: place for place, key in enumerate(keys)}
    return np.array([places.get(text, len(keys)) for text in x.flat], np.int64).reshape(x.shape)


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


def decoded_image(data, mode="RGB", backwards=False):
    """The pixels of an image file, (height, width, channel); ``backwards`` as blue, green, red."""
    pixels = np.array(Image.open(io.BytesIO(data.tobytes())).convert(mode))
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return pixels[..., ::-1].copy() if backwards else pixels


def resize_places(size, new, scale, coordinates, start, end):
    """Where in an axis of ``size`` elements each of the ``new`` ones lies."""
    x = np.arange(new, dtype=np.float64)
    if coordinates == "align_corners":
        return x * (size - 1) / max(new - 1, 1)
    if coordinates == "asymmetric":
        return x / scale
    if coordinates == "tf_half_pixel_for_nn":
        return (x + 0.5) / scale
    if coordinates == "tf_crop_and_resize":
        if new == 1:
            return x + (start + end) * (size - 1) / 2
        return start * (size - 1) + x * (end - start) * (size - 1) / (new - 1)
    if coordinates == "pytorch_half_pixel" and new == 1:
        return x * 0
    x = (x + 0.5) / scale - 0.5
    if coordinates == "half_pixel_symmetric":
        x += size / 2 * (1 - new / (scale * size))
    return x


def resize_weights(size, x, scale, mode, a, exclude_outside, antialias):
    """A matrix: how much each old element of an axis counts for each new one, which lies at ``x``."""
    if mode in ("floor", "ceil"):
        places = np.floor(x) if mode == "floor" else np.ceil(x)
    elif mode.startswith("round"):
        places = np.ceil(x - 0.5) if mode == "round_prefer_floor" else np.floor(x + 0.5)
    if mode not in ("linear", "cubic"):
        return places.clip(0, size - 1).astype(int)
    scale = min(scale, 1) if antialias else 1
    reach = int(np.ceil((1 if mode == "linear" else 2) / scale))
    places = np.floor(x)[:, None] + np.arange(1 - reach, reach + 1)
    d = abs(places - x[:, None]) * scale
    if mode == "linear":
        weights = (1 - d).clip(0)
    else:
        near, far = ((a + 2) * d - (a + 3)) * d * d + 1, ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        weights = np.where(d <= 1, near, np.where(d < 2, far, 0))
    if exclude_outside:
        weights = np.where((places < 0) | (places >= size), 0, weights)
    weights /= weights.sum(1, keepdims=True)
    matrix = np.zeros((len(x), size))
    np.add.at(matrix, (np.arange(len(x))[:, None], places.clip(0, size - 1).astype(int)), weights)
    return matrix


def inserted(sequence, tensor, place):
    """The list with a tensor put before a place; a negative one counts from the end."""
    place = place + len(sequence) if place < 0 else place
    return [*sequence[:place], tensor, *sequence[place:]]


def erased(sequence, place):
    """The list without the tensor at a place; a negative one counts from the end."""
    return [part for i, part in enumerate(sequence) if i != place % len(sequence)]
