"""Operators of ai.onnx.ml on maps, which are Python dictionaries."""

from __future__ import annotations

import math

import onnx

from converter.operators.ml import said
from converter.operators.registry import operator

_ML = "ai.onnx.ml"


def _on_maps(op_type: str, say, restrict=None) -> None:
    """Enter a room that is the same in both targets; no functional model holds a dictionary."""
    members = {"pytorch": lambda n: n.eager("x", x=say(n)), "keras": lambda n: n.eager("x", x=say(n)), "restrict": restrict}
    operator(op_type, _ML, strings=None)(type(op_type, (), members))


def _zipped(n):
    """A list with a dictionary for each row."""
    return n.expr("zip_map(x, labels)", x=n.to_array(n.X), labels=n.classlabels_strings or n.classlabels_int64s)


def _vectorized(n):
    """One row with the number of each word."""
    vocabulary = n.string_vocabulary or n.int64_vocabulary
    return n.from_array("vectorized(X, vocabulary, dtype)", vocabulary=vocabulary, dtype=n.node.output.dtype.name)


def _cast(n):
    """One row with the numbers in the order of their keys, or each at the place that its key says."""
    size = n.max_map if n.map_form == "SPARSE" else None
    if n.node.output.dtype == object:
        return n.expr("strings_of_map(X, size)", size=size)
    return n.from_array("numbers_of_map(X, dtype, size)", dtype=n.node.output.dtype.name, size=size)


def _to_floats(node, target):
    kind = node.inputs[0].container and node.inputs[0].container.map_type.value_type.tensor_type.elem_type
    return None if kind == onnx.TensorProto.FLOAT else "the values of its map are no numbers of type float32"


_on_maps("ZipMap", _zipped)
_on_maps("DictVectorizer", _vectorized, _to_floats)
_on_maps("CastMap", _cast, _to_floats)


def _concatenated(n):
    """The inputs side by side as float32 numbers, each cut or filled up with zeros to its size."""
    parts = []
    for x, size in zip(n.named("X"), n.inputdimensions, strict=True):
        part = x if x.dtype == "float32" else said(n, "x.float()", "ops.cast(x, 'float32')", x=x)
        columns = math.prod(x.shape[1:] if len(x.shape) > 1 else x.shape)
        part = part if len(x.shape) == 2 else said(n, "x.reshape(s)", "ops.reshape(x, s)", x=part, s=(-1, columns))
        part = part if columns <= size else n.expr("x[:, :size]", x=part, size=size)
        padded = said(n, "F.pad(x, (0, more))", "ops.pad(x, ((0, 0), (0, more)))", x=part, more=size - columns)
        parts.append(part if columns >= size else padded)
    if len(parts) == 1:
        return parts[0]
    return said(n, "torch.cat([*parts], dim=1)", "ops.concatenate([*parts], axis=1)", parts=parts)


def _known_columns(node, target):
    shapes = [None if value.shape is None else value.shape[1:] or value.shape for value in node.inputs]
    known = all(shape is not None and all(isinstance(size, int) for size in shape) for shape in shapes)
    return None if known else "the sizes of its inputs are not known"


operator("FeatureVectorizer", _ML)(
    type("FeatureVectorizer", (), {"pytorch": _concatenated, "keras": _concatenated, "restrict": _known_columns})
)
