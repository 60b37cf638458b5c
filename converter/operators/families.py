"""Imports every family, which enters its rooms."""

from converter.operators import (  # noqa: F401
    activation,
    arithmetic,
    convolution,
    linear,
    logic,
    normalization,
    pooling,
    reduction,
    shape,
)
