"""Where emitted code differs from its source, the report names the layer, its line and, where it is recognised, the cause."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
from onnx import helper
from safetensors.numpy import load_file, save_file

import converter
from converter.graph import Value, Weight
from tests.models import classifier, save
from tests.sabotage.networks import write

NETWORKS = Path(__file__).parents[2] / "fixtures" / "networks"
ONCE = {"seeds": (0,), "batch_sizes": (1,)}


@pytest.fixture(scope="module")
def conversion(tmp_path_factory):
    folder = tmp_path_factory.mktemp("blame")
    return converter.convert(classifier(folder / "net.onnx"), to="pytorch", out=folder / "out", verify=False)


@pytest.fixture
def edited(conversion):
    """A function that changes the text of model.py and verifies it."""
    path = conversion.folder / "model.py"
    text = path.read_text()

    def verify(old, new, **asked):
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))
        report = conversion.verify(**ONCE | asked)
        return report, text[: text.index(old)].count("\n") + 1

    yield verify
    path.write_text(text)


PADDED = "self.conv(F.pad(image, (1, 2, 0, 1)))"
CASES = [
    ("(1, 2, 0, 1)", "(2, 1, 0, 1)", "conv", "were [0 1 2 1] instead of [0 1 1 2]"),
    (f"F.relu({PADDED}, inplace=True)", f"F.gelu({PADDED})", "relu", "Gelu stood in place of Relu"),
    (f"F.relu({PADDED}, inplace=True)", PADDED, "relu", "left out"),
    ("MaxPool2d(2)", "MaxPool2d(2, stride=1)", "pool", "the stride were [1 1]"),
    ("torch.flatten(x, 1)", "torch.flatten(x.permute(0, 2, 3, 1), 1)", "flatten", "the axes were in the order [0 2 3 1]"),
    ("torch.flatten(x, 1))", "torch.flatten(x, 1)) * 1.001", "fc", ""),
    ("dim=-1", "dim=0", "softmax", "the axis were 0"),
]


@pytest.mark.parametrize(("old", "new", "layer", "cause"), CASES, ids=[new for _, new, _, _ in CASES])
def test_an_edited_line_is_blamed_on_its_layer(edited, old, new, layer, cause):
    report, line = edited(old, new)
    assert not report.ok
    blamed = report.layers[report.blame.layer]
    assert (blamed.name, report.blame.stage, blamed.verdict) == (layer, "writing", "differs")
    assert cause in report.blame.cause
    assert line in (blamed.line, blamed.constructor)


NOT_LOADED = [
    ("nn.Linear(40, 5)", "nn.Linear(40, 6)", "fc", "'fc.bias' has the shape [6] instead of [5]"),
    ("nn.Linear(40, 5)", "nn.Linear(40, 5, bias=False)", "fc", "'fc.bias' is missing"),
    ("nn.Conv2d(3, 4, 3,", "nn.Conv2d(3, 4, (3, 2),", "conv", "'conv.weight' has the shape [4, 3, 3, 2] instead"),
    ("nn.Linear(40, 5)", "nn.Linear(40, '5')", "fc", "there the code ends with TypeError"),
    ("nn.Conv2d(3, 4, 3,", "nn.Conv2d(3, 4, 3, groups=2,", "conv", "there the code ends with ValueError"),
    ("nn.Conv2d(3, 4, 3, stride=(2, 1))", "nn.BatchNorm2d(4)", "conv", "'conv.weight' has the shape [4] instead"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "layer", "cause"), NOT_LOADED, ids=[new for _, new, _, _ in NOT_LOADED])
def test_a_layer_that_does_not_take_its_weights_is_blamed_in_the_line_that_constructs_it(edited, old, new, layer, cause):
    report, line = edited(old, new)
    blamed = report.layers[report.blame.layer]
    assert (blamed.name, blamed.line) == (layer, line)
    assert cause in report.blame.cause


POOLED = 'self.pool(F.pad(x, (0, 1, 0, 0), value=float("-inf")))'
CHANGED = [f"torch.abs({POOLED} - 0.1)", f"{POOLED}.half().float()", f"{POOLED}.flip(-1) * 1.1"]


@pytest.mark.parametrize("new", CHANGED)
def test_what_a_result_became_before_it_is_read_is_blamed_on_its_layer(edited, new):
    report, line = edited(POOLED, new)
    blamed = report.layers[report.blame.layer]
    assert (blamed.name, blamed.line) == ("pool", line)
    assert "changed before it is read" in report.blame.cause


def test_what_is_kept_from_another_call_is_blamed_on_its_layer(edited):
    kept = f'self.__dict__.setdefault(("kept", image.shape), {POOLED})'
    report, line = edited(POOLED, kept, seeds=(0, 1))
    assert not report.ok
    blamed = report.layers[report.blame.layer]
    assert (blamed.name, blamed.line) == ("pool", line)
    assert "behind other calls" in report.blame.cause


def test_code_that_ends_behind_its_last_layer_is_blamed_on_that(edited):
    report, line = edited("dim=-1)", "dim=-1)[7]")
    blamed = report.layers[report.blame.layer]
    assert (blamed.name, blamed.line) == ("softmax", line)
    assert "there the code ends with IndexError" in report.blame.cause


WRITTEN = ["x += 0.1", "x.mul_(1.01)", "x[:, 0] = x[:, 1]"]


@pytest.mark.parametrize("statement", WRITTEN)
def test_a_statement_that_changes_a_result_is_blamed_on_its_layer(edited, statement):
    report, line = edited(f"x = {POOLED}", f"x = {POOLED}\n        {statement}")
    blamed = report.layers[report.blame.layer]
    assert (blamed.name, blamed.line) == ("pool", line + 1)
    assert "changed before it is read" in report.blame.cause


def test_of_a_function_both_lines_are_told_the_call_first(tmp_path):
    conversion = converter.convert(write("decoder", tmp_path), to="pytorch", out=tmp_path / "out", verify=False)
    path = conversion.folder / "model.py"
    old, new = "rotate_half(key)", "rotate_half(-key)"
    with changed(path, old, new):
        lines = path.read_text().splitlines()
        report = conversion.verify(**ONCE)
    blamed = report.layers[report.blame.layer]
    assert blamed.name in ("k.rotary.turned", "k.heads")
    assert new in blamed.code
    report = conversion.verify(**ONCE, layers=True)
    turned = [row for row in report.layers if row.op == "RotateHalf"]
    assert ["rotate_half(" in row.code and "torch.cat([-second" in lines[row.within - 1] for row in turned] == [True, True]


def test_code_that_ends_in_a_function_is_blamed_on_the_layer_that_calls_it(tmp_path):
    """What it reads is stored in another order of axes there, of which one is 1 long, and is no fault."""
    conversion = converter.convert(write("recurrent", tmp_path), to="pytorch", out=tmp_path / "out", verify=False)
    with changed(conversion.folder / "model.py", "past = (reset * hidden) @", "past = (reset * gone) @"):
        report = conversion.verify(**ONCE)
    blamed = report.layers[report.blame.layer]
    assert blamed.name == "gru_back" and "(reset * gone)" in blamed.code
    assert "there the code ends with NameError" in report.blame.cause


def test_code_that_ends_in_a_line_is_blamed_there(edited):
    report, line = edited(POOLED, POOLED.replace("self.pool", "self.pool[1]"))
    blamed = report.layers[report.blame.layer]
    assert (blamed.name, blamed.line) == ("pool", line)
    assert "there the code ends with" in report.blame.cause


def test_where_a_layer_fails_its_constructor_is_told(edited):
    report, line = edited("MaxPool2d(2)", "MaxPool2d(2, padding=2)")
    blamed = report.layers[report.blame.layer]
    assert (blamed.name, blamed.code) == ("pool", f"x = {POOLED}")
    assert f"in the layer that line {line} constructs" in report.blame.cause


def test_a_weight_of_which_one_number_is_one_percent_off(conversion):
    path = conversion.folder / "model.safetensors"
    weights = load_file(path)
    changed = {key: np.array(array) for key, array in weights.items()}
    changed["conv.weight"][1, 2, 0, 1] *= 1.01
    save_file(changed, path)
    report = conversion.verify(**ONCE)
    save_file(weights, path)
    assert report.layers[report.blame.layer].name == "conv"
    assert "'conv.weight' differs from the source's in 1 number" in report.blame.cause


def test_a_fault_in_reading_is_told_apart(conversion, tmp_path):
    graph = converter.read(classifier(tmp_path / "net.onnx"))
    gemm = next(node for node in graph.nodes if node.name == "fc")
    gemm.attributes["alpha"] = 0.5
    report = converter.convert(graph, to="pytorch", out=tmp_path / "out", **ONCE).report
    assert (report.layers[report.blame.layer].name, report.blame.stage) == ("fc", "reading")
    assert "alpha were 1 instead of 0.5" in report.blame.cause


def test_code_that_does_not_run_is_blamed_on_the_layer_that_gives_another_shape(edited):
    report, _ = edited("stride=(2, 1)", "stride=(1, 2)")
    assert report.findings
    assert report.layers[report.blame.layer].name == "conv"
    assert "the stride were [1 2] instead of [2 1]" in report.blame.cause


def test_what_an_activation_of_keras_is_applied_to_is_visible(tmp_path):
    conversion = converter.convert(classifier(tmp_path / "net.onnx"), to="keras", out=tmp_path / "out", verify=False)
    path = conversion.folder / "model.py"
    path.write_text(path.read_text().replace('activation="relu"', 'activation="elu"'))
    report = conversion.verify(**ONCE)
    assert (report.layers[report.blame.layer].name, report.layers[0].verdict) == ("relu", "equal")
    assert "Elu stood in place of Relu" in report.blame.cause


def test_code_that_does_not_run_for_several_samples_is_looked_into_for_several(edited):
    report, line = edited("torch.flatten(x, 1)", "x.transpose(0, 1).reshape(1, -1)", batch_sizes=(1, 3))
    assert any("did not run" in finding for finding in report.findings)
    blamed = report.layers[report.blame.layer]
    assert (blamed.name, blamed.line) == ("flatten", line)


def test_a_missing_weights_file_is_no_fault_of_a_layer(edited):
    report, _ = edited("model.safetensors", "absent.safetensors", batch_sizes=(1,))
    assert "absent.safetensors" in report.findings[0] and report.blame is None


def test_integers_of_which_many_are_one_away_are_blamed_where_they_arise(tmp_path):
    """One quantum is allowed to a number, because the last bit may decide, but not to all."""
    graph = converter.read(write("quantised", tmp_path))
    node = next(node for node in graph.nodes if node.name == "q0.quantise")
    zero = node.inputs[2]
    node.set_input(2, Value.of_weight(Weight.of(zero.array + 1, zero.name), zero.name))
    report = converter.convert(graph, to="pytorch", out=tmp_path / "out", verify=False).verify(**ONCE)
    assert (report.layers[report.blame.layer].name, report.blame.stage) == ("q0.quantise", "reading")


def test_what_is_equal_is_looked_into_only_if_asked(conversion):
    assert conversion.verify(**ONCE).layers == []
    report = conversion.verify(**ONCE, layers=True)
    assert report.blame is None
    assert [layer.name for layer in report.layers] == ["conv", "relu", "pool", "flatten", "fc", "softmax"]
    assert {layer.verdict for layer in report.layers} == {"equal"}
    assert [layer.inputs for layer in report.layers] == [[], [0], [1], [2], [3], [4]]
    text = (conversion.folder / "model.py").read_text().splitlines()
    assert all(layer.code == text[layer.line - 1].strip() for layer in report.layers)


def test_a_fault_of_reading_behind_windows_is_not_blamed_on_them(tmp_path):
    """Windows have other axes in the source, under the same name."""
    graph = converter.read(NETWORKS / "swin.onnx")
    last = graph.nodes[-1]
    last.set_input(2, Value.of_weight(Weight.of(-last.inputs[2].array, "head.bias"), "head.bias"))
    report = converter.convert(graph, to="pytorch", out=tmp_path / "out", verify=False).verify(**ONCE)
    assert (report.layers[report.blame.layer].name, report.blame.stage) == (last.name, "reading")


def test_what_is_written_over_before_it_is_read_again(tmp_path):
    conversion = converter.convert(write("dense", tmp_path), to="pytorch", out=tmp_path / "out", verify=False)
    path = conversion.folder / "model.py"
    code = path.read_text()
    assert code.count("F.selu(stem_relu)") == 1
    path.write_text(code.replace("F.selu(stem_relu)", "F.selu(stem_relu, inplace=True)"))
    report = conversion.verify(**ONCE)
    assert not report.ok and report.layers[report.blame.layer].name == "selu"
    assert report.blame.cause == "it is written over its input, which is read again"


@contextmanager
def changed(path: Path, old: str, new: str) -> Iterator[None]:
    """The one place of a text changed, for a while."""
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    try:
        yield
    finally:
        path.write_text(text)


@pytest.fixture(scope="module")
def gpt(tmp_path_factory):
    """In Keras its attention is one layer, which stands for a dozen nodes; so is the embedding of its positions."""
    source = NETWORKS / "gpt.onnx"
    return converter.convert(source, to="keras", out=tmp_path_factory.mktemp("gpt") / "out", verify=False)


EDITED = [
    ("ops.gelu(out)", "ops.gelu(out, approximate=False)", "node_gelu", "the approximation were none instead of tanh"),
    ("use_causal_mask=True", "use_causal_mask=False", "node_scaled_dot_product_attention", "is_causal were 0 instead of 1"),
]


@pytest.mark.parametrize(("old", "new", "layer", "cause"), EDITED, ids=[new for _, new, _, _ in EDITED])
def test_of_several_nodes_that_one_layer_stands_for_the_one_is_blamed_that_explains_it(gpt, old, new, layer, cause):
    with changed(gpt.folder / "model.py", old, new):
        report = gpt.verify(seeds=(0,), batch_sizes=(2,))
    blamed = report.layers[report.blame.layer]
    assert (blamed.name, cause in report.blame.cause) == (layer, True)
    assert new in blamed.code or "MultiHeadAttention" in blamed.code


WEIGHTS = [("multi_head_attention/query_dense", "node_MatMul_7"), ("position_embedding", "node_embedding_1")]


@pytest.mark.parametrize(("place", "layer"), WEIGHTS, ids=[layer for _, layer in WEIGHTS])
def test_a_weight_of_a_layer_that_stands_for_several_nodes_is_blamed_on_the_one_that_reads_it(gpt, place, layer):
    with h5py.File(gpt.folder / "model.weights.h5", "r+") as file:
        weight = file[f"layers/{place}/vars/0"]
        right = weight[()]
        weight[...] = right * np.float32(1.01)
    report = gpt.verify(**ONCE)
    with h5py.File(gpt.folder / "model.weights.h5", "r+") as file:
        file[f"layers/{place}/vars/0"][...] = right
    assert report.layers[report.blame.layer].name == layer
    assert "differs from the source's" in report.blame.cause


RETURNED = [
    ("x, features", "features", "the model returns it as output 1 instead of 0"),
    ("features, features", "scores", "the model returns the result of 'features' in its place"),
    ("(features,)", "scores", "the model returns 1 instead of 2 outputs"),
    ("features, x, join1", "join1", "the model returns it as output 2 too"),
]


@pytest.mark.parametrize(("new", "layer", "cause"), RETURNED, ids=[new for new, _, _ in RETURNED])
def test_a_result_that_is_not_returned_in_its_place_is_blamed_on_its_layer(tmp_path, new, layer, cause):
    conversion = converter.convert(write("dense", tmp_path), to="pytorch", out=tmp_path / "out", verify=False)
    path = conversion.folder / "model.py"
    text = path.read_text()
    assert text.count("return features, x\n") == 1
    path.write_text(text.replace("return features, x\n", f"return {new}\n"))
    report = conversion.verify(**ONCE)
    assert not report.ok
    assert report.layers[report.blame.layer].name == layer
    assert cause in report.blame.cause


@pytest.fixture(scope="module")
def loops(tmp_path_factory):
    """A Loop, an If and a Scan, each with weights and functions inside."""
    folder = tmp_path_factory.mktemp("loops")
    return converter.convert(write("loops", folder), to="pytorch", out=folder / "out", verify=False)


INSIDE = [
    (", alpha=0.7)", ")", "loop.elu", "as if alpha were 1 instead of 0.7"),
    ("* 0.5 + image", "* 0.5 - image", "loop.sum", ""),
    ("negative_slope=0.1", "negative_slope=0.2", "then.out", "as if alpha were 0.2 instead of 0.1"),
    ("torch.tanh(self.else_conv(loop_x))", "F.softsign(self.else_conv(loop_x))", "else.out", "Softsign stood in place of Tanh"),
    ("torch.sigmoid(self.cell_fc1", "torch.tanh(self.cell_fc1", "cell.gate", "Tanh stood in place of Sigmoid"),
]


@pytest.mark.parametrize(("old", "new", "layer", "cause"), INSIDE, ids=[layer for _, _, layer, _ in INSIDE])
def test_a_layer_inside_a_loop_or_a_branch_is_blamed_by_its_name(loops, old, new, layer, cause):
    with changed(loops.folder / "model.py", old, new):
        report = loops.verify()
    blamed = report.layers[report.blame.layer]
    assert (blamed.name, report.blame.stage, blamed.verdict) == (layer, "writing", "differs")
    assert cause in report.blame.cause
    assert new.strip(", ") in blamed.code
    outer = {"loop": "loop", "cell": "scan"}.get(layer.partition(".")[0], "branch")
    assert {row.verdict for row in report.layers if row.name == outer} == {"differs"}


READ = [("loop.elu", "alpha", 0.35), ("then.out", "alpha", 0.2), ("cell.fc2", "beta", 0.5)]


@pytest.mark.parametrize(("layer", "attribute", "number"), READ)
def test_a_fault_of_reading_inside_a_loop_or_a_branch_is_blamed_on_the_layer_there(tmp_path, layer, attribute, number):
    graph = converter.read(write("loops", tmp_path))
    node = next(node for each in graph.nested() for node in each.nodes if node.name == layer)
    node.attributes[attribute] = number
    report = converter.convert(graph, to="pytorch", out=tmp_path / "out", seeds=(0, 1), batch_sizes=(2,)).report
    assert (report.layers[report.blame.layer].name, report.blame.stage) == (layer, "reading")
    assert f"{attribute} were" in report.blame.cause


def test_a_fault_of_reading_that_shows_in_a_later_question_is_blamed_as_one(tmp_path):
    """The code is as the graph says, in each question; the first, of noise, reaches no number beyond the threshold."""
    nodes = [
        helper.make_node("ThresholdedRelu", ["x"], ["r"], "threshold", alpha=5.0),
        helper.make_node("ReduceSum", ["r"], ["y"], "total", keepdims=0),
    ]
    graph = converter.read(save(tmp_path / "m.onnx", nodes, {"x": ["batch", 6]}, {"y": []}))
    graph.nodes[0].attributes["alpha"] = 6.0
    report = converter.convert(graph, to="pytorch", out=tmp_path / "out").report
    blamed = report.layers[report.blame.layer]
    assert (blamed.name, report.blame.stage) == ("threshold", "reading")
    assert "behind other calls" not in report.blame.cause


def test_a_loop_that_runs_once_too_seldom_is_blamed_itself(loops):
    path = loops.folder / "model.py"
    text = path.read_text()
    path.write_text(text.replace("range(3)", "range(2)"))
    report = loops.verify(**ONCE)
    path.write_text(text)
    assert report.layers[report.blame.layer].name == "loop"


def test_what_onnxruntime_computes_coarsely_is_not_blamed(tmp_path):
    """Its LRN adds up squares along the channels and takes them off again: behind large ones nothing is left of small ones."""
    scales = np.float32([1000, 1, 1, 1, 1, 1]).reshape(1, 6, 1, 1)
    weights = {"scales": scales, "w": np.random.default_rng(0).standard_normal((3, 6, 1, 1)).astype(np.float32)}
    nodes = [
        helper.make_node("Mul", ["x", "scales"], ["scaled"], name="scaled"),
        helper.make_node("LRN", ["scaled"], ["normal"], name="lrn", size=3, alpha=3.0, beta=0.75, bias=0.01),
        helper.make_node("Conv", ["normal", "w"], ["y"], name="conv"),
    ]
    path = save(tmp_path / "m.onnx", nodes, {"x": ["batch", 6, 5, 4]}, {"y": ["batch", 3, 5, 4]}, weights)
    one = converter.convert(path, to="pytorch", out=tmp_path / "out")
    assert one.report.ok, one.report
    with changed(one.folder / "model.py", "return self.conv(", "return 1.01 * self.conv("):
        report = one.verify(**ONCE)
    assert report.layers[report.blame.layer].name == "conv"
    assert {layer.verdict for layer in report.layers if layer.name == "lrn"} == {"equal"}
