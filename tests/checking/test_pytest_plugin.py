"""The pytest plug-in: in parallel, with limits, and with the whole report of what is not equal."""

import pytest

from converter.checking import process
from tests.checking.cases import spec
from tests.specifications.test_specifications import run_pytest

pytest_plugins = ["pytester"]

LIMITS = [("--equivalence-time-limit=0.5", "seconds"), ("--equivalence-memory-limit=50MB", "of memory")]


def test_specs_run_in_parallel_with_other_tests(pytester):
    for name in "ab":
        spec(pytester.path / "specs", name)
    pytester.makepyfile(test_own="def test_own(): pass")
    pytester.makeini("[pytest]\ntestpaths = specs test_own.py\naddopts = -n 2 -p xdist")
    result = run_pytest(pytester, "-v")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*specs/a.toml::onnx*"])


def test_one_target_is_chosen(pytester):
    spec(pytester.path, targets='"onnx", "keras", "pytorch"')
    run_pytest(pytester, "--equivalence-target", "onnx").assert_outcomes(passed=1)


def test_the_report_names_the_first_layer_that_differs(pytester):
    spec(pytester.path, targets='"pytorch"', more="seeds = [0]\ntolerance = 1e-12")
    result = run_pytest(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*NOT EQUAL*", "*first difference: *", "*model.py, line *"])
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize(("limit", "words"), LIMITS)
def test_limits_hold_and_a_crash_is_one_failure(pytester, monkeypatch, limit, words):
    monkeypatch.setattr(process, "_STARTING", 0.0)
    monkeypatch.setattr(process, "_PROGRAM", "a = b'x' * 2**27\nimport time; time.sleep(60)")
    spec(pytester.path)
    pytester.makepyfile(test_own="def test_own(): pass")
    result = run_pytest(pytester, limit)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines([f"crashed: *a.toml: model.onnx in onnx: *{words}*"])
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--equivalence-memory-limit=much", "is not a size like 4GB"),
        ("--equivalence-time-limit=-3", "is not a time above 0"),
        ("--equivalence-target=caffe", "invalid choice: 'caffe'"),
    ],
)
def test_an_option_that_is_none(pytester, option, words):
    result = run_pytest(pytester, option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR and words in result.stderr.str()
