"""Bad input: exit code 2, one message that names the file and what to do, no output folder, no traceback."""

import numpy as np
import onnx
import onnx.helper
import pytest
import scipy.io

from tests import models
from tests.cli.test_cli import ALEXNET, run

node = onnx.helper.make_node


def image_mat(path):
    scipy.io.savemat(path, {"picture": np.zeros((8, 8, 3), np.uint8)})


def struct_mat(path):
    scipy.io.savemat(path, {"settings": {"rate": 0.1, "name": "run 3"}})


def truncated_mat(path):
    path.write_bytes(ALEXNET.read_bytes()[:600])


def truncated_onnx(path):
    models.classifier(path)
    path.write_bytes(path.read_bytes()[:700])


def cycle(path):
    nodes = [node("Add", ["x", "b"], ["a"], name="one"), node("Relu", ["a"], ["b"], name="two")]
    models.save(path, nodes, {"x": [1, 2]}, {"b": [1, 2]})


def undefined_input(path):
    models.save(path, [node("Add", ["x", "ghost"], ["y"], name="sum")], {"x": [1, 2]}, {"y": [1, 2]})


def wrong_types(path):
    weights = {"count": np.array([1, 2], np.int64)}
    models.save(path, [node("Add", ["x", "count"], ["y"], name="sum")], {"x": [1, 2]}, {"y": [1, 2]}, weights)


def missing_external_file(path):
    models.classifier(path)
    model = onnx.load(path)
    onnx.external_data_helper.convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    onnx.save(model, path)
    (path.parent / "weights.bin").unlink()


def write(content):
    return lambda path: path.write_bytes(content)


CASES = {
    "an image in a .mat": ("net.mat", image_mat, ["picture", "export_network"]),
    "a struct in a .mat": ("net.mat", struct_mat, ["settings", "export_network"]),
    "a truncated .mat": ("net.mat", truncated_mat, ["truncated"]),
    "an empty .mat": ("net.mat", write(b""), ["empty"]),
    "an empty .onnx": ("net.onnx", write(b""), ["empty"]),
    "a git-LFS pointer": (
        "net.onnx",
        write(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
        ["git lfs pull"],
    ),
    "a git-LFS pointer to a .mat": ("net.mat", write(b"version https://git-lfs.github.com/spec/v1\n"), ["git lfs pull"]),
    "an HTML page": ("net.onnx", write(b"<!DOCTYPE html><html></html>"), ["HTML"]),
    "a pickle": ("net.onnx", write(b"\x80\x02}q\x00."), ["pickle"]),
    "noise": ("net.onnx", write(bytes(range(256)) * 4), []),
    "a truncated .onnx": ("net.onnx", truncated_onnx, []),
    "unknown operators": ("net.onnx", models.unknown_operators, ["Wobble", "Twist", "first", "second"]),
    "a cycle": ("net.onnx", cycle, ["cycle"]),
    "an undefined input": ("net.onnx", undefined_input, ["ghost", "sum"]),
    "wrong types": ("net.onnx", wrong_types, ["sum"]),
    "a missing external file": ("net.onnx", missing_external_file, ["weights.bin"]),
}


@pytest.mark.parametrize("case", CASES)
def test_convert_refuses(case, tmp_path):
    name, make, words = CASES[case]
    path = tmp_path / name
    make(path)
    before = set(tmp_path.iterdir())
    code, out, err = run("convert", path, "--to", "keras", "--out", tmp_path / "out")
    assert code == 2 and not out
    assert err.startswith("refused: ") and name in err and "Traceback" not in err
    assert not [word for word in words if word not in err], err
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("case", [case for case in CASES if case != "unknown operators"])
def test_inspect_refuses(case, tmp_path):
    name, make, _ = CASES[case]
    make(tmp_path / name)
    code, _, err = run("inspect", tmp_path / name)
    assert code == 2 and err.startswith("refused: ") and name in err


def test_a_missing_file_and_a_folder(tmp_path):
    assert "no such file" in run("inspect", tmp_path / "net.onnx")[2]
    assert "folder" in run("inspect", tmp_path)[2]


def test_a_destination_in_use_is_refused_before_the_source_is_read(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    code, _, err = run("convert", ALEXNET, "--to", "keras", "--out", tmp_path / "out")
    assert code == 2 and "Choose another output folder" in err
