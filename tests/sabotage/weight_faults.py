"""Faults in the weights file, which keep its keys and shapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from converter.conversion import Conversion
from converter.graph import Graph, Weight
from tests.sabotage.faults import Site
from tests.sabotage.graph_faults import one

Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class WeightFault:
    """A change of one array of the file. ``rank``: of the arrays that it concerns; 0: any."""

    name: str
    rank: int
    change: Change

    def sites(self, conversion: Conversion, graph: Graph) -> Iterator[Site]:
        arrays = read(conversion.folder)
        emitted = conversion._emitted.weights if conversion._emitted else {}
        for key, array in arrays.items():
            if (self.rank and array.ndim != self.rank) or array.dtype != np.float32 or array.size < 2:
                continue
            new = np.asarray(self.change(array)).astype(array.dtype)
            if new.shape != array.shape or np.array_equal(new, array):
                continue
            weight = emitted.get(key) or _same(emitted, array)
            layers = () if weight is None else _readers(graph, weight)
            yield Site(layers, lambda key=key, new=new: write(conversion.folder, key, new))


def _readers(graph: Graph, weight: Weight) -> tuple[str, ...]:
    """The nodes that read a weight, or the same numbers as a weight of its own: transposed, as a tied embedding is."""

    def is_same(other: Weight) -> bool:
        if other.origin is weight.origin or not other.has_data or other.size != weight.size:
            return other.origin is weight.origin
        one, two = weight.array(), other.array()
        return weight.size > 1 and weight.trainable and any(np.array_equal(one, each) for each in (two, two.T))

    nodes = [node for each in graph.nested() for value in each.weights() if is_same(value.weight) for node, _ in value.users]
    return tuple(dict.fromkeys(node.name or node.origin for node in nodes))


def _same(emitted: dict, array: np.ndarray):
    """The emitted weight with these numbers: Keras' file has names of its own."""
    found = [w for w in emitted.values() if w.has_data and w.shape == array.shape and np.array_equal(w.array(), array)]
    return found[0] if len(found) == 1 else None


def read(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of the weights file, by key or place."""
    if (folder / "model.safetensors").exists():
        return load_file(folder / "model.safetensors")
    if not (folder / "model.weights.h5").exists():
        return {}
    import h5py

    found: dict[str, np.ndarray] = {}
    with h5py.File(folder / "model.weights.h5") as file:
        file.visititems(lambda name, item: found.__setitem__(name, item[()]) if isinstance(item, h5py.Dataset) else None)
    return found


def write(folder: Path, key: str, array: np.ndarray) -> None:
    """Replace one array of the weights file."""
    path = folder / "model.safetensors"
    if path.exists():
        save_file(load_file(path) | {key: np.ascontiguousarray(array)}, path)
        return
    import h5py

    with h5py.File(folder / "model.weights.h5", "r+") as file:
        file[key][...] = array


def space(w: np.ndarray) -> tuple[int, int]:
    """The spatial axes of a kernel: the last two in PyTorch, the first two in Keras; those of equal size."""
    return (2, 3) if w.shape[2] == w.shape[3] and (w.shape[2] <= w.shape[0] or w.shape[0] == 1) else (0, 1)


def channels(w: np.ndarray) -> tuple[int, int]:
    return (0, 1) if space(w) == (2, 3) else (2, 3)


def float16(w: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return w.astype(np.float16)


def largest(w: np.ndarray) -> np.ndarray:
    return np.where(np.abs(w) == np.abs(w).max(), w * 1.001, w)


WEIGHT_FAULTS = [
    WeightFault("one number of the file changed by a hundredth", 0, lambda w: one(w, 1.01)),
    WeightFault("one number of the file is zero", 0, lambda w: one(w, 0.0)),
    WeightFault("largest number of the file changed by a thousandth", 0, largest),
    WeightFault("an array of the file is zero", 0, np.zeros_like),
    WeightFault("an array of the file in float16", 0, float16),
    WeightFault("an array of the file in reverse", 1, np.flip),
    WeightFault("a matrix of the file transposed", 2, np.transpose),
    WeightFault("a kernel of the file transposed in space", 4, lambda w: w.swapaxes(*space(w))),
    WeightFault("a kernel of the file flipped", 4, lambda w: np.flip(w, space(w))),
    WeightFault("a kernel of the file with its channels exchanged", 4, lambda w: w.swapaxes(*channels(w))),
    WeightFault("rows of the file off by one", 0, lambda w: np.roll(w, 1, axis=0)),
    WeightFault("an array of the file not a number", 0, lambda w: np.full_like(w, np.nan)),
]
