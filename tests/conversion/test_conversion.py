"""Conversions: the folder, what it holds, running and proving it, and that nothing is ever half-written."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import converter
from converter.conversion import RECORD
from converter.verification.limits import Limits
from tests import models

FIXTURES = Path(__file__).parents[2] / "fixtures"
WEIGHTS = {"keras": "model.weights.h5", "pytorch": "model.safetensors", "onnx": "model.onnx"}
TARGETS = list(WEIGHTS)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("conversions")


@pytest.fixture(scope="module")
def source(place):
    return models.classifier(place / "classifier.onnx", batch=1)


@pytest.fixture(scope="module")
def conversions(source, place):
    """Each target once; what they hold is tested one by one."""
    return {target: converter.convert(source, to=target, out=place / target) for target in TARGETS}


@pytest.mark.parametrize("target", TARGETS)
def test_is_proven_equal(conversions, target):
    report = conversions[target].report
    assert report.ok and not report.findings
    output = report.outputs["scores"]
    assert 0 <= output.max_abs_error <= output.max_relative_error <= 1e-6 and output.top1_agreement == 1
    assert {case.shapes["image"][0] for case in report.cases} > {1, 3}, "the batch of one that the file fixes is freed"
    assert report.tolerance.relative == 1e-6 and report.tolerance.reason


@pytest.mark.parametrize("target", TARGETS)
def test_folder_holds_code_weights_and_record(conversions, target):
    folder = conversions[target].folder
    expected = {RECORD, WEIGHTS[target]} | (set() if target == "onnx" else {"model.py"})
    assert {entry.name for entry in folder.iterdir()} == expected
    record = json.loads((folder / RECORD).read_text())
    assert record["source"]["file"] == "classifier.onnx" and len(record["source"]["sha256"]) == 64
    assert record["target"] == target and record["verification"]["ok"] is True
    (port,) = record["inputs"]
    assert set(port) == {"source_name", "name", "dtype", "shape", "axes", "kind", "classes"}
    assert port["source_name"] == "image" and port["shape"][1:] == [3, 9, 8]
    assert port["axes"] == ([0, 2, 3, 1] if target == "keras" else [0, 1, 2, 3])


@pytest.mark.parametrize("target", TARGETS)
def test_runs_in_source_names_and_source_axis_order(conversions, target, source):
    image = np.random.default_rng(7).standard_normal((1, 3, 9, 8), dtype=np.float32)
    (expected,) = onnxruntime.InferenceSession(source).run(None, {"image": image})
    found = conversions[target].run({"image": image})
    assert list(found) == ["scores"]
    np.testing.assert_allclose(found["scores"], expected, atol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_opens_from_disk_and_proves_anew(conversions, target):
    opened = converter.open(conversions[target].folder)
    assert opened.report == conversions[target].report and opened.inputs == conversions[target].inputs
    assert opened.verify(seeds=(5,), batch_sizes=(2,)).ok
    assert converter.open(opened.folder).report.cases[0].name == "seed 5, batch 2"


def test_source_may_move_with_the_folder(conversions, place, tmp_path):
    shutil.copytree(place / "pytorch", tmp_path / "pytorch")
    moved = converter.open(tmp_path / "pytorch")
    with pytest.raises(converter.ConversionError, match="no longer at"):
        moved.verify()
    shutil.copy(place / "classifier.onnx", tmp_path)
    assert moved.verify(seeds=(0,)).ok


def test_another_source_is_no_witness(conversions, tmp_path):
    other = models.classifier(tmp_path / "other.onnx", seed=1)
    with pytest.raises(converter.ConversionError, match="SHA-256 differs"):
        converter.open(conversions["pytorch"].folder).verify(source=other)


def test_loads_the_framework_s_own_model(conversions):
    import torch

    model = conversions["pytorch"].load()
    assert isinstance(model, torch.nn.Module) and not model.training
    assert type(conversions["keras"].load()).__name__ == "Functional"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "input 'image' is missing"),
        ({"image": np.zeros((1, 3, 9, 8), np.float32), "x": 1}, "no input 'x'.*The inputs are image"),
        ({"image": np.zeros((3, 9, 8), np.float32)}, "float32 of shape"),
        ({"image": np.zeros((1, 3, 9, 8), np.complex64)}, "complex64"),
    ],
)
def test_wrong_inputs_are_named(conversions, inputs, message):
    with pytest.raises(converter.ConversionError, match=message):
        conversions["pytorch"].run(inputs)


def test_changed_weights_are_found(conversions, place):
    from safetensors.numpy import load_file, save_file

    folder = place / "damaged"
    shutil.copytree(place / "pytorch", folder)
    arrays = load_file(folder / "model.safetensors")
    key = next(key for key in arrays if arrays[key].ndim == 4)
    arrays[key][0, 0, 0, 0] += 0.01
    save_file(arrays, folder / "model.safetensors")
    report = converter.open(folder).verify()
    assert not report.ok and report.outputs["scores"].max_relative_error > 1e-5
    assert report.outputs["scores"].where.case in {case.name for case in report.cases}


def test_the_last_bit_of_a_weight_is_found(conversions, place):
    """Which no output shows."""
    from safetensors.numpy import load_file, save_file

    folder = place / "last_bit"
    shutil.copytree(place / "pytorch", folder)
    arrays = load_file(folder / "model.safetensors")
    key = next(key for key in arrays if arrays[key].ndim == 4)
    arrays[key][0, 0, 0, 0] = np.nextafter(arrays[key][0, 0, 0, 0], np.float32(9))
    save_file(arrays, folder / "model.safetensors")
    report = converter.open(folder).verify()
    assert report.outputs["scores"].ok and not report.ok
    assert repr(key) in report.findings[0] and "weight" in report.blame.cause


@pytest.mark.parametrize(
    ("edit", "finding"),
    [
        (lambda code: code + "\nraise RuntimeError('out of order')\n", r"RuntimeError: out of order \(model.py, line \d+\)"),
        (lambda code: "import os\nos.abort()\n" + code, r"SIGABRT \(model.py, line 2\)"),
        (lambda code: "import time\ntime.sleep(60)\n" + code, r"no answer within 10 seconds \(model.py, line 2\)"),
        (lambda code: "a = []\nwhile True:\n    a.append(b'x' * 10**7)\n" + code, r"more than 1 GB of memory"),
        (lambda code: code.replace("def load_model", "def load"), "AttributeError.*load_model"),
    ],
)
@pytest.mark.own_process
def test_code_that_does_not_run_is_a_finding(conversions, place, edit, finding):
    folder = place / "broken"
    shutil.copytree(place / "pytorch", folder)
    try:
        path = folder / "model.py"
        path.write_text(edit(path.read_text()))
        limits = Limits(10 if "seconds" in finding else 60, 10**9)  # enough for PyTorch to start on a busy machine
        report = converter.open(folder).verify(seeds=(0,), limits=limits)
    finally:
        shutil.rmtree(folder)
    assert not report.ok and not report.outputs
    (text,) = report.findings
    assert re.search(finding, text)


def test_description_without_weights_gets_seeded_ones_on_all_sides(tmp_path):
    conversion = converter.convert(FIXTURES / "alexnet.mat", "pytorch", tmp_path / "out", seeds=(0,), batch_sizes=(1,))
    assert conversion.report.ok
    assert {entry.name for entry in conversion.folder.iterdir()} == {"model.py", RECORD}
    assert any("seeded" in warning for warning in conversion.report.warnings)
    assert converter.open(conversion.folder).verify(seeds=(1,), batch_sizes=(1,)).ok


def test_probe_is_compared_with_the_source_s_own_answer(tmp_path):
    conversion = converter.convert(FIXTURES / "branches.mat", "pytorch", tmp_path / "out")
    assert conversion.report.ok and conversion.report.cases[0].name == "probe"
    (output,) = conversion.report.probe.values()
    assert output.max_relative_error <= 1e-5


def test_a_graph_from_memory_can_be_converted_but_not_proven_from_disk(source, tmp_path):
    graph = converter.read(source)
    graph.source.path = None
    conversion = converter.convert(graph, "pytorch", tmp_path / "out")
    assert conversion.report.ok and conversion.verify(seeds=(4,)).ok
    with pytest.raises(converter.ConversionError, match="graph in memory"):
        converter.open(tmp_path / "out").verify()


# What is on disk ------------------------------------------------------------------------------------------------------------


def test_an_earlier_conversion_is_replaced(source, tmp_path):
    out = tmp_path / "out"
    converter.convert(source, "onnx", out, verify=False)
    conversion = converter.convert(source, "pytorch", out, verify=False)
    assert {entry.name for entry in out.iterdir()} == {"model.py", "model.safetensors", RECORD}
    assert conversion.report is None and converter.open(out).report is None
    assert list(tmp_path.iterdir()) == [out], "no temporary folder stays"


def test_an_empty_folder_is_filled(source, tmp_path):
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    converter.convert(source, "pytorch", out, verify=False)
    assert (out / "model.py").is_file()


@pytest.mark.parametrize("name", ["notes.txt", "train.py"])
def test_a_folder_with_files_of_the_user_is_refused(source, tmp_path, name):
    out = tmp_path / "out"
    if name == "train.py":
        converter.convert(source, "pytorch", out, verify=False)
    out.mkdir(exist_ok=True)
    (out / name).write_text("mine")
    before = {entry.name: entry.read_bytes() for entry in out.iterdir()}
    with pytest.raises(converter.ConversionError, match=r"not written over|is not replaced"):
        converter.convert(source, "onnx", out, verify=False)
    assert {entry.name: entry.read_bytes() for entry in out.iterdir()} == before
    assert list(tmp_path.iterdir()) == [out]


def test_a_file_in_the_way_is_refused(source, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(converter.ConversionError, match="there is a file of this name"):
        converter.convert(source, "pytorch", tmp_path / "out", verify=False)


@pytest.mark.parametrize("target", ["keras", "pytorch", "onnx"])
def test_every_unknown_operator_is_refused_at_once_and_nothing_is_written(tmp_path, target):
    source = models.unknown_operators(tmp_path / "unknown.onnx")
    with pytest.raises(converter.ConversionError) as caught:
        converter.convert(source, target, tmp_path / "out")
    assert len(caught.value.problems) == 2
    assert "Wobble" in str(caught.value) and "Twist" in str(caught.value) and "'first'" in str(caught.value)
    assert not (tmp_path / "out").exists() and list(tmp_path.iterdir()) == [source]


def test_what_the_judge_cannot_run_is_converted_but_not_proven(tmp_path):
    decoder = onnx.helper.make_node("ImageDecoder", ["x"], ["y"], name="decoder")  # in the standard, not in onnxruntime
    byte = onnx.TensorProto.UINT8
    source = models.save(tmp_path / "decoder.onnx", [decoder], {"x": (byte, [9])}, {"y": (byte, [2, 2, 3])}, opset=20)
    report = converter.convert(source, "onnx", tmp_path / "out").report
    assert not report.ok and "onnxruntime cannot run the source" in report.findings[0] and "ImageDecoder" in report.findings[0]


def test_an_unknown_target_is_refused(source, tmp_path):
    with pytest.raises(converter.ConversionError, match="keras, pytorch, onnx"):
        converter.convert(source, "caffe", tmp_path / "out")


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"target": "keras"}', "not json"])
def test_a_folder_without_a_sound_record_does_not_open(tmp_path, content):
    if content is not None:
        (tmp_path / RECORD).write_text(content)
    with pytest.raises(converter.ReadError):
        converter.open(tmp_path)


@pytest.mark.own_process
def test_keras_weights_for_which_there_is_no_time_are_no_fault_of_the_code(source, tmp_path):
    with pytest.raises(converter.ConversionError, match=r"within 0\.05 seconds") as raised:
        converter.convert(source, "keras", tmp_path / "out", limits=Limits(seconds=0.05))
    assert "try again" in str(raised.value) and "report it" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_a_missing_framework_is_named_with_the_extra_to_install(source, tmp_path, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else find(name, *rest))
    with pytest.raises(converter.ConversionError, match=r'pip install "converter\[pytorch\]"'):
        converter.convert(source, "pytorch", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert converter.convert(source, "pytorch", tmp_path / "out", verify=False).report is None
