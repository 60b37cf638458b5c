"""The transform layer of YOLO v2 against NumPy, and a printed detector of real size."""

from __future__ import annotations

import numpy as np
import pytest
from layer_table import layer

import converter
from converter.errors import ReadError
from tests.matlab.answers import run

ANCHORS, CLASSES = 3, 4
IMAGE = layer("image", "ImageInputLayer", InputSize=[5, 2, ANCHORS * (5 + CLASSES)], Normalization="none")


def transformed(x):
    """The channels of each anchor: overlap, x, y, width, height, classes; anchor by anchor, as "YOLO9000" has them."""
    y = np.empty_like(x)
    for anchor in range(ANCHORS):
        own = x[:, :, anchor::ANCHORS]
        score = np.exp(own[:, :, 5:])
        parts = [1 / (1 + np.exp(-own[:, :, :3])), np.exp(own[:, :, 3:5]), score / score.sum(axis=2, keepdims=True)]
        y[:, :, anchor::ANCHORS] = np.concatenate(parts, axis=2)
    return y


@pytest.mark.parametrize("properties", [{"NumAnchorBoxes": [ANCHORS]}, {"AnchorBoxes": np.ones((ANCHORS, 2))}])
def test_each_anchor_is_brought_within_its_bounds(read, properties):
    x = np.random.default_rng(2).standard_normal((5, 2, ANCHORS * (5 + CLASSES))).astype(np.float32)
    graph = read(IMAGE, layer("yolo", "YOLOv2TransformLayer", **properties), layer("out", "YOLOv2OutputLayer"))
    np.testing.assert_allclose(run(graph, x), transformed(x), rtol=1e-5, atol=1e-6)
    assert any("'yolo'" in note and "anchors" in note for note in graph.notes)


def test_channels_that_do_not_fit(read):
    with pytest.raises(ReadError, match=r"'yolo' .*has 5 anchors.* but 27 channels arrive"):
        read(IMAGE, layer("yolo", "YOLOv2TransformLayer", NumAnchorBoxes=[5]))


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_a_printed_detector_is_converted_and_equal(tmp_path, target):
    """In the words of the real list of tiny YOLO v2."""
    rows = [
        "1   'input'             Image Input               12×8×3 images",
        "2   'conv2d_1'          2-D Convolution           4 3×3×3 convolutions with stride [1  1] and padding 'same'",
        "3   'leaky_relu_1'      Leaky ReLU                Leaky ReLU with scale 0.1",
        "4   'max_pooling_1'     2-D Max Pooling           2×2 max pooling with stride [2  2] and padding 'same'",
        "5   'conv2d_9'          2-D Convolution           14 1×1×4 convolutions with stride [1  1] and padding [0  0  0  0]",
        "6   'yolov2Transform'   YOLO v2 Transform Layer   YOLO v2 Transform Layer with 2 anchors",
    ]
    (tmp_path / "layers.txt").write_text("\n".join(rows), encoding="utf-8")
    conversion = converter.convert(tmp_path / "layers.txt", target, tmp_path / "out")
    assert conversion.report.ok
    assert conversion.outputs[0].source_name == "yolov2Transform"
