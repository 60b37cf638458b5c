"""The commands: what they print, where, and their exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from converter.cli import app
from tests import models

ROOT = Path(__file__).parents[2]
ALEXNET = ROOT / "fixtures" / "alexnet.mat"


def run(*arguments):
    """(exit code, stdout, stderr). An exception other than an exit is a bug and raises."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return models.classifier(tmp_path_factory.mktemp("models") / "classifier.onnx")


def test_inspect_lists_the_layers_as_matlab_people_know_them():
    code, out, _ = run("inspect", ALEXNET, "--json")
    found = json.loads(out)
    assert code == 0
    assert set(found) == {"source", "name", "kind", "inputs", "outputs", "layers", "parameters", "refused", "notes"}
    assert [layer["number"] for layer in found["layers"]] == list(range(1, 26))
    conv2 = found["layers"][5]
    assert conv2["name"] == "conv2" and conv2["type"] == "2-D Grouped Convolution"
    assert conv2["description"] == "2 groups of 128 5×5×48 convolutions with stride [1  1] and padding [2  2  2  2]"
    assert conv2["output_shapes"] == [["batch", 256, 27, 27]]
    assert conv2["parameters"] == 256 * 48 * 5 * 5 + 256
    assert found["parameters"] == 60_965_224, "the figure published for AlexNet with two groups"
    assert found["refused"] == {"keras": [], "pytorch": [], "onnx": []}


def test_inspect_says_where_same_would_be_equal():
    layers = json.loads(run("inspect", ALEXNET, "--json")[1])["layers"]
    verdicts = {layer["name"]: layer["same"]["equal"] for layer in layers if layer["same"]}
    assert verdicts == {"conv2": True, "conv3": True, "conv4": True, "conv5": True}


def test_inspect_says_why_same_would_differ(source):
    layers = json.loads(run("inspect", source, "--json")[1])["layers"]
    verdicts = {layer["name"]: layer["same"] for layer in layers if layer["same"]}
    assert set(verdicts) == {"conv", "pool"} and not any(verdict["equal"] for verdict in verdicts.values())
    assert "[0  1  1  2]" in verdicts["conv"]["reason"], "top, bottom, left, right"


def test_inspect_describes_onnx_nodes_in_the_same_words(source):
    layers = json.loads(run("inspect", source, "--json")[1])["layers"]
    words = {layer["name"]: layer["description"] for layer in layers}
    assert words["conv"] == "4 3×3×3 convolutions with stride [2  1] and padding [0  1  1  2]"
    assert words["pool"] == "2×2 max pooling with stride [2  2] and padding [0  0  0  1]"
    assert words["fc"] == "5 fully connected layer"
    assert sum(layer["parameters"] for layer in layers) == 4 * 27 + 4 + 5 * 40 + 5


def test_inspect_lists_unknown_operators_and_their_refusal(tmp_path):
    code, out, _ = run("inspect", models.unknown_operators(tmp_path / "unknown.onnx"), "--json")
    found = json.loads(out)
    assert code == 0
    assert [layer["name"] for layer in found["layers"] if "keras" in layer["refused"]] == ["first", "second"]
    assert len(found["refused"]["pytorch"]) == 2


def test_inspect_prints_a_table():
    code, out, _ = run("inspect", ALEXNET)
    assert code == 0 and "27×27×256" in out and "60,965,224 parameters" in out


def test_convert_exits_with_0_when_equal(source, tmp_path):
    code, out, err = run("convert", source, "--to", "pytorch", "--out", tmp_path / "out")
    assert code == 0 and "equal" in out and "NOT EQUAL" not in out and not err
    assert (tmp_path / "out" / "model.py").is_file()


def test_convert_exits_with_1_when_not_equal(source, tmp_path, monkeypatch):
    # The emitted model of a network whose weights were read wrong: every kernel mirrored.
    from converter import conversion

    save = conversion.save_weights
    monkeypatch.setattr(
        conversion, "save_weights", lambda weights, *rest: save({k: _mirrored(w) for k, w in weights.items()}, *rest)
    )
    code, out, _ = run("convert", source, "--to", "pytorch", "--out", tmp_path / "out")
    assert code == 1 and "NOT EQUAL" in out
    assert json.loads((tmp_path / "out" / "conversion.json").read_text())["verification"]["ok"] is False
    assert run("check", tmp_path / "out")[0] == 1


def _mirrored(weight):
    return weight.map(lambda array: np.flip(array, axis=-1), weight.shape)


def test_no_verify_writes_without_running(source, tmp_path):
    code, out, _ = run("convert", source, "--to", "pytorch", "--out", tmp_path / "out", "--no-verify")
    assert code == 0 and "not verified" in out
    assert json.loads((tmp_path / "out" / "conversion.json").read_text())["verification"] is None


def test_operators_json():
    code, out, _ = run("operators", "--json")
    rows = json.loads(out)
    assert code == 0
    assert all(set(row) == {"name", "domain", "pytorch", "keras", "restrictions"} for row in rows)
    conv = next(row for row in rows if row["name"] == "Conv")
    assert conv["pytorch"] is True and conv["keras"] is True


def test_operators_table():
    code, out, _ = run("operators")
    assert code == 0 and "MaxPool" in out


def test_check_runs_specs_and_conversions(source, tmp_path):
    (tmp_path / "specs").mkdir()
    text = f'[equivalence]\nmodel = "{source}"\ntargets = ["onnx"]\n'
    (tmp_path / "specs" / "tiny.toml").write_text(text)
    run("convert", source, "--to", "onnx", "--out", tmp_path / "out", "--no-verify")
    code, out, err = run("check", tmp_path / "specs", tmp_path / "out")
    assert (code, err) == (0, "") and out.count("equal  ") == 2 and "2 equal" in out


def test_check_exits_with_2_for_what_is_no_spec_and_goes_on(source, tmp_path):
    good = tmp_path / "good.toml"
    good.write_text(f'[equivalence]\nmodel = "{source}"\ntargets = ["onnx"]\n')
    (tmp_path / "empty").mkdir()
    code, out, err = run("check", tmp_path / "empty", tmp_path / "missing.toml", good)
    assert code == 2 and "no specs and no conversion" in err and "missing.toml" in err and "good.toml" in out


def test_start_up_imports_no_framework():
    heavy = ("torch", "tensorflow", "keras", "onnx", "onnxruntime")
    code = f"import sys, converter.cli; print([module for module in {heavy} if module in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_inspecting_and_converting_import_no_framework(source, tmp_path):
    code = (
        "import sys, converter\nfrom converter.inspection import inspect\n"
        f"inspect(converter.read({str(source)!r}))\n"
        f"converter.convert({str(source)!r}, 'pytorch', {str(tmp_path / 'out')!r}, verify=False)\n"
        "print([m for m in ('torch', 'tensorflow', 'keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
