"""Arrays between the source's axis order and the one in which the emitted model takes and gives them."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from converter.emitters import Port
from converter.emitters.types import held, held_as


def to_stored(value: Any, port: Port, target: str) -> Any:
    """An array in source axis order as the emitted model takes it: in stored order, and in a number type that the target has.

    A list is one of such arrays, None an optional that holds nothing; a dictionary stays what it is.
    """
    if isinstance(value, list):
        return [to_stored(item, port, target) for item in value]
    if value is None or isinstance(value, dict):
        return value
    array = np.asarray(value)
    if port.axes and array.ndim == len(port.axes):
        array = np.ascontiguousarray(array.transpose(port.axes))
    return held(array, target)


def to_source(value: Any, port: Port, target: str) -> Any:
    """What the emitted model gives in source axis order and the source's number type; an array of another rank or type as it
    is, for the comparison to report."""
    if isinstance(value, list | tuple):
        return [to_source(item, port, target) for item in value]
    if not isinstance(value, np.ndarray):
        return value
    array = value.transpose(np.argsort(port.axes)) if value.ndim == len(port.axes) else value
    if held_as(port.dtype, target) != port.dtype and array.dtype == held_as(port.dtype, target):
        array = array.astype(getattr(ml_dtypes, port.dtype))
    return array
