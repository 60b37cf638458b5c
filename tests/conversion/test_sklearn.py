"""Pipelines of scikit-learn as skl2onnx writes them, converted to both targets and verified."""

import numpy as np
import pytest

import converter

pytestmark = pytest.mark.exports
skl2onnx = pytest.importorskip("skl2onnx")
onnx = pytest.importorskip("onnx")

from skl2onnx.common import data_types  # noqa: E402
from sklearn import (  # noqa: E402  # noqa: E402
    cluster,
    compose,
    ensemble,
    feature_extraction,
    linear_model,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(120, 4)).astype(np.float32)
PLACES = (X @ RANDOM.normal(size=(4, 3))).argmax(1)
NAMES = np.array(["setosa", "versicolor", "l'herbe"])[PLACES]
BINARY = (PLACES == 0).astype(int)
TEXTS = [" ".join(RANDOM.choice(["cat", "dog", "the", "house", "Red"], 5)) for _ in range(60)]
COLUMNS = np.array([RANDOM.choice(["m", "f"], 120), RANDOM.choice(["Bern", "Zürich", "Ulm"], 120)], dtype=object).T

NUMBERS = [("x", data_types.FloatTensorType([None, 4]))]
WORDS = [("x", data_types.StringTensorType([None, 2]))]
TEXT = [("x", data_types.StringTensorType([None, 1]))]
MIXED = [("n", data_types.FloatTensorType([None, 4])), *((name, data_types.StringTensorType([None, 1])) for name in "vw")]
MAP = [("x", data_types.DictionaryType(data_types.StringType(), data_types.FloatTensorType([])))]


def mixed(unknown: str):
    """Numbers scaled and words made columns of their own, from one table."""
    words = preprocessing.OneHotEncoder(handle_unknown=unknown)
    parts = [("numbers", preprocessing.StandardScaler(), [0, 1, 2, 3]), ("words", words, [4, 5])]
    return compose.ColumnTransformer(parts)


def steps(*parts):
    return pipeline.make_pipeline(*parts)


TABLE = np.concatenate([X.astype(object), COLUMNS], axis=1)
MODELS = {
    "logistic regression": (
        lambda: steps(preprocessing.StandardScaler(), linear_model.LogisticRegression()), X, NAMES, NUMBERS,
    ),
    "of two classes": (linear_model.LogisticRegression, X, BINARY, NUMBERS),
    "support vectors": (svm.SVC, X, NAMES, NUMBERS),
    "support vectors of two classes": (lambda: svm.NuSVC(kernel="poly"), X, BINARY, NUMBERS),
    "support vector regression": (svm.SVR, X, X[:, 0], NUMBERS),
    "forest": (lambda: ensemble.RandomForestClassifier(5), X, NAMES, NUMBERS),
    "forest of two classes": (lambda: ensemble.RandomForestClassifier(5), X, BINARY, NUMBERS),
    "forest for numbers": (lambda: ensemble.RandomForestRegressor(5), X, X[:, 0], NUMBERS),
    "boosting": (lambda: ensemble.GradientBoostingClassifier(n_estimators=5), X, NAMES, NUMBERS),
    "boosting of two classes": (lambda: ensemble.GradientBoostingClassifier(n_estimators=5), X, BINARY, NUMBERS),
    "tree": (tree.DecisionTreeClassifier, X, NAMES, NUMBERS),
    "clusters": (lambda: cluster.KMeans(3, n_init=1), X, None, NUMBERS),
    "perceptron": (lambda: neural_network.MLPClassifier(8, max_iter=20), X, NAMES, NUMBERS),
    "neighbours": (lambda: neighbors.KNeighborsClassifier(3), X, NAMES, NUMBERS),
    "columns": (lambda: steps(mixed("ignore"), linear_model.LogisticRegression()), TABLE, NAMES, MIXED),
    "columns of known words": (lambda: steps(mixed("error"), tree.DecisionTreeClassifier()), TABLE, NAMES, MIXED),
    "ordinals": (lambda: steps(preprocessing.OrdinalEncoder(), linear_model.LogisticRegression()), COLUMNS, BINARY, WORDS),
    "word counts": (
        lambda: steps(feature_extraction.text.TfidfVectorizer(lowercase=False), linear_model.LogisticRegression()),
        TEXTS, BINARY[:60], TEXT,
    ),
    "pairs of words": (lambda: feature_extraction.text.CountVectorizer(ngram_range=(1, 2), lowercase=False), TEXTS, None, TEXT),
    "dictionaries": (
        lambda: steps(feature_extraction.DictVectorizer(sparse=False), linear_model.LogisticRegression()),
        [{"a": float(row[0]), "b": float(row[1])} for row in X], BINARY, MAP,
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("maps", [True, False], ids=["maps", "tensors"])
@pytest.mark.parametrize("name", MODELS)
def test_converts_and_is_equal(name, maps, target, tmp_path):
    make, samples, answers, inputs = MODELS[name]
    fitted = make().fit(samples, answers)
    last = fitted.steps[-1][1] if isinstance(fitted, pipeline.Pipeline) else fitted
    options = {id(last): {"zipmap": maps}} if hasattr(last, "classes_") else None
    if options is None and not maps:
        pytest.skip("it gives no scores of classes")
    model = skl2onnx.convert_sklearn(fitted, name, inputs, target_opset={"": 20, "ai.onnx.ml": 3}, options=options)
    onnx.save(model, tmp_path / "model.onnx")
    conversion = converter.convert(tmp_path / "model.onnx", to=target, out=tmp_path / "out")
    assert conversion.report.ok, conversion.report
    if maps and options is not None:
        assert any(port.kind == "sequence" for port in conversion.outputs)
