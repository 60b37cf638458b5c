"""Resolved sides against onnxruntime: auto_pad, ceil_mode, count_include_pad, in one to three dimensions."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.emitters.onnx import to_model
from converter.graph import padding_of
from converter.padding import effective_kernel
from tests.onnx_reader.models import assert_same_answer, model, node, random, read_normalised, run

RANKS = st.integers(1, 3)


@st.composite
def windows(draw, auto_pad=("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")):
    """Sizes and attributes of a window that fits its input."""
    rank = draw(RANKS)

    def each(low, high):
        return draw(st.tuples(*[st.integers(low, high)] * rank))

    mode = draw(st.sampled_from(auto_pad))
    kernel, strides, dilations = each(1, 4), each(1, 3), each(1, 2)
    if mode.startswith("SAME"):
        # onnxruntime refuses or leaves out dilations here, and crops where a stride exceeds its kernel
        dilations = (1,) * rank
        strides = tuple(map(min, strides, kernel))
    sizes = tuple(effective_kernel(k, d) + extra for k, d, extra in zip(kernel, dilations, each(0, 6), strict=True))
    attributes = {"kernel_shape": kernel, "strides": strides, "dilations": dilations}
    if mode == "NOTSET":
        begin = tuple(draw(st.integers(0, k - 1)) for k in kernel)
        end = tuple(draw(st.integers(0, k - 1)) for k in kernel)
        attributes["pads"] = begin + end
    else:
        attributes["auto_pad"] = mode
    return sizes, attributes


def _output_sizes(sizes, padding, attributes):
    total = padding.total
    return [
        (size + begin + end - effective_kernel(k, d)) // s + 1
        for size, begin, end, k, d, s in zip(
            sizes,
            total.begin,
            total.end,
            attributes["kernel_shape"],
            attributes["dilations"],
            attributes["strides"],
            strict=True,
        )
    ]


def _check(proto, feeds, sizes, attributes):
    """The same answer, and the resolved sides alone (rounding down) give its size."""
    with tempfile.TemporaryDirectory() as folder:
        graph = read_normalised(proto, Path(folder))
        assert_same_answer(graph, proto, feeds)
        entry = graph.nodes[0]
        padding = padding_of(entry)
        assert entry["auto_pad"] == "NOTSET"
        assert entry.attributes.get("ceil_mode", 0) == 0
        assert list(run(proto, feeds)[0].shape[2:]) == _output_sizes(sizes, padding, attributes)
    return padding


@given(windows(), st.integers(1, 2), st.booleans())
def test_convolution(window, group, with_kernel_shape):
    sizes, attributes = window
    weight = random(2 * group, 2, *attributes["kernel_shape"])
    x = random(2, 2 * group, *sizes)
    written = {name: value for name, value in attributes.items() if with_kernel_shape or name != "kernel_shape"}
    proto = model([node("Conv", ["x", "w"], ["y"], group=group, **written)], {"x": x.shape}, ["y"], {"w": weight})
    _check(proto, {"x": x}, sizes, attributes)


@given(windows(), st.integers(0, 1))
def test_max_pool(window, ceil_mode):
    sizes, attributes = window
    x = random(2, 2, *sizes) - 3
    proto = model([node("MaxPool", ["x"], ["y"], ceil_mode=ceil_mode, **attributes)], {"x": x.shape}, ["y"])
    _check(proto, {"x": x}, sizes, attributes)


@given(windows(), st.integers(0, 1), st.integers(0, 1))
def test_average_pool(window, ceil_mode, count_include_pad):
    sizes, attributes = window
    x = random(2, 2, *sizes)
    pool = node("AveragePool", ["x"], ["y"], ceil_mode=ceil_mode, count_include_pad=count_include_pad, **attributes)
    proto = model([pool], {"x": x.shape}, ["y"])
    _check(proto, {"x": x}, sizes, attributes)


@given(windows(auto_pad=("NOTSET", "SAME_UPPER", "SAME_LOWER")), st.integers(0, 1))
def test_unknown_sizes(window, ceil_mode):
    """What is resolved without sizes must hold for every size; what is not must be left as the file says it."""
    sizes, attributes = window
    pool = node("MaxPool", ["x"], ["y"], ceil_mode=ceil_mode, **attributes)
    proto = model([pool], {"x": [None, 2, *[None] * len(sizes)]}, ["y"])
    with tempfile.TemporaryDirectory() as folder:
        graph = read_normalised(proto, Path(folder))
        entry = graph.nodes[0]
        for extra in range(4):
            larger = [size + extra for size in sizes]
            x = random(1, 2, *larger)
            assert_same_answer(graph, proto, {"x": x})
            padding = padding_of(entry)
            if padding is not None and not entry["ceil_mode"]:
                assert list(run(proto, {"x": x})[0].shape[2:]) == _output_sizes(larger, padding, attributes)


@pytest.mark.parametrize("mode", ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER", "output_shape"])
@given(data=st.data())
def test_transposed_convolution(mode, data):
    sizes, attributes = data.draw(windows(auto_pad=("NOTSET",)))
    rank = len(sizes)
    if mode != "NOTSET":
        attributes.pop("pads")
    strides = attributes["strides"]
    if mode in ("VALID", "SAME_UPPER", "SAME_LOWER"):
        attributes["auto_pad"] = mode
    full = [
        (n - 1) * s + effective_kernel(k, d)
        for n, s, k, d in zip(sizes, strides, attributes["kernel_shape"], attributes["dilations"], strict=True)
    ]
    if mode == "output_shape":
        attributes["output_shape"] = [
            data.draw(st.integers(max(1, f - 4), f + s - 1)) for f, s in zip(full, strides, strict=True)
        ]
        attributes["auto_pad"] = data.draw(st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER"]))
    else:
        attributes["output_padding"] = [data.draw(st.integers(0, s - 1)) for s in strides]
    x, weight = random(1, 2, *sizes), random(2, 3, *attributes["kernel_shape"])
    proto = model([node("ConvTranspose", ["x", "w"], ["y"], **attributes)], {"x": x.shape}, ["y"], {"w": weight})
    answer = run(proto, {"x": x})[0]
    with tempfile.TemporaryDirectory() as folder:
        graph = read_normalised(proto, Path(folder))
        assert_same_answer(graph, proto, {"x": x})
        entry = graph.nodes[0]
        padding = padding_of(entry)
        assert (entry["auto_pad"], entry["output_shape"]) == ("NOTSET", None)
        assert [
            f - b - e + extra for f, b, e, extra in zip(full, padding.begin, padding.end, entry["output_padding"], strict=True)
        ] == list(answer.shape[2:])
        assert len(entry["output_padding"]) == rank


@pytest.mark.parametrize("op_type", ["MaxPool", "AveragePool", "Conv"])
@pytest.mark.parametrize("stride", [1, 2])
def test_same_counts_dilations(op_type, stride, tmp_path):
    """The standard says that SAME gives size / stride, rounded up; onnxruntime cannot judge it."""
    attributes = {"kernel_shape": [3], "dilations": [2], "strides": [stride], "auto_pad": "SAME_UPPER"}
    weights = {"w": random(1, 1, 3)} if op_type == "Conv" else {}
    proto = model([node(op_type, ["x", *weights], ["y"], **attributes)], {"x": [1, 1, 9]}, ["y"], weights)
    graph = read_normalised(proto, tmp_path)
    answer = run(to_model(graph), {"x": random(1, 1, 9)})[0]
    assert answer.shape == (1, 1, -(-9 // stride))
    assert bool(graph.notes) == (op_type != "Conv")
