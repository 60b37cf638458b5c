"""Operators on strings against onnxruntime, which the conformance suite hardly asks for."""

import numpy as np
import onnx.helper
import onnx.numpy_helper
import pytest

import converter
from converter.emitters.patterns import python_pattern
from converter.operators import refusals
from tests.emitted import judge, read, run

STRING, FLOAT, INT64, BOOL = onnx.TensorProto.STRING, onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.BOOL
WORDS = np.array([["b", "", "naïve 'word'"], ["ab c", "b", "10"]], object)
ROW = np.array(["b", "a", "b", "", "Zoë", "a"], object)
NUMBERS = np.array([[0.1, -1e-7, 1e20], [np.inf, np.nan, 123456789.0]], np.float32)
CATEGORIES = {"cats_strings": ["b", "10"], "cats_int64s": [7, 9]}
PLACES = np.array([1, 0, -1])
both_targets = pytest.mark.parametrize("target", ["pytorch", "keras"])


def model(op_type: str, feeds: dict, count: int, kind: int, held: dict | None = None, domain: str = "", **attributes):
    """A model of one node: inputs, then constants; ``kind`` is the type of its first output, int64 that of the others."""
    names = [f"y{i}" for i in range(count)]
    node = onnx.helper.make_node(op_type, [*feeds, *(held or {})], names, domain=domain, **attributes)
    types = [kind, *[INT64] * (count - 1)]
    outputs = [onnx.helper.make_tensor_value_info(name, k, None) for name, k in zip(names, types, strict=True)]
    inputs = [
        onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), [None] * array.ndim)
        for name, array in feeds.items()
    ]
    initializers = [onnx.numpy_helper.from_array(array, name) for name, array in (held or {}).items()]
    graph = onnx.helper.make_graph([node], "strings", inputs, outputs, initializers)
    opsets = [onnx.helper.make_opsetid("", 20), onnx.helper.make_opsetid("ai.onnx.ml", 4)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9)


CASES = {
    "Reshape": ({"x": WORDS}, 1, STRING, {"shape": np.array([0, -1, 1])}, {}),
    "Reshape to known sizes": ({"x": WORDS}, 1, STRING, {"shape": np.array([3, 2])}, {}),
    "Flatten": ({"x": WORDS}, 1, STRING, {}, {"axis": 0}),
    "Transpose": ({"x": WORDS}, 1, STRING, {}, {}),
    "Concat": ({"x": WORDS, "y": WORDS}, 1, STRING, {}, {"axis": 1}),
    "Concat with a constant": ({"x": WORDS}, 1, STRING, {"y": np.array([["p", "q"]] * 2, object)}, {"axis": -1}),
    "Squeeze": ({"x": WORDS[:, :1]}, 1, STRING, {"axes": np.array([1])}, {}),
    "Unsqueeze": ({"x": WORDS}, 1, STRING, {"axes": np.array([0, 3])}, {}),
    "Expand": ({"x": WORDS}, 1, STRING, {"shape": np.array([2, 1, 1])}, {}),
    "Tile": ({"x": WORDS}, 1, STRING, {"repeats": np.array([2, 1])}, {}),
    "Gather": ({"x": WORDS}, 1, STRING, {"i": PLACES}, {"axis": 1}),
    "Gather at places that come": ({"x": WORDS, "i": PLACES}, 1, STRING, {}, {"axis": 1}),
    "Slice": ({"x": WORDS}, 1, STRING, {"a": np.array([2]), "b": np.array([-9]), "c": np.array([1]), "d": np.array([-1])}, {}),
    "Where": ({"c": WORDS == "b", "x": WORDS}, 1, STRING, {"y": np.array("none", object)}, {}),
    "Shape": ({"x": WORDS}, 1, INT64, {}, {}),
    "Size": ({"x": WORDS}, 1, INT64, {}, {}),
    "Equal": ({"x": WORDS}, 1, BOOL, {"y": np.array("b", object)}, {}),
    "Equal of single strings": ({"x": np.array("b", object), "y": np.array("b", object)}, 1, BOOL, {}, {}),
    "Unique": ({"x": ROW}, 4, STRING, {}, {}),
    "Unique as they come": ({"x": ROW}, 4, STRING, {}, {"sorted": 0, "axis": 0}),
    "Cast of floats": ({"x": NUMBERS}, 1, STRING, {}, {"to": STRING}),
    "Cast of doubles": ({"x": np.float64([0.1, -1e300, 3.0])}, 1, STRING, {}, {"to": STRING}),
    "Cast of half floats": ({"x": np.float16([0.1, -7.5, 3.0])}, 1, STRING, {}, {"to": STRING}),
    "Cast of whole numbers": ({"x": np.array([-5, 2**60])}, 1, STRING, {}, {"to": STRING}),
    "Cast of truth": ({"x": np.array([True, False])}, 1, STRING, {}, {"to": STRING}),
    "Cast to floats": ({"x": np.array(["1.5", "-inf", "NaN", "1e-3", "+INF"], object)}, 1, FLOAT, {}, {"to": FLOAT}),
    "Cast to whole numbers": ({"x": np.array(["15", "-3"], object)}, 1, INT64, {}, {"to": INT64}),
    "StringConcat": ({"x": WORDS, "y": ROW[:3]}, 1, STRING, {}, {}),
    "StringConcat of single strings": ({"x": np.array("a", object), "y": np.array("b", object)}, 1, STRING, {}, {}),
    "StringSplit": ({"x": np.array(["a  b c ", " ", "d", ""], object)}, 2, STRING, {}, {}),
    "StringSplit once": ({"x": np.array(["a  b  c ", " ", "d\te", ""], object)}, 2, STRING, {}, {"maxsplit": 1}),
    "StringSplit never": ({"x": np.array([" a  b"], object)}, 2, STRING, {}, {"maxsplit": 0}),
    "StringSplit at commas": ({"x": np.array([["a,,b,c", ",", "d"]], object)}, 2, STRING, {}, {"delimiter": ","}),
    **{
        f"StringNormalizer {case} {sensitive} {words}": (
            {"x": np.array(["Straße", "ΑΣ", "monday", "Monday", "İ"], object)},
            1, STRING, {},
            {"case_change_action": case, "is_case_sensitive": sensitive, "locale": "C.UTF-8"} | words,
        )
        for case in ("NONE", "LOWER", "UPPER")
        for sensitive in (0, 1)
        for words in ({}, {"stopwords": ["monday"]})
    },
    "TfIdfVectorizer": (
        {"x": np.array([["a", "b", "a", "b", "c"]] * 2, object)}, 1, FLOAT, {},
        {
            "mode": "TFIDF", "min_gram_length": 1, "max_gram_length": 2, "max_skip_count": 1, "ngram_counts": [0, 2],
            "ngram_indexes": [0, 2, 1], "pool_strings": ["a", "c", "b", "a"], "weights": [0.5, 1.5, 2.0],
        },
    ),
    "ArrayFeatureExtractor": ({"x": WORDS}, 1, STRING, {"i": np.array([[2, 0]])}, {}),
    "ArrayFeatureExtractor of one axis": ({"x": ROW}, 1, STRING, {"i": np.array([2])}, {}),
    "ArrayFeatureExtractor of numbers": ({"x": NUMBERS}, 1, FLOAT, {"i": np.array([2])}, {}),
    "ArrayFeatureExtractor of a row of numbers": ({"x": NUMBERS[0]}, 1, FLOAT, {"i": np.array([2])}, {}),
    "ArrayFeatureExtractor at places that come": ({"x": NUMBERS, "i": np.array([2, 0])}, 1, FLOAT, {}, {}),
    "OneHotEncoder": ({"x": WORDS}, 1, FLOAT, {}, {"cats_strings": ["b", "10", ""]}),
    "CategoryMapper of strings": ({"x": WORDS}, 1, INT64, {}, CATEGORIES | {"default_int64": -3}),
    "CategoryMapper of numbers": ({"x": np.array([[7, 9, 5]])}, 1, STRING, {}, CATEGORIES | {"default_string": "'"}),
    "LabelEncoder of strings": ({"x": WORDS}, 1, FLOAT, {}, {"keys_strings": ["b", "10"], "values_floats": [0.5, 1.5]}),
    "LabelEncoder to strings": ({"x": NUMBERS}, 1, STRING, {}, {"keys_floats": [1e20, np.nan], "values_strings": ["a", "b"]}),
    "LabelEncoder between strings": ({"x": WORDS}, 1, STRING, {}, {"keys_strings": ["b", "10"], "values_strings": ["\\", '"']}),
}  # fmt: skip
CLASSICAL = {"ArrayFeatureExtractor", "OneHotEncoder", "CategoryMapper", "LabelEncoder"}


@both_targets
@pytest.mark.parametrize("name", CASES)
def test_equals_onnxruntime(name, target):
    feeds, count, kind, weights, attributes = CASES[name]
    op_type = name.partition(" ")[0]
    asked = model(op_type, feeds, count, kind, weights, "ai.onnx.ml" if op_type in CLASSICAL else "", **attributes)
    for want, have in zip(judge(asked, feeds), run(read(asked), target, feeds), strict=True):
        want, have = np.asarray(want), np.asarray(have)
        assert have.shape == want.shape
        assert have.dtype == want.dtype
        np.testing.assert_array_equal(have, want)


@both_targets
def test_other_operators_refuse_strings_by_name(target):
    feeds = {"x": ROW, "c": ROW == "a"}
    (problem,) = refusals(read(model("Compress", feeds, 1, STRING)), target)
    assert "operator Compress is not supported on strings" in str(problem)


@both_targets
def test_complex_numbers_are_refused_by_name(target):
    (problem,) = refusals(
        read(model("Transpose", {"x": np.zeros((2, 3), np.complex64)}, 1, onnx.TensorProto.COMPLEX64)), target
    )
    assert "Transpose works on complex numbers" in str(problem)


PATTERNS = [
    r"[a-z]+@\w+\.com",
    r"\s*a[\s,]b\S+",
    r"a$",
    r"^a\z",
    "[]a]+",
    "[^]a]+",
    "(a|b){2,}",
    "(?:a)(?P<n>b)",
    r"\d\D\W",
    r"\\\[",
    "[a[]b",
]
TEXTS = ["ab@x.com", "a b!", " \v a,bc", "a", "a\n", "]a]", "b", "abab", "ab", "1x-", "é1", "\\[", "[b", "ß!a ,", "\u0661a-"]


@both_targets
@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns(pattern, target):
    feeds = {"x": np.array(TEXTS, object)}
    asked = model("RegexFullMatch", feeds, 1, BOOL, pattern=pattern)
    np.testing.assert_array_equal(run(read(asked), target, feeds)[0], judge(asked, feeds)[0])


@pytest.mark.parametrize("pattern", [r"\pL+", "[[:alpha:]]", "(?i)a", r"\Qa.b\E", "a{,3}", r"\C", r"\x{61}"])
def test_patterns_that_python_reads_otherwise_are_refused(pattern):
    with pytest.raises(ValueError):
        python_pattern(pattern)
    asked = model("RegexFullMatch", {"x": ROW}, 1, BOOL, pattern=pattern)
    assert "RegexFullMatch is refused" in str(refusals(read(asked), "pytorch")[0])


TOKENS = {
    "words": {"tokenexp": "[a-zA-Z0-9_]+", "mincharnum": 1},
    "long words in marks": {"tokenexp": "[a-z]+", "mincharnum": 2, "mark": 1},
    "characters": {"separators": [""], "mincharnum": 1},
    "between separators": {"separators": [" ", "t"], "mincharnum": 2},
    "between many characters": {"separators": ["[ .]+"], "mincharnum": 1},
    "nothing": {"tokenexp": "q+", "mincharnum": 1, "mark": 1},
}


@both_targets
@pytest.mark.parametrize("name", TOKENS)
def test_tokens(name, target):
    feeds = {"x": np.array([["cat dog. the", "a"], ["", "naïve é"]], object)}
    node = onnx.helper.make_node("Tokenizer", ["x"], ["y"], domain="com.microsoft", pad_value="#", **{"mark": 0} | TOKENS[name])
    ends = [onnx.helper.make_tensor_value_info(key, STRING, shape) for key, shape in (("x", ["N", 2]), ("y", None))]
    opsets = [onnx.helper.make_opsetid("", 20), onnx.helper.make_opsetid("com.microsoft", 1)]
    graph = onnx.helper.make_graph([node], "tokens", ends[:1], ends[1:])
    asked = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9)
    (want,), (have,) = judge(asked, feeds), run(read(asked), target, feeds)
    assert have.shape == want.shape
    assert have.tolist() == want.tolist()


def test_strings_and_numbers_reach_every_backend(monkeypatch, tmp_path):
    """Keras itself would make tensors of strings on TensorFlow, and fail on the others."""
    nodes = [
        onnx.helper.make_node(
            "LabelEncoder", ["w"], ["c"], domain="ai.onnx.ml", keys_strings=["a", "b"], values_floats=[1.0, 2.0]
        ),
        onnx.helper.make_node("Add", ["c", "n"], ["s"]),
    ]
    ends = [
        onnx.helper.make_tensor_value_info(key, kind, ["N", 3]) for key, kind in (("w", STRING), ("n", FLOAT), ("s", FLOAT))
    ]
    graph = onnx.helper.make_graph(nodes, "both", ends[:2], ends[2:])
    opsets = [onnx.helper.make_opsetid("", 20), onnx.helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9), tmp_path / "model.onnx")
    for backend in ("tensorflow", "torch", "jax"):
        pytest.importorskip(backend)
        monkeypatch.setenv("KERAS_BACKEND", backend)
        report = converter.convert(tmp_path / "model.onnx", to="keras", out=tmp_path / backend).report
        assert report.ok, report
        assert backend in report.versions
