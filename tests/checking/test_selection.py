"""Which checks are found, selected and in which shard."""

import io
import itertools
import os
from pathlib import Path

import pytest

from converter.checking.selection import find_checks, select, shard
from tests.checking.cases import broken, spec


@pytest.fixture
def checks(tmp_path):
    spec(tmp_path / "specs", "first", targets='"onnx", "pytorch"')
    spec(tmp_path / "specs" / "deep", "second", targets='"keras", "pytorch"')
    broken(tmp_path / "out", "")
    return find_checks([tmp_path / "specs", tmp_path / "out"])


def names(checks):
    return [(check.place.name, check.target) for check in checks]


def test_specs_folders_and_conversions_are_found_once(tmp_path, checks):
    found = [("second.toml", "keras"), ("second.toml", "pytorch"), ("first.toml", "onnx"), ("first.toml", "pytorch")]
    assert names(checks) == [*found, ("out", "pytorch")]
    again = find_checks([tmp_path / "specs", tmp_path / "specs" / "first.toml", tmp_path / "out", tmp_path / "specs" / "deep"])
    assert names(again) == names(checks)


def test_a_check_knows_its_line_and_source(checks):
    assert all(check.source.name in ("model.onnx", "out.onnx") for check in checks)
    assert [check.line for check in checks] == [3, 3, 3, 3, 1]


@pytest.mark.parametrize(
    ("patterns", "targets", "count"),
    [
        ([], [], 5),
        (["SECOND"], [], 2),
        (["*.toml"], [], 4),
        (["f?rst.toml"], [], 0),
        (["*f?rst.toml"], [], 2),
        (["out.onnx"], [], 1),
        (["second", "first"], [], 4),
        ([], ["pytorch"], 3),
        (["first"], ["onnx", "keras"], 1),
        (["nothing"], [], 0),
    ],
)
def test_selecting(checks, patterns, targets, count):
    assert len(select(checks, patterns, targets)) == count


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_check_is_in_exactly_one_shard(checks, count):
    parts = [shard(checks, number, count) for number in range(1, count + 1)]
    assert sorted(itertools.chain.from_iterable(map(names, parts))) == sorted(names(checks))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_shards_agree_on_machines_with_other_paths(tmp_path):
    parts = []
    for place in ("here", "there/below"):
        for name in "abcdefgh":
            spec(tmp_path / place / "specs", name)
        parts.append(names(shard(find_checks([tmp_path / place / "specs"]), 1, 3)))
    assert parts[0] == parts[1] != []


def test_what_may_not_be_read_is_a_check_with_its_reason(tmp_path, monkeypatch):
    good, spec_file, folder = spec(tmp_path, "good"), spec(tmp_path, "closed"), tmp_path / "deep"
    folder.mkdir()

    def refuse(call):
        def refusing(path, *rest, **options):
            if Path(path) in (spec_file, folder):
                raise PermissionError(13, "Permission denied", str(path))
            return call(path, *rest, **options)

        return refusing

    monkeypatch.setattr(io, "open", refuse(io.open))  # root may read everything
    monkeypatch.setattr(os, "scandir", refuse(os.scandir))
    found = {check.path: check.problems for check in find_checks([tmp_path])}
    assert found.pop(str(good)) == () and set(found) == {str(spec_file), str(folder)}
    assert all("Permission denied" in problems[0] for problems in found.values())


def test_what_has_no_end_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "a.toml")
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    pipe, loop = find_checks([tmp_path / "a.toml", tmp_path / "loop.toml"])
    assert "no file" in pipe.problems[0] and "symbolic links" in loop.problems[0]


def test_what_cannot_be_read_is_a_check_with_its_line(tmp_path):
    path = spec(tmp_path, more="tolerence = 1")
    (check,) = select(find_checks([path]), targets=["keras"])
    assert check.line == 4 and "unknown key" in check.problems[0]
    (check,) = find_checks([tmp_path / "absent"])
    assert check.problems
