"""MATLAB objects as MATLAB saves them, written with mat-io, which can write arrays of layers and plain structs around them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matio
import numpy as np
from matio.utils.matclass import MatlabOpaque, MatlabOpaqueArray


def struct(**fields: Any) -> np.ndarray:
    """A 1-by-1 struct; text and numbers in MATLAB's form."""
    array = np.empty((1, 1), [(name, object) for name in fields])
    for name, value in fields.items():
        is_array = isinstance(value, MatlabOpaqueArray)
        array[0, 0][name] = value if is_array else np.array([value]) if isinstance(value, str) else _numbers(value)
    return array


def _numbers(value: Any) -> Any:
    if isinstance(value, MatlabOpaque):
        return value
    array = np.asarray(value)
    return array if array.dtype == object or array.dtype.names or array.ndim >= 2 else np.atleast_2d(array.astype(float))


def learnable(array: np.ndarray) -> np.ndarray:
    return struct(Version=2, Value=np.asarray(array, np.float32), LearnRateFactor=1, L2Factor=1)


def layer(class_name: str, **fields: Any) -> MatlabOpaque:
    """A layer whose ``saveobj`` returned a struct with these fields."""
    properties = {"Version": np.ones((1, 1)), "any": struct(Version=1, **fields)}
    return MatlabOpaque(properties, f"nnet.cnn.layer.{class_name}")


def dlnetwork(layers: list[MatlabOpaque], connections: list[tuple[str, str]]) -> MatlabOpaque:
    """A network as one inside a layer is saved; mat-io writes its layers as cells, and its connections as a struct."""
    cells = np.empty((len(layers), 1), object)
    cells[:, 0] = layers
    columns = [np.array([[row[index]] for row in connections], object).reshape(-1, 1) for index in (0, 1)]
    graph = MatlabOpaque(
        {"any": struct(Version=1, Layers=cells, Connections=struct(Source=columns[0], Destination=columns[1]))},
        "nnet.cnn.LayerGraph",
    )
    return MatlabOpaque({"any": struct(Version=6, LayerGraph=graph)}, "dlnetwork")


def save(path: Path, version: str, **layers: list[MatlabOpaque]) -> None:
    """Write each list of layers as an array of class nnet.cnn.layer.Layer."""
    matio.save_to_mat(str(path), {name: array(items) for name, items in layers.items()}, version=version)


def array(items: list[MatlabOpaque]) -> MatlabOpaqueArray:
    """An array of class nnet.cnn.layer.Layer."""
    elements = np.empty((len(items), 1), object)
    elements[:, 0] = items
    return MatlabOpaqueArray(elements, "nnet.cnn.layer.Layer")
