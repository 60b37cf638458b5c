"""The workflow in the README: it is YAML of the form that GitHub reads, and its checks run as they stand there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from tests.checking.cases import spec

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def job():
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    workflow = yaml.safe_load(text)
    assert workflow[True] == ["push", "pull_request"], "YAML 1.1 reads the key `on` as true"
    (job,) = workflow["jobs"].values()
    return job


def test_every_step_is_a_command_or_a_pinned_action(job):
    assert job["runs-on"] and job["steps"]
    for step in job["steps"]:
        assert set(step) <= {"uses", "run", "with", "if", "name"}
        assert ("run" in step) != ("uses" in step)
        assert "uses" not in step or re.fullmatch(r"actions/[a-z-]+(/[a-z]+)?@v\d+", step["uses"])


def test_its_checks_run(job, tmp_path):
    for seed, name in enumerate("abc"):
        spec(tmp_path / "specs", name, more=f"seeds = [{seed}]")
    spec(tmp_path / "specs", "wrong", model="absent.mat")
    program = tmp_path / "bin" / "converter"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m converter.cli "$@"\n')
    program.chmod(0o755)
    (command,) = [step["run"] for step in job["steps"] if step.get("run", "").startswith("converter check")]
    environment = os.environ | {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(tmp_path),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }
    names, codes, annotated = [], [], ""
    for shard in job["strategy"]["matrix"]["shard"]:
        text = command.replace("${{ matrix.shard }}", str(shard))
        assert "${{" not in text
        done = subprocess.run(["bash", "-e", "-c", text], cwd=tmp_path, env=environment, capture_output=True, text=True)
        results = json.loads((tmp_path / "results.json").read_text())["results"]
        assert len(results) == int(ElementTree.parse(tmp_path / "results.xml").getroot().get("tests"))
        assert "<html" in (tmp_path / "results.html").read_text()
        names += [result["path"] for result in results]
        codes.append(done.returncode)
        annotated += done.stdout
    assert sorted(names) == [f"specs/{name}.toml" for name in ("a", "b", "c", "wrong")]
    assert sorted(codes) == [0, 2]
    assert "::error file=specs/wrong.toml,line=2," in annotated and "absent.mat" in (tmp_path / "summary.md").read_text()
    assert len((tmp_path / "passed.jsonl").read_text().splitlines()) == 3
