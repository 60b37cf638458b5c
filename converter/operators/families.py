"""Imports every family, which enters its rooms."""

from converter.operators import (  # noqa: F401
    activation,
    arithmetic,
    convolution,
    indexing,
    linear,
    logic,
    normalization,
    pooling,
    reduction,
    resizing,
    shape,
    sums,
)
