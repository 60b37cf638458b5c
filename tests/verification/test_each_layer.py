"""A layer that computes something else is found where no output shows it, and last bits are no fault."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

import converter
from converter import verification
from converter.verification import cases
from converter.verification.asking import ask
from converter.verification.judge import Judge
from tests.models import save


def node(operator, inputs, outputs, name="", **attributes):
    return helper.make_node(operator, inputs, outputs, name=name or operator.lower(), **attributes)


def detector(path):
    """Boxes of hundreds beside scores around 1, in one output."""
    rng = np.random.default_rng(0)
    nodes = [
        node("Gemm", ["x", "w", "b"], ["h"], "hidden"),
        node("Relu", ["h"], ["r"]),
        node("MatMul", ["r", "v"], ["boxes"], "boxes"),
        node("MatMul", ["r", "u"], ["logits"], "logits"),
        node("Sigmoid", ["logits"], ["scores"], "scores"),
        node("Concat", ["boxes", "scores"], ["y"], axis=1),
    ]
    weights = {"w": rng.standard_normal((6, 16)), "b": rng.standard_normal(16), "v": 400 * rng.standard_normal((16, 4))}
    weights = {name: array.astype(np.float32) for name, array in weights.items()}
    weights["u"] = rng.standard_normal((16, 3)).astype(np.float32) / 4
    return save(path, nodes, {"x": ["batch", 6]}, {"y": ["batch", 7]}, weights)


def converted(tmp_path, target):
    found = converter.convert(detector(tmp_path / "m.onnx"), to=target, out=tmp_path / "out")
    assert found.report.ok, found.report
    assert not found.report.layers  # nobody asked for them
    return found


@pytest.fixture(params=["pytorch", "keras"])
def conversion(request, tmp_path):
    return converted(tmp_path, request.param)


def edited(conversion, old, new):
    path = conversion.folder / "model.py"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    return conversion.verify()


COARSE = {
    "pytorch": ("torch.sigmoid(self.logits(hidden))", "torch.sigmoid(self.logits(hidden)).half().float()"),
    "keras": ('"sigmoid"', 'lambda x: ops.cast(ops.cast(ops.sigmoid(x), "float16"), "float32")'),
}


def test_scores_of_few_digits_beside_large_boxes(conversion):
    report = edited(conversion, *COARSE[conversion.target])
    assert not report.ok
    assert all(output.ok for output in report.outputs.values())
    assert report.layers[report.blame.layer].name == "scores"
    assert any("'scores' (Sigmoid) computes something else" in finding for finding in report.findings)


DROPPED = {
    "pytorch": ("F.relu(self.hidden(x))", "F.threshold(self.hidden(x), 1e-3, 0.0)"),
    "keras": ('"relu"', 'lambda x: ops.relu(x) * ops.cast(x > 1e-3, "float32")'),
}


def test_small_numbers_that_are_dropped(conversion):
    report = edited(conversion, *DROPPED[conversion.target])
    assert report.layers[report.blame.layer].name == "relu"


def test_what_last_bits_decide_is_held_to_what_the_code_had(tmp_path):
    """Which of two sums that are equal but for rounding is larger, and what is computed from it, too small for the output."""
    rng = np.random.default_rng(0)
    half = rng.standard_normal((64, 1))
    weight = np.concatenate([np.concatenate([half, half[::-1]]), np.concatenate([half[::-1], half])], axis=1)
    nodes = [
        node("Concat", ["x", "x"], ["twice"], "twice", axis=2),
        node("MatMul", ["twice", "w"], ["scores"]),
        node("ArgMax", ["scores"], ["best"], axis=2, keepdims=0),
        node("Gather", ["table", "best"], ["row"], axis=0),
        node("Add", ["row", "x"], ["sum"]),
        node("Mul", ["sum", "tiny"], ["small"]),
        node("Concat", ["scores", "small"], ["y"], "joined", axis=2),
    ]
    table = rng.standard_normal((1, 64)).astype(np.float32)
    weights = {"w": weight.astype(np.float32), "tiny": np.float32(1e-7), "table": np.concatenate([table, -table])}
    path = save(tmp_path / "m.onnx", nodes, {"x": ["batch", 200, 64]}, {"y": ["batch", 200, 66]}, weights)
    report = converter.convert(path, to="pytorch", out=tmp_path / "out").report
    assert report.ok, report


def test_what_cannot_be_recorded_is_a_warning(tmp_path):
    """A process that ends after it gave its answers has proven what it has."""
    unwilling = 'def load_model():\n    if __name__.startswith("traced"):\n        raise OSError("not to be watched")'
    report = edited(converted(tmp_path, "pytorch"), "def load_model():", unwilling)
    assert report.ok
    assert any("its layers could not be compared: OSError: not to be watched" in warning for warning in report.warnings)


def test_code_that_computes_the_same_in_another_way_is_no_fault(tmp_path):
    """As its owner may write it: two layers as one, whose results in between are nowhere."""
    rng = np.random.default_rng(0)
    nodes = [
        node("MatMul", ["x", "u"], ["a"], "first"),
        node("Mul", ["a", "two"], ["b"], "doubled"),
        node("MatMul", ["b", "v"], ["c"], "second"),
        node("Tanh", ["c"], ["y"], "end"),
    ]
    weights = {"u": rng.standard_normal((4, 6)), "v": rng.standard_normal((6, 3)), "two": np.array(2.5)}
    weights = {name: array.astype(np.float32) for name, array in weights.items()}
    path = save(tmp_path / "m.onnx", nodes, {"x": ["batch", 4]}, {"y": ["batch", 3]}, weights)
    one = converter.convert(path, to="pytorch", out=tmp_path / "out")
    _, _, forward = (one.folder / "model.py").read_text().partition("def forward(self, x):\n")
    body, _, _ = forward.partition("\n\n")
    both = "        both = 2.5 * (self.second.weight @ self.first.weight)\n        return torch.tanh(x @ both.T)"
    report = edited(one, body, both)
    assert report.ok, report


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_a_rectifier_of_what_is_positive_and_a_sum_with_little_are_no_fault(target, tmp_path):
    """The rectifier gives what it reads, and what the block reads is nearly that."""
    nodes, x = [node("Abs", ["x"], ["positive"]), node("Add", ["positive", "one"], ["r0"], "start")], "r0"
    for number in range(3):
        names = [f"{what}{number}" for what in ("branch", "sum", "relu")]
        nodes += [
            node("MatMul", [x, "w"], names[:1], names[0]),
            node("Add", [names[0], x], names[1:2], names[1]),
            node("Relu", names[1:2], names[2:], names[2]),
        ]
        x = names[2]
    weights = {"one": np.ones(6, np.float32), "w": np.full((6, 6), 1e-3, np.float32)}
    path = save(tmp_path / "m.onnx", nodes, {"x": ["batch", 6]}, {x: ["batch", 6]}, weights)
    found = converter.convert(path, to=target, out=tmp_path / "out")
    assert found.report.ok, found.report


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_the_rounding_of_sums_of_many_numbers_is_no_fault(target, tmp_path):
    """A mean of 20 beside a deviation of 0.01, over as many pixels as an image has."""
    nodes = [
        node("Mul", ["x", "scale"], ["tiny"], "scaled"),
        node("Add", ["tiny", "mean"], ["moved"], "moved"),
        node("InstanceNormalization", ["moved", "gain", "bias"], ["y"], "normalised"),
    ]
    weights = {"scale": np.array([0.01]), "mean": np.array([20]), "gain": np.array([1, 2]), "bias": np.array([0.5, 0.1])}
    weights = {name: array.astype(np.float32) for name, array in weights.items()}
    shape = ["batch", 2, 160, 160]
    path = save(tmp_path / "m.onnx", nodes, {"x": shape}, {"y": shape}, weights)
    found = converter.convert(path, to=target, out=tmp_path / "out")
    assert found.report.ok, found.report


@pytest.mark.parametrize("budget", [0, 300, 2000])
def test_what_is_beyond_the_budget_is_not_looked_at(tmp_path, monkeypatch, budget):
    conversion = converted(tmp_path, "pytorch")
    monkeypatch.setattr(verification, "ALONG", budget)
    assert conversion.verify().ok
    report = edited(conversion, *COARSE["pytorch"])
    assert report.ok and not report.layers  # the scores come last


def test_a_loop_over_the_samples_is_watched_for_few(tmp_path):
    body = helper.make_graph(
        [node("Add", ["h", "x"], ["n"]), node("Tanh", ["n"], ["m"]), node("Identity", ["m"], ["y"])],
        "body",
        [helper.make_tensor_value_info(name, 1, [4]) for name in ("h", "x")],
        [helper.make_tensor_value_info(name, 1, [4]) for name in ("m", "y")],
    )
    nodes = [
        node("Scan", ["zero", "x"], ["last", "all"], num_scan_inputs=1, body=body),
        node("Relu", ["all"], ["y"]),
    ]
    source = save(tmp_path / "m.onnx", nodes, {"x": ["batch", 4]}, {"y": ["batch", 4]}, {"zero": np.zeros(4, np.float32)})
    with Judge(converter.read(source)) as judge:
        asked, *_ = ask(judge, converter.read(source), (0, 1), (1, 3))
    every = [question for question, _ in asked]
    assert cases.watched(every).batch > 100
    assert cases.watched(every, loops=True).batch == 3
    report = converter.convert(source, to="pytorch", out=tmp_path / "out").verify(layers=True)
    assert report.ok and {layer.verdict for layer in report.layers} == {"equal"}
