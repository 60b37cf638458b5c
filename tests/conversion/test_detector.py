"""A detector's head as exporters write it: boxes and scores from a convolution, TopK and NonMaxSuppression."""

import numpy as np
import onnx
import onnx.numpy_helper
import onnx.parser
import pytest

import converter

HEAD = """
<ir_version: 10, opset_import: ["" : 21]>
detector (float[1, 3, H, W] image) => (float[kept, 4] boxes, float[kept] scores, int64[kept] classes, float[1, 3, 5] best)
  <int64[3] flat = {0, 0, -1}, int64[1] cut = {4}, int64[1] zero = {0}, int64[1] last = {9}, int64[1] channel = {1},
   int64[1] per_class = {20}, float[1] overlap = {0.4}, float[1] least = {0.55}, int64[1] five = {5}, float half = {0.5},
   int64[3] each = {1, 1, 1}, int64 axis = {1}> {
    features = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]> (image, w)
    rows = Reshape (features, flat)
    places = Slice (rows, zero, cut, channel)
    logits = Slice (rows, cut, last, channel)
    middle = Transpose <perm = [0, 2, 1]> (places)
    spread = Sigmoid (middle)
    center, size = Split <axis = 2, num_outputs = 2> (spread)
    reach = Mul (size, half)
    low = Sub (center, reach)
    high = Add (center, reach)
    corners = Concat <axis = 2> (low, high)
    chances = Sigmoid (logits)
    kept = NonMaxSuppression (corners, chances, per_class, overlap, least)
    sample, label, place = Split <axis = 1, num_outputs = 3> (kept)
    classes = Squeeze (label, channel)
    index = Squeeze (place, channel)
    all = Squeeze (corners, zero)
    boxes = Gather <axis = 0> (all, index)
    scores = GatherND (chances, kept)
    some, ignored = Split <axis = 1> (chances, parts)
    best, order = TopK <axis = 2> (some, five)
  }"""


@pytest.mark.parametrize("target", ["pytorch", "keras"])
def test_detector(target, tmp_path):
    model = onnx.parser.parse_model(HEAD)
    kernel = (
        np.random.default_rng(0).standard_normal((9, 3, 3, 3)).astype(np.float32) * 0.1
    )  # no score comes near 1, where many are alike
    weights = {"w": kernel, "parts": np.array([3, 2])}
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in weights.items())
    onnx.save(model, tmp_path / "detector.onnx")
    report = converter.convert(tmp_path / "detector.onnx", target, tmp_path / "out").report
    assert report.ok, report
