"""``converter check`` as a program: what it writes, how it ends, what it leaves."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import onnx
import psutil
import pytest
from typer.testing import CliRunner

import converter
from converter.checking import process, state
from converter.checking.process import Options
from converter.cli import app
from tests import models
from tests.checking.cases import broken, spec
from tests.verification.test_limits import alive

ROOT = Path(__file__).parents[2]


def check(*arguments, **environment):
    """(exit code, stdout, stderr)."""
    settings = {"GITHUB_ACTIONS": None, "GITHUB_STEP_SUMMARY": None} | environment
    result = CliRunner().invoke(app, ["check", *map(str, arguments)], env=settings)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def statuses(path):
    return {Path(row["path"]).name: row["status"] for row in json.loads(path.read_text())["results"]}


def test_all_reports_in_parallel(tmp_path):
    spec(tmp_path, "good")
    spec(tmp_path, "strict", more="seeds = [0]\ntolerance = 1e-12")
    spec(tmp_path, "wrong", more="tolerence = 1")
    files = {name: tmp_path / f"result.{name}" for name in ("json", "junit", "html")}
    summary = tmp_path / "summary.md"
    options = [argument for name, path in files.items() for argument in (f"--{name}", path)]
    code, out, err = check(tmp_path, "-n", 2, *options, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    assert code == 2 and "unknown key" in err
    assert statuses(files["json"]) == {"good.toml": "equal", "strict.toml": "not equal", "wrong.toml": "refused"}
    document = json.loads(files["json"].read_text())
    assert document["exit_code"] == 2 and document["counts"]["equal"] == 1
    root = ElementTree.parse(files["junit"]).getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "1", "1")
    assert "strict.toml" in files["html"].read_text() and "strict.toml" in summary.read_text()
    lines = out.splitlines()
    assert lines[0].startswith("::stop-commands::")
    end = lines.index(f"::{lines[0].rpartition('::')[2]}::")
    assert [line.partition(" ")[0] for line in lines[end + 1 :]].count("::error") == 2
    assert not any(line.startswith("::") for line in lines[1:end])


def test_no_annotations_outside_github(tmp_path):
    code, out, _ = check(spec(tmp_path))
    assert code == 0 and "::" not in out and "1 check in" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--shard", "3/2"], "K/N"),
        (["--shard", "half"], "K/N"),
        (["-n", "0"], "whole number"),
        (["--memory-limit", "much"], "size"),
        (["--target", "caffe"], "keras"),
        (["--json", "/dev/null/file.json"], "written"),
        (["--resume", "/dev/null"], "no file"),
        (["--json", "/tmp/same", "--html", "/tmp/../tmp/same"], "--json and --html"),
        (["-k", "nothing"], "none of the checks"),
    ],
)
def test_mistakes_in_the_options(tmp_path, arguments, words):
    code, _, err = check(spec(tmp_path), *arguments)
    assert code == 2 and words in err


def test_what_passed_is_not_run_again_until_an_input_changes(tmp_path):
    path, kept = spec(tmp_path, targets='"onnx"'), tmp_path / "state" / "passed.jsonl"
    results = tmp_path / "results.json"

    def resumed():
        code, _, _ = check(path, "--resume", kept, "--json", results)
        assert code == 0
        return [row["resumed"] for row in json.loads(results.read_text())["results"]]

    assert resumed() == [False]
    assert resumed() == [True]
    with kept.open("a") as file:
        file.write('{"key": "cut o')  # as a run that was killed leaves it
    assert resumed() == [True]
    path.write_text(path.read_text().replace("seeds = [0]", "seeds = [1]"))
    assert resumed() == [False]
    models.classifier(tmp_path / "model.onnx", seed=1)
    assert resumed() == [False]
    assert resumed() == [True]


def test_results_of_versions_that_are_gone_are_not_kept_for_ever(tmp_path):
    path, kept = spec(tmp_path, targets='"onnx"'), tmp_path / "passed.jsonl"
    assert check(path, "--resume", kept)[0] == 0
    entry = json.loads(kept.read_text())

    def earlier(number):
        return "".join(json.dumps({**entry, "key": f"{each:064}"}) + "\n" for each in range(number))

    kept.write_text(earlier(3) + json.dumps(entry) + "\n")
    assert check(path, "--resume", kept)[1].count("earlier run") == 2
    assert len(kept.read_text().splitlines()) == 4, "they may come back"
    kept.write_text(earlier(4) + json.dumps(entry) + "\n")
    assert check(path, "--resume", kept)[1].count("earlier run") == 2
    assert [json.loads(line) for line in kept.read_text().splitlines()] == [entry]
    assert list(tmp_path.glob("passed*")) == [kept]


def test_keys_follow_external_data_and_the_code_of_this_package(tmp_path, monkeypatch):
    path = spec(tmp_path)
    model = onnx.load(tmp_path / "model.onnx")
    options = {"save_as_external_data": True, "location": "weights.bin", "size_threshold": 0}
    onnx.save(model, tmp_path / "model.onnx", **options)
    from converter.checking.selection import find_checks

    (one,) = find_checks([path])
    before = state.key(one, Options())
    assert state.key(one, Options()) == before != state.key(one, Options(layers=True))
    data = bytearray((tmp_path / "weights.bin").read_bytes())
    data[0] ^= 1
    (tmp_path / "weights.bin").write_bytes(data)
    after = state.key(one, Options())
    assert after != before
    monkeypatch.setattr(state, "packages", lambda: "another version")
    assert state.key(one, Options()) != after


def test_a_file_of_another_kind_is_not_continued(tmp_path):
    path, other = spec(tmp_path), tmp_path / "model.onnx"
    before = other.read_bytes()
    code, _, err = check(path, "--resume", other)
    assert code == 2 and "--resume" in err and other.read_bytes() == before


def test_the_other_reports_are_written_where_one_cannot_be(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "_PROGRAM", "")
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no device that is always full")
    code, out, err = check(
        spec(tmp_path), "--html", full, "--json", tmp_path / "new" / "results.json", "--junit", tmp_path / "results.xml"
    )
    assert code == 2 and "the check failed: exit code 0" in out and "/dev/full cannot be written: No space left" in err
    assert json.loads((tmp_path / "new" / "results.json").read_text())["exit_code"] == 1
    assert ElementTree.parse(tmp_path / "results.xml").getroot().get("tests") == "1"


def test_names_are_shown_in_one_line_and_rule_no_terminal(tmp_path):
    folder = tmp_path / "a\x1b]0;b\x07\nc"
    code, _, err = check(spec(folder, more='tolerence = "\\u001b[31m"'))
    assert code == 2 and "\x1b" not in err and "\x07" not in err and len(err.splitlines()) == 1


def test_names_that_are_no_text_are_checked(tmp_path):
    path = os.fsencode(spec(tmp_path, "a"))
    os.rename(path, path.replace(b"a.toml", b"\xff.toml"))
    command = [
        sys.executable,
        "-m",
        "converter.cli",
        "check",
        tmp_path,
        "--resume",
        tmp_path / "state",
        "--junit",
        tmp_path / "xml",
    ]
    for words in (rb"equal  .*\\udcff.toml.* s\n", rb"equal  .*\\udcff.toml.*in an earlier run\n"):
        done = subprocess.run([*command, "--shard", "1/1"], cwd=ROOT, capture_output=True)
        assert done.returncode == 0 and re.search(words, done.stdout), done.stdout + done.stderr


def test_what_is_not_equal_runs_again(tmp_path):
    path = spec(tmp_path, more="seeds = [0]\ntolerance = 1e-12")
    for _ in range(2):
        code, out, _ = check(path, "--resume", tmp_path / "state")
        assert code == 1 and "earlier run" not in out


MISBEHAVIOUR = {
    "abort": ("import os; os.abort()", "SIGABRT"),
    "sleep": ("import time; time.sleep(600)", "no answer within 8 seconds"),
    "allocate": ("a = []\nwhile True: a.append(b'x' * 2**24)", "took more than 700 MB of memory"),
}


def test_misbehaving_code_is_a_finding_and_never_the_end_of_the_run(tmp_path):
    folders = [broken(tmp_path / name, code) for name, (code, _) in MISBEHAVIOUR.items()]
    limits = ("--time-limit", 8, "--memory-limit", "700MB")
    code, _, _ = check(*folders, spec(tmp_path / "specs"), "-n", 2, *limits, "--json", tmp_path / "results.json")
    assert code == 1
    results = {Path(row["path"]).name: row for row in json.loads((tmp_path / "results.json").read_text())["results"]}
    assert results["a.toml"]["status"] == "equal"
    for name, (_, words) in MISBEHAVIOUR.items():
        (finding,) = results[name]["report"]["findings"]
        assert results[name]["status"] == "not equal" and words in finding, finding


def test_a_check_changes_nothing_in_a_conversion(tmp_path):
    models.classifier(tmp_path / "model.onnx")
    folder = converter.convert(tmp_path / "model.onnx", "onnx", tmp_path / "out", verify=False).folder
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    assert check(folder)[0] == 0
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before


def test_a_child_that_sleeps_and_megabytes_of_text_do_not_matter(tmp_path):
    pid = tmp_path / "pid"
    code = f"import os, time\nif not os.fork():\n    open({str(pid)!r}, 'w').write(str(os.getpid()))\n    time.sleep(600)\n"
    start = time.monotonic()
    assert check(broken(tmp_path / "fork", f"{code}print('o' * 2**24, flush=True)"))[0] == 0
    assert time.monotonic() - start < 60
    assert not alive(int(pid.read_text()))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("import time; time.sleep(60)", "no answer within 6 seconds"),
        ("a = []\nwhile True: a.append(b'x' * 2**24)", "of memory"),
        ("raise KeyError('scores')", "KeyError: 'scores'"),
    ],
)
def test_the_death_of_the_check_itself_is_a_result(tmp_path, monkeypatch, code, words):
    # As onnxruntime may end on a strange file: the process ends in the middle of the check.
    monkeypatch.setattr(process, "_STARTING", 0.0)
    monkeypatch.setattr(process, "_PROGRAM", f"import faulthandler; faulthandler.enable()\n{code}")
    path = spec(tmp_path)
    exit_code, out, _ = check(path, "--time-limit", 2, "--memory-limit", "300MB")
    assert exit_code == 1 and out.startswith("crashed") and words in out


def test_a_crash_tells_the_place_in_this_package(tmp_path, monkeypatch):
    program = process._PROGRAM.replace("main(sys.argv[2])", "import onnxruntime, ctypes\n")
    program += "onnxruntime.InferenceSession = lambda *rest, **options: ctypes.string_at(0)\nmain(sys.argv[2])"
    monkeypatch.setattr(process, "_PROGRAM", program)
    code, out, _ = check(spec(tmp_path))
    assert code == 1 and "SIGSEGV (converter/verification/sessions.py, line" in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_writes_what_it_has_and_leaves_no_process(tmp_path, number):
    good, slow = spec(tmp_path / "specs"), broken(tmp_path / "slow", "import time; time.sleep(600)")
    results, kept = tmp_path / "results.json", tmp_path / "state"
    arguments = [sys.executable, "-m", "converter.cli", "check", good, slow, "--json", results, "--resume", kept]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as run:
        try:
            assert run.stdout.readline().startswith("equal")
            end = time.monotonic() + 30
            while len(children := psutil.Process(run.pid).children(recursive=True)) < 2 and time.monotonic() < end:
                time.sleep(0.1)
            os.kill(run.pid, number)
            assert run.wait(20) == 130
        finally:
            run.kill()
    assert statuses(results) == {"a.toml": "equal", "slow": "not run"}
    assert len(children) == 2 and not psutil.wait_procs(children, 5)[1]
    assert check(good, "--resume", kept)[1].count("earlier run") == 2


def test_layers_are_listed_where_asked_for(tmp_path):
    results = tmp_path / "results.json"
    code, out, _ = check(spec(tmp_path, targets='"pytorch"'), "--layers", "--json", results)
    assert code == 0 and "operator" in out and "Softmax" in out
    assert "def forward" in json.loads(results.read_text())["results"][0]["code"]


@pytest.mark.parametrize(("workers", "given", "threads"), [(1, None, "None"), (64, None, "1"), (64, "3", "3")])
def test_checks_at_the_same_time_share_the_processors(tmp_path, monkeypatch, workers, given, threads):
    monkeypatch.setattr(process, "_PROGRAM", "import os, sys; sys.exit(str(os.environ.get('OMP_NUM_THREADS')) + ' threads')")
    _, out, _ = check(spec(tmp_path), "-n", workers, OMP_NUM_THREADS=given)
    assert f": {threads} threads" in out
