"""The names of classes, from the file of the network to the code that is written for it."""

from __future__ import annotations

import json

import pytest
from layer_table import cell, layer

import converter

IMAGE = layer("image", "ImageInputLayer", InputSize=[2, 3, 1], Normalization="none")
HOSTILE = ['cat"; import os', "dog'\\", 'tri"""ple', "línea\nnueva", "\u202eevil"]


def network(names, name="", source="image"):
    fc = layer(f"fc{name}", "FullyConnectedLayer", OutputSize=[len(names)])
    end = layer(f"end{name}", "ClassificationOutputLayer", Classes=cell(names))
    return [fc, layer(f"prob{name}", "SoftmaxLayer"), end]


def constant(folder):
    scope = {}
    code = (folder / "model.py").read_text(encoding="utf-8")
    line = code[code.index("CLASSES = ") :].partition("\n\n")[0]
    exec(line, {"__builtins__": {}}, scope)  # a literal needs no names
    return scope["CLASSES"]


@pytest.mark.parametrize("target", ["pytorch", "keras", "onnx"])
def test_they_stand_in_the_record_and_in_the_code(read, tmp_path, target):
    read(IMAGE, *network(HOSTILE))
    out = tmp_path / target
    conversion = converter.convert(tmp_path / "table.mat", target, out, verify=False)
    (row,) = json.loads((out / "conversion.json").read_text(encoding="utf-8"))["outputs"]
    assert row["classes"] == HOSTILE
    assert conversion.outputs[0].classes == converter.open(out).outputs[0].classes == tuple(HOSTILE)
    if target != "onnx":
        assert constant(out) == HOSTILE


def test_several_outputs_have_their_own(read, tmp_path):
    first, second = network(["a", "b"], "_1"), network(["c", "d", "e"], "_2")
    rows = [(a[0], b[0]) for chain in (first, second) for a, b in zip([IMAGE, *chain], chain, strict=False)]
    relu = layer("relu", "ReLULayer")
    read(IMAGE, *first, *second, relu, connections=[*rows, ("image", "relu")])
    converter.convert(tmp_path / "table.mat", "pytorch", tmp_path / "out", verify=False)
    assert constant(tmp_path / "out") == {"prob_1": ["a", "b"], "prob_2": ["c", "d", "e"]}


def test_a_thousand_of_them_would_hide_the_model(read, tmp_path):
    names = [f"class {number}" for number in range(1000)]
    read(IMAGE, *network(names))
    conversion = converter.convert(tmp_path / "table.mat", "pytorch", tmp_path / "out", verify=False)
    assert conversion.outputs[0].classes == tuple(names)
    assert "CLASSES" not in (tmp_path / "out" / "model.py").read_text()


def test_names_that_do_not_fit_the_channels_are_told_and_left_out(read):
    fc = layer("fc", "FullyConnectedLayer", OutputSize=[3])
    graph = read(IMAGE, fc, layer("end", "ClassificationOutputLayer", Classes=cell(["a", "b"])))
    assert graph.classes == {}
    assert any("names 2 classes ('a', 'b'), but 'fc' has 3 channels" in note for note in graph.notes)
