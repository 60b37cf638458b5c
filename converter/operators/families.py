"""Imports every family, which enters its rooms."""

from converter.operators import (  # noqa: F401
    activation,
    arithmetic,
    attention,
    convolution,
    linear,
    loss,
    normalization,
    pooling,
    quantization,
    recurrent,
    shape,
)
