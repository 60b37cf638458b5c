"""Kinds of samples, of which each shows something that noise alone may hide.

Noise fills an image evenly, so what a layer does at the border is lost among all else; it is neither small nor large, never
flat and never mostly zero. The samples of one batch are of different kinds, so that this costs no question more; without a
batch each seed asks two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_OF_ONE = ("plain", "sparse", "border")
_OF_THREE = (("plain", "border", "small"), ("plain", "flat", "large"), ("sparse", "plain", "border"))
"""By the position of the seed: the kind of a sample alone, and those of three."""
_WITHOUT_BATCH = (("plain", "small"), ("sparse", "flat"), ("border", "large"))
"""Where there is no batch to hold them: the kinds of what two questions ask."""

_FACTORS = {"small": 1 / 64, "large": 16}
_FILLED = 0.1
"""The share of numbers that a sparse sample keeps."""

_IMAGE = 16
"""The least height and width of what is taken for an image."""
_CELLS = (1, 2, 4, 8, 16, 32)
"""Into how many parts a photograph's shapes cut each side, from the coarsest on."""


def kinds_of(position: int, batch: int) -> list[str]:
    """The kind of each of ``batch`` samples of the seed at ``position``."""
    if batch == 1:
        return [_OF_ONE[position % len(_OF_ONE)]]
    kinds = _OF_THREE[position % len(_OF_THREE)]
    return [kinds[row % len(kinds)] for row in range(batch)]


def kinds_without_batch(position: int) -> tuple[str, ...]:
    """The kinds that the seed at ``position`` shows a network without a batch, each in a question of its own."""
    return _WITHOUT_BATCH[position % len(_WITHOUT_BATCH)]


def varied(array: np.ndarray, kinds: Sequence[str], generator: np.random.Generator) -> np.ndarray:
    """``array`` (samples first) with each sample made one of its kind; it may have fewer samples than there are ``kinds``."""
    array = np.array(array)
    for row, kind in zip(range(len(array)), kinds, strict=False):
        array[row] = _varied(array[row], kind, generator)
    return array


def _varied(sample: np.ndarray, kind: str, generator: np.random.Generator) -> np.ndarray:
    if not sample.size:
        return sample
    if kind in _FACTORS:
        return sample * _FACTORS[kind]
    if kind == "sparse":
        return sample * (generator.random(sample.shape) < _FILLED)
    space = _space(sample)
    if kind == "border":
        return sample * _border(sample.shape, space, generator)
    if kind == "flat" and sample.ndim > 1:
        return np.broadcast_to(
            sample[tuple(slice(1) if axis in space else slice(None) for axis in range(sample.ndim))], sample.shape
        )
    return sample


def photographs(shape: Sequence[int], generator: np.random.Generator) -> np.ndarray | None:
    """Images from 0 to 1 (samples first) that differ as photographs do, in brightness, colour and coarse shapes more than in
    fine ones: to a deep network all images of noise are the same. None where a sample of this shape is no image."""
    samples, *sizes = shape
    space = _space(np.empty(sizes)) if len(sizes) > 2 else []
    if len([axis for axis in space if sizes[axis] >= _IMAGE]) < 2:
        return None
    images = np.zeros(shape)
    for cells in _CELLS:
        coarse = [min(cells, size) if axis in space else size for axis, size in enumerate(sizes)]
        shades = generator.standard_normal((samples, *coarse)) / np.sqrt(cells)
        for axis, (few, size) in enumerate(zip(coarse, sizes, strict=True), 1):
            shades = shades.take(np.arange(size) * few // size, axis)
        images += shades
    return 1 / (1 + np.exp(-images))


def _space(sample: np.ndarray) -> list[int]:
    """The axes along which an image or a signal has borders: all but that of channels, the shorter of the first and last."""
    if sample.ndim < 2:
        return list(range(sample.ndim))
    channels = sample.ndim - 1 if sample.shape[-1] < sample.shape[0] else 0
    return [axis for axis in range(sample.ndim) if axis != channels]


def _border(shape: tuple[int, ...], space: list[int], generator: np.random.Generator) -> np.ndarray:
    """Ones at the corners, at a place of each side and at one of the inside; zeros elsewhere."""
    mask = np.zeros([size if axis in space else 1 for axis, size in enumerate(shape)])
    inside = [generator.integers(size) if axis in space else 0 for axis, size in enumerate(shape)]
    mask[tuple(inside)] = 1
    for corner in np.ndindex(*(2,) * len(space)):
        mask[tuple(-corner[space.index(axis)] if axis in space else 0 for axis in range(len(shape)))] = 1
    for axis in space:
        for end in (0, -1):
            place = [generator.integers(size) if each in space else 0 for each, size in enumerate(shape)]
            place[axis] = end
            mask[tuple(place)] = 1
    return mask
