"""Products with weights that are kept in a few bits, each block of rows with a scale of its own."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from converter.graph import Value, Weight
from converter.readers.microsoft.lifting import RefusalError, lifted

_HELD = {2: (ml_dtypes.int4, ml_dtypes.uint4), 4: (ml_dtypes.int4, ml_dtypes.uint4), 8: (np.int8, np.uint8)}
"""Signed and unsigned types by bits; the runtimes have none of two bits."""

_ROUNDS_INPUTS = 4


@lifted("MatMulNBits")
def matmul(n):
    """The weight as rows of inputs, ready for a product, where the file holds it output by output and packed."""
    n.lacks("weight_prepacked")
    if n.bits not in _HELD:
        raise RefusalError(f"its attribute 'bits' is {n.bits}", f"Known are {', '.join(map(str, _HELD))}.")
    blocks = -(-n.K // n.block_size)
    if n.B.weight is None or n.B.weight.size != n.N * blocks * n.block_size * n.bits // 8:
        raise RefusalError("its weight is no part of the file, or has not the size that K, N and bits tell", "Store it there.")
    if n.g_idx is not None and n.zero_points is not None:
        raise RefusalError("has 'g_idx' and 'zero_points', of which onnxruntime leaves out the latter", "Export one of them.")
    if n.accuracy_level == _ROUNDS_INPUTS:
        n.notes.append(
            "lets its runtime round its input to 8 bits (accuracy_level 4), as onnxruntime does: "
            "the converted code does not, and its answer is further from onnxruntime's than float32 allows"
        )
    scales = n.add("Transpose", n.add("Reshape", n.scales, n.constant([n.N, blocks])), perm=(1, 0), called=n.scales.name)
    packed_zeros = n.zero_points is not None and n.dtype(n.zero_points) == np.uint8
    zeros = _unpacked(n, n.zero_points, blocks, signed=False) if packed_zeros else n.zero_points
    if n.g_idx is None and (zeros is None or packed_zeros):
        rows = _unpacked(n, n.B, n.K, signed=zeros is None)
        weight = n.add("DequantizeLinear", rows, scales, zeros, axis=0, block_size=n.block_size, called=n.B.name)
    else:
        weight = _by_group(n, scales, zeros, blocks)
    y = n.add("MatMul", n.A, weight)
    return y if n.bias is None else n.add("Add", y, n.bias)


def _by_group(n, scales, zeros, blocks):
    """In float: each row by the scale and the zero point, which may be no integer, of its group."""
    groups = n.constant(np.arange(n.K) // n.block_size) if n.g_idx is None else n.g_idx
    rows = n.add("CastLike", _unpacked(n, n.B, n.K, signed=False), n.scales)
    if zeros is None:
        zeros = n.number(2 ** (n.bits - 1), scales)
    else:
        zeros = n.add("Transpose", n.add("Reshape", zeros, n.constant([n.N, blocks])), perm=(1, 0))
        zeros = n.add("Gather", zeros, groups, axis=0)
    return n.add("Mul", n.add("Sub", rows, zeros), n.add("Gather", scales, groups, axis=0), called=n.B.name)


def _unpacked(n, value: Value, rows: int, *, signed: bool) -> Value:
    """The first ``rows`` numbers of each output as (rows, outputs)."""
    dtype = np.dtype(_HELD[n.bits][0 if signed else 1])
    return _of_bits(value, n.N, rows, n.bits, dtype, signed=signed, turned=True)


def _of_bits(value: Value, lines: int, size: int, bits: int, dtype: np.dtype, *, signed: bool, turned: bool = False) -> Value:
    """The first ``size`` numbers of each line, packed low bits first; signed ones around the middle, ``turned`` as columns."""
    if value.weight is None:
        raise RefusalError(f"{value.name!r} is computed when the model runs", "Store it in the file.")
    packed = value.weight

    def load() -> np.ndarray:
        numbers = packed.array().reshape(lines, -1, 1) >> np.arange(0, 8, bits, dtype=np.uint8) & np.uint8(2**bits - 1)
        numbers = numbers.reshape(lines, -1)[:, :size].astype(np.int16)
        numbers = numbers - 2 ** (bits - 1) if signed else numbers
        return (numbers.T if turned else numbers).astype(dtype)

    shape = (size, lines) if turned else (lines, size)
    return Value.of_weight(Weight(packed.name, shape, dtype, load, trainable=False, base=packed))


@lifted("GatherBlockQuantized")
def gather(n):
    """Rows of a table that is kept in a few bits, made float as they are read."""
    rank = n.rank(n.data)
    if rank != 2 or n.gather_axis % rank or n.quantize_axis % rank != 1 or not n.block_size:
        raise RefusalError("gathers on or quantises along other axes than the rows and columns of a table", "Export it so.")
    kind, tables = n.dtype(n.data).name, (n.data, n.zero_points)
    signed = kind == "int4" or (kind == "uint8" and n.zero_points is None)
    dtype = np.dtype(np.int8 if signed else np.uint8)  # a Gather takes no smaller numbers
    if kind == "uint8" and n.bits in _HELD:
        sizes = (n.size(n.data, 1) * 8 // n.bits, n.size(n.scales, 1))
        tables = (
            table and _of_bits(table, n.size(n.data, 0), size, n.bits, dtype, signed=signed)
            for table, size in zip(tables, sizes, strict=True)
        )
    elif kind in ("int4", "uint4"):
        tables = (table and _widened(table, dtype) for table in tables)
    else:
        raise RefusalError(f"its table holds {n.bits} bits in {kind}", "Known are 2, 4 and 8 bits in uint8, int4 and uint4.")
    data, zeros = tables
    rows, scales, zeros = (table and n.add("Gather", table, n.indices, axis=0) for table in (data, n.scales, zeros))
    return n.add("DequantizeLinear", rows, scales, zeros, axis=-1, block_size=n.block_size)


def _widened(value: Value, dtype: np.dtype) -> Value:
    if value.weight is None:
        raise RefusalError(f"{value.name!r} is computed when the model runs", "Store it in the file.")
    small = value.weight
    return Value.of_weight(
        Weight(small.name, small.shape, dtype, lambda: small.array().astype(dtype), trainable=False, base=small)
    )
