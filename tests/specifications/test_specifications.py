"""Equivalence specs: reading them, their mistakes, and running them under pytest."""

from pathlib import Path

import pytest

from converter.errors import ConversionError
from converter.specifications import find, is_specification, load
from tests import models

pytest_plugins = ["pytester"]


@pytest.fixture
def model(tmp_path):
    return models.classifier(tmp_path / "model.onnx")


def spec(folder: Path, text: str, name: str = "a.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_keys_and_defaults(tmp_path, model):
    full = (
        '[equivalence]\nmodel = "model.onnx"\ntargets = ["keras", "onnx"]\nseeds = [4]\nbatch_sizes = [2]\ntolerance = 1e-4\n'
    )
    found = load(spec(tmp_path, full))
    assert found.model == model and found.targets == ("keras", "onnx")
    assert (found.seeds, found.batch_sizes, found.tolerance) == ((4,), (2,), 1e-4)
    short = load(spec(tmp_path, '[equivalence]\nmodel = "model.onnx"\ntargets = ["onnx"]\n'))
    assert (short.seeds, short.batch_sizes, short.tolerance, short.same) == ((0, 1, 2), (1, 3), None, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[equivalence]\n", ["model: it is missing", "targets: it is missing"]),
        ('[equivalence]\nmodel = "gone.onnx"\ntargets = ["onnx"]\n', ["gone.onnx", "relative to the spec"]),
        ('[equivalence]\nmodel = "model.onnx"\ntargets = ["onnx"]\ntolerence = 1\n', ["tolerence: unknown key", "tolerance"]),
        ('[equivalence]\nmodel = "model.onnx"\ntargets = ["caffe"]\n', ["targets", "caffe"]),
        ('[equivalence]\nmodel = "model.onnx"\ntargets = []\nseeds = [-1]\nsame = 1\n', ["targets", "seeds", "same"]),
        ('[equivalence]\nmodel = "model.onnx"\ntargets = ["onnx"]\ntolerance = 10\n', ["between 0 and 1"]),
        ('[equivalence]\nmodel = "model.onnx"\ntargets = ["onnx"]\n[other]\n', ["other: unknown table"]),
        ("[equivalence]\nmodel =\n", ["no valid TOML"]),
        ("[project]\n", ["no table"]),
    ],
)
def test_mistakes_are_named(tmp_path, model, text, words):
    path = spec(tmp_path, text)
    with pytest.raises(ConversionError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert not [word for word in words if word not in str(caught.value)], str(caught.value)


def test_a_mark_of_the_byte_order_does_not_hide_a_spec(tmp_path, model):
    path = spec(tmp_path, '\ufeff[equivalence]\nmodel = "model.onnx"\ntargets = ["onnx"]\n')
    assert find(tmp_path) == [path] and load(path).model == model


def test_only_specs_are_found(tmp_path):
    (tmp_path / "deep").mkdir()
    expected = [spec(tmp_path, "[equivalence]\n", "b.toml"), spec(tmp_path / "deep", "# one\n[ equivalence ] # two\n")]
    spec(tmp_path, '[project]\nname = "[equivalence]"\n', "pyproject.toml")
    assert find(tmp_path) == expected
    assert not is_specification(tmp_path / "absent.toml")


PLUGIN = ("-p", "converter.pytest_plugin")


def run_pytest(pytester, *arguments):
    """Run with the plugin, loaded by its entry point where the package is installed, by name otherwise."""
    from importlib.metadata import entry_points

    installed = any(entry.value == "converter.pytest_plugin" for entry in entry_points(group="pytest11"))
    return pytester.runpytest_inprocess(*arguments, *(() if installed else PLUGIN))


def test_pytest_runs_each_target(pytester):
    models.classifier(pytester.path / "model.onnx")
    spec(pytester.path, '[equivalence]\nmodel = "model.onnx"\ntargets = ["onnx", "pytorch"]\nseeds = [0]\n')
    run_pytest(pytester, "-v").assert_outcomes(passed=2)


def test_pytest_shows_the_report_of_what_is_not_equal(pytester):
    models.classifier(pytester.path / "model.onnx")
    spec(pytester.path, '[equivalence]\nmodel = "model.onnx"\ntargets = ["pytorch"]\nseeds = [0]\ntolerance = 1e-12\n')
    result = run_pytest(pytester)
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "NOT EQUAL" in text and "scores" in text and "Traceback" not in text


def test_pytest_shows_the_mistake_in_a_spec(pytester):
    spec(pytester.path, '[equivalence]\nmodel = "gone.onnx"\ntargets = ["onnx"]\n')
    result = run_pytest(pytester)
    result.assert_outcomes(errors=1)
    assert "there is no file" in result.stdout.str()


def test_pytest_leaves_other_toml_files_alone(pytester):
    spec(pytester.path, "[project]\n", "pyproject.toml")
    run_pytest(pytester).assert_outcomes()
