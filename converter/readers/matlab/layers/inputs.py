"""Inputs and their normalisation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from converter.graph import Value, Weight
from converter.readers.matlab import description as words
from converter.readers.matlab.layers import images_over_time
from converter.readers.matlab.layers.registry import layer
from converter.readers.matlab.properties import sizes
from converter.readers.matlab.site import TIME, Site, Untranslated, matlab_order, product, without_trailing_ones


@layer("ImageInputLayer", "Image Input", words.images, inputs=0)
def image_input(n: Site) -> Value:
    return _input(n, rank=2)


@layer("Image3DInputLayer", "3-D Image Input", words.images, inputs=0)
def image_3d_input(n: Site) -> Value:
    return _input(n, rank=3)


@layer("FeatureInputLayer", "Feature Input", words.features, inputs=0)
def feature_input(n: Site) -> Value:
    return _input(n, rank=0)


@layer("SequenceInputLayer", "Sequence Input", words.sequences, inputs=0)
def sequence_input(n: Site) -> Value:
    """Sequences of vectors (batch, channels, time), or of images (batch, time, channels, spatial axes)."""
    return _input(n, rank=len(n.properties.integers("InputSize")) - 1, time=True)


@layer("InputLayer", "Input", words.formatted, inputs=0)
def formatted_input(n: Site) -> Value:
    """InputSize has one size for each letter of InputFormat: S spatial, C channel, B batch, T time (page of ``inputLayer``).

    The graph puts the axes into its own order, so that 'CTB' and 'CBT' are the same input; batch and time are open whatever
    their size. Data without a batch become a batch of their own.
    """
    p = n.properties
    letters = p.text("InputFormat", "")
    size = p.array("InputSize").reshape(-1)
    if not letters or "U" in letters:
        raise Untranslated(f"its InputFormat '{letters}' does not say what each axis is")
    if set(letters) - set("SCBT") or any(letters.count(letter) > 1 for letter in "CBT") or len(letters) != size.size:
        p.fail("InputFormat", f"letters S, C, B and T for {size.size} sizes")
    if "C" not in letters:
        raise Untranslated(f"its InputFormat '{letters}' has no channels")
    axes = [number for letter in "CS" for number, found in zip(size.tolist(), letters, strict=True) if found == letter]
    if not all(np.isfinite(axes)):
        raise Untranslated("it leaves the size of a spatial axis or of the channels open")
    if any(number < 1 or number != int(number) for number in axes):
        p.fail("InputSize", "whole numbers of at least 1, or NaN")
    channels, *spatial = map(int, axes)
    if "T" in letters and spatial:
        return images_over_time.entering(n, (channels, *spatial))
    return n.input((channels, *spatial, *([TIME] if "T" in letters else [])))


def _input(n: Site, rank: int, *, time: bool = False) -> Value:
    """The input and its normalisation, which is part of the network: (x - shift) / scale."""
    p = n.properties
    size = p.integers("InputSize")
    if len(size) != rank + 1:
        p.fail("InputSize", f"{rank + 1} sizes" if rank else "one size")
    if p.flag("SplitComplexInputs", False):
        raise Untranslated("complex inputs (SplitComplexInputs) are not translated")
    *spatial, channels = size
    if time and spatial:
        n.inputs = [images_over_time.entering(n, (channels, *spatial))]
    else:
        n.inputs = [n.input((channels, *spatial, *([TIME] if time else [])))]
    size = (1, channels) if time and not spatial else size  # a statistic is the same at every step
    mode = p.text("Normalization", "none")
    if mode == "none":
        return n.x
    shift, scale = _normalization(n, mode, size)
    centered = n.add("Sub", [n.x, shift], part="centered")
    return centered if scale is None else n.add("Div", [centered, scale], part="scaled")


@layer(
    "InverseNormalizationLayer", "Inverse Normalization", lambda p: f"Inverse '{p.text('Normalization', 'none')}' normalization"
)
def inverse_normalization(n: Site) -> Value:
    """x * scale + shift, which undoes what an input layer with these properties does (MathWorks' pages of its blocks)."""
    mode = n.properties.text("Normalization", "none")
    if mode == "none":
        return n.add("Identity")
    channels = n.channels()
    size = (1, channels) if n.is_sequence else matlab_order(n.sizes)
    for name in {"zerocenter": ["Mean"], "zscore": ["Mean", "StandardDeviation"]}.get(mode, ["Min", "Max"]):
        n.properties.array(name)  # nothing stands for one that is missing
    shift, scale = _normalization(n, mode, size)
    scaled = n.x if scale is None else n.add("Mul", [n.x, scale], part="scaled")
    return n.add("Add", [scaled, shift])


def _normalization(n: Site, mode: str, size: tuple[int, ...]) -> tuple[Weight, Weight | None]:
    """Shift and scale of (x - shift) / scale; no scale where there is none."""
    if mode == "zerocenter":
        return _statistic(n, "Mean", size, "mean"), None
    if mode == "zscore":
        return _statistic(n, "Mean", size, "mean"), _statistic(n, "StandardDeviation", size, "std")
    if mode not in ("rescale-zero-one", "rescale-symmetric"):
        raise Untranslated(f"its Normalization is '{mode}', no name of a normalization")
    low, high = _statistic(n, "Min", size, "min"), _statistic(n, "Max", size, "max")
    if mode == "rescale-zero-one":
        return low, _combine(n, low, high, lambda a, b: b - a, "range")
    center = _combine(n, low, high, lambda a, b: (a + b) / 2, "center")
    return center, _combine(n, low, high, lambda a, b: (b - a) / 2, "half_range")


def _statistic(n: Site, name: str, size: tuple[int, ...], part: str) -> Weight:
    """A statistic of the input: per element (c, h, w), per channel (c, 1, 1) or one number ().

    Until R2019a the mean stood under AverageImage. Without numbers, NormalizationDimension tells its size; its 'auto' means
    per channel (MATLAB page of imageInputLayer).
    """
    name = "AverageImage" if name == "Mean" and "Mean" not in n.properties and "AverageImage" in n.properties else name
    per_channel = (1,) * (len(size) - 1) + size[-1:]
    choices = {"element": size, "channel": per_channel, "all": (1,) * len(size), "auto": per_channel}
    array = n.properties.array(name, None)
    if array is None:
        expected = choices[n.properties.choice("NormalizationDimension", *choices, default="auto")]
    else:
        if len(size) == 1 or (len(size) == 2 and array.size == size[1]):  # a vector, at each step of a sequence
            array = array.reshape((1,) * (len(size) - 1) + (-1,))
        expected = next((s for s in choices.values() if without_trailing_ones(s) == without_trailing_ones(array.shape)), None)
        if expected is None:
            n.fail(f"{name} is {sizes(array.shape)}; expected {sizes(size)}, {sizes(per_channel)} or one number.")
    last = len(expected) - 1
    shape = () if product(expected) == 1 else (expected[last], *expected[:last])
    label = f"{n.name}_{part}"
    if array is None:
        return Weight(label, shape, np.float32, trainable=False)
    numbers = np.moveaxis(array.astype(np.float32).reshape(expected, order="F"), -1, 0).reshape(shape)
    return Weight.of(numbers, label, trainable=False)


def _combine(n: Site, low: Weight, high: Weight, function: Callable, part: str) -> Weight:
    shape = np.broadcast_shapes(low.shape, high.shape)
    load = (lambda: function(low.array(), high.array()).astype(np.float32)) if low.has_data and high.has_data else None
    return Weight(f"{n.name}_{part}", shape, np.float32, load, trainable=False)
