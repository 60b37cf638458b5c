"""Normalisation between layers."""

from __future__ import annotations

from converter.graph import Value
from converter.readers.matlab import description as words
from converter.readers.matlab.layers.registry import layer
from converter.readers.matlab.site import Site


@layer(
    "CrossChannelNormalizationLayer",
    "Cross Channel Normalization",
    lambda p: f"cross channel normalization with {p.integer('WindowChannelSize')} channels per element",
)
def cross_channel_normalization(n: Site) -> Value:
    """x / (K + Alpha / WindowChannelSize * sum of squares) ^ Beta: ONNX divides alpha by the size as MATLAB does."""
    p = n.properties
    constants = {"alpha": p.number("Alpha"), "beta": p.number("Beta"), "bias": p.number("K")}
    return n.add("LRN", None, {"size": p.integer("WindowChannelSize"), **constants})


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
