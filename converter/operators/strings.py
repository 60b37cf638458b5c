"""Operators on strings, which are NumPy arrays of ``str`` in the code of both targets.

Source: https://onnx.ai/onnx/operators/, and where the text is open (case, formats of numbers) the behaviour of onnxruntime.
"""

from __future__ import annotations

import numpy as np

from converter.emitters.patterns import is_simple, python_pattern
from converter.emitters.vocabulary import Local
from converter.graph import onnx_schema
from converter.operators.ml import said
from converter.operators.registry import operator


def on_strings(op_type: str, say, restrict=None, domain: str = "", infer=None) -> None:
    """Enter what an operator is on strings: a template of both targets, or a function that returns it."""

    def room(n):
        return n.expr(say) if isinstance(say, str) else say(n)

    operator(op_type, domain, strings=True)(type(op_type, (), {"both": room, "restrict": restrict, "infer": infer}))


def _list(n, name: str):
    """The numbers of a small input in a row, None where it is left out."""
    if n.is_known(name):
        known = n.constant(name)
        return None if known is None else tuple(known.tolist())
    return n.to_array(n.operand([each.name for each in onnx_schema(n.node.op_type).inputs].index(name)))


def _axis(n):
    return n.node["axis"]


# Operators that move elements


def _reshaped(n):
    text = "np.reshape(data, shape)" if n.allowzero or (n.is_known("shape") and n.constant("shape").all()) else _KEPT
    return n.expr(text, shape=_list(n, "shape"))


_KEPT = "reshaped_strings(data, shape)"


def _flat(n):
    axis = _axis(n) % n.input.rank if n.input.rank else 0
    return (
        n.expr("np.reshape(input, (int(np.prod(input.shape[:axis])), -1))", axis=axis) if axis else "np.reshape(input, (1, -1))"
    )


def _parts(n):
    sizes = [value.shape[_axis(n)] for value in n.node.outputs]
    starts = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
    return n.unpack("np.split(input, places, axis)", places=tuple(starts), axis=_axis(n))


def _known_parts(node, target):
    sizes = [None if v is None or v.shape is None else v.shape[node["axis"]] for v in node.outputs]
    return None if all(isinstance(size, int) for size in sizes) else "the sizes of its parts are not known when converting"


def _known_axes(node, target):
    axes = node.input(1)
    return None if axes is None or axes.array is not None else "its axes are not known when converting"


def _axes(n):
    known = n.constant("axes")
    return None if known is None else tuple(known.reshape(-1).tolist())


def _sliced(n):
    starts, ends, axes, steps = (_list(n, name) for name in ("starts", "ends", "axes", "steps"))
    return n.expr("sliced_strings(data, starts, ends, axes, steps)", starts=starts, ends=ends, axes=axes, steps=steps)


on_strings("Identity", "input")
on_strings("Reshape", _reshaped)
on_strings("Flatten", _flat)
on_strings("Transpose", "np.transpose(data, perm)")
on_strings("Concat", lambda n: n.expr("np.concatenate([*inputs], axis)", axis=_axis(n)))
on_strings("Squeeze", lambda n: n.expr("np.squeeze(data, axes)", axes=_axes(n)), _known_axes)
on_strings("Unsqueeze", lambda n: n.expr("np.expand_dims(data, axes)", axes=_axes(n)), _known_axes)
on_strings("Expand", lambda n: n.expr("x + np.full(shape, '', object)", x=n.first, shape=_list(n, "shape")))
on_strings("Tile", lambda n: n.expr("np.tile(input, repeats)", repeats=_list(n, "repeats")))
on_strings("Gather", lambda n: n.expr("np.take(data, indices, axis)", indices=n.to_array(n.indices), axis=_axis(n)))
on_strings(
    "ArrayFeatureExtractor", lambda n: n.expr("np.atleast_2d(X)[..., np.ravel(y)]", y=n.to_array(n.Y)), domain="ai.onnx.ml"
)
on_strings("Split", _parts, _known_parts)
on_strings("Slice", _sliced)
on_strings("Where", lambda n: n.expr("np.where(condition, X, Y)", condition=n.to_array(n.condition)))
on_strings("Shape", lambda n: n.from_array("np.array(data.shape[a:b], 'int64')", a=n.start or None, b=n.end))
on_strings("Size", lambda n: n.from_array("np.array(data.size, 'int64')"))
on_strings("Equal", lambda n: n.from_array("A == B"))


def _one_axis(node, target):
    axis, rank = node["axis"], node.inputs[0].rank
    return None if axis is None or rank == 1 else "whole rows of strings are compared"


def _unique(n):
    parts = Local(n.expr("unique_strings(X, ordered)", ordered=bool(n.sorted)), "unique")
    outputs = enumerate(n.node.outputs)
    return [n.expr("u[0]", u=parts) if i == 0 else n.from_array("u[i]", u=parts, i=i) for i, value in outputs if value]


on_strings("Unique", _unique, _one_axis)


# From and to numbers


def _cast(n):
    source, result = n.first.dtype, n.node.output.dtype
    if source == result:
        return n.first
    if result.kind == "O":
        x = n.first if source.kind in "fiub" else said(n, "x.float()", "ops.cast(x, 'float32')", x=n.first)
        return n.expr("strings_of(x)", x=n.to_array(x))
    held = result.name if result.kind in "fiub" else "float32"
    numbers = n.from_array("numbers_of(x, dtype)", x=n.first, dtype=held)
    if held == result.name:
        return numbers
    return n.expr(
        f"x.to(torch.{result.name})" if n.framework == "pytorch" else "ops.cast(x, dtype)", x=numbers, dtype=result.name
    )


def _castable(node, target):
    others = {v.dtype.name for v in (node.inputs[0], node.output) if v.dtype is not None} - {"object"}
    return f"strings become {', '.join(others)}" if any(name not in _CASTABLE for name in others) else None


_CASTABLE = {"bool", "bfloat16", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))}
_CASTABLE |= {"float16", "float32", "float64"}
on_strings("Cast", _cast, _castable)
on_strings("CastLike", _cast, _castable)


# Operators of strings


def _joined(n):
    text = "X + Y" if n.node.output.rank else "np.asarray(X + Y, dtype=object)"
    return n.expr(text)


def _normalized(n):
    change = {"LOWER": "lower", "UPPER": "upper"}.get(n.case_change_action, "")
    fold = "" if n.is_case_sensitive else change or "lower"
    shape = (1, -1) if n.X.rank == 2 else (-1,)
    text = "normalized(X, stopwords, change, fold=fold, shape=shape)"
    return n.expr(text, stopwords=n.stopwords or (), change=change, fold=fold, shape=shape)


def _known_locale(node, target):
    locale = node["locale"] or "en"
    changes = node["case_change_action"] != "NONE" or not node["is_case_sensitive"]
    if changes and not locale.startswith(("en", "C.")):
        return f"the case of letters in the locale {locale!r} is not known"
    return "the number of axes of its input is unknown" if node.inputs[0].rank is None else None


def _split(n):
    parts = Local(n.expr("split_strings(X, delimiter, most)", delimiter=n.delimiter or None, most=n.maxsplit), "parts")
    return [n.expr("p[0]", p=parts), n.from_array("p[1]", p=parts)]


def _matched(n):
    return n.from_array("fully_matched(X, pattern)", pattern=python_pattern(n.pattern))


def _known_pattern(node, target):
    try:
        python_pattern(node["pattern"])
    except ValueError as error:
        return str(error)


on_strings("StringConcat", _joined)
on_strings("StringNormalizer", _normalized, _known_locale)
on_strings("StringSplit", _split)
on_strings("RegexFullMatch", _matched, _known_pattern)


def _tokenized(n):
    given = n.node.attributes
    options = {"least": given["mincharnum"], "pad": given["pad_value"], "mark": bool(given["mark"])}
    text = "tokens_of(x, pattern, separators, least, pad, mark=mark)"
    if separators := given.get("separators"):
        pattern = None if any(separators) else "(?s)."
        separators = () if pattern else tuple(python_pattern(each) for each in separators)
        return n.expr(text, x=n.first, pattern=pattern, separators=separators, **options)
    return n.expr(text, x=n.first, pattern=python_pattern(given["tokenexp"]), separators=(), **options)


def _simple_patterns(node, target):
    patterns = node.attributes.get("separators") or [node.attributes.get("tokenexp") or "?"]
    hard = [pattern for pattern in patterns if any(patterns) and not is_simple(pattern)]
    return f"the longest match of {hard[0]!r} is not known to be Python's" if hard else None


def _one_axis_more(node):
    shape = node.inputs[0].shape
    return [(np.dtype(object), shape and (*shape, None))]


on_strings("Tokenizer", _tokenized, _simple_patterns, "com.microsoft", _one_axis_more)
