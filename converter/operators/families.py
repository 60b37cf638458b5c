"""Imports every family, which enters its rooms."""

from converter.operators import (  # noqa: F401
    activation,
    arithmetic,
    convolution,
    linear,
    normalization,
    pooling,
    shape,
    sums,
)
