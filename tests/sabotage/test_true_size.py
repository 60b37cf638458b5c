"""Small faults in a network of true size: ResNet-50 of the onnx wheel, in which they hardly show at the end."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import converter
from converter.graph import Graph
from converter.padding import Padding
from tests.sabotage.campaign import Subject
from tests.sabotage.weight_faults import read, write
from tests.topologies import seeded

pytestmark = pytest.mark.sabotage


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resnet50")
    onnx.save(seeded("resnet50", 0), folder / "resnet50.onnx")
    return folder


@pytest.fixture(scope="module", params=["pytorch", "keras"])
def subject(request, folder):
    return Subject("resnet50", request.param, folder, folder / "resnet50.onnx")


def convolutions(graph: Graph) -> list:
    return [node for node in graph.nodes if node.op_type == "Conv"]


def blamed(report) -> str:
    assert not report.ok
    assert report.blame is not None, report
    return report.layers[report.blame.layer].name


@pytest.mark.parametrize("share", ["one number", "whole"])
def test_a_weight_changed_by_a_hundredth(subject, share):
    """In the middle of the network."""
    node = convolutions(subject.graph)[26]
    right = node.inputs[1].array
    conversion = subject.copy()
    same = [
        key
        for key, array in read(conversion.folder).items()
        if array.size == right.size and np.array_equal(np.sort(array, axis=None), np.sort(right, axis=None))
    ]
    array = read(conversion.folder)[same[0]].copy()
    array[(0,) * array.ndim if share == "one number" else ...] *= np.float32(1.01)
    write(conversion.folder, same[0], array)
    assert blamed(conversion.verify()) == node.name


@pytest.mark.parametrize("number", [0, 14])
def test_sides_of_a_padding_exchanged(subject, number):
    """Two on one side where one belongs on each: begin and end of one axis are not what the file says."""
    graph = subject.read()
    node = [node for node in convolutions(graph) if node["kernel_shape"] != (1, 1)][number]
    begin, end = node["pads"].begin, node["pads"].end
    node.attributes["pads"] = Padding((begin[0] - 1, *begin[1:]), (end[0] + 1, *end[1:]))
    conversion = converter.convert(graph, to=subject.target, out=subject.folder / f"{subject.target}_{number}", verify=False)
    assert blamed(conversion.verify()) == node.name
