"""A large file takes little more memory than the arrays it holds, in every form in which a network may be saved."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.io
from layer_table import cell, layer, network, write

import converter

pytest.importorskip("matio", reason="mat-io, which writes MATLAB objects, is not installed")
from tests.matlab import saved

INPUTS, OUTPUTS = 1500, 2000
WEIGHTS = np.random.default_rng(0).standard_normal((OUTPUTS, INPUTS)).astype(np.float32)


def saved_objects(path, version):
    fully = saved.layer(
        "FullyConnectedLayer", Name="fc", InputSize=INPUTS, OutputSize=OUTPUTS, Weights=saved.learnable(WEIGHTS),
        Bias=saved.learnable(np.zeros((OUTPUTS, 1))),
    )  # fmt: skip
    image = saved.layer("FeatureInputLayer", Name="in", InputSize=INPUTS, Normalization=np.zeros((0, 0)))
    saved.save(path, version, net=[image, fully])


def layer_table(path):
    properties = {"InputSize": [INPUTS], "OutputSize": [OUTPUTS], "Weights": WEIGHTS, "Bias": np.zeros((OUTPUTS, 1))}
    image = layer("in", "FeatureInputLayer", InputSize=[INPUTS], Normalization="none")
    write(path, network("net", [image, layer("fc", "FullyConnectedLayer", **properties)], None))


def matconvnet(path):
    held = cell([WEIGHTS.T.reshape(1, 1, INPUTS, OUTPUTS).copy(), np.zeros((1, OUTPUTS), np.float32)])
    conv = {"type": "conv", "name": "fc", "weights": held, "stride": 1.0, "pad": 0.0}
    meta = {"normalization": {"imageSize": np.array([[1.0, 1, INPUTS]])}}
    scipy.io.savemat(path, {"net": {"layers": cell([conv]), "meta": meta}}, do_compression=True)


@pytest.mark.parametrize(
    "save",
    [lambda path: saved_objects(path, "v7"), lambda path: saved_objects(path, "v7.3"), layer_table, matconvnet],
    ids=["objects", "objects in version 7.3", "layer table", "MatConvNet"],
)
def test_the_peak_stays_under_twice_the_arrays(tmp_path, save):
    path = tmp_path / "net.mat"
    save(path)
    tracemalloc.start()
    try:
        graph = converter.read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(value.array.nbytes for value in graph.weights()) >= WEIGHTS.nbytes
    assert peak < 1.5 * WEIGHTS.nbytes + 4 * 2**20


def test_variables_that_hold_no_network_are_not_read(tmp_path):
    """The images that a network was trained with lie beside it."""
    path = tmp_path / "net.mat"
    content = {"XTrain": np.random.default_rng(0).standard_normal((1000, 3000))}
    layers = [layer("in", "FeatureInputLayer", InputSize=[3], Normalization="none"), layer("relu", "ReLULayer")]
    net = network("net", layers, None)
    scipy.io.savemat(path, {**content, "net": net}, do_compression=True)
    tracemalloc.start()
    try:
        converter.read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20
