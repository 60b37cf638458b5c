"""The rooms of MATLAB's layers: for each class its words in MATLAB's listing and its form in the graph.

``specs/matlab.md`` holds the same as a table, with the source of each fact.
"""

from __future__ import annotations

from converter.readers.matlab.layers import (  # noqa: F401 - each enters its rooms
    activation,
    attention,
    combination,
    convolution,
    dense,
    detection,
    embedding,
    images_over_time,
    inputs,
    network,
    normalization,
    outputs,
    pooling,
    recurrent,
    resizing,
    scaling,
)
from converter.readers.matlab.layers.registry import ROOMS, Room, layer
from converter.readers.matlab.layers.supplied import room_of

__all__ = ["ROOMS", "Room", "layer", "room_of"]
