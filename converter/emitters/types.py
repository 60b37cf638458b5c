"""Number types that a target lacks, and the types that hold them: each number of the first is one of the second."""

from __future__ import annotations

import numpy as np

_EVERYWHERE = {"int2": "int8", "int4": "int8", "uint2": "uint8", "uint4": "uint8", "float4_e2m1fn": "float32"}

HELD_AS = {
    "pytorch": _EVERYWHERE,
    "keras": _EVERYWHERE | {"float8_e4m3fnuz": "float32", "float8_e5m2fnuz": "float32", "float8_e8m0fnu": "float32"},
}


def held_as(dtype: str, target: str) -> str:
    """The name of the type in which ``target`` holds numbers of type ``dtype``."""
    return HELD_AS.get(target, {}).get(dtype, dtype)  # ONNX has them all


def held(array: np.ndarray, target: str) -> np.ndarray:
    """The array in the type in which ``target`` holds its numbers."""
    dtype = held_as(array.dtype.name, target)
    return array if dtype == array.dtype.name else array.astype(dtype)
