"""MATLAB's padding, [top bottom left right] or 'same', from the layer table to both targets.

The expected numbers come from sliding a window over an array padded by hand, as MATLAB's pages describe it.
"""

import itertools
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import converter
from tests.emitted import run

sys.path.insert(0, str(Path(__file__).parents[2] / "fixtures"))

import layer_table


def same_sides(size, kernel, stride, dilation):
    """(begin, end) by the rule of 'same': ceil(size / stride) results, the odd element at the end."""
    span = (kernel - 1) * dilation + 1
    total = max((math.ceil(size / stride) - 1) * stride + span - size, 0)
    return total // 2, total - total // 2


def windows(padded, kernel, stride, dilation):
    """Each output position with the elements under its window, (h, w, channel)."""
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    counts = [(size - span) // s + 1 for size, span, s in zip(padded.shape, spans, stride, strict=False)]
    for i, j in itertools.product(*map(range, counts)):
        top, left = i * stride[0], j * stride[1]
        yield (i, j), padded[top : top + spans[0] : dilation[0], left : left + spans[1] : dilation[1]]


@st.composite
def layers(draw, kind):
    """(layer, image (h, w, c), expected (h, w, c'))."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kernel, stride = ([draw(st.integers(1, 3)) for _ in range(2)] for _ in range(2))
    dilation = [draw(st.integers(1, 2)) for _ in range(2)] if kind == "convolution" else [1, 1]
    size = [(k - 1) * d + 1 + draw(st.integers(0, 5)) for k, d in zip(kernel, dilation, strict=True)]
    image = rng.standard_normal((*size, 3)).astype(np.float32)
    if draw(st.booleans()):
        pairs = [same_sides(*numbers) for numbers in zip(size, kernel, stride, dilation, strict=True)]
        mode = {"PaddingMode": "same", "PaddingSize": [0, 0, 0, 0]}
    else:
        top, bottom, left, right = (draw(st.integers(0, kernel[axis] - 1)) for axis in (0, 0, 1, 1))
        pairs = [(top, bottom), (left, right)]
        mode = {"PaddingMode": "manual", "PaddingSize": [top, bottom, left, right]}
    fill = -np.inf if kind == "max" else 0
    padded = np.pad(image, [*pairs, (0, 0)], constant_values=fill)
    if kind == "convolution":
        weights = rng.standard_normal((*kernel, 3, 4)).astype(np.float32)
        bias = rng.standard_normal((1, 1, 4)).astype(np.float32)
        layer = layer_table.layer(
            "layer", "Convolution2DLayer", FilterSize=kernel, NumFilters=[4], NumChannels=[3], Stride=stride,
            DilationFactor=dilation, Weights=weights, Bias=bias, **mode,
        )  # fmt: skip

        def value(window):
            return np.einsum("hwc,hwcf->f", window, weights) + bias[0, 0]
    else:
        class_name = {"max": "MaxPooling2DLayer", "average": "AveragePooling2DLayer"}[kind]
        layer = layer_table.layer("layer", class_name, PoolSize=kernel, Stride=stride, **mode)

        def value(window):
            return window.max(axis=(0, 1)) if kind == "max" else window.mean(axis=(0, 1))

    found = {place: value(window) for place, window in windows(padded, kernel, stride, dilation)}
    rows, columns = (max(place[axis] for place in found) + 1 for axis in (0, 1))
    expected = np.array([[found[i, j] for j in range(columns)] for i in range(rows)], np.float32)
    return layer, image, expected


@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("kind", ["convolution", "max", "average"])
@given(data=st.data())
def test_padding_of_a_layer_table(kind, target, data, tmp_path_factory):
    layer, image, expected = data.draw(layers(kind))
    path = tmp_path_factory.mktemp("table") / "table.mat"
    entry = layer_table.layer("image", "ImageInputLayer", InputSize=list(image.shape), Normalization="none")
    layer_table.write(path, layer_table.network("test", [entry, layer], None))
    (answer,) = run(converter.read(path), target, {"image": image.transpose(2, 0, 1)[None]})
    np.testing.assert_allclose(answer[0].transpose(1, 2, 0), expected, atol=1e-5 * max(1, np.abs(expected).max()))
