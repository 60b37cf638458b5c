"""Classical models of the domain ai.onnx.ml.

Source: https://onnx.ai/onnx/operators/index.html#ai-onnx-ml, and for binary classifiers the behaviour of onnxruntime.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from converter.emitters.vocabulary import Local, Operand
from converter.forests import Forest, forest_of, old_forest_of
from converter.graph import Node, Value
from converter.operators.registry import like_first, operator

_ML = "ai.onnx.ml"


class _Tensor(Operand):
    """A constant that is a tensor even where it is one number."""

    is_number = False


def held(numbers, dtype, name: str) -> Operand:
    """Numbers of an attribute as a constant of the model."""
    return Operand(_constant(numbers, dtype, name), -1)


def _constant(numbers, dtype, name: str) -> Value:
    return Value.constant(np.array(numbers, dtype), name)


def said(n, pytorch: str, keras: str, **bindings):
    return n.expr(pytorch if n.framework == "pytorch" else keras, **bindings)


def _like_first_in_float32(node: Node):
    return [(np.float32, node.inputs[0].shape)]


def samples(n):
    """The input as float32 numbers."""
    return n.X if n.X.dtype == "float32" else said(n, "X.float()", "ops.cast(X, 'float32')")


@operator("ArrayFeatureExtractor", _ML)
class ArrayFeatureExtractor:
    """Columns of the last axis; a single axis is a row."""

    def both(n):
        known = None if n.constant("Y") is None else n.constant("Y").reshape(-1).tolist()
        x = said(n, "X[None]", "ops.expand_dims(X, 0)") if n.X.rank == 1 else n.X
        if known and known == list(range(known[0], known[-1] + 1)):
            return n.expr("x[..., a:b]", x=x, a=known[0], b=known[-1] + 1)
        y = n.Y if known is None else _Tensor(n.Y.value, n.Y.index)
        return said(n, "x[..., y.flatten()]", "ops.take(x, ops.reshape(y, (-1,)), axis=-1)", x=x, y=y)


@operator("Binarizer", _ML)
class Binarizer:
    infer = like_first

    def pytorch(n):
        return n.expr("(X > threshold).to(X.dtype)")

    def keras(n):
        return n.expr("ops.cast(X > threshold, X.dtype)")


@operator("Scaler", _ML)
class Scaler:
    """(X - offset) * scale, in float32."""

    infer = _like_first_in_float32

    def both(n):
        return _scaled(n, samples(n))


def _scaled(n, x):
    offset, scale = (held(n.node[name] or (default,), np.float32, name) for name, default in (("offset", 0), ("scale", 1)))
    return n.expr("(x - offset) * scale", x=x, offset=offset, scale=scale)


@operator("Normalizer", _ML)
class Normalizer:
    """Each row by its largest number, the sum of its absolute numbers, or its length."""

    infer = _like_first_in_float32

    def pytorch(n):
        if n.norm == "MAX":
            return n.expr("X / X.amax(1, keepdim=True)")
        return n.expr("F.normalize(X, p=p, dim=1, eps=1e-30)", p={"L1": 1.0, "L2": 2.0}[n.norm])

    def keras(n):
        if n.norm == "MAX":
            return n.expr("X / ops.max(X, axis=1, keepdims=True)")
        return n.expr("ops.normalize(X, axis=1, order=p, epsilon=1e-30)", p={"L1": 1, "L2": 2}[n.norm])


@operator("Imputer", _ML)
class Imputer:
    """Puts a number of each column in place of the number, or NaN, that stands for a missing one."""

    infer = like_first

    def pytorch(n):
        missing, values = _imputed(n)
        return n.expr("torch.where(missing, values, X)", missing=missing, values=values)

    def keras(n):
        missing, values = _imputed(n)
        return n.expr("ops.where(missing, values, X)", missing=missing, values=values)


def _imputed(n):
    real = bool(n.node["imputed_value_floats"])
    values = held(n.node["imputed_value_floats" if real else "imputed_value_int64s"], n.X.dtype, "imputed")
    replaced = n.node["replaced_value_float" if real else "replaced_value_int64"]
    if np.isnan(replaced):
        return said(n, "torch.isnan(X)", "ops.isnan(X)"), values
    return said(n, "X == replaced", "ops.equal(X, replaced)", replaced=replaced), values


def known_transform(node: Node, target: str) -> str | None:
    transform = node.attributes.get("post_transform")
    return f"post_transform {transform} is not supported" if transform not in (None, 0, 1, 2, 3, *_TRANSFORMS) else None


_TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO")


@operator("OneHotEncoder", _ML, strings=None)
class OneHotEncoder:
    def pytorch(n):
        if n.X.dtype == object:
            return n.expr("torch.as_tensor(X[..., None] == categories).float()", categories=_categories(n))
        return n.expr("(X.unsqueeze(-1) == categories).float()", categories=_categories(n))

    def keras(n):
        text = "X[..., None] == categories" if n.X.dtype == object else "ops.equal(ops.expand_dims(X, -1), categories)"
        return n.expr(f"ops.cast({text}, 'float32')", categories=_categories(n))


def _categories(n) -> Operand:
    strings = n.X.dtype == object
    return held(n.cats_strings if strings else n.cats_int64s, n.X.dtype, "categories")


@operator("LabelEncoder", _ML, strings=None)
class LabelEncoder:
    def both(n):
        def given(stem: str):
            kinds = ("tensor", "int64s", "strings", "floats")
            return next(value for kind in kinds if (value := n.node.attributes.get(f"{stem}_{kind}")) is not None)

        kind = {"O": "default_string", "f": "default_float"}.get(n.node.output.dtype.kind, "default_int64")
        default = n.node[kind] if n.node["default_tensor"] is None else n.node["default_tensor"].reshape(-1)[0]
        return _mapped(n, given("keys"), given("values"), default)


@operator("CategoryMapper", _ML, strings=True)
class CategoryMapper:
    def both(n):
        if n.X.dtype == object:
            return _mapped(n, n.cats_strings, n.cats_int64s, n.default_int64)
        return _mapped(n, n.cats_int64s, n.cats_strings, n.default_string)


def _mapped(n, keys, values, default):
    """The value at each element's key; of strings the place among the keys comes first, one after the last for the default."""
    dtype = n.node.output.dtype
    known = held(keys, n.X.dtype, "keys")
    if object not in (n.X.dtype, dtype):
        return n.expr("map_labels(X, keys, values, default)", keys=known, values=held(values, dtype, "values"), default=default)
    values = held([*values, default], dtype, "values")
    if n.X.dtype == object:
        places = n.expr("places_of(X, keys)", keys=known)
        places = places if dtype.kind == "O" else n.from_array("places", places=places)
    else:
        order = held(range(len(keys)), np.int64, "places")
        places = n.to_array(n.expr("map_labels(X, keys, places, default)", keys=known, places=order, default=len(keys)))
    return _picked(n, values, places)


def _picked(n, values: Operand, places):
    """The values at the places: an array of strings at those of a NumPy array, a tensor at those of a tensor."""
    text = "values[places]" if values.dtype == object else None
    return said(n, text or "values[places]", text or "ops.take(values, places, axis=0)", values=values, places=places)


@operator("LinearRegressor", _ML)
class LinearRegressor:
    restrict = known_transform
    restrictions = "any post_transform but PROBIT"

    def infer(node):
        shape = node.inputs[0].shape
        return [(np.float32, shape and (shape[0], node["targets"]))]

    def both(n):
        return transformed(n, _linear(n, n.targets), n.targets)


def _linear(n, rows: int):
    """X @ coefficients + intercepts; onnxruntime reads as many coefficients as there are columns, and no more."""
    columns = (n.X.shape or (None,))[-1]
    columns = columns if isinstance(columns, int) else len(n.coefficients) // rows
    coefficients = np.reshape(n.coefficients[: rows * columns], (rows, columns)).T
    w = held(coefficients, np.float32, "coefficients")
    y = n.expr("x @ w", x=samples(n), w=w)
    intercepts = n.node["intercepts"]
    return n.expr("y + b", y=y, b=held(intercepts, np.float32, "intercepts")) if intercepts else y


def transformed(n, y, scores: int = 2):
    """Scores after ``post_transform``; onnxruntime leaves a single one as it is."""
    transform = {0: "NONE", 1: "SOFTMAX", 2: "LOGISTIC", 3: "SOFTMAX_ZERO"}.get(n.post_transform, n.post_transform)
    if transform == "NONE" or scores == 1:
        return y
    if transform == "SOFTMAX_ZERO":
        return n.expr("softmax_of_others(y)", y=y)
    if transform == "SOFTMAX":
        return said(n, "F.softmax(y, dim=-1)", "ops.softmax(y)", y=y)
    return said(n, "torch.sigmoid(y)", "ops.sigmoid(y)", y=y)


def _enough_labels(node: Node, target: str) -> str | None:
    labels, rows = node["classlabels_strings"] or node["classlabels_ints"] or (), len(node["intercepts"] or ())
    if rows not in (len(labels), len(labels) - 1) or (rows < len(labels) and rows != 1):
        return f"it has {len(labels)} labels and {rows} intercepts"
    return known_transform(node, target)


@operator("LinearClassifier", _ML, strings=None)
class LinearClassifier:
    """The label of the largest score, and the scores; two classes may share one row of coefficients."""

    restrict = _enough_labels
    restrictions = "any post_transform but PROBIT"

    def both(n):
        return classified(n, *_linear_scores(n))


def _linear_scores(n):
    rows = len(n.intercepts)
    y = _linear(n, rows)
    return y, n.node["classlabels_strings"] or n.node["classlabels_ints"], rows == 1, True


def classified(n, y, labels, binary, rest, limit=0):
    """[labels, scores]. One score s for two classes stands for (-s, s), with ``rest`` for (1 - s, s), with LOGISTIC for the
    sigmoid of the first; above ``limit`` it means the second class."""
    y = Local(y, "scores")
    if binary and len(labels) == 2:
        first = n.expr("1 - y" if rest and n.post_transform != "LOGISTIC" else "-y", y=y)
        pair = said(n, "torch.cat([a, y], dim=1)", "ops.concatenate([a, y], axis=1)", a=first, y=y)
        scores = transformed(n, pair) if n.post_transform == "LOGISTIC" else pair
        best = said(n, "(y[:, 0] > limit).long()", "ops.cast(y[:, 0] > limit, 'int32')", y=y, limit=limit)
    else:
        scores = transformed(n, y)
        best = said(n, "y.argmax(1)", "ops.argmax(y, axis=1)", y=y)
    return [labelled(n, labels, best), scores]


def labelled(n, labels, best):
    known = held(labels, object if isinstance(labels[0], str) else np.int64, "labels")
    return _picked(n, known, n.to_array(best) if known.dtype == object else best)


def _ensemble(n, forest: Forest, aggregate: str, base=None):
    """The leaves' weights, put together over the trees."""
    feature, split, yes, no, missing = zip(*forest.rows, strict=True)
    kinds = {"roots": (forest.roots, np.int64), "feature": (feature, np.int64), "split": (split, forest.dtype)}
    kinds |= {"yes": (yes, np.int64), "no": (no, np.int64)}
    if any(missing):
        kinds["missing"] = (missing, np.bool_)
    bound = {name: _Tensor(_constant(numbers, dtype, name), -1) for name, (numbers, dtype) in kinds.items()}
    tracks = "missing" if any(missing) else "None"
    leaf = n.expr(f"leaves(X, roots, feature, split, yes, no, {tracks}, depth)", depth=forest.depth, **bound)
    weights = _Tensor(_constant(np.stack(forest.weights), forest.dtype, "weights"), -1)
    reduce = {"SUM": "sum", "AVERAGE": "mean", "MIN": "min" if n.framework == "keras" else "amin", "MAX": "amax"}[aggregate]
    y = said(
        n,
        f"w[leaf].{reduce}(1)",
        f"ops.{reduce}(ops.take(w, leaf, axis=0), axis=1)".replace("amax", "max"),
        w=weights,
        leaf=leaf,
    )
    if base is None or not len(base):
        return y
    return n.expr("y + base", y=y, base=held(base, forest.dtype, "base"))


def _tree_reason(node: Node, target: str) -> str | None:
    aggregate = node.attributes.get("aggregate_function", "SUM")
    several = (node.attributes.get("n_targets") or 1) > 1
    if several and aggregate in (2, 3, "MIN", "MAX"):
        return "the least or largest leaf is taken for several targets"
    if len(node.attributes.get("base_values") or ()) not in (0, node.attributes.get("n_targets") or 1):
        return "the number of its base values is not that of its targets"
    return known_transform(node, target)


@operator("TreeEnsemble", _ML)
class TreeEnsemble:
    restrict = _tree_reason
    restrictions = "any post_transform but PROBIT"

    def both(n):
        aggregate = ("AVERAGE", "SUM", "MIN", "MAX")[n.aggregate_function]
        return transformed(n, _ensemble(n, forest_of(n.node, n.X.dtype), aggregate), n.n_targets)


@operator("TreeEnsembleRegressor", _ML)
class TreeEnsembleRegressor:
    restrict = _tree_reason
    restrictions = "any post_transform but PROBIT"

    def both(n):
        targets = n.n_targets or 1
        forest = old_forest_of(n.node, n.X.dtype, targets, "target")
        return transformed(n, _ensemble(n, forest, n.aggregate_function, n.base_values), targets)


def _class_reason(node: Node, target: str) -> str | None:
    """onnxruntime passes over a class that no reached leaf adds to, and has ways of its own with base values of two classes."""
    labels, ids = node["classlabels_strings"] or node["classlabels_int64s"], set(node["class_ids"])
    base = len(node["base_values"] or ())
    if base not in ((0, 1) if len(ids) == 1 else (0,) if len(labels) == 2 else (0, len(labels))):
        return f"it has {base} base values for {len(labels)} classes"
    leaves = Counter(tree for tree, mode in zip(node["nodes_treeids"], node["nodes_modes"], strict=True) if mode == "LEAF")
    adds = set(zip(node["class_treeids"], node["class_nodeids"], node["class_ids"], strict=True))
    reached = Counter((tree, label) for tree, _, label in adds)
    sure = {label for (tree, label), count in reached.items() if count == leaves[tree]}
    doubtful = 1 in ids - sure if len(labels) == 2 else min(node["class_weights"] or (-1,)) < 0 and ids - sure
    return "not every leaf adds to every class" if doubtful and len(ids) > 1 else known_transform(node, target)


@operator("TreeEnsembleClassifier", _ML, strings=None)
class TreeEnsembleClassifier:
    restrict = _class_reason
    restrictions = "any post_transform but PROBIT"

    def both(n):
        labels, ids = n.node["classlabels_strings"] or n.node["classlabels_int64s"], set(n.node["class_ids"])
        binary = len(ids) == 1 and len(labels) == 2
        forest = old_forest_of(n.node, n.X.dtype, max(ids) + 1 if binary else len(labels), "class")
        if binary:
            forest.weights = [weights[list(ids)] for weights in forest.weights]
        y = _ensemble(n, forest, "SUM", n.base_values)
        if not binary and len(labels) == 2:  # as onnxruntime chooses
            y = Local(y, "scores")
            best = said(n, "(y[:, 1] > 0).long()", "ops.cast(y[:, 1] > 0, 'int32')", y=y)
            return [labelled(n, labels, best), transformed(n, y)]
        positive = binary and all((weights >= 0).all() for weights in forest.weights)
        return classified(n, y, labels, binary, positive, 0.5 if positive else 0)
