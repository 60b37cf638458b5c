"""Counts of n-grams against onnxruntime: the conformance suite holds no weights and no mode but TF."""

import numpy as np
import onnx
import onnx.helper
import pytest

from tests.emitted import assert_equal

POOL = {"pool_int64s": [2, 3, 5, 4, 5, 6, 7, 8, 6, 7], "ngram_counts": [0, 4], "ngram_indexes": [3, 0, 5, 1, 6, 2, 4]}


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("mode", ["TF", "IDF", "TFIDF"])
@pytest.mark.parametrize(("shortest", "longest", "skips"), [(1, 1, 0), (1, 2, 0), (2, 2, 3), (1, 2, 9)])
def test_counts(mode, shortest, longest, skips, target):
    weights = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]
    node = onnx.helper.make_node(
        "TfIdfVectorizer", ["x"], ["y"], mode=mode, weights=weights,
        min_gram_length=shortest, max_gram_length=longest, max_skip_count=skips, **POOL,
    )  # fmt: skip
    x = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.INT64, ["batch", 6])
    y = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["batch", 7])
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "counts", [x], [y]), opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
    )
    assert_equal(model, target, {"x": np.array([[5, 6, 6, 5, 6, 7], [8, 6, 7, 8, 6, 7], [1, 2, 3, 5, 4, 9]])})
