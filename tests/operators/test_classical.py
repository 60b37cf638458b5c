"""Models of ai.onnx.ml against onnxruntime: the conformance suite holds few of them."""

import numpy as np
import onnx.helper
import pytest

from converter.emitters.onnx import to_model
from tests.emitted import judge, read, run

WORDS = ["setosa", "", "naïve 'word'", "10"]
POSTS = ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO")
MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]


def trees(prefix: str, outputs: int, modes: list[str], lowest: float = 0.0) -> dict:
    """Three random trees of depth 2 whose leaves add to every output."""
    random = np.random.default_rng(0)
    rows = [(tree, node) for tree in range(3) for node in range(7)]
    leaves = [(tree, node, output) for tree, node in rows if node > 2 for output in range(outputs)]
    inner = [node < 3 for _, node in rows]
    return {
        "nodes_treeids": [tree for tree, _ in rows],
        "nodes_nodeids": [node for _, node in rows],
        "nodes_featureids": [int(random.integers(4)) if i else 0 for i in inner],
        "nodes_values": [float(random.integers(-1, 2)) if i else 0.0 for i in inner],
        "nodes_modes": [str(random.choice(modes)) if i else "LEAF" for i in inner],
        "nodes_truenodeids": [2 * node + 1 if node < 3 else 0 for _, node in rows],
        "nodes_falsenodeids": [2 * node + 2 if node < 3 else 0 for _, node in rows],
        "nodes_missing_value_tracks_true": [int(random.integers(2)) if i else 0 for i in inner],
        f"{prefix}_treeids": [tree for tree, _, _ in leaves],
        f"{prefix}_nodeids": [node for _, node, _ in leaves],
        f"{prefix}_ids": [output for _, _, output in leaves],
        f"{prefix}_weights": [float(random.random() + lowest) for _ in leaves],
    }


def support_vectors(classes: int, kernel: str, *, probabilities: bool = False, **more) -> dict:
    """Two support vectors of each class, in four dimensions."""
    random, pairs = np.random.default_rng(0), classes * (classes - 1) // 2
    numbers = {
        "coefficients": random.normal(size=(classes - 1) * 2 * classes),
        "support_vectors": random.normal(size=2 * classes * 4),
        "rho": random.normal(size=pairs),
        "kernel_params": [0.25, 0.5, 3.0],
    }
    if probabilities:
        numbers |= {"prob_a": -1 - random.random(pairs), "prob_b": random.normal(size=pairs)}
    numbers = {name: np.float32(array).tolist() for name, array in numbers.items()}
    return numbers | {"kernel_type": kernel, "vectors_per_class": [2] * classes} | more


KERNELS = ("LINEAR", "POLY", "RBF", "SIGMOID")
CASES = [
    *(
        ("SVMClassifier", support_vectors(count, kernel, probabilities=known, classlabels_ints=[3, 5, 9][:count]))
        for kernel in KERNELS
        for count in (2, 3)
        for known in (False, True)
    ),
    *(("SVMClassifier", support_vectors(2, "RBF", classlabels_strings=WORDS[:2], post_transform=post)) for post in POSTS),
    *(("SVMClassifier", support_vectors(3, "RBF", classlabels_strings=WORDS[:3], post_transform=post)) for post in POSTS),
    (
        "SVMClassifier",
        {"coefficients": [0.1 * i - 0.5 for i in range(12)], "rho": [0.1], "classlabels_ints": [3, 5, 9]}
        | {"post_transform": "LOGISTIC", "kernel_type": "LINEAR", "kernel_params": [0.0, 0.0, 0.0]},
    ),
    *(
        (
            "SVMRegressor",
            {"coefficients": [0.1, -0.2], "support_vectors": [0.1 * i for i in range(8)], "n_supports": 2, "rho": [0.3]}
            | {"kernel_type": kernel, "kernel_params": [0.25, 0.5, 2.0], "one_class": int(kernel == "POLY")},
        )
        for kernel in KERNELS
    ),
    (
        "SVMRegressor",
        {"coefficients": [0.1, -0.2, 0.3, 0.4], "rho": [0.3], "kernel_type": "LINEAR", "kernel_params": [0.0, 0.0, 0.0]}
        | {"n_supports": 0},
    ),
    *(
        (
            "LinearClassifier",
            {"coefficients": [0.1 * i - 0.3 for i in range(4 * count)], "intercepts": [0.1, 0.2, 0.3][:count]}
            | {"classlabels_strings": WORDS[: max(count, 2)], "post_transform": post},
        )
        for count in (1, 2, 3)
        for post in POSTS
    ),
    *(
        ("LinearRegressor", {"coefficients": [1.0, 2.0, 3.0, 4.0] * count, "targets": count, "post_transform": post})
        for count in (1, 2)
        for post in POSTS
    ),
    *(
        ("TreeEnsembleRegressor", trees("target", count, MODES[:1]) | {"n_targets": count, "post_transform": post})
        for count in (1, 2)
        for post in POSTS
    ),
    *(
        (
            "TreeEnsembleClassifier",
            trees("class", count, MODES[:1]) | {"classlabels_strings": WORDS[:count], "post_transform": post},
        )
        for count in (2, 3)
        for post in POSTS
    ),
    ("Scaler", {"offset": [1.0, 2.0, 3.0, 4.0], "scale": [0.5, 2.0, 1.0, 1.0]}),
    ("Scaler", {"offset": [1.0], "scale": [0.5]}),
    *(("Normalizer", {"norm": norm}) for norm in ("MAX", "L1", "L2")),
    ("Imputer", {"imputed_value_floats": [1.0, 2.0, 3.0, 4.0], "replaced_value_float": 2.0}),
    ("Binarizer", {"threshold": 0.5}),
    ("LinearRegressor", {"coefficients": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], "intercepts": [0.1, 0.2], "targets": 2}),
    (
        "LinearClassifier",
        {"coefficients": [0.1 * i for i in range(12)], "intercepts": [0.1, 0.2, 0.3], "classlabels_ints": [3, 5, 9]}
        | {"post_transform": "SOFTMAX"},
    ),
    (
        "LinearClassifier",
        {"coefficients": [1.0, -2.0, 3.0, -0.4], "intercepts": [0.1], "classlabels_ints": [0, 1], "post_transform": "LOGISTIC"},
    ),
    ("TreeEnsembleRegressor", trees("target", 2, MODES) | {"n_targets": 2, "base_values": [0.5, 0.25]}),
    ("TreeEnsembleRegressor", trees("target", 1, MODES) | {"n_targets": 1, "aggregate_function": "MAX"}),
    ("TreeEnsembleClassifier", trees("class", 3, MODES[:1]) | {"classlabels_int64s": [4, 5, 6], "post_transform": "SOFTMAX"}),
    *(
        (
            "TreeEnsembleClassifier",
            trees("class", 1, MODES[:1], lowest) | {"classlabels_int64s": [0, 1], "post_transform": after},
        )
        for lowest in (0.0, -0.5)
        for after in ("NONE", "LOGISTIC")
    ),
]


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("opset", [1, 3])
@pytest.mark.parametrize(("op_type", "attributes"), CASES)
def test_equals_onnxruntime(op_type, attributes, opset, target):
    names = ["Y", "Z"] if op_type.endswith("Classifier") else ["Y"]
    node = onnx.helper.make_node(op_type, ["X"], names, domain="ai.onnx.ml", **attributes)
    label = onnx.TensorProto.STRING if "classlabels_strings" in attributes else onnx.TensorProto.INT64
    types = [label, onnx.TensorProto.FLOAT] if len(names) == 2 else [onnx.TensorProto.FLOAT]
    outputs = [onnx.helper.make_tensor_value_info(name, kind, None) for name, kind in zip(names, types, strict=True)]
    inputs = [onnx.helper.make_tensor_value_info("X", onnx.TensorProto.FLOAT, ["N", 4])]
    graph = onnx.helper.make_graph([node], "classical", inputs, outputs)
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("ai.onnx.ml", opset)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    x = np.random.default_rng(1).integers(-2, 3, (6, 4)).astype(np.float32) + np.float32(0.25) * (op_type == "Normalizer")
    if set(attributes.get("nodes_modes", [])) == {"BRANCH_LEQ", "LEAF"}:  # onnxruntime sends it elsewhere in mixed trees
        x[0, 0] = np.nan
    for want, have in zip(judge(model, {"X": x}), run(read(model), target, {"X": x}), strict=True):
        assert have.dtype == want.dtype
        assert have.shape == want.shape
        if want.dtype == object:
            assert have.tolist() == want.tolist()
            continue
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)


INTS, STRINGS = onnx.TensorProto.INT64, onnx.TensorProto.STRING


@pytest.mark.parametrize(
    ("opset", "types", "x", "attributes"),
    [
        (1, (STRINGS, INTS), ["b", "?", "a"], {"classes_strings": ["a", "b"], "default_int64": 7}),
        (1, (INTS, STRINGS), [1, 5, 0], {"classes_strings": ["a", "b"], "default_string": "none"}),
        (2, (INTS, INTS), [1, 5, 0], {"keys_int64s": [0, 1], "values_int64s": [8, 9], "default_int64": 7}),
        (2, (STRINGS, INTS), ["b", "?", "a"], {"keys_strings": ["a", "b"], "values_int64s": [8, 9]}),
        (4, (INTS, INTS), [1, 5, 0], {"keys_int64s": [0, 1], "values_int64s": [8, 9]}),
    ],
)
def test_old_forms_of_label_encoder(opset, types, x, attributes):
    node = onnx.helper.make_node("LabelEncoder", ["x"], ["y"], domain="ai.onnx.ml", **attributes)
    ports = [onnx.helper.make_tensor_value_info(name, kind, [3]) for name, kind in zip("xy", types, strict=True)]
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("ai.onnx.ml", opset)]
    graph = onnx.helper.make_graph([node], "labels", ports[:1], ports[1:])
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    feeds = {"x": np.array(x, object if types[0] == STRINGS else np.int64)}
    np.testing.assert_array_equal(judge(to_model(read(model)), feeds)[0], judge(model, feeds)[0])
