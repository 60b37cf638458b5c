"""Imports every family, which enters its rooms."""

from converter.operators import (  # noqa: F401
    activation,
    arithmetic,
    attention,
    convolution,
    detection,
    indexing,
    linear,
    logic,
    loss,
    ml,
    normalization,
    pooling,
    quantization,
    recurrent,
    reduction,
    resizing,
    shape,
    signal,
    sums,
)
