"""What bad input gets: one message that names the file, the layer and what to do, and never another exception."""

from __future__ import annotations

import random
import struct
import warnings
import zlib

import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st
from layer_table import cell, layer, network, write

from converter.errors import ReadError
from converter.readers import matlab

from .conftest import FIXTURES

IMAGE = layer("image", "ImageInputLayer", InputSize=[4, 3, 2], Normalization="none")
RELU = layer("relu", "ReLULayer")


def convolution(**properties):
    default = {"FilterSize": [2, 3], "NumChannels": [2], "NumFilters": [4], "Stride": [1, 1], "PaddingSize": [0, 0, 0, 0]}
    return layer("conv", "Convolution2DLayer", **default | properties)


def refusal(path, **arguments) -> str:
    with pytest.raises(ReadError) as caught:
        matlab.read(path, **arguments)
    text = str(caught.value)
    assert text.startswith(str(path))
    return text


# Files ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        (b"<!DOCTYPE html><html></html>", "no MAT-file"),
        (b"MATLAB 5.0 MAT-file", "truncated"),
        (b"MATLAB 7.3 MAT-file, Platform: PCWIN64".ljust(124) + b"\0\2IM", "cannot be read"),
        (b"\0\0\0\0" + struct.pack("<4I", 2, 2, 0, 2) + b"x\0" + bytes(32), "version 4"),
    ],
)
def test_files_of_another_kind(tmp_path, content, words):
    path = tmp_path / "net.mat"
    path.write_bytes(content)
    assert words in refusal(path)


def test_no_file(tmp_path):
    assert "No such file" in refusal(tmp_path / "net.mat")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"img": np.zeros((480, 640, 3), np.uint8)}, "'img' (uint8 480×640×3)"),
        ({"s": {"layers": 1.0}}, "'s' (struct 1×1)"),
        ({"c": cell(["text"])}, "'c' (cell array 1×1)"),
        ({}, "no variable"),
    ],
)
def test_files_without_a_network_tell_what_they_hold(tmp_path, content, words):
    path = tmp_path / "net.mat"
    scipy.io.savemat(path, content)
    text = refusal(path)
    assert words in text
    assert "export_network" in text


@pytest.mark.parametrize(
    "content",
    [
        {"conv1_weights": np.ones((5, 5, 3, 8), np.float32), "conv1_bias": np.ones((1, 8), np.float32)},
        {"params": {"W1": np.ones((4, 3)), "b1": np.ones((4, 1))}},
        {"net": {"lstm": {"Wi_all": np.ones((4, 3)), "bias": np.ones((4, 1))}}},
    ],
    ids=["variables", "a struct", "structs in a struct"],
)
def test_weights_without_layers_are_told_apart(tmp_path, content):
    scipy.io.savemat(tmp_path / "net.mat", content)
    text = refusal(tmp_path / "net.mat")
    assert "look like weights" in text
    assert "which stride" in text
    assert "export_network" in text


def test_data_are_no_weights(tmp_path):
    scipy.io.savemat(tmp_path / "net.mat", {"XTrain": np.ones((8, 8, 1, 4)), "YTrain": np.ones((4, 1)), "bounds": np.ones(3)})
    assert "no network" in refusal(tmp_path / "net.mat")


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def mat_file(*parts: bytes) -> bytes:
    flags, rest = parts[0], parts[1:]
    matrix = element(6, flags) + b"".join(
        element(1, part) if isinstance(part, bytes) else element(5, part.tobytes()) for part in rest
    )
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + element(14, matrix)


def test_a_matlab_object_is_named_with_its_class(tmp_path):
    path = tmp_path / "net.mat"
    path.write_bytes(mat_file(struct.pack("<II", 17, 0), b"trained", b"MCOS", b"SeriesNetwork"))
    text = refusal(path)
    assert "'trained' (object of class SeriesNetwork)" in text
    assert "export_network" in text


def test_a_compressed_element_that_claims_more_than_it_can_hold(tmp_path):
    path = tmp_path / "net.mat"
    body = zlib.compress(struct.pack("<II", 14, 2**31 - 8) + bytes(64))
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + struct.pack("<II", 15, len(body)) + body)
    assert "claims" in refusal(path)


def test_a_cell_array_that_claims_too_many_elements(tmp_path):
    """The claim must not become memory; the struct is a table only by its field, so the field comes first."""
    path = tmp_path / "net.mat"
    write(path, network("n", [IMAGE, RELU], [("image", "relu")]))
    content = bytearray(path.read_bytes())
    body = bytearray(zlib.decompress(content[136:]))
    two = body.find(struct.pack("<II", 5, 8) + struct.pack("<ii", 1, 2), 64)  # size of the cell array of connections
    assert two > 0
    body[two + 8 : two + 16] = struct.pack("<ii", 2**31 - 1, 2**31 - 1)
    packed = zlib.compress(bytes(body))
    path.write_bytes(bytes(content[:128]) + struct.pack("<II", 15, len(packed)) + packed)
    assert "damaged" in refusal(path)


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.999])
def test_truncated(tmp_path, keep):
    content = (FIXTURES / "branches.mat").read_bytes()
    path = tmp_path / "net.mat"
    path.write_bytes(content[: int(len(content) * keep)])
    assert "truncated" in refusal(path)


@given(seed=st.integers(0, 2**32), compressed=st.booleans(), count=st.integers(1, 8))
def test_damaged_bytes_give_nothing_but_a_message(tmp_path_factory, seed, compressed, count):
    content = bytearray((FIXTURES / "alexnet.mat").read_bytes())
    body = content[136:] if compressed else bytearray(zlib.decompress(content[136:]))
    chance = random.Random(seed)
    for _ in range(count):
        body[chance.randrange(len(body))] = chance.choice([0, 1, 14, 127, 255, chance.randrange(256)])
    tag = struct.pack("<II", 15, len(body)) if compressed else b""
    path = tmp_path_factory.getbasetemp() / "damaged.mat"
    path.write_bytes(bytes(content[:128]) + tag + bytes(body))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            matlab.read(path)
        except ReadError as error:
            assert error.problems


# Choosing a variable --------------------------------------------------------------------------------------------------------


def test_several_networks_need_a_choice(tmp_path):
    path = tmp_path / "net.mat"
    tables = {name: network(name, [IMAGE, RELU], None) for name in ("first", "second")}
    scipy.io.savemat(path, tables | {"other": {"a": 1.0}})
    text = refusal(path)
    assert "'first', 'second'" in text
    assert "--variable" in text
    assert matlab.read(path, variable="second").name == "second"
    assert "no variable 'third'" in refusal(path, variable="third")


# Tables ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"layer_table_version": 2.0}, "version 2"),
        ({"layers": 3.0}, "layers is [3]; expected a struct array"),
        ({"layers": np.zeros((0, 0))}, "layers is empty"),
        ({"connections": np.ones((3, 3))}, "connections is float64 of 3×3"),
        ({"connections": cell(["image", "relu"])}, "two columns"),
        ({"connections": cell([("image", "nobody")])}, "no layer is named 'nobody'"),
        ({"input_names": "nobody"}, "'nobody'"),
        ({"input_names": "relu"}, "is no input layer"),
        ({"output_names": "relu/second"}, "has no output 'second'"),
        ({"name": 1.0}, "name is [1]; expected text"),
        ({"probe": {"inputs": cell([np.zeros((4, 3, 2))]), "outputs": cell([])}}, "probe"),
        ({"probe": {"inputs": cell([np.zeros((4, 4, 2))]), "outputs": cell([np.zeros((4, 3, 2))])}}, "probe of 'image'"),
        ({"probe": {"inputs": cell([np.zeros((4, 3))]), "input_formats": "CT", "outputs": cell([0.0])}}, "letters S, C and B"),
    ],
)
def test_tables_that_are_wrong(tmp_path, fields, words):
    path = tmp_path / "net.mat"
    write(path, network("n", [IMAGE, RELU], [("image", "relu")]) | fields)
    assert words in refusal(path)


@pytest.mark.parametrize(
    ("layers", "connections", "words"),
    [
        ([IMAGE, RELU, RELU], [("image", "relu")], "layer 3 'relu' (ReLULayer): has the same name as layer 2"),
        ([IMAGE, RELU], [], "layer 2 'relu' (ReLULayer): has no incoming connection"),
        ([IMAGE, RELU], [("image", "relu"), ("relu", "image")], "cycle"),
        ([IMAGE, RELU], [("relu", "relu")], "cycle: 'relu' -> 'relu'"),
        ([IMAGE, RELU], [("image", "relu"), ("image", "relu")], "connected more than once"),
        ([IMAGE, RELU], [("image/second", "relu")], "layer 'image' has no output 'second'"),
        (
            [IMAGE, layer("add", "AdditionLayer", NumInputs=[2])],
            [("image", "add/in1")],
            "layer 2 'add' (AdditionLayer): has 2 inputs, of which 1 are connected",
        ),
        (
            [
                IMAGE,
                RELU,
                layer("deep", "DepthConcatenationLayer", NumInputs=[2]),
                layer("fc", "FullyConnectedLayer", OutputSize=[1]),
            ],
            [("image", "relu"), ("image", "fc"), ("fc", "deep/in1"), ("relu", "deep/in2")],
            "layer 3 'deep'",
        ),
    ],
)
def test_connections_that_are_wrong(tmp_path, layers, connections, words):
    path = tmp_path / "net.mat"
    write(path, network("n", layers, connections))
    assert words in refusal(path)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (convolution(Weights=np.ones((3, 2, 2, 4))), "Weights is 3×2×2×4; expected 2×3×2×4"),
        (convolution(Weights=np.ones((2, 3, 2, 4)), Bias=np.ones((1, 1, 3))), "Bias is 1×1×3; expected 4 numbers"),
        (convolution(Bias=np.ones((1, 1, 4))), "none for its Weights"),
        (convolution(Weights="many"), "Weights is 'many'; expected real numbers"),
        (convolution(NumChannels=[3]), "read 3 channels each, but 2 arrive"),
        (convolution(NumFilters=[2.5]), "NumFilters is [2.5]; expected whole numbers"),
        (convolution(NumFilters=[-1]), "NumFilters is [-1]"),
        (convolution(NumFilters=[np.nan]), "finite"),
        (convolution(Stride=[]), "has no Stride"),
        (convolution(Stride=[1, 1, 1]), "Stride is [1 1 1]; expected 2"),
        (convolution(PaddingMode="wide"), "PaddingMode is 'wide'; expected 'manual' or 'same'"),
        (convolution(PaddingSize=[]), "has no PaddingSize"),
        (convolution(FilterSize=[9, 9]), "is smaller than its window"),
        (layer("conv", "FullyConnectedLayer", OutputSize=[5], Weights=np.ones((5, 23))), "expected 5×24 or 4×3×2×5"),
        (layer("conv", "FullyConnectedLayer", OutputSize=[5], InputSize=[20]), "reads 20 numbers, but 24 arrive (4×3×2)"),
        (layer("conv", "BatchNormalizationLayer", Epsilon=[1e-5], Scale=np.ones((1, 1, 2))), "but not for all"),
        (layer("conv", "BatchNormalizationLayer", Epsilon=[1e-5], NumChannels=[3]), "normalises 3 channels, but 2 arrive"),
        (layer("conv", "LeakyReLULayer", Scale="small"), "Scale is 'small'"),
    ],
)
def test_layers_that_are_wrong(tmp_path, bad, words):
    path = tmp_path / "net.mat"
    write(path, network("n", [IMAGE, bad, RELU], None))
    text = refusal(path)
    assert words in text
    assert "layer 2 'conv'" in text


def test_every_problem_is_told_at_once(tmp_path):
    path = tmp_path / "net.mat"
    second = ("second", *convolution(PaddingMode="wide")[1:])
    write(path, network("n", [IMAGE, convolution(NumFilters=[]), second], [("image", "conv"), ("image", "second")]))
    text = refusal(path)
    assert "2 problems" in text
    assert "'conv'" in text
    assert "'second'" in text
