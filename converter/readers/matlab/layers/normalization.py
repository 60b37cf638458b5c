"""Normalisation between layers."""

from __future__ import annotations

import numpy as np

from converter.graph import Value
from converter.padding import Padding
from converter.readers.matlab import description as words
from converter.readers.matlab.layers.registry import layer
from converter.readers.matlab.site import IMAGES, Site, Untranslated


@layer(
    "CrossChannelNormalizationLayer",
    "Cross Channel Normalization",
    lambda p: f"cross channel normalization with {p.integer('WindowChannelSize')} channels per element",
)
def cross_channel_normalization(n: Site) -> Value:
    """x / (K + Alpha / WindowChannelSize * sum of squares) ^ Beta: ONNX divides alpha by the size as MATLAB does.

    A window of even size looks one channel further ahead than back, in both; but onnxruntime runs no such LRN, so it is
    written as an average pooling of the squares, along the channels. Source: page crossChannelNormalizationLayer.
    """
    p, size = n.properties, n.properties.integer("WindowChannelSize")
    alpha, beta, k = p.number("Alpha"), p.number("Beta"), p.number("K")
    if size % 2:
        return n.add("LRN", None, {"size": size, "alpha": alpha, "beta": beta, "bias": k})
    channels, *image = n.sizes
    window = {"kernel_shape": (size, 1), "strides": (1, 1), "dilations": (1, 1), "count_include_pad": 1}
    sides = {"pads": Padding(((size - 1) // 2, 0), (size // 2, 0))}

    def reshaped(x: Value, part: str, *shape: int) -> Value:
        return n.add("Reshape", [x, Value.constant(np.array([0, *shape], np.int64), f"{n.name}_{part}_shape")], part=part)

    squares = reshaped(n.add("Mul", [n.x, n.x], part="squares"), "columns", 1, channels, -1)
    means = reshaped(n.add("AveragePool", [squares], window | sides, part="means"), "images", channels, *image)
    base = n.add("Add", [n.add("Mul", [means, n.scalar(alpha, "alpha")], part="weighted"), n.scalar(k, "k")], part="base")
    return n.add("Div", [n.x, n.add("Pow", [base, n.scalar(beta, "beta")], part="scale")])


@layer("BatchNormalizationLayer", "Batch Normalization", words.batch_normalization)
def batch_normalization(n: Site) -> Value:
    channels = n.channels()
    if channels != n.properties.opened("NumChannels", channels)[0]:
        n.fail(f"normalises {n.properties.integer('NumChannels')} channels, but {channels} arrive.")
    parameters = [n.vector("Scale", channels), n.vector("Offset", channels)]
    parameters += [n.vector(name, channels, trainable=False) for name in ("TrainedMean", "TrainedVariance")]
    if len({parameter.has_data for parameter in parameters}) > 1:
        n.fail("has numbers for some of Scale, Offset, TrainedMean and TrainedVariance, but not for all.")
    return n.add("BatchNormalization", [n.x, *parameters], {"epsilon": n.properties.number("Epsilon")})


@layer("GroupNormalizationLayer", "Group Normalization", "Group normalization")
def group_normalization(n: Site) -> Value:
    """NumGroups may be 'all-channels', one group, or 'channel-wise', as many as there are channels."""
    p, channels = n.properties, n.channels()
    words = {"all-channels": 1, "channel-wise": channels}
    named = isinstance(p.values.get("NumGroups"), str)
    groups = words[p.choice("NumGroups", *words)] if named else p.integer("NumGroups")
    if channels % groups:
        n.fail(f"has {groups} groups, but {channels} channels arrive.")
    return _scaled(n, "GroupNormalization", num_groups=groups)


@layer("InstanceNormalizationLayer", "Instance Normalization", "Instance normalization")
def instance_normalization(n: Site) -> Value:
    return _scaled(n, "InstanceNormalization")


@layer("LayerNormalizationLayer", "Layer Normalization", "Layer normalization")
def layer_normalization(n: Site) -> Value:
    """Over the channels of a vector, of each step of a sequence and of each place of an image of one spatial axis; over all of
    another image, with a scale for each channel.

    Of one spatial axis: the tokens of a vision transformer, whose layers in public repositories leave OperationDimension open.
    Releases before R2023a had no OperationDimension: they took all axes but the batch, time too (older MATLAB pages of
    layerNormalizationLayer and layernorm).
    """
    p, choices = n.properties, ("auto", "channel-only", "spatial-channel", "batch-excluded")
    over = p.choice("OperationDimension", *choices, default="batch-excluded")
    if over == "spatial-channel" and n.is_sequence:
        raise Untranslated(f"its OperationDimension '{over}' is not translated for sequences")
    if over == "batch-excluded" and n.x.shape[0] == IMAGES:
        raise Untranslated("over all steps of a sequence of images it is not translated")
    if n.is_sequence and "OperationDimension" not in p:
        n.note("it has no OperationDimension, as before R2023a: taken over the channels of all steps together.")
    if n.rank == 0:
        return _over_channels(n, "LayerNormalization", "Scale", "Offset")
    if over == "channel-only" or (over == "auto" and n.rank == 1):
        if over == "auto" and not n.is_sequence:
            n.note("its OperationDimension 'auto' is taken as 'channel-only', as what arrives has one spatial axis.")
        return _over_channels(n, "LayerNormalization", "Scale", "Offset")
    if over == "auto":
        n.note("its OperationDimension 'auto' is taken as 'spatial-channel', the whole image.")
    return _scaled(n, "GroupNormalization", num_groups=1)


@layer("RMSNormalizationLayer", "RMS Normalization", "RMS normalization")
def rms_normalization(n: Site) -> Value:
    """x / sqrt(mean of squares + Epsilon) * Scale over the channels: of a vector, or of each step or place.

    From the paper "Root Mean Square Layer Normalization"; that MATLAB's layer has the properties of its layer normalisation is
    from memory, and a note tells it. Over more axes than the channels it stays a placeholder.
    """
    over = n.properties.choice("OperationDimension", "auto", "channel-only", default="auto")
    if over == "auto" and n.rank > 1:
        raise Untranslated("over which axes of an image it works was not measured")
    n.note("it is taken as normalising over the channels; its form was not measured on a trained network.")
    return _over_channels(n, "RMSNormalization", "Scale")


def _over_channels(n: Site, op_type: str, *learnables: str) -> Value:
    """A normalisation over the channels at each place."""
    if n.rank == 0:
        return _scaled(n, op_type, learnables=learnables, axis=1)
    last = n.rank + 1
    x = n.add("Transpose", None, {"perm": (0, *range(2, last + 1), 1)}, part="channels_last")
    y = _scaled(n, op_type, x, part="normalised", learnables=learnables, axis=last)
    return n.add("Transpose", [y], {"perm": (0, last, *range(1, last))})


def _scaled(
    n: Site,
    op_type: str,
    x: Value | None = None,
    part: str = "",
    learnables: tuple[str, ...] = ("Scale", "Offset"),
    **attributes: int,
) -> Value:
    """A normalisation with a scale, and mostly an offset, for each channel."""
    channels, p = n.channels(), n.properties
    if channels != p.opened("NumChannels", channels)[0]:
        n.fail(f"normalises {p.integer('NumChannels')} channels, but {channels} arrive.")
    vectors = [n.vector(name, channels) for name in learnables]
    options = attributes | {"epsilon": p.number("Epsilon")}
    return n.add(op_type, [n.x if x is None else x, *vectors], options, part=part, is_core=True)
