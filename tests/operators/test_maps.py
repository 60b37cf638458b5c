"""Dictionaries in and out, and vectors put together, against onnxruntime."""

import numpy as np
import onnx.helper
import pytest

from tests.emitted import judge, read, run

FLOAT, INT64, STRING = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.STRING
X = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
WORDS = {"a": 1.5, "zz": -2.0, "naïve": 0.25}
SPARSE = {"map_form": "SPARSE", "max_map": 6}


def tensor(name: str, kind: int, shape=None) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, kind, shape)


def map_of(key: int) -> onnx.TypeProto:
    return onnx.helper.make_map_type_proto(key, onnx.helper.make_tensor_type_proto(FLOAT, []))


def rows(key: int) -> onnx.ValueInfoProto:
    return onnx.helper.make_value_info("y", onnx.helper.make_sequence_type_proto(map_of(key)))


CASES = {
    "ZipMap of numbers": ({"x": X}, rows(INT64), {"classlabels_int64s": [3, 1, 7, 9]}),
    "ZipMap of words": ({"x": X}, rows(STRING), {"classlabels_strings": ["b", "", "naïve 'w'", "a"]}),
    "DictVectorizer": ({"x": WORDS}, tensor("y", FLOAT), {"string_vocabulary": ["b", "naïve", "a"]}),
    "DictVectorizer of numbers": ({"x": {3: 1.5, 9: 2.0}}, tensor("y", FLOAT), {"int64_vocabulary": [9, 1, 3]}),
    **{
        f"CastMap {kind} {form.get('map_form', 'DENSE')}": (
            {"x": {3: 1.5, 1: -2.7, 2: 1e10}},
            tensor("y", kind),
            {"cast_to": to} | form,
        )
        for to, kind in (("TO_FLOAT", FLOAT), ("TO_STRING", STRING), ("TO_INT64", INT64))
        for form in ({}, SPARSE)
    },
    "FeatureVectorizer": ({"x": X, "z": X[:, :2]}, tensor("y", FLOAT), {"inputdimensions": [3, 4]}),
    "FeatureVectorizer of whole numbers": ({"x": X.astype(np.int64)}, tensor("y", FLOAT), {"inputdimensions": [4]}),
}


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("name", CASES)
def test_equals_onnxruntime(name, target):
    feeds, output, attributes = CASES[name]
    inputs = [
        onnx.helper.make_value_info(key, map_of(STRING if isinstance(next(iter(value)), str) else INT64))
        if isinstance(value, dict)
        else tensor(key, onnx.helper.np_dtype_to_tensor_dtype(value.dtype), ["N", *value.shape[1:]])
        for key, value in feeds.items()
    ]
    node = onnx.helper.make_node(name.partition(" ")[0], list(feeds), ["y"], domain="ai.onnx.ml", **attributes)
    graph = onnx.helper.make_graph([node], "maps", inputs, [output])
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("ai.onnx.ml", 3)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    (want,), (have,) = judge(model, feeds), run(read(model), target, feeds)
    if isinstance(want, list):
        assert have == want
    else:
        assert (have.shape, have.dtype) == (want.shape, want.dtype)
        assert have.tolist() == want.tolist()
